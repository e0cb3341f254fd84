"""Reading and writing of BLIP's safetensors files.

safetensors files hold names, shapes and numbers only; pickles, which run code, are refused.
Importing this module imports no keras.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, Finding, Incompatible, MissingExtra, Unsupported
from zoo.files import atomic_write, storage_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_blip_captioner.captioner import BlipCaptioner

SUFFIX = ".safetensors"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

TIED_TENSORS = {
    "text_decoder.cls.predictions.decoder.weight": (
        "text_decoder.bert.embeddings.word_embeddings.weight"
    ),
    "text_decoder.cls.predictions.decoder.bias": "text_decoder.cls.predictions.bias",
}
"""Tied tensors that a file may repeat, with the tensor that each is tied to."""

BUFFERS = ("text_decoder.bert.embeddings.position_ids", "vision_model.embeddings.position_ids")
"""Position ids in older files, which are ignored."""

_MAX_FINDINGS = 8
_FLOATS = ("F16", "BF16", "F32", "F64")


@dataclass(frozen=True)
class WeightMap:
    """Mapping between a Keras weight and tensors of a file.

    Attributes:
        weight: The Keras variable.
        tensors: Tensor names; several are concatenated along their first axis.
        axes: Transposition from the tensor's axes to the weight's.
    """

    weight: Any
    tensors: tuple[str, ...]
    axes: tuple[int, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor."""
        ours = tuple(self.weight.shape)
        whole = tuple(ours[self.axes.index(axis)] for axis in range(len(ours)))
        part = (whole[0] // len(self.tensors), *whole[1:])
        return dict.fromkeys(self.tensors, part)

    def from_tensors(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the weight's value from tensors."""
        parts = [arrays[name] for name in self.tensors]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return np.transpose(whole, self.axes)

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return the tensors of the weight's value."""
        whole = np.transpose(np.asarray(self.weight), np.argsort(self.axes))
        parts = np.split(whole, len(self.tensors))
        return {
            name: np.ascontiguousarray(part) for name, part in zip(self.tensors, parts, strict=True)
        }


def weights_files(source: Path) -> list[Path]:
    """Return the safetensors files of a folder, or a given file.

    Raises:
        Incompatible: If there is none, or only a pickle.
        DataError: If the index of several files cannot be read.
    """
    if source.suffix.lower() in PICKLE_SUFFIXES and not source.is_dir():
        raise _pickle(source)
    if source.is_file():
        return [source]
    if (source / WEIGHTS).is_file():
        return [source / WEIGHTS]
    if (source / INDEX).is_file():
        names = sorted(set(_index(source / INDEX).values()))
        for name in names:
            if Path(name).name != name or Path(name).suffix != SUFFIX:
                raise DataError(
                    f"{source / INDEX} names something other than a {SUFFIX} file of its folder",
                    why=repr(name),
                )
        return [source / name for name in names]
    for name in PICKLES:
        if (source / name).exists():
            raise _pickle(source / name)
    raise Incompatible(
        f"{source} holds no weights",
        why=f"there is no {WEIGHTS} in it",
        fix="name a folder that save_pretrained wrote, or one from the hub",
    )


def read_weights(captioner: BlipCaptioner, source: Path) -> None:
    """Load the tensors of a folder or file into a captioner.

    All names, shapes and numbers are checked before any weight is changed.

    Raises:
        Incompatible: If tensors are missing, unexpected, or of other shapes.
        DataError: If a file cannot be read, or has values that are not finite.
        MissingExtra: If safetensors is not installed.
    """
    maps = weight_maps(captioner)
    tensors = _read_tensors(weights_files(source))
    _check_tensors(maps, tensors, source)
    for weight_map in maps:
        weight_map.weight.assign(weight_map.from_tensors(tensors))


def write_weights(captioner: BlipCaptioner, folder: Path) -> Path:
    """Write the weights in BLIP's format, and return the file.

    Raises:
        Unsupported: If the captioner has a stem, which BLIP lacks.
        StorageError: If it cannot be written.
        MissingExtra: If safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtra("writing weights of the hub", "captioning", "safetensors") from error

    tensors: dict[str, Any] = {}
    for weight_map in weight_maps(captioner):
        tensors |= {name: part.astype("f4") for name, part in weight_map.to_tensors().items()}
    with storage_errors(folder, "writing"):
        folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    return folder / WEIGHTS


def _read_tensors(files: Sequence[Path]) -> dict[str, NDArray[np.float32]]:
    """Read all tensors of safetensors files as float32.

    Raises:
        DataError: If a file cannot be read, a tensor occurs twice or is not floating point.
    """
    try:
        import ml_dtypes  # noqa: F401 - teaches NumPy the type bfloat16
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtra("reading weights of the hub", "captioning", "safetensors") from error
    tensors: dict[str, NDArray[np.float32]] = {}
    for file in files:
        try:
            with safe_open(file, framework="np") as opened:
                for name in opened.keys():  # noqa: SIM118 - it is no mapping
                    _check_tensor(file, name, opened.get_slice(name).get_dtype(), tensors)
                    with np.errstate(over="ignore"):
                        tensors[name] = opened.get_tensor(name).astype(np.float32, copy=False)
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{file} cannot be read",
                why=" ".join(str(error).split())[:300] or type(error).__name__,
                fix="the file may be cut off or of another kind: fetch it again",
            ) from error
    return tensors


def _check_tensor(file: Path, name: str, dtype: str, known: Mapping[str, Any]) -> None:
    if name in known:
        raise DataError(f"{file} repeats the tensor {name!r}", why="each may occur once")
    if dtype not in _FLOATS and name not in BUFFERS:
        raise DataError(
            f"{file}: the tensor {name!r} is of type {dtype}",
            why=f"weights are of {', '.join(_FLOATS)}",
            fix="use a file of weights that were not quantized",
        )


def _check_tensors(
    maps: Sequence[WeightMap], tensors: Mapping[str, NDArray[Any]], source: Path
) -> None:
    """Check all names, shapes and numbers."""
    shapes = {name: shape for weight_map in maps for name, shape in weight_map.shapes.items()}
    missing = sorted(set(shapes) - set(tensors))
    extra = sorted(set(tensors) - set(shapes) - set(TIED_TENSORS) - set(BUFFERS))
    findings = [Finding(name, "nothing", f"a tensor of {list(shapes[name])}") for name in missing]
    findings += [Finding(name, list(tensors[name].shape), "no such tensor") for name in extra]
    findings += [
        Finding(name, list(tensors[name].shape), f"the shape {list(shape)}")
        for name, shape in sorted(shapes.items())
        if name in tensors and tensors[name].shape != shape
    ]
    findings += [
        Finding(name, "other numbers", f"those of {first}: it is tied")
        for name, first in TIED_TENSORS.items()
        if name in tensors
        and first in tensors
        and not np.array_equal(tensors[name], tensors[first])
    ]
    if findings:
        more = len(findings) - _MAX_FINDINGS
        lines = [str(finding) for finding in findings[:_MAX_FINDINGS]]
        lines += [f"and {more} more"] if more > 0 else []
        raise Incompatible(
            f"the weights in {source} do not fit this captioner: "
            f"{len(missing)} tensors missing, {len(extra)} unexpected, "
            f"{len(findings) - len(missing) - len(extra)} different",
            why="\n       ".join(lines),
            fix="use the configuration in the folder of the weights: BlipCaptioner."
            "from_pretrained(FOLDER)",
        )
    for name in shapes:
        if not np.isfinite(tensors[name]).all():
            raise DataError(
                f"{source}: the tensor {name!r} has NaN or infinity",
                why="a model with such a weight computes nothing",
                fix="fetch the file again, or use another one",
            )


def _index(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))["weight_map"]
        return {str(name): str(file) for name, file in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read", why=f"{type(error).__name__}: {error}") from error


def _pickle(path: Path) -> Incompatible:
    return Incompatible(
        f"{path} is a pickle, which is not opened",
        why="reading a pickle can run any code",
        fix="convert it if you trust it: transformers.BlipForConditionalGeneration."
        f"from_pretrained({str(path.parent)!r}).save_pretrained('safe'), and name that folder",
    )


def weight_maps(captioner: BlipCaptioner) -> list[WeightMap]:
    """Return the mapping of every weight of a captioner.

    The names are those of ``BlipForConditionalGeneration``: the vision attention has one matrix of
    queries, keys and values, the text attention three.

    Raises:
        Unsupported: If the captioner has a stem, which BLIP lacks.
    """
    if captioner.vision.stem:
        raise Unsupported(
            "a captioner with a stem has no equivalent in BLIP's format",
            why="BLIP projects the patches of the image directly",
            fix="save it as a Keras model: captioner.save('mine.keras')",
        )
    return [*_vision(captioner.vision), *_text(captioner.decoder)]


def _vision(vision: Any) -> Iterator[WeightMap]:
    start = "vision_model"
    yield WeightMap(vision.class_token, (f"{start}.embeddings.class_embedding",), (0, 1, 2))
    yield WeightMap(
        vision.position_embeddings, (f"{start}.embeddings.position_embedding",), (0, 1, 2)
    )
    patches = f"{start}.embeddings.patch_embedding"
    yield WeightMap(vision.patch_embedding.kernel, (f"{patches}.weight",), (2, 3, 1, 0))
    yield WeightMap(vision.patch_embedding.bias, (f"{patches}.bias",), (0,))
    for number, block in enumerate(vision.blocks):
        layer = f"{start}.encoder.layers.{number}"
        yield from _dense(block.self_attention.qkv_dense, f"{layer}.self_attn.qkv")
        yield from _dense(block.self_attention.output_dense, f"{layer}.self_attn.projection")
        yield from _norm(block.self_attention_norm, f"{layer}.layer_norm1")
        yield from _norm(block.feedforward_norm, f"{layer}.layer_norm2")
        yield from _dense(block.intermediate_dense, f"{layer}.mlp.fc1")
        yield from _dense(block.output_dense, f"{layer}.mlp.fc2")
    yield from _norm(vision.norm, f"{start}.post_layernorm")


def _text(decoder: Any) -> Iterator[WeightMap]:
    start = "text_decoder.bert"
    words = f"{start}.embeddings"
    yield WeightMap(decoder.token_embeddings, (f"{words}.word_embeddings.weight",), (1, 0))
    yield WeightMap(decoder.position_embeddings, (f"{words}.position_embeddings.weight",), (0, 1))
    yield from _norm(decoder.embedding_norm, f"{words}.LayerNorm")
    for number, block in enumerate(decoder.blocks):
        layer = f"{start}.encoder.layer.{number}"
        own, cross = f"{layer}.attention", f"{layer}.crossattention"
        yield from _dense(
            block.self_attention.qkv_dense,
            f"{own}.self.query",
            f"{own}.self.key",
            f"{own}.self.value",
        )
        yield from _dense(block.self_attention.output_dense, f"{own}.output.dense")
        yield from _norm(block.norms[0], f"{own}.output.LayerNorm")
        yield from _dense(block.cross_attention.query_dense, f"{cross}.self.query")
        yield from _dense(block.key_value_dense, f"{cross}.self.key", f"{cross}.self.value")
        yield from _dense(block.cross_attention.output_dense, f"{cross}.output.dense")
        yield from _norm(block.norms[1], f"{cross}.output.LayerNorm")
        yield from _dense(block.intermediate_dense, f"{layer}.intermediate.dense")
        yield from _dense(block.output_dense, f"{layer}.output.dense")
        yield from _norm(block.norms[2], f"{layer}.output.LayerNorm")
    head = "text_decoder.cls.predictions"
    yield from _dense(decoder.transform_dense, f"{head}.transform.dense")
    yield from _norm(decoder.output_norm, f"{head}.transform.LayerNorm")
    yield WeightMap(decoder.bias, (f"{head}.bias",), (0,))


def _dense(layer: Any, *names: str) -> Iterator[WeightMap]:
    # PyTorch stores (outputs, inputs), Keras (inputs, outputs).
    yield WeightMap(layer.kernel, tuple(f"{name}.weight" for name in names), (1, 0))
    yield WeightMap(layer.bias, tuple(f"{name}.bias" for name in names), (0,))


def _norm(layer: Any, name: str) -> Iterator[WeightMap]:
    yield WeightMap(layer.gamma, (f"{name}.weight",), (0,))
    yield WeightMap(layer.beta, (f"{name}.bias",), (0,))
