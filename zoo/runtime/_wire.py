"""Protobuf's wire format: the fields of a message, one after the other, without copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field: a number in ``value``, or the bytes of anything else in ``data``."""

    number: int
    kind: int
    value: int
    data: memoryview


def text(data: memoryview) -> str:
    """Return a text; other bytes than UTF-8 raise ``ValueError``."""
    return bytes(data).decode("utf-8")


def fields(data: memoryview) -> Iterator[Field]:
    """Yield the fields of one message; a malformed one raises ``ValueError``."""
    place, end, empty = 0, len(data), data[:0]
    while place < end:
        tag, place = varint(data, place)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == VARINT:
            value, place = varint(data, place)
            yield Field(number, kind, value, empty)
            continue
        if kind == BYTES:
            size, place = varint(data, place)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if size > end - place:
            raise ValueError(f"{size} bytes are announced, {end - place} are left")
        yield Field(number, kind, 0, data[place : place + size])
        place += size


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")


def numbers(field: Field) -> list[int]:
    """Return the numbers of a repeated field, one by one or packed together."""
    if field.kind != BYTES:
        return [field.value]
    found, place = [], 0
    while place < len(field.data):
        value, place = varint(field.data, place)
        found.append(value)
    return found


__all__ = ["BYTES", "FIXED32", "FIXED64", "VARINT", "Field", "fields", "numbers", "text", "varint"]
