"""Faulty conversions are found and not published."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exporting.networks import (
    SERIES,
    Tiny,
    autoencoder,
    blueprint,
    cnn,
    export_cnn,
    export_tabular,
    recurrent,
    samples,
    tabular,
)
from zoo.architecture import Signature
from zoo.errors import ExportError, ParityFailed, Unsupported
from zoo.exporting import tf2onnx as converter
from zoo.exporting.export import export_artifact
from zoo.spec import Task, TensorSpec

REAL = converter.convert


def _as(model: Any) -> Callable[[Any], Any]:
    """Return a converter that converts another model than it was given."""

    def wrong(traced: Any) -> Any:
        return REAL(
            converter.TracedModel(Signature(traced.name, model, traced.inputs, traced.outputs))
        )

    return wrong


def _weights(change: Callable[[dict[str, Any]], None]) -> Callable[[], Any]:
    """Return a maker of the network with some weights changed."""

    def make() -> Any:
        model = cnn()
        change({weight.path: weight for weight in model.weights})
        return model

    return make


def _set(path: str, change: Callable[[Any], Any]) -> Callable[[], Any]:
    return _weights(lambda weights: weights[path].assign(change(weights[path].numpy())))


def _one_element(array: Any) -> Any:
    array[0, 0] *= 1.01
    return array


def _stale(weights: dict[str, Any]) -> None:
    weights["norm/moving_mean"].assign(np.zeros(4))
    weights["norm/moving_variance"].assign(np.ones(4))


def cases(faults: Collection[str], quick: Collection[str]) -> list[Any]:
    """Return the faults as parameters; all but a few are left to the slow tier."""
    return [
        fault if fault in quick else pytest.param(fault, marks=pytest.mark.slow) for fault in faults
    ]


FAULTS: dict[str, Callable[[], Any]] = {
    "dropped bias": _set("head/bias", np.zeros_like),
    "transposed kernel": _set("square/kernel", np.transpose),
    "flipped convolution": _set("conv/kernel", lambda k: k[::-1, ::-1]),
    "one weight off by a hundredth": _set("square/kernel", _one_element),
    "weights rounded to half precision": _set("hidden/kernel", lambda k: k.astype("float16")),
    "classes in another order": _set("head/kernel", lambda k: k[:, ::-1]),
    "stale statistics": _weights(_stale),
    "wrong epsilon": lambda: cnn(epsilon=1e-4),
    "missing preprocessing": lambda: cnn(scale=1.0),
    "another divisor": lambda: cnn(scale=1 / 256),
    "swapped axes": lambda: cnn(transposed_image=True),
    "padding off by one": lambda: cnn(padding="shifted"),
    "training-mode batch norm": lambda: cnn(training_norm=True),
    "another activation": lambda: cnn(activation="relu"),
    "another pooling": lambda: cnn(pool="max"),
    "dropped softmax": lambda: cnn(last="linear"),
}


QUICK = {
    *("one weight off by a hundredth", "wrong epsilon"),
    *("missing preprocessing", "padding off by one"),
}


@pytest.mark.parametrize("fault", cases(FAULTS, QUICK))
def test_a_wrong_graph_is_refused_and_not_published(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "convert", _as(FAULTS[fault]()))
    with pytest.raises(ParityFailed):
        export_cnn(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_active_dropout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converter, "convert", _as(cnn(dropout=True)))
    with pytest.raises(Unsupported):
        export_cnn(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_fixed_batch_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def baked(traced: Any) -> Any:
        from onnx import helper, numpy_helper

        made = REAL(traced)
        proto = made.proto
        output = proto.graph.output[0].name
        last = next(node for node in proto.graph.node if output in node.output)
        last.output[0] = "free"
        shape = numpy_helper.from_array(np.array([1, 4], np.int64), "baked")
        proto.graph.initializer.append(shape)
        proto.graph.node.append(helper.make_node("Reshape", ["free", "baked"], [output]))
        return made

    monkeypatch.setattr(converter, "convert", baked)
    with pytest.raises(ExportError):
        export_cnn(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_swapped_outputs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(traced: Any) -> Any:
        made = REAL(traced)
        proto = made.proto
        if len(proto.graph.output) == 2:
            first, second = proto.graph.output
            first.name, second.name = second.name, first.name
        return made

    monkeypatch.setattr(converter, "convert", swapped)
    with pytest.raises(ParityFailed, match=r"rebuilt|'z'"):
        export_artifact(
            blueprint(TensorSpec(name="x", shape=(4,)), task=Task.RECONSTRUCTION),
            Tiny(),
            autoencoder(),
            out=tmp_path / "out",
            samples=samples("x", "z"),
        )
    assert list(tmp_path.iterdir()) == []


TABULAR_FAULTS: dict[str, dict[str, Any]] = {
    "missing values as zero": {"missing_is_zero": True},
    "inverted flags of missing values": {"flags": True},
    "categories off by one": {"off_by_one": True},
    "parts joined in another order": {"order": True},
    "statistics of other rows": {"fitted_on": 2},
    "another epsilon of a layer norm": {"epsilon": 1e-5},
}


@pytest.mark.parametrize("fault", cases(TABULAR_FAULTS, {"missing values as zero"}))
def test_a_wrong_graph_of_a_table_is_refused(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "convert", _as(tabular(**TABULAR_FAULTS[fault])))
    with pytest.raises(ParityFailed):
        export_tabular(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def _swapped_gates() -> Any:
    model = recurrent()
    kernel = model.get_layer("last").cell.recurrent_kernel
    kernel.assign(np.roll(np.asarray(kernel), 3, axis=1))
    return model


SERIES_FAULTS: dict[str, Callable[[], Any]] = {
    "truncated time axis": lambda: recurrent(drop_last=True),
    "reversed time axis": lambda: recurrent(go_backwards=True),
    "another gate activation": lambda: recurrent(recurrent_activation="hard_sigmoid"),
    "another state activation": lambda: recurrent(activation="softsign"),
    "gates in another order": _swapped_gates,
}


def _export_series(out: Path) -> Path:
    return export_artifact(
        blueprint(SERIES, task=Task.REGRESSION),
        Tiny(),
        [Signature("predict", recurrent(), (SERIES,), (TensorSpec(name="value", shape=(1,)),))],
        out=out,
        samples=samples("series"),
    )


@pytest.mark.parametrize("fault", cases(SERIES_FAULTS, {"truncated time axis"}))
def test_a_wrong_graph_of_a_series_is_refused(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "convert", _as(SERIES_FAULTS[fault]()))
    with pytest.raises(ParityFailed):
        _export_series(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_operator_of_another_domain_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(traced: Any) -> Any:
        made = REAL(traced)
        proto = made.proto
        proto.graph.node[0].domain = "com.microsoft"
        return made

    monkeypatch.setattr(converter, "convert", foreign)
    with pytest.raises(Unsupported, match="not standard ONNX"):
        export_cnn(tmp_path / "out")


def test_the_first_layer_that_differs_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(traced: Any) -> Any:
        from onnx import numpy_helper

        kernel = cnn().get_layer("square").kernel.numpy()
        made = REAL(traced)
        proto = made.proto
        for tensor in proto.graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.shape == kernel.shape and np.array_equal(array, kernel):
                tensor.CopyFrom(numpy_helper.from_array(array.T.copy(), tensor.name))
        return made

    monkeypatch.setattr(converter, "convert", wrong)
    kept = tmp_path / "kept"
    with pytest.raises(ParityFailed, match="first layer that differs is square") as caught:
        export_cnn(tmp_path / "out", keep_failed=kept)
    assert not (tmp_path / "out").exists()
    assert sorted(p.name for p in kept.iterdir()) == ["failure.json", "model.onnx"]
    report = json.loads((kept / "failure.json").read_text())
    assert report["error"] == "ParityFailed"
    assert report["why"] == caught.value.why


def test_a_conversion_without_a_fault_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same detour without a fault is published: it is the faults that are refused."""
    for model, export in (
        (cnn, export_cnn),
        (tabular, export_tabular),
        (recurrent, _export_series),
    ):
        monkeypatch.setattr(converter, "convert", _as(model()))
        assert export(tmp_path / export.__name__).is_dir()
