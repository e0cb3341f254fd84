"""Other packages look on; none of them can cost another its turn, or the run its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.registry.fakes import install
from zoo.errors import PluginBroken, ZooWarning
from zoo.hookspecs import hookimpl
from zoo.registry import Hooks, Policy, Registry


def test_a_hook_is_called_with_the_arguments_that_it_names() -> None:
    seen = []

    class Tracker:
        @hookimpl
        def zoo_after_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
            seen.append((epoch, metrics))

    hooks = Hooks()
    hooks.register(Tracker())
    hooks.call("zoo_after_epoch", run_dir=Path(), epoch=3, metrics={"loss": 0.5})

    assert seen == [(3, {"loss": 0.5})]


def test_a_hook_that_raises_is_reported_and_the_next_one_still_runs() -> None:
    seen = []

    class Bad:
        @hookimpl
        def zoo_before_epoch(self, epoch: int) -> None:
            raise RuntimeError("disk on fire")

    class Good:
        @hookimpl
        def zoo_before_epoch(self, epoch: int) -> None:
            seen.append(epoch)

    hooks = Hooks()
    hooks.register(Good(), name="good")
    hooks.register(Bad(), name="bad")
    with pytest.warns(ZooWarning, match="disk on fire"):
        hooks.call("zoo_before_epoch", run_dir=Path(), epoch=1)

    assert seen == [1]
    assert "bad" in hooks.broken[0].what


def test_strict_hooks_fail_loudly() -> None:
    hooks = Hooks(strict=True)
    hooks.register(SimpleNamespace(zoo_before_epoch=hookimpl(lambda epoch: 1 / 0)), name="divider")

    with pytest.raises(PluginBroken, match="divider"):
        hooks.call("zoo_before_epoch", run_dir=Path(), epoch=1)


def test_a_hook_package_is_loaded_when_a_moment_comes_and_a_broken_one_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = "@zoo.hookimpl\ndef zoo_before_verify"
    listener = f"import zoo\nseen = []\n{mark}(path):\n    seen.append(path)\n"
    misfit = f"import zoo\n{mark}(no_such_argument):\n    pass\n"
    install(
        tmp_path,
        "zoo-listener",
        points={"zoo.hooks": {"listener": "listener_module", "misfit": "misfit_module"}},
        files={"listener_module.py": listener, "misfit_module.py": misfit},
    )
    monkeypatch.syspath_prepend(tmp_path)
    hooks = Hooks(Registry(Policy()).hook_providers())
    with pytest.warns(ZooWarning, match="misfit"):
        hooks.call("zoo_before_verify", path=Path("a"))
    hooks.call("zoo_before_verify", path=Path("b"))

    import listener_module

    assert listener_module.seen == [Path("a"), Path("b")]
    assert len(hooks.broken) == 1
