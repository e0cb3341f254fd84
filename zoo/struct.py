"""Frozen records with checked fields: what data is, and what an artifact says of itself.

Opening an artifact must not cost the import of pydantic, so these records are msgspec structs.
Configurations, which explain every field to people, are pydantic models. Methods have the names
that they have in pydantic, and a record may be a field of a pydantic model.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, dataclass_transform

import msgspec
from msgspec import Meta

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that is neither NaN nor infinite."""

NonNegative = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
"""A finite number that is at least 0."""


class StructError(ValueError):
    """A field that does not hold what it is declared to hold.

    Attributes:
        where: Dotted path of the field.
        message: What was expected, and what was received.
    """

    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = where, message
        super().__init__(f"{where}: {message}" if where else message)


_PLACE = re.compile(r"(?s)(.*?)(?: - at (?:`key` in )?`\$(.*)`)?$")
_UNKNOWN = re.compile(r"(contains unknown field|missing required field) `(.*?)`")


def _explained(error: msgspec.ValidationError, inside: str = "") -> StructError:
    """Return msgspec's error with the path of the field in front, as ``parts.1.name``."""
    found = _PLACE.match(str(error))
    message, path = found.groups(default="") if found else (str(error), "")
    parts = [inside, *re.findall(r"[^.\[\]]+", path)]
    if named := _UNKNOWN.search(message):
        parts.append(named[2])
    if isinstance(error.__cause__, StructError):  # raised by a record's own check
        parts.append(error.__cause__.where)
        message = error.__cause__.message
    return StructError(".".join(filter(None, parts)), message)


class _KeywordOnly(msgspec.StructMeta):
    """Make every record take keywords; msgspec does not inherit that option."""

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        return super().__new__(cls, *arguments, **{"kw_only": True, **options})


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Struct(msgspec.Struct, metaclass=_KeywordOnly, frozen=True, forbid_unknown_fields=True):
    """Base of records: keyword arguments, checked types and limits, no change afterwards.

    Lists become tuples, whole numbers become floats and mappings become records where those are
    declared. An unknown or missing field or another type is a :class:`StructError`.

    Example:
        >>> class Point(Struct):
        ...     x: Finite
        ...     y: NonNegative = 0.0
        >>> Point(x=1)
        Point(x=1.0, y=0.0)
    """

    _dumped_if_given: ClassVar[tuple[str, ...]] = ()
    """Fields that dumps leave out while they have their default."""

    def __post_init__(self) -> None:
        for name, kind, _ in _fields(type(self)):
            given = getattr(self, name)
            try:
                checked = msgspec.convert(given, kind)
            except msgspec.ValidationError as error:
                raise _explained(error, name) from None
            if checked is not given:
                msgspec.structs.force_setattr(self, name, checked)
        self._check()

    def _check(self) -> None:
        """Check what no field says by itself; raise ``ValueError``."""

    @classmethod
    def model_validate(cls, data: Any) -> Self:
        """Return a record made of a mapping; a record of this class is returned as it is.

        Raises:
            StructError: If a field is wrong.
        """
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            raise _explained(error) from None

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Return a record made of a JSON text.

        Raises:
            StructError: If it is no JSON, or a field is wrong.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.ValidationError as error:
            raise _explained(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StructError("", str(error)) from None

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy in which some fields are others."""
        return msgspec.structs.replace(self, **(update or {}))

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: Collection[str] | None = None,
        exclude: Collection[str] = (),
        exclude_defaults: bool = False,
    ) -> dict[str, Any]:
        """Return the fields as plain data.

        Args:
            mode: ``json`` makes lists of tuples, and texts of enumerations.
            include: Which fields; all by default.
            exclude: Fields that are left out.
            exclude_defaults: Whether fields with their default value are left out, at every depth.
        """
        chosen = {
            name: getattr(self, name)
            for name, _, default in _fields(type(self))
            if name not in exclude
            and (include is None or name in include)
            and not (
                (exclude_defaults or name in self._dumped_if_given)
                and getattr(self, name) == default
            )
        }
        plain: dict[str, Any] = _plain(chosen, mode, exclude_defaults=exclude_defaults)
        return plain

    def model_dump_json(self, *, indent: int | None = None, exclude_defaults: bool = False) -> str:
        """Return the fields as a JSON text."""
        data = self.model_dump(mode="json", exclude_defaults=exclude_defaults)
        text = msgspec.json.encode(data)
        return (msgspec.json.format(text, indent=indent) if indent else text).decode()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.model_validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda record: record.model_dump(mode="json")
            ),
        )


@functools.cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, Any, Any], ...]:
    """Return the name, the type and the default of each field."""
    found = []
    for field in msgspec.structs.fields(kind):
        made = field.default_factory is not msgspec.NODEFAULT
        default = field.default_factory() if made else field.default
        found.append((field.name, field.type, default))
    return tuple(found)


def _plain(value: Any, mode: Literal["python", "json"], *, exclude_defaults: bool) -> Any:
    if isinstance(value, Struct):
        return value.model_dump(mode=mode, exclude_defaults=exclude_defaults)
    inside = functools.partial(_plain, mode=mode, exclude_defaults=exclude_defaults)
    if isinstance(value, Mapping):
        return {name: inside(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [inside(item) for item in value] if mode == "json" else tuple(map(inside, value))
    return msgspec.to_builtins(value) if mode == "json" else value
