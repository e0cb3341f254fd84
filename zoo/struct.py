"""Frozen records whose fields are checked: what data is, and what an artifact says of itself.

Opening an artifact and asking it once takes a sixth of a second, and importing pydantic another
tenth. So what is read with every artifact is made of these instead; configurations, which explain
every field to people, are pydantic models. Methods have the names that they have there, and a
record may be a field of a pydantic model.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    NoReturn,
    Self,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

_REQUIRED: Any = object()
_Check = Callable[[Any], Any]


class StructError(ValueError):
    """A field does not hold what it is declared to hold.

    Attributes:
        where: Dotted path of the field.
        message: What was expected, and what was received.
    """

    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = where, message
        super().__init__(f"{where}: {message}" if where else message)

    def inside(self, name: object) -> StructError:
        """Return the same error of a field that lies in another."""
        return StructError(f"{name}.{self.where}" if self.where else str(name), self.message)


class _Limits(NamedTuple):
    default: Any
    ge: float | None
    gt: float | None
    le: float | None
    pattern: str | None
    min_length: int
    max_length: int | None

    def check(self, value: Any) -> None:
        if isinstance(value, int | float):
            for wrong, sign, bound in (
                (self.ge is not None and value < self.ge, ">=", self.ge),
                (self.gt is not None and value <= self.gt, ">", self.gt),
                (self.le is not None and value > self.le, "<=", self.le),
            ):
                if wrong:
                    _refuse(f"a number {sign} {bound}", value)
        elif value is not None:
            if len(value) < self.min_length:
                _refuse(f"at least {self.min_length} elements", value)
            if self.max_length is not None and len(value) > self.max_length:
                _refuse(f"at most {self.max_length} elements", value)
            if self.pattern is not None and not re.fullmatch(self.pattern, value):
                _refuse(f"text of the form {self.pattern}", value)


def limited(
    *,
    default: Any = _REQUIRED,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    pattern: str | None = None,
    min_length: int = 0,
    max_length: int | None = None,
) -> Any:
    """Declare a field with limits: of a number, or of the length or form of a text or tuple."""
    return _Limits(default, ge, gt, le, pattern, min_length, max_length)


class _Field(NamedTuple):
    default: Any
    check: _Check
    limits: _Limits | None


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(limited,))
class Struct:
    """Base of records: keyword arguments, checked types and limits, no change afterwards.

    Lists become tuples, whole numbers become floats and mappings become records where those are
    declared. An unknown or missing field, a number that is not finite, or another type is a
    :class:`StructError`.

    Example:
        >>> class Point(Struct):
        ...     x: float
        ...     y: float = limited(default=0, ge=0)
        >>> Point(x=1)
        Point(x=1.0, y=0.0)
    """

    _fields_of_class: ClassVar[dict[str, _Field] | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._fields_of_class = None

    def __init__(self, **values: Any) -> None:
        found = self.__dict__
        for name, field in self._fields().items():
            if name in values:
                try:
                    found[name] = value = field.check(values.pop(name))
                    if field.limits is not None:
                        field.limits.check(value)
                except StructError as error:
                    raise error.inside(name) from None
            elif field.default is _REQUIRED:
                raise StructError(name, "the field is required")
            else:
                found[name] = field.default
        if values:
            raise StructError(str(next(iter(values))), "there is no such field")
        self._check()

    def _check(self) -> None:
        """Check what no field says by itself; raise ``ValueError``."""

    @classmethod
    def _fields(cls) -> dict[str, _Field]:
        if cls._fields_of_class is None:
            cls._fields_of_class = found = {}
            for name, kind in get_type_hints(cls).items():
                if name.startswith("_") or get_origin(kind) is ClassVar:
                    continue
                check, default = _checker(kind), getattr(cls, name, _REQUIRED)
                limits = default if isinstance(default, _Limits) else None
                default = default if limits is None else limits.default
                known = default if default is _REQUIRED else check(default)
                found[name] = _Field(known, check, limits)
        return cls._fields_of_class

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed: use model_copy")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be removed")

    def _values(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self._fields())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._fields())
        return f"{type(self).__name__}({told})"

    @classmethod
    def model_validate(cls, data: Any) -> Self:
        """Return a record made of a mapping; a record of this class is returned as it is.

        Raises:
            StructError: If a field is wrong.
        """
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
            _refuse("an object", data)
        return cls(**data)

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Return a record made of a JSON text."""
        return cls.model_validate(json.loads(text))

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy in which some fields are others."""
        values = {name: self.__dict__[name] for name in self._fields()}
        return type(self)(**{**values, **(update or {})})

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
        found = {}
        for name, field in self._fields().items():
            value = self.__dict__[name]
            chosen = name not in exclude and (include is None or name in include)
            if chosen and not (exclude_defaults and value == field.default):
                found[name] = _dumped(value, mode, exclude_defaults=exclude_defaults)
        return found

    def model_dump_json(self, *, indent: int | None = None, exclude_defaults: bool = False) -> str:
        """Return the fields as a JSON text."""
        data = self.model_dump(mode="json", exclude_defaults=exclude_defaults)
        return json.dumps(data, indent=indent, ensure_ascii=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.model_validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda record: record.model_dump(mode="json")
            ),
        )


def _refuse(expected: str, value: Any) -> NoReturn:
    shown = repr(value)
    raise StructError("", f"expected {expected}. Received: {shown[:200]}")


def _dumped(value: Any, mode: Literal["python", "json"], *, exclude_defaults: bool) -> Any:
    if isinstance(value, Struct):
        return value.model_dump(mode=mode, exclude_defaults=exclude_defaults)
    if isinstance(value, tuple | list):
        items = [_dumped(item, mode, exclude_defaults=exclude_defaults) for item in value]
        return items if mode == "json" else tuple(items)
    if isinstance(value, Mapping):
        return {
            name: _dumped(item, mode, exclude_defaults=exclude_defaults)
            for name, item in value.items()
        }
    return value.value if mode == "json" and isinstance(value, Enum) else value


def _checker(kind: Any) -> _Check:
    """Return a function that checks and converts values of a declared type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda value: value
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, UnionType):
        return _union([_checker(one) for one in arguments])
    if origin is tuple:
        return _tuple(arguments)
    if origin is dict:
        return _dict(_checker(arguments[1]))
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind.model_validate
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    return {str: _str, bool: _bool, int: _int, float: _float, NoneType: _none}[kind]


def _str(value: Any) -> Any:
    return value if isinstance(value, str) else _refuse("text", value)


def _bool(value: Any) -> Any:
    return value if isinstance(value, bool) else _refuse("true or false", value)


def _int(value: Any) -> Any:
    right = isinstance(value, int) and not isinstance(value, bool)
    return value if right else _refuse("a whole number", value)


def _float(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    return _refuse("a finite number", value)


def _none(value: Any) -> Any:
    return None if value is None else _refuse("null", value)


def _literal(allowed: tuple[Any, ...]) -> _Check:
    def check(value: Any) -> Any:
        for one in allowed:
            if type(value) is type(one) and value == one:
                return one
        return _refuse(f"one of {', '.join(map(repr, allowed))}", value)

    return check


def _enum(kind: type[Enum]) -> _Check:
    def check(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            return _refuse(f"one of {', '.join(str(one.value) for one in kind)}", value)

    return check


def _union(options: list[_Check]) -> _Check:
    def check(value: Any) -> Any:
        errors = []
        for option in options:
            try:
                return option(value)
            except StructError as error:
                errors.append(error)
        # The option that got furthest has understood most of the value.
        raise max(errors, key=lambda error: error.where.count(".") + bool(error.where))

    return check


def _tuple(arguments: tuple[Any, ...]) -> _Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        every, size = _checker(arguments[0]), None
        checks = [every]
    else:
        checks, size = [_checker(one) for one in arguments], len(arguments)

    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return _refuse("a list", value)
        if size is not None and len(value) != size:
            return _refuse(f"{size} elements", value)
        found = []
        for index, item in enumerate(value):
            try:
                found.append(checks[index if size is not None else 0](item))
            except StructError as error:
                raise error.inside(index) from None
        return tuple(found)

    return check


def _dict(every: _Check) -> _Check:
    def check(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return _refuse("an object", value)
        found = {}
        for name, item in value.items():
            try:
                found[_str(name)] = every(item)
            except StructError as error:
                raise error.inside(name) from None
        return found

    return check
