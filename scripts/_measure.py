"""Train a model on a dataset, measure it, and write weights and figures where they are published.

    scripts/measure cnn digits --seeds 5
    scripts/measure cnn mnist --option file=PATH/mnist.npz

Each seed draws its own split and its own initial weights, so the interval covers both. The
weights of seed 0 go to ``plugins/zoo_<name>/weights/<data>.weights.h5``; their figures, and those
over all seeds, to ``registry.yaml``. Nothing in there is written by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
from pathlib import Path
from typing import Any

import keras
import yaml

import zoo
from zoo.api.catalog import registry
from zoo.metrics import Score
from zoo.registry.catalogue import Measured, Measurement, ModelEntry, WeightsEntry, parse_catalogue

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "registry.yaml"
HEADER = """\
# What is published, as data. Written by scripts/measure: do not edit figures by hand.
"""

# Two-sided 95 % points of Student's t distribution, by degrees of freedom.
STUDENT = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
}

SHARES = {"accuracy", "macro_f1", "calibration_error"}


def main() -> None:
    """Parse, train, measure, publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--run", type=Path, help="a finished run of this very recipe, instead of seed 0's training"
    )
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    options = dict(option.split("=", 1) for option in chosen.option)
    command = f"scripts/measure {chosen.name} {chosen.data} --seeds {chosen.seeds}"
    with tempfile.TemporaryDirectory(prefix="measure-") as folder:
        runs, evaluations = [], []
        for seed in range(chosen.seeds):
            if seed == 0 and chosen.run:
                run = _same_recipe(zoo.Run(chosen.run), chosen.data)
            else:
                run = zoo.train(
                    chosen.name,
                    chosen.data,
                    data_options={**options, "split_seed": seed},
                    seed=seed,
                    run_dir=Path(folder) / str(seed),
                )
            evaluation = zoo.evaluate(run)
            accuracy = evaluation.scores["accuracy"].value
            cpu = run.record["cpu_seconds"]
            print(f"seed {seed}: accuracy {accuracy:.4f}, {cpu:.0f} CPU-seconds", flush=True)
            runs.append(run)
            evaluations.append(evaluation)
        scores = [evaluation.scores for evaluation in evaluations]
        metrics = {name: _over_seeds(name, [score[name] for score in scores]) for name in scores[0]}
        measured = Measurement(
            metrics=metrics,
            split="test",
            examples=evaluations[0].examples,
            seeds=chosen.seeds,
            cpu_seconds=round(statistics.mean(run.record["cpu_seconds"] for run in runs), 1),
            command=command,
        )
        entry = _publish(runs[0], chosen.data, measured)
    _record(chosen.name, entry)
    accuracy = measured.metrics["accuracy"]
    print(f"accuracy {accuracy.value:.4f} ({accuracy.low:.4f} to {accuracy.high:.4f})")


def _same_recipe(run: zoo.Run, data: str) -> zoo.Run:
    """Return the run if training anew would give the same bits, else stop."""
    recipe = registry().get(run.architecture).recipe(run.data_spec)
    expected = {
        "status": "finished",
        "config": recipe.config.model_dump(mode="json"),
        "plan": recipe.plan.model_dump(mode="json"),
        "source": data,
        "split_seed": 0,
    }
    source = run.record["data"]
    found = {key: run.record[key] for key in ("status", "config", "plan")}
    found |= {"source": source["source"], "split_seed": source["options"].get("split_seed", 0)}
    wrong = [key for key in expected if expected[key] != found[key]]
    if wrong:
        raise SystemExit(f"{run.path} is not a run of the recipe: {', '.join(wrong)} differ")
    return run


def _over_seeds(name: str, scores: list[Score]) -> Measured:
    """Return the mean over seeds and its interval; of one seed, that of its examples."""
    if len(scores) == 1:
        return Measured(**{key: _short(value) for key, value in scores[0].model_dump().items()})
    values = [score.value for score in scores]
    mean = statistics.mean(values)
    half = STUDENT[len(values) - 1] * statistics.stdev(values) / len(values) ** 0.5
    # Every score here is at least 0; those that are shares are at most 1.
    top = 1.0 if name in SHARES else float("inf")
    low, high = max(mean - half, 0.0), min(mean + half, top)
    return Measured(value=_short(mean), low=_short(low), high=_short(high))


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _publish(run: zoo.Run, data: str, measured: Measurement) -> WeightsEntry:
    """Write the weights into the plugin's package and describe them."""
    package = type(registry().get(run.architecture)).__module__.partition(".")[0]
    inside = f"weights/{data}.weights.h5"
    path = ROOT / "plugins" / package / inside
    path.parent.mkdir(exist_ok=True)
    # Of a compiled model Keras would save the optimizer's state too, three times the size.
    bare = keras.Model(run.model.inputs, run.model.outputs)
    bare.save_weights(path, overwrite=True)
    content = path.read_bytes()
    return WeightsEntry(
        id=data,
        trained_on=data,
        config=run.record["config"],
        parameters=run.record["parameters"],
        file=f"{package}/{inside}",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        measured=measured,
    )


def _record(name: str, weights: WeightsEntry) -> None:
    """Put weights into the catalogue, beside those for other data."""
    models = {
        model.name: model
        for model in parse_catalogue(CATALOGUE.read_text("utf-8"), source=str(CATALOGUE))
    }
    architecture = registry().get(name)
    before = models[name].weights if name in models else ()
    others = [entry for entry in before if entry.id != weights.id]
    published = sorted([*others, weights], key=lambda entry: entry.id)
    own = [entry for entry in published if entry.id == architecture.default_dataset]
    models[name] = ModelEntry(
        name=name,
        distribution=registry().provenance(name)[0],
        summary=architecture.info.summary,
        tasks=architecture.info.tasks,
        tags=architecture.info.tags,
        licence=architecture.info.licence,
        default_dataset=architecture.default_dataset,
        parameters=own[0].parameters if own else None,
        weights=tuple(published),
        artifacts=models[name].artifacts if name in models else (),
    )
    content: dict[str, Any] = {
        "schema_version": 1,
        "models": [
            models[key].model_dump(mode="json", exclude_none=True) for key in sorted(models)
        ],
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    CATALOGUE.write_text(HEADER + text, encoding="utf-8")


if __name__ == "__main__":
    main()
