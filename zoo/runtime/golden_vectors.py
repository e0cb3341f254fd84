"""Golden vectors: recorded inputs and outputs, and the tolerance at which they are compared."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime.arrays import UNREADABLE
from zoo.runtime.artifact_files import COPY_AGAIN
from zoo.runtime.manifest import Tolerance
from zoo.spec import Arrays, TensorSpec

_KINDS = "biuf"


@dataclass(frozen=True)
class Vector:
    """Recorded inputs and outputs of one call of a signature."""

    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]


def pack_vectors(cases: Mapping[str, Sequence[Vector]]) -> bytes:
    """Return the bytes of ``vectors.npz``: the same arrays give the same bytes.

    The members are named ``<signature>/<case>/inputs/<name>`` and ``.../outputs/<name>``; they are
    stored uncompressed, so that a reader can bound what it will need.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for signature in sorted(cases):
            for index, case in enumerate(cases[signature]):
                for part, arrays in (("inputs", case.inputs), ("outputs", case.outputs)):
                    for name in sorted(arrays):
                        member = io.BytesIO()
                        array = np.ascontiguousarray(arrays[name])
                        np.lib.format.write_array(member, array, allow_pickle=False)
                        entry = zipfile.ZipInfo(f"{signature}/{index}/{part}/{name}.npy")
                        entry.create_system = 3
                        archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def unpack_vectors(raw: bytes, signature: str) -> list[Vector]:
    """Return the golden vectors of a signature.

    Raises:
        Incompatible: If the bytes are not what :func:`pack_vectors` writes. Nothing is
            decompressed, unpickled, or allocated beyond the file's own size.
    """
    found: dict[int, dict[str, dict[str, np.ndarray[Any, Any]]]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(raw):
                    raise ValueError(f"{entry.filename} is compressed")
                owner, index, part, name = entry.filename.removesuffix(".npy").split("/")
                if owner != signature:
                    continue
                case = found.setdefault(int(index), {"inputs": {}, "outputs": {}})
                case[part][name] = _array(archive.read(entry))
    except UNREADABLE as error:
        raise Incompatible(
            "the golden vectors cannot be read",
            why=str(error),
            fix=COPY_AGAIN,
        ) from error
    return [Vector(found[i]["inputs"], found[i]["outputs"]) for i in sorted(found)]


def _array(raw: bytes) -> np.ndarray[Any, Any]:
    # numpy's own reader allocates what the header announces; this one looks first.
    stream = io.BytesIO(raw)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array of another format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    start = stream.tell()
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in _KINDS or fortran_order or size != len(raw) - start:
        raise ValueError("an array's header does not fit its data")
    return np.frombuffer(raw[start:], dtype).reshape(shape)


@dataclass(frozen=True)
class Difference:
    """Difference of two arrays.

    Attributes:
        share: Largest difference as a share of the tolerance; above 1 is a failure.
        absolute: Largest difference.
        where: Index of the element with the largest share.
        why: Explanation, if it is not about numbers.
    """

    share: float
    absolute: float
    where: tuple[int, ...] = ()
    why: str = ""


def row_scale(reference: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the largest magnitude of each example, with shape ``[batch, 1, ...]``."""
    flat = np.abs(reference.astype(np.float64)).reshape(len(reference), -1)
    largest = flat.max(axis=1, initial=0.0)
    scale: np.ndarray[Any, Any] = largest.reshape((-1,) + (1,) * (reference.ndim - 1))
    return scale


def compare(
    actual: np.ndarray[Any, Any], reference: np.ndarray[Any, Any], tolerance: Tolerance | None
) -> Difference:
    """Compare an output with the recorded one.

    Args:
        actual: Output of the graph.
        reference: Output of the Keras model, examples along the first axis.
        tolerance: The tolerance; ``None`` for equality.
    """
    if actual.shape != reference.shape or actual.dtype != reference.dtype:
        found = f"{actual.dtype}{list(actual.shape)}"
        wanted = f"{reference.dtype}{list(reference.shape)}"
        return Difference(np.inf, np.inf, (), f"it is {found} instead of {wanted}")
    if not actual.size:
        return Difference(0.0, 0.0)
    if tolerance is None or reference.dtype.kind != "f":
        wrong = actual != reference
        if not wrong.any():
            return Difference(0.0, 0.0)
        first = _place(wrong)
        return Difference(np.inf, 1.0, first, f"{actual[first]} instead of {reference[first]}")
    if not np.isfinite(actual).all():
        first = _place(~np.isfinite(actual))
        return Difference(np.inf, np.inf, first, f"{actual[first]} instead of {reference[first]}")
    apart = np.abs(actual.astype(np.float64) - reference.astype(np.float64))
    share = apart / (tolerance.absolute + tolerance.relative * row_scale(reference))
    first = _place(share)
    return Difference(float(share[first]), float(apart.max()), first)


def _place(values: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Return the index of the largest element."""
    return tuple(int(i) for i in np.unravel_index(int(values.argmax()), values.shape))


def compare_all(
    actual: Arrays,
    reference: Arrays,
    tolerances: Mapping[str, Tolerance],
    specs: Sequence[TensorSpec],
) -> dict[str, Difference]:
    """Compare all outputs of one call; a missing or additional one differs, too.

    Args:
        actual: Outputs of the graph.
        reference: The recorded outputs.
        tolerances: The tolerance of each output with floats.
        specs: Specs of the outputs. Where two classes tie within the tolerance, either is right.
    """
    found = {}
    by_name = {spec.name: spec for spec in specs}
    for name in sorted({*actual, *reference}):
        if name not in actual or name not in reference:
            why = "it is missing" if name not in actual else "it is not expected"
            found[name] = Difference(np.inf, np.inf, (), why)
            continue
        wanted = reference[name]
        spec = by_name.get(name)
        if spec and spec.role == "class" and spec.of in actual and spec.of in tolerances:
            chances = np.moveaxis(actual[spec.of], by_name[spec.of].class_axis, -1)
            if actual[name].shape == wanted.shape == chances.shape[:-1]:
                scale = row_scale(actual[spec.of]).reshape((-1,) + (1,) * (wanted.ndim - 1))
                wanted = _ties(actual[name], wanted, chances, tolerances[spec.of], scale)
        found[name] = compare(actual[name], wanted, tolerances.get(name))
    return found


def _ties(
    actual: np.ndarray[Any, Any],
    reference: np.ndarray[Any, Any],
    chances: np.ndarray[Any, Any],
    tolerance: Tolerance,
    scale: np.ndarray[Any, Any],
) -> np.ndarray[Any, Any]:
    """Return the recorded labels; where two classes tie, those of ``actual``.

    Classes whose probabilities are closer than the tolerance are a tie: either is right.
    """
    classes = chances.shape[-1]
    if ((actual < 0) | (actual >= classes) | (reference < 0) | (reference >= classes)).any():
        return reference
    best = chances.max(-1).astype(np.float64)
    chosen = np.take_along_axis(chances, actual[..., None], -1)[..., 0]
    other = np.take_along_axis(chances, reference[..., None], -1)[..., 0]
    allowed = 2 * (tolerance.absolute + tolerance.relative * scale)
    tie = (chosen == best) & (best - other <= allowed)
    settled: np.ndarray[Any, Any] = np.where(tie, actual, reference)
    return settled
