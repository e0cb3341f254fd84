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

import _catalog
import keras

import zoo
from zoo.api.catalog import registry
from zoo.api.datasets import find_dataset
from zoo.metrics import Score
from zoo.metrics.scores import describe_score
from zoo.registry.catalog import Measured, Measurement, ModelEntry, WeightsEntry

ROOT = Path(__file__).parents[1]

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
            name, cpu = evaluation.headline, run.record["cpu_seconds"]
            value = evaluation.scores[name].value
            print(f"seed {seed}: {name} {value:.5g}, {cpu:.0f} CPU-seconds", flush=True)
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
    for name, score in measured.metrics.items():
        print(f"{name} {score.value:.5g} ({score.low} to {score.high}) {score.unit or ''}")


def _same_recipe(run: zoo.Run, data: str) -> zoo.Run:
    """Return the run if training anew would give the same bits, else stop."""
    recipe = registry().get(run.architecture).default_config(run.data_spec)
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
        only = scores[0]
        ends = {"low": _short(only.low), "high": _short(only.high)}
        return Measured(value=_short(only.value), **ends, unit=only.unit)
    values = [score.value for score in scores]
    mean = statistics.mean(values)
    half = STUDENT[len(values) - 1] * statistics.stdev(values) / len(values) ** 0.5
    about = describe_score(name)
    low = mean - half if about.low is None else max(mean - half, about.low)
    high = mean + half if about.high is None else min(mean + half, about.high)
    return Measured(value=_short(mean), low=_short(low), high=_short(high), unit=scores[0].unit)


def _short(value: float | None) -> float | None:
    # Five significant digits: a score may be as small as a squared error, or as large as a price.
    return None if value is None else float(f"{value:.5g}")


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
    learned = _learned_spec(run, path)
    return WeightsEntry(
        id=data,
        trained_on=data,
        config=run.record["config"],
        parameters=run.record["parameters"],
        file=f"{package}/{inside}",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        spec=f"{package}/weights/{learned.name}" if learned else None,
        spec_sha256=hashlib.sha256(learned.read_bytes()).hexdigest() if learned else None,
        measured=measured,
    )


def _learned_spec(run: zoo.Run, weights: Path) -> Path | None:
    """Write the data's spec beside the weights if the name of the data alone does not give it."""
    info = find_dataset(run.record["data"]["source"])
    if info is not None and info.spec == run.data_spec:
        return None
    path = weights.with_name(weights.name.replace(".weights.h5", ".spec.json"))
    path.write_text(run.data_spec.model_dump_json(exclude_defaults=True, indent=1) + "\n", "utf-8")
    return path


def _record(name: str, weights: WeightsEntry) -> None:
    """Put weights into the catalog, beside those for other data."""
    catalog = _catalog.read()
    models = {model.name: model for model in catalog.models}
    architecture = registry().get(name)
    before = models[name].weights if name in models else ()
    others = [entry for entry in before if entry.id != weights.id]
    published = sorted([*others, weights], key=lambda entry: entry.id)
    own = [entry for entry in published if entry.id == architecture.default_dataset]
    models[name] = ModelEntry(
        name=name,
        distribution=registry().resolve(name).distribution,
        summary=architecture.info.summary,
        tasks=architecture.info.tasks,
        tags=architecture.info.tags,
        license=architecture.info.license,
        default_dataset=architecture.default_dataset,
        parameters=own[0].parameters if own else None,
        custom_objects=models[name].custom_objects if name in models else {},
        weights=tuple(published),
        artifacts=models[name].artifacts if name in models else (),
    )
    ordered = tuple(models[key] for key in sorted(models))
    _catalog.write(catalog.model_copy(update={"models": ordered}))


if __name__ == "__main__":
    main()
