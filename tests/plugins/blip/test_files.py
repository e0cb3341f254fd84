"""Files of weights: each tensor once, finite, of its shape; only a valid file changes a model.

None of this needs the reference.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.blip import tiny
from zoo.errors import DataError, Incompatible
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.checkpoint import BUFFERS, INDEX, TIED_TENSORS, WEIGHTS, read_weights
from zoo_blip_captioner.hub import find_folder

safetensors = pytest.importorskip("safetensors.numpy", reason="weights are safetensors files")

Tensors = dict[str, np.ndarray]
NAMES = {
    "words": "text_decoder.bert.embeddings.word_embeddings.weight",
    "places": "vision_model.embeddings.position_embedding",
    "key": "text_decoder.bert.encoder.layer.1.crossattention.self.key.bias",
    "last": "text_decoder.cls.predictions.bias",
}
TIED = next(iter(TIED_TENSORS))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    """A captioner with other weights, which keeps them where a file is refused."""
    return tiny.captioner(tmp_path_factory.mktemp("other"), seed=5)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def edit(folder: Path, change: Callable[[Tensors], Any]) -> None:
    tensors = safetensors.load_file(folder / WEIGHTS)
    change(tensors)
    safetensors.save_file(tensors, folder / WEIGHTS)


def refused(captioner: BlipCaptioner, folder: Path, kind: type[Exception], message: str) -> Any:
    """Return the error, after checking that the captioner is unchanged."""
    before = tiny.values(captioner)
    with pytest.raises(kind, match=message) as caught:
        read_weights(captioner, folder)
    assert tiny.same(before, tiny.values(captioner))
    return caught.value


def test_a_file_is_loaded_into_a_captioner(source: Path, tmp_path: Path) -> None:
    fresh = tiny.captioner(tmp_path / "fresh", seed=6)
    read_weights(fresh, source)
    wanted = tiny.values(tiny.captioner(tmp_path / "same"))
    assert tiny.same(tiny.values(fresh), wanted)
    # The file alone will do as well.
    read_weights(fresh, source / WEIGHTS)
    assert tiny.same(tiny.values(fresh), wanted)


def test_every_difference_is_reported_at_once(folder: Path, other: BlipCaptioner) -> None:
    def change(tensors: Tensors) -> None:
        del tensors[NAMES["key"]]
        tensors["itm_head.weight"] = np.zeros((2, 5), np.float32)
        tensors[NAMES["places"]] = np.zeros((1, 17, 48), np.float32)

    edit(folder, change)
    error = refused(other, folder, Incompatible, "1 tensors missing, 1 unexpected, 1 different")
    assert f"{NAMES['key']}: a tensor of [32]. Received: 'nothing'" in error.why
    assert "itm_head.weight: no such tensor. Received: [2, 5]" in error.why
    assert f"{NAMES['places']}: the shape [1, 10, 48]. Received: [1, 17, 48]" in error.why


def test_the_first_of_many_differences_are_shown_and_the_rest_counted(
    folder: Path, other: BlipCaptioner
) -> None:
    edit(folder, lambda tensors: [tensors.pop(name) for name in sorted(tensors)[:30]])
    error = refused(other, folder, Incompatible, "30 tensors missing")
    assert error.why.endswith("and 22 more")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["words", "key", "last"])
def test_a_value_that_is_not_finite_is_found_before_anything_changes(
    folder: Path, other: BlipCaptioner, name: str, bad: float
) -> None:
    def change(tensors: Tensors) -> None:
        tensors[NAMES[name]].flat[3] = bad

    edit(folder, change)
    refused(other, folder, DataError, f"{NAMES[name]}.*NaN or infinity")


def test_doubles_too_large_for_single_precision_are_infinite(
    folder: Path, other: BlipCaptioner
) -> None:
    edit(folder, lambda t: t.update({NAMES["key"]: np.full(32, 1e300)}))
    refused(other, folder, DataError, "NaN or infinity")


def test_integer_weights_are_refused(folder: Path, other: BlipCaptioner) -> None:
    edit(folder, lambda t: t.update({NAMES["key"]: np.ones(32, np.int8)}))
    error = refused(other, folder, DataError, "is of type I8")
    assert "quantized" in error.fix


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(
    folder: Path, other: BlipCaptioner, share: float
) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: int(share * len(data))])
    error = refused(other, folder, DataError, "cannot be read")
    assert str(folder / WEIGHTS) in error.what and "fetch it again" in error.fix


@pytest.mark.parametrize(
    "data", [b"\x80\x04\x95not a pickle", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"{}", b"\xff" * 99]
)
def test_a_file_of_another_kind_is_refused(folder: Path, other: BlipCaptioner, data: bytes) -> None:
    (folder / WEIGHTS).write_bytes(data)
    refused(other, folder, DataError, "cannot be read")


def test_half_precision_is_read_exactly(folder: Path, other: BlipCaptioner) -> None:
    exact = safetensors.load_file(folder / WEIGHTS)
    edit(folder, lambda t: t.update({k: v.astype(np.float16) for k, v in t.items()}))
    read = tiny.load(folder)
    halved = exact[NAMES["last"]].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(read.decoder.bias, halved)


def write_brain_floats(file: Path, tensors: Tensors) -> None:
    """Write the upper halves of float32: NumPy has no type for them, so by hand."""
    header, data = {}, b""
    for name, array in tensors.items():
        part = (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        ends = [len(data), len(data) + len(part)]
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": ends}
        data += part
    told = json.dumps(header).encode()
    file.write_bytes(len(told).to_bytes(8, "little") + told + data)


def test_bfloat16_is_read_exactly(folder: Path) -> None:
    exact = safetensors.load_file(folder / WEIGHTS)
    cut = {k: (v.view("<u4") & 0xFFFF0000).view("<f4") for k, v in exact.items()}
    safetensors.save_file(cut, folder / WEIGHTS)
    wanted = tiny.values(tiny.load(folder))
    write_brain_floats(folder / WEIGHTS, exact)
    assert tiny.same(tiny.values(tiny.load(folder)), wanted)


def test_bfloat16_with_a_nan_is_refused(folder: Path, other: BlipCaptioner) -> None:
    tensors = safetensors.load_file(folder / WEIGHTS)
    tensors[NAMES["places"]].flat[-1] = np.nan
    write_brain_floats(folder / WEIGHTS, tensors)
    refused(other, folder, DataError, "NaN or infinity")


def split(folder: Path, parts: int = 3) -> dict[str, str]:
    """Divide a file into several with an index, as large models are published."""
    tensors = safetensors.load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    home = {}
    for number in range(parts):
        file = f"model-{number + 1:05}-of-{parts:05}.safetensors"
        mine = {name: tensors[name] for name in sorted(tensors)[number::parts]}
        safetensors.save_file(mine, folder / file)
        home |= dict.fromkeys(mine, file)
    write_index(folder, home)
    return home


def write_index(folder: Path, home: Any) -> None:
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": home}))


def test_several_files_with_an_index_are_one(folder: Path, loaded: BlipCaptioner) -> None:
    split(folder)
    assert tiny.same(tiny.values(tiny.load(folder)), tiny.values(loaded))


def test_a_missing_file_of_the_index_is_named(folder: Path, other: BlipCaptioner) -> None:
    split(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()
    refused(other, folder, DataError, "model-00002-of-00003.safetensors")


def test_a_tensor_in_two_files_is_refused(folder: Path, other: BlipCaptioner) -> None:
    home = split(folder)
    shutil.copy(folder / "model-00001-of-00003.safetensors", folder / "more.safetensors")
    write_index(folder, {**home, "again": "more.safetensors"})
    refused(other, folder, DataError, "repeats")


@pytest.mark.parametrize(
    "name",
    ["../model.safetensors", "/etc/passwd", "..", "", ".", "sub/x.safetensors", "model.bin", "~"],
)
def test_an_index_names_nothing_but_safetensors_files_beside_it(
    folder: Path, other: BlipCaptioner, name: str
) -> None:
    (folder.parent / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes())
    home = split(folder)
    write_index(folder, {**home, NAMES["key"]: name})
    error = refused(other, folder, DataError, "something other than a .safetensors file")
    assert error.why == repr(name)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": []}', "\ud800"]
)
def test_an_invalid_index_is_refused(folder: Path, other: BlipCaptioner, text: str) -> None:
    split(folder)
    (folder / INDEX).write_bytes(text.encode(errors="surrogatepass"))
    refused(other, folder, DataError, f"{re.escape(str(folder / INDEX))} cannot be read")


def test_the_tied_matrix_may_be_there_again_if_it_is_the_same(
    folder: Path, other: BlipCaptioner
) -> None:
    edit(
        folder,
        lambda t: t.update({again: t[first].copy() for again, first in TIED_TENSORS.items()}),
    )
    tiny.load(folder)
    edit(folder, lambda t: t.update({TIED: t[TIED] + np.float32(1e-3)}))
    error = refused(other, folder, Incompatible, "1 different")
    assert "it is tied" in error.why


def test_the_tied_matrix_of_another_shape_is_refused(folder: Path, other: BlipCaptioner) -> None:
    edit(folder, lambda t: t.update({TIED: np.zeros((3, 32), np.float32)}))
    refused(other, folder, Incompatible, "1 different")


def test_the_position_ids_of_older_files_are_ignored(folder: Path) -> None:
    token_positions = np.arange(32)[None]
    edit(folder, lambda tensors: tensors.update(dict.fromkeys(BUFFERS, token_positions)))
    tiny.load(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_a_folder_with_a_pickle_alone_is_refused_with_advice(
    folder: Path, other: BlipCaptioner, name: str
) -> None:
    (folder / WEIGHTS).rename(folder / name)
    error = refused(other, folder, Incompatible, "is a pickle, which is not opened")
    assert "can run any code" in error.why and "save_pretrained" in error.fix


@pytest.mark.parametrize("name", ["model.pth", "model.PT", "old.ckpt", "pytorch_model.bin"])
def test_a_pickle_that_is_named_is_refused_with_advice(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    for place in (tmp_path / name, str(tmp_path / name)):
        with pytest.raises(Incompatible, match="is a pickle") as caught:
            find_folder(place)
        assert str(tmp_path) in caught.value.fix


def test_a_folder_may_be_called_like_a_pickle(folder: Path) -> None:
    tiny.load(folder.rename(folder.parent / "mine.bin"))


def test_a_folder_without_weights_says_so(folder: Path, other: BlipCaptioner) -> None:
    (folder / WEIGHTS).unlink()
    refused(other, folder, Incompatible, "holds no weights")
