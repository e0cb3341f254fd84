"""Requests and responses of the Open Inference Protocol v2.

Tensors are JSON numbers or, with the binary tensor extension, raw little-endian bytes that follow
the JSON in the same body.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from zoo.runtime import served_shape, served_type
from zoo.spec import TensorSpec
from zoo_serve.models import ServedModel


class BadRequest(Exception):
    """A request that cannot be answered, with the reason and the HTTP status."""

    def __init__(self, why: str, status: int = 400) -> None:
        self.why, self.status = why, status
        super().__init__(why)


class _Input(BaseModel):
    name: str
    shape: list[int] = Field(max_length=16)
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class _Output(BaseModel):
    name: str
    parameters: dict[str, Any] = {}


class _Request(BaseModel):
    id: str | None = None
    parameters: dict[str, Any] = {}
    inputs: list[_Input] = Field(min_length=1, max_length=256)
    outputs: list[_Output] | None = Field(None, max_length=256)


@dataclass(frozen=True)
class Inference:
    """A parsed inference request.

    Attributes:
        outputs: Requested outputs in order, and whether each is wanted as raw bytes.
    """

    id: str | None
    inputs: dict[str, np.ndarray[Any, Any]]
    outputs: dict[str, bool] = field(default_factory=dict)


def read_request(body: bytes, header_length: str | None, model: ServedModel) -> Inference:
    """Parse the body of an inference request.

    Args:
        body: JSON, followed by raw tensors if there are any.
        header_length: The header ``Inference-Header-Content-Length``: where the JSON ends.
        model: The model that the request is for.

    Raises:
        BadRequest: If the request does not follow the protocol, or does not fit the model.
    """
    head, tail = _split(body, header_length)
    request = _parse(head)
    specs = {spec.name: spec for spec in model.session.inputs}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    place = 0
    for tensor in request.inputs:
        spec = specs.get(tensor.name)
        if spec is None or tensor.name in arrays:
            trouble = "is given twice" if spec else f"is none of {', '.join(specs)}"
            raise BadRequest(f"input {tensor.name!r} {trouble}")
        _check_shape(tensor, spec, model.max_batch)
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            array = _from_json(tensor, spec)
        else:
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                raise BadRequest(f"input {tensor.name!r}: binary_data_size is no length")
            if tensor.data is not None:
                raise BadRequest(f"input {tensor.name!r} has both data and binary_data_size")
            array = _from_bytes(tensor, spec, tail[place : place + size])
            place += size
        if array.dtype.kind == "f" and not spec.missing and not np.isfinite(array).all():
            raise BadRequest(f"input {tensor.name!r} holds NaN or an infinite number")
        arrays[tensor.name] = array
    if place != len(tail):
        raise BadRequest(f"{len(tail)} bytes follow the JSON, and {place} are described by it")
    _check_together(arrays, specs)
    return Inference(request.id, arrays, _wanted(request, model))


def _split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    # Only ASCII digits: int() would also take signs, blanks and underscores.
    if not (header_length.isascii() and header_length.isdecimal() and len(header_length) < 16):
        raise BadRequest("Inference-Header-Content-Length is no number")
    end = int(header_length)
    if end > len(body):
        raise BadRequest(f"the JSON shall have {end} bytes, and the body has {len(body)}")
    return body[:end], body[end:]


def _parse(head: bytes) -> _Request:
    try:
        return _Request.model_validate(json.loads(head, parse_constant=_no_constant))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise BadRequest(f"{where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the request is no JSON: {' '.join(str(error).split())[:200]}") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON; null stands for a missing value")


def _check_shape(tensor: _Input, spec: TensorSpec, max_batch: int) -> None:
    expected = served_type(spec.dtype)
    if tensor.datatype != expected:
        raise BadRequest(f"input {tensor.name!r} is {expected}. Received: {tensor.datatype[:20]!r}")
    wanted = ("batch", *served_shape(spec))
    fits = len(tensor.shape) == len(wanted) and all(
        size == want if isinstance(want, int) else 0 < size < 2**31
        for size, want in zip(tensor.shape, wanted, strict=True)
    )
    if not fits:
        shown = ", ".join(map(str, wanted))
        raise BadRequest(f"input {tensor.name!r} has the shape [{shown}]. Received: {tensor.shape}")
    if tensor.shape[0] > max_batch:
        raise BadRequest(
            f"a batch has at most {max_batch} examples. Received: {tensor.shape[0]}; "
            "send several requests"
        )


def _from_bytes(tensor: _Input, spec: TensorSpec, raw: bytes) -> np.ndarray[Any, Any]:
    dtype = np.dtype(spec.dtype).newbyteorder("<")
    needed = math.prod(tensor.shape) * dtype.itemsize
    if len(raw) != needed or tensor.parameters["binary_data_size"] != needed:
        raise BadRequest(
            f"input {tensor.name!r} needs {needed} bytes for its shape. "
            f"Received: {tensor.parameters['binary_data_size']}, of which {len(raw)} are there"
        )
    return np.frombuffer(raw, dtype).astype(spec.dtype).reshape(tensor.shape)


def _from_json(tensor: _Input, spec: TensorSpec) -> np.ndarray[Any, Any]:
    if "shared_memory_region" in tensor.parameters:
        raise BadRequest(f"input {tensor.name!r}: shared memory is not offered")
    if not isinstance(tensor.data, list):
        raise BadRequest(f"input {tensor.name!r} has no list of data")
    try:
        given = np.asarray(tensor.data)
        if given.dtype.kind == "O" and spec.missing:
            given = np.asarray(tensor.data, dtype=np.float64)  # null becomes NaN
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadRequest(f"input {tensor.name!r}: its data are no numbers in even rows") from error
    kinds = {"b": "b", "f": "iuf"}.get(np.dtype(spec.dtype).kind, "iu")
    if given.dtype.kind not in kinds:
        raise BadRequest(f"input {tensor.name!r}: its data are not all {tensor.datatype}")
    if given.size != math.prod(tensor.shape):
        raise BadRequest(
            f"input {tensor.name!r} needs {math.prod(tensor.shape)} numbers for its shape. "
            f"Received: {given.size}"
        )
    if given.dtype.kind in "iu" and kinds == "iu":
        limits = np.iinfo(spec.dtype)
        if given.min() < limits.min or given.max() > limits.max:
            raise BadRequest(f"input {tensor.name!r}: {tensor.datatype} does not hold its data")
    with np.errstate(over="ignore"):  # what becomes infinite is refused with the other such
        return given.astype(spec.dtype).reshape(tensor.shape)


def _check_together(
    arrays: Mapping[str, np.ndarray[Any, Any]], specs: Mapping[str, TensorSpec]
) -> None:
    missing = [name for name in specs if name not in arrays]
    if missing:
        raise BadRequest(f"input {missing[0]!r} is missing")
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        for axis, size in zip(("batch", *served_shape(specs[name])), array.shape, strict=True):
            if isinstance(axis, str) and sizes.setdefault(axis, size) != size:
                raise BadRequest(f"inputs differ in their {axis}: {sizes[axis]} and {size}")


def _wanted(request: _Request, model: ServedModel) -> dict[str, bool]:
    there = [spec.name for spec in model.session.outputs]
    default = request.parameters.get("binary_data_output", False) is True
    if not request.outputs:
        return dict.fromkeys(there, default)
    wanted: dict[str, bool] = {}
    for output in request.outputs:
        if output.name not in there:
            raise BadRequest(f"output {output.name!r} is none of {', '.join(there)}")
        for extension in ("classification", "shared_memory_region"):
            if output.parameters.get(extension):
                raise BadRequest(f"output {output.name!r}: {extension} is not offered")
        wanted[output.name] = output.parameters.get("binary_data", default) is True
    return wanted


def write_response(
    model: ServedModel, inference: Inference, outputs: Mapping[str, np.ndarray[Any, Any]]
) -> tuple[bytes, int | None]:
    """Return the body of a response, and the length of its JSON if raw tensors follow."""
    entries, tail = [], b""
    for name, binary in inference.outputs.items():
        array = outputs[name]
        entry: dict[str, Any] = {
            "name": name,
            "datatype": served_type(array.dtype.name),
            "shape": list(array.shape),
        }
        if binary:
            raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
            entry["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            entry["data"] = [_plain(value) for value in array.reshape(-1).tolist()]
        entries.append(entry)
    response = {"model_name": model.name, "model_version": model.version, "outputs": entries}
    if inference.id is not None:
        response["id"] = inference.id
    head = json.dumps(response, allow_nan=False).encode()
    return head + tail, len(head) if any(inference.outputs.values()) else None


def _plain(value: Any) -> Any:
    # JSON has no number that is not finite.
    return None if isinstance(value, float) and not math.isfinite(value) else value
