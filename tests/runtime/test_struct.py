"""Records check their fields, do not change, and come back from their JSON text."""

from __future__ import annotations

import json
import pickle
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, strategies as st
from msgspec import Meta
from pydantic import BaseModel

from zoo.struct import Struct, StructError


class Color(StrEnum):
    RED = "red"


class Part(Struct):
    name: Annotated[str, Meta(pattern=r"^[a-z]+\Z")]
    size: Annotated[float, Meta(ge=0, le=9)] | None = None


class Whole(Struct):
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)]
    pair: tuple[int, str] = (0, "")
    color: Color = Color.RED
    kind: Literal["a", 1] = "a"
    named: dict[str, Part] = {}
    free: dict[str, Any] = {}
    axis: tuple[int | str, ...] = ()
    flag: bool = False


WHOLE = {"parts": [{"name": "x"}]}


def test_lists_mappings_and_whole_numbers_are_converted_to_the_declared_types():
    found = Whole(parts=[{"name": "x", "size": 1}], color="red", axis=[2, "time"])
    assert found.parts == (Part(name="x", size=1.0),) and found.axis == (2, "time")
    assert found.color is Color.RED and isinstance(found.parts[0].size, float)
    assert found == Whole.model_validate_json(found.model_dump_json())
    assert json.loads(found.model_dump_json()) == found.model_dump(mode="json")
    assert found.model_dump(mode="json", exclude_defaults=True) == {
        "parts": [{"name": "x", "size": 1.0}],
        "axis": [2, "time"],
    }
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"parts": []}, "parts"),
        ({"parts": [{"name": "x"}, {"name": "X"}]}, "parts.1.name"),
        ({"parts": [{"name": "x\n"}]}, "parts.0.name"),
        ({"parts": [{"name": "x", "size": 10}]}, "parts.0.size"),
        ({"parts": [{"name": "x", "size": float("nan")}]}, "parts.0.size"),
        ({"parts": [{"name": "x", "size": 10**400}]}, "parts.0.size"),
        ({"parts": [{"name": "x", "size": True}]}, "parts.0.size"),
        ({"parts": [{"name": "x", "more": 1}]}, "parts.0.more"),
        ({"parts": [{}]}, "parts.0.name"),
        ({"parts": "x"}, "parts"),
        ({"parts": ["x"]}, "parts.0"),
        ({"pair": [1]}, "pair"),
        ({"pair": [1.5, ""]}, "pair.0"),
        ({"color": "blue"}, "color"),
        ({"kind": True}, "kind"),
        ({"named": {"one": {"name": 1}}}, "named.name"),
        ({"free": []}, "free"),
        ({"flag": 1}, "flag"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(change: dict[str, Any], where: str):
    with pytest.raises(StructError) as caught:
        Whole.model_validate({**WHOLE, **change})
    assert caught.value.where == where


PLAIN = st.none() | st.booleans() | st.floats() | st.text()
NAMES = st.sampled_from(["parts", "name", "named", "size", "x"])


@given(
    st.recursive(
        PLAIN,
        lambda one: st.lists(one, max_size=4) | st.dictionaries(NAMES, one, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_value_is_a_record_or_a_struct_error(value: Any):
    try:
        Whole.model_validate(value)
    except StructError as error:
        assert str(error)


def test_a_record_does_not_change_and_a_changed_copy_is_checked():
    part = Part(name="x")
    with pytest.raises(AttributeError, match="immutable"):
        part.name = "y"  # type: ignore[misc]
    assert part.model_copy(update={"name": "y"}) == Part(name="y")
    assert {part: 1}[Part(name="x")] == 1
    with pytest.raises(StructError):
        part.model_copy(update={"name": 1})


def test_a_record_may_be_a_field_of_a_pydantic_model():
    class Model(BaseModel):
        part: Part

    assert Model(part={"name": "x"}).model_dump(mode="json") == {
        "part": {"name": "x", "size": None}
    }
    with pytest.raises(ValueError, match="matching regex"):
        Model(part={"name": "X"})
