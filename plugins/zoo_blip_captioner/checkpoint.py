"""Reading and writing of the reference's safetensors files.

safetensors files hold names, shapes and numbers only; pickles, which run code, are refused.
Importing this module imports no keras.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from zoo.errors import DataError, Finding, Incompatible, MissingExtra, Unsupported
from zoo.files import atomic_write, storage_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo import TextSpec
    from zoo_blip_captioner.text import TextDecoder
    from zoo_blip_captioner.vision import VisionTransformer

TYPE = ".safetensors"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

TIED_TENSORS = {
    "text_decoder.cls.predictions.decoder.weight": (
        "text_decoder.bert.embeddings.word_embeddings.weight"
    ),
    "text_decoder.cls.predictions.decoder.bias": "text_decoder.cls.predictions.bias",
}
"""Tied tensors that a file may repeat."""

BUFFERS = ("text_decoder.bert.embeddings.position_ids", "vision_model.embeddings.position_ids")
"""Position ids in older files, which are ignored."""

_SHOWN = 8
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


class Captioner(Protocol):
    """Encoder, decoder and vocabulary of a captioner.

    Attributes:
        vision: The image encoder.
        decoder: The text decoder.
        text_spec: Vocabulary and special tokens.
    """

    vision: VisionTransformer
    decoder: TextDecoder
    text_spec: TextSpec


def weights_files(source: Path) -> list[Path]:
    """Return the safetensors files of a folder, or a given file.

    Raises:
        Incompatible: If there is none, or only a pickle.
        DataError: If the index of several files cannot be read.
    """
    if source.suffix.lower() in PICKLED and not source.is_dir():
        raise _pickle(source)
    if source.is_file():
        return [source]
    if (source / WEIGHTS).is_file():
        return [source / WEIGHTS]
    if (source / INDEX).is_file():
        names = sorted(set(_index(source / INDEX).values()))
        if bad := [name for name in names if Path(name).name != name or Path(name).suffix != TYPE]:
            raise DataError(
                f"{source / INDEX} names something else than a {TYPE} file of its folder",
                why=repr(bad[0]),
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


def read_weights(captioner: Captioner, source: Path) -> None:
    """Load the tensors of a folder or file into a captioner.

    All names, shapes and numbers are checked before any weight is changed.

    Raises:
        Incompatible: If tensors are missing, unexpected, or of other shapes.
        DataError: If a file cannot be read, or has values that are not finite.
        MissingExtra: If safetensors is not installed.
    """
    wanted = _links(captioner)
    with _Tensors(weights_files(source)) as tensors:
        _compare(wanted, tensors, source)
        # Read twice rather than kept: the largest captioner would be in memory twice.
        for link in wanted:
            for name in link.tensors:
                tensors.read(name)
        for link in wanted:
            link.weight.assign(
                link.from_tensors({name: tensors.read(name) for name in link.tensors})
            )


def write_weights(captioner: Captioner, folder: Path) -> Path:
    """Write the weights in the reference's format, and return the file.

    Raises:
        Unsupported: If the captioner has a stem, which the reference lacks.
        StorageError: If it cannot be written.
        MissingExtra: If safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtra("writing weights of the hub", "captioning", "safetensors") from error

    tensors: dict[str, Any] = {}
    for link in _links(captioner):
        tensors |= {name: part.astype(np.float32) for name, part in link.to_tensors().items()}
    with storage_errors(folder, "writing"):
        folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    return folder / WEIGHTS


class _Tensors:
    """Lazily read tensors of safetensors files, by name."""

    def __init__(self, files: Sequence[Path]) -> None:
        try:
            from safetensors import SafetensorError, safe_open
        except ImportError as error:
            raise MissingExtra("reading weights of the hub", "captioning", "safetensors") from error
        self._broken, self._open = SafetensorError, safe_open
        self._opened: list[Any] = []
        self._home: dict[str, tuple[Any, Path]] = {}
        for file in files:
            try:
                opened = safe_open(file, framework="np")
                self._opened.append(opened)
                names = list(opened.keys())  # type: ignore[no-untyped-call]
            except (SafetensorError, OSError) as error:
                self.close()
                raise _unreadable(file, error) from error
            for name in names:
                if name in self._home:
                    raise DataError(
                        f"{file} holds {name!r} once more", why="each may be there once"
                    )
                self._home[name] = opened, file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._home)

    def close(self) -> None:
        """Close the files."""
        self._home = {}
        self._opened = []

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        opened, _ = self._home[name]
        return tuple(opened.get_slice(name).get_shape())

    def read(self, name: str) -> Any:
        """Read a tensor as float32.

        Raises:
            DataError: If it cannot be read, is not floating point, or has values that are not
                finite.
        """
        opened, file = self._home[name]
        kind = opened.get_slice(name).get_dtype()
        if kind not in _FLOATS:
            raise DataError(
                f"{file}: the tensor {name!r} is of type {kind}",
                why=f"weights are of {', '.join(_FLOATS)}",
                fix="take a file of weights that were not quantized",
            )
        try:
            # Opened anew: what was read through one opening stays in memory as long as it is open.
            with self._open(file, framework="np") as anew:
                array = _brain_floats(file, name) if kind == "BF16" else anew.get_tensor(name)
        except (self._broken, OSError) as error:
            raise _unreadable(file, error, name) from error
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise DataError(
                f"{file}: the tensor {name!r} holds NaN or infinity",
                why="no model computes anything with such a weight",
                fix="fetch the file again, or take another one",
            )
        return array


def _brain_floats(file: Path, name: str) -> Any:
    """Read a tensor of bfloat16, a type that NumPy lacks: the upper halves of float32."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        told = json.loads(stream.read(length))[name]
        first, behind = told["data_offsets"]
        stream.seek(8 + length + first)
        halves = np.frombuffer(stream.read(behind - first), "<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(told["shape"])


def _links(captioner: Captioner) -> list[WeightMap]:
    if captioner.vision.stem:
        raise Unsupported(
            "a captioner with a stem has no form in the reference's files",
            why="BLIP itself looks at patches of the picture directly",
            fix="save it as a Keras model: captioner.save('mine.keras')",
        )
    return weight_maps(captioner)


def _compare(wanted: Sequence[WeightMap], tensors: _Tensors, source: Path) -> None:
    """Check all names and shapes."""
    shapes = {name: shape for link in wanted for name, shape in link.shapes.items()}
    there = set(tensors)
    missing = sorted(set(shapes) - there)
    extra = sorted(there - set(shapes) - set(TIED_TENSORS) - set(BUFFERS))
    findings = [Finding(name, "nothing", f"a tensor of {list(shapes[name])}") for name in missing]
    findings += [Finding(name, list(tensors.shape(name)), "no such tensor") for name in extra]
    findings += [
        Finding(name, list(tensors.shape(name)), f"the shape {list(shape)}")
        for name, shape in sorted(shapes.items())
        if name in there and tensors.shape(name) != shape
    ]
    if not findings:
        for name, first in TIED_TENSORS.items():
            if name in there and not np.array_equal(tensors.read(name), tensors.read(first)):
                findings.append(Finding(name, "other numbers", f"those of {first}: it is tied"))
    if findings:
        more = len(findings) - _SHOWN
        lines = [str(finding) for finding in findings[:_SHOWN]]
        lines += [f"and {more} more"] if more > 0 else []
        raise Incompatible(
            f"the weights in {source} are not those of this captioner: "
            f"{len(missing)} tensors missing, {len(extra)} too many, "
            f"{len(findings) - len(missing) - len(extra)} of another form",
            why="\n       ".join(lines),
            fix="take the configuration from the folder of the weights: BlipCaptioner."
            "from_pretrained(FOLDER)",
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
        why="reading a pickle runs whatever program was put into it",
        fix="convert it where you trust it: transformers.BlipForConditionalGeneration."
        f"from_pretrained({str(path.parent)!r}).save_pretrained('safe'), and name that folder",
    )


def _unreadable(file: Path, error: Exception, name: str = "") -> DataError:
    part = f", tensor {name!r}," if name else ""
    return DataError(
        f"{file}{part} cannot be read",
        why=" ".join(str(error).split())[:300] or type(error).__name__,
        fix="the file may be cut off or of another kind: fetch it again",
    )


def weight_maps(captioner: Captioner) -> list[WeightMap]:
    """Return the mapping of every weight of a captioner without a stem.

    The names are those of ``BlipForConditionalGeneration``: the vision attention has one matrix of
    queries, keys and values, the text attention three.
    """
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
    # PyTorch keeps a matrix with what comes out in its first axis, Keras in its last.
    yield WeightMap(layer.kernel, tuple(f"{name}.weight" for name in names), (1, 0))
    yield WeightMap(layer.bias, tuple(f"{name}.bias" for name in names), (0,))


def _norm(layer: Any, name: str) -> Iterator[WeightMap]:
    yield WeightMap(layer.gamma, (f"{name}.weight",), (0,))
    yield WeightMap(layer.beta, (f"{name}.bias",), (0,))
