"""The transformer beside an LSTM encoder–decoder with attention: same data, same size, one run.

    scripts/bench translation --data spa_eng --option file=FILE

Both have the same number of parameters and learn from the same examples in the same order, for the
same number of steps, with the same batch, optimizer, schedule, dropout and label smoothing. Both
write by the same loop, greedily or with as many beams, and are measured on the whole test split.
CPU seconds are of the training alone, on one thread; where they differ, equal steps are not equal
time, and both are said.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _recurrent import Recurrent, units_for

import zoo
from zoo.api.predict_fns import signatures
from zoo.config import OptimizerConfig, TrainPlan
from zoo.layers import TokenAccuracy, TokenCrossentropy, make_optimizer
from zoo.metrics.translation import evaluate_translation
from zoo.runtime.decoding import generate
from zoo.runtime.text import decode_text
from zoo.spec import Arrays, Dataset, PredictFns
from zoo.training.engines import choose_engine
from zoo.training.randomness import epoch_order, seeded


def main() -> None:
    """Train both, and print what they score and what they write."""
    arguments = _arguments()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    data = zoo.dataset(arguments.data, **dict(o.split("=", 1) for o in arguments.option))
    sizes = ", ".join(f"{len(data.split(s)):,} {s}" for s in ("train", "validation", "test"))
    print(f"{arguments.data}: {sizes}; {arguments.epochs} epochs of batch {arguments.batch}\n")
    rows: dict[str, dict[str, Any]] = {}

    def keep() -> None:
        if arguments.json:
            text = json.dumps(rows, indent=1, ensure_ascii=False)
            arguments.json.write_text(text + "\n", "utf-8")

    with seeded(arguments.seed):
        model = zoo.build("transformer", data=data)
        config = model.blueprint.config
        asked = {s.name: _predict_fn(s.model) for s in signatures(model)}
        rows["transformer"] = _compare(model, asked, data, arguments, config, arguments.rate[0])
        keep()
        if arguments.keep:
            model.save_weights(arguments.keep)
    with seeded(arguments.seed):
        units = units_for(data.spec, config.hidden_dim, model.count_params())
        network = Recurrent(data.spec, config.hidden_dim, units, config.dropout)
        asked = {name: _predict_fn(graph) for name, graph in network.graphs.items()}
        rows["lstm"] = _compare(network.learns, asked, data, arguments, config, arguments.rate[1])
    _print(rows)
    keep()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="numbers_en_es")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--split", default="test", help="what is measured: validation to choose")
    parser.add_argument("--train", type=int, help="only so many examples, to try something")
    parser.add_argument(
        "--rate", type=float, nargs=2, default=(2e-3, 2e-3), metavar=("TRANSFORMER", "LSTM")
    )
    parser.add_argument("--keep", type=Path, help="where to keep the transformer's weights")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    return parser.parse_args()


def _compare(
    model: keras.Model,
    asked: PredictFns,
    data: Dataset,
    arguments: argparse.Namespace,
    config: Any,
    rate: float,
) -> dict[str, Any]:
    """Train one network, and measure it."""
    optimizer = OptimizerConfig(learning_rate=rate, warmup=0.1, global_clipnorm=1.0)
    model.compile(
        optimizer=make_optimizer(optimizer),
        loss=TokenCrossentropy(config.label_smoothing),
        metrics=[TokenAccuracy()],
    )
    seconds, history = _train(model, data, arguments)
    part = data.split(arguments.split)
    found = evaluate_translation(asked, part, data.spec, beams=arguments.beams)
    return {
        "parameters": model.count_params(),
        "cpu_seconds": round(seconds, 1),
        "history": history,
        "scores": {name: score.model_dump() for name, score in found.scores.items()},
        "texts": _examples(asked, data, arguments),
    }


def _train(
    model: keras.Model, data: Dataset, arguments: argparse.Namespace
) -> tuple[float, list[dict[str, float]]]:
    source, target = data.spec.inputs[0].name, data.spec.targets[0].name

    def taught(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        said = targets[target]
        taken = {source: inputs[source], "previous": said[:, :-1]}
        return taken, {target: said[:, 1:]}

    view = zoo.MappedDataset(data, taught)
    train, validation = view.split("train"), view.split("validation")
    count = min(len(train), arguments.train or len(train))
    model.optimizer._learning_rate.set_steps(arguments.epochs * math.ceil(count / arguments.batch))  # noqa: SLF001 - as the loop does
    plan = TrainPlan(batch_size=arguments.batch, epochs=arguments.epochs, engine="compiled")
    started = time.process_time()
    engine = choose_engine(model, train, validation, plan)
    seconds, history = 0.0, []
    for epoch in range(1, arguments.epochs + 1):
        order = epoch_order(arguments.seed, epoch, len(train))[:count]
        line = engine.run_epoch(order, lambda steps: None)
        seconds += time.process_time() - started
        line |= {f"val_{name}": value for name, value in engine.validate().items()}
        started = time.process_time()
        history.append({name: round(value, 5) for name, value in line.items()})
        print(f"{model.name} epoch {epoch}: {history[-1]}, {seconds:.0f} CPU-s", file=sys.stderr)
    return seconds, history


def _predict_fn(model: keras.Model) -> Any:
    def predict_fn(inputs: Arrays) -> Arrays:
        return {name: np.asarray(v) for name, v in model.predict_on_batch(dict(inputs)).items()}

    return predict_fn


def _examples(
    asked: PredictFns, data: Dataset, arguments: argparse.Namespace
) -> list[tuple[str, str, str]]:
    part = data.split(arguments.split)
    inputs, targets = part.take(np.linspace(0, len(part) - 1, 24).astype(int))
    source, target = data.spec.inputs[0], data.spec.targets[0]
    written = generate(
        asked, {source.name: inputs[source.name]}, target.text, beams=arguments.beams
    )
    return list(
        zip(
            decode_text(inputs[source.name], source.text),
            decode_text(targets[target.name], target.text),
            decode_text(written.tokens, target.text),
            strict=True,
        )
    )


def _print(rows: Mapping[str, Mapping[str, Any]]) -> None:
    names = list(rows["transformer"]["scores"])
    print(f"{'':12}{'parameters':>12}{'CPU-s':>8}" + "".join(f"{name:>26}" for name in names))
    for name, row in rows.items():
        cells = "".join(_cell(row["scores"][score]) for score in names)
        print(f"{name:12}{row['parameters']:12,}{row['cpu_seconds']:8.0f}{cells}")
    print("\nsource | reference | transformer | lstm")
    for ours, theirs in zip(rows["transformer"]["texts"], rows["lstm"]["texts"], strict=True):
        print(" | ".join((*ours, theirs[2])))


def _cell(score: Mapping[str, float | None]) -> str:
    text = f"{score['value']:.4f}"
    if score["low"] is not None:
        text += f" [{score['low']:.3f}, {score['high']:.3f}]"
    return f"{text:>26}"


if __name__ == "__main__":
    main()
