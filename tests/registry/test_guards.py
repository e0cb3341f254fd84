"""What a stranger's method raises has the stranger's name on it; what is not its fault passes."""

from __future__ import annotations

import inspect

import pytest

from zoo.architecture import Architecture, ArchitectureInfo
from zoo.config import ModelConfig
from zoo.errors import ConfigError, PluginBroken
from zoo.registry.entrypoints import Provider
from zoo.registry.guards import guard


class Odd(Architecture[ModelConfig]):
    """An architecture whose builder raises what it is given."""

    info = ArchitectureInfo(name="odd", summary="A model made up.", tasks=("classification",))
    Config = ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        if isinstance(config, BaseException):
            raise config
        return config, data


@pytest.fixture
def odd() -> Odd:
    provider = Provider("odd", f"{__name__}:Odd", "zoo-odd", "2.1", "", None)  # type: ignore[arg-type]
    architecture = Odd()
    guard(architecture, provider)
    return architecture


@pytest.mark.parametrize("error", [ValueError("too odd"), SystemExit(3), OSError("gone")])
def test_an_exception_names_distribution_version_method_reason_and_place(odd, error):
    with pytest.raises(PluginBroken) as caught:
        odd.build(error, None)
    assert "'odd' from zoo-odd 2.1 failed in build()" in caught.value.what
    assert str(error) in caught.value.why
    assert "test_guards.py:" in caught.value.why
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        ConfigError("wrong", fix="right"),
        UserWarning("as asked"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_strangers_fault_passes_as_it_is(odd, error):
    with pytest.raises(type(error)) as caught:
        odd.build(error, None)
    assert caught.value is error


def test_a_guarded_architecture_is_what_it_was(odd):
    assert isinstance(odd, Odd)
    assert odd.build(1, data=2) == (1, 2)
    assert inspect.signature(odd.build) == inspect.signature(Odd().build)
    assert "recipe" not in vars(odd), "what it does not have of its own is not its fault"
