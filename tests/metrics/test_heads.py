"""Models with several outputs: each is evaluated with its own task and target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.data import ArraySplit
from zoo.errors import ConfigError
from zoo.metrics import evaluate
from zoo.spec import DataSpec, TensorSpec

DATA = DataSpec(
    id="houses",
    task="kind-and-price",
    inputs=(TensorSpec(name="x", shape=(2,)),),
    targets=(
        TensorSpec(name="price", unit="EUR"),
        TensorSpec(name="kind", dtype="int64", labels=("flat", "house")),
        TensorSpec(name="rent"),
    ),
)
KIND = np.array([0, 1, 1, 0])
SPLIT = ArraySplit(
    {"x": np.zeros((4, 2), "float32")},
    {"price": np.arange(4.0), "kind": KIND, "rent": np.full(4, 7.0)},
)


def predict(inputs: Any) -> dict[str, Any]:
    """Return the kinds of all but the last, the prices with an error of 2, and other numbers."""
    kinds = np.eye(2)[[0, 1, 1, 1]]
    return {"kinds": kinds, "prices": np.arange(4.0) + 2, "low": np.zeros(4), "high": np.ones(4)}


def test_each_output_is_evaluated_as_its_own_task() -> None:
    kind = evaluate(predict, SPLIT, DATA, task="classification", target="kind", output="kinds")
    price = evaluate(predict, SPLIT, DATA, task="regression", target="price", output="prices")
    rent = evaluate(predict, SPLIT, DATA, task="regression", target="rent", output="prices")

    assert kind.task == "classification" and kind.scores["accuracy"].value == 0.75
    assert price.scores["rmse"].value == 2 and price.scores["rmse"].unit == "EUR"
    assert rent.scores["mae"].value == pytest.approx(np.abs(np.arange(4) + 2 - 7).mean())
    assert "interval_coverage" not in price.scores  # low and high are no ends of this output


@pytest.mark.parametrize(
    ("wrong", "place"), [({"target": "size"}, "target"), ({"output": "sizes"}, "output")]
)
def test_what_is_not_there_is_named(wrong: dict[str, str], place: str) -> None:
    right = {"task": "classification", "target": "kind", "output": "kinds"}
    with pytest.raises(ConfigError) as caught:
        evaluate(predict, SPLIT, DATA, **{**right, **wrong})

    assert caught.value.findings[0].where == place
