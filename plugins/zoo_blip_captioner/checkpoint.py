"""Weights in the reference's form, safetensors files, read and written strictly.

The form is a list of names, shapes and numbers: nothing of it is executed, which is why a pickle
is refused. Importing this module imports no keras.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zoo.errors import DataError, Finding, Incompatible, MissingExtra, Unsupported
from zoo.files import atomic_write, storage_errors
from zoo_blip_captioner.names import BUFFERS, REPEATED, Link, links

if TYPE_CHECKING:
    from zoo_blip_captioner.sides import Sides

TYPE = ".safetensors"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

_SHOWN = 8
_FLOATS = ("F16", "BF16", "F32", "F64")


def weights_files(source: Path) -> list[Path]:
    """Return the safetensors files of a folder, or the one that is named.

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


def read_weights(captioner: Sides, source: Path) -> None:
    """Put the tensors of a folder or file into a captioner: each once, and none left over.

    Everything is compared, and every number looked at, before anything is changed.

    Raises:
        Incompatible: If tensors are missing, too many, or of other shapes.
        DataError: If a file cannot be read, or holds something else than finite numbers.
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
            link.weight.assign(link.ours({name: tensors.read(name) for name in link.tensors}))


def write_weights(captioner: Sides, folder: Path) -> Path:
    """Write the weights as a file that the reference reads, and return it.

    Raises:
        Unsupported: If the captioner has a stem, which the reference has not.
        StorageError: If it cannot be written.
        MissingExtra: If safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtra("writing weights of the hub", "captioning", "safetensors") from error

    tensors: dict[str, Any] = {}
    for link in _links(captioner):
        tensors |= {name: part.astype(np.float32) for name, part in link.theirs().items()}
    with storage_errors(folder, "writing"):
        folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    return folder / WEIGHTS


class _Tensors:
    """The tensors of some files, by name, read when they are asked for."""

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
        """Let go of the files."""
        self._home = {}
        self._opened = []

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, unread."""
        opened, _ = self._home[name]
        return tuple(opened.get_slice(name).get_shape())

    def read(self, name: str) -> Any:
        """Return a tensor as float32.

        Raises:
            DataError: If it cannot be read, is not of floats, or one of them is not finite.
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
    """Return a tensor of bfloat16, the upper halves of float32, which NumPy has no type for."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        told = json.loads(stream.read(length))[name]
        first, behind = told["data_offsets"]
        stream.seek(8 + length + first)
        halves = np.frombuffer(stream.read(behind - first), "<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(told["shape"])


def _links(captioner: Sides) -> list[Link]:
    if captioner.vision.stem:
        raise Unsupported(
            "a captioner with a stem has no form in the reference's files",
            why="BLIP itself looks at patches of the picture directly",
            fix="save it as a Keras model: captioner.save('mine.keras')",
        )
    return links(captioner)


def _compare(wanted: Sequence[Link], tensors: _Tensors, source: Path) -> None:
    """Check names and shapes, all of them, before a weight is touched."""
    shapes = {name: shape for link in wanted for name, shape in link.shapes.items()}
    there = set(tensors)
    missing = sorted(set(shapes) - there)
    extra = sorted(there - set(shapes) - set(REPEATED) - set(BUFFERS))
    findings = [Finding(name, "nothing", f"a tensor of {list(shapes[name])}") for name in missing]
    findings += [Finding(name, list(tensors.shape(name)), "no such tensor") for name in extra]
    findings += [
        Finding(name, list(tensors.shape(name)), f"the shape {list(shape)}")
        for name, shape in sorted(shapes.items())
        if name in there and tensors.shape(name) != shape
    ]
    if not findings:
        for name, first in REPEATED.items():
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


__all__ = ["INDEX", "PICKLES", "WEIGHTS", "read_weights", "weights_files", "write_weights"]
