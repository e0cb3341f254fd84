"""Other packages look on; none of them can cost another its turn, or the run its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pluggy
import pytest

from tests.registry.fakes import install
from zoo import hookspecs
from zoo.errors import HookFailed, UnknownModel, ZooWarning
from zoo.hookspecs import hookimpl
from zoo.registry.hooks import Hooks
from zoo.registry.policy import Policy
from zoo.registry.registry import Registry


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


class Good:
    """Says that its turn came."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    @hookimpl
    def zoo_before_epoch(self, epoch: int) -> None:
        self.seen.append(epoch)


def raising(error: BaseException) -> SimpleNamespace:
    def raise_it() -> None:
        raise error

    return SimpleNamespace(
        **{name: hookimpl(raise_it) for name in vars(hookspecs) if name.startswith("zoo_")}
    )


@pytest.mark.parametrize(
    "error",
    [RuntimeError("disk on fire"), SystemExit("disk on fire"), GeneratorExit("disk on fire")],
)
def test_a_hook_that_raises_is_reported_and_the_next_one_still_runs(error: BaseException) -> None:
    hooks, good = Hooks(), Good()
    hooks.register(good, name="good")
    hooks.register(raising(error), name="bad")
    with pytest.warns(ZooWarning, match="zoo_before_epoch of 'bad'.*failed") as caught:
        hooks.call("zoo_before_epoch", run_dir=Path(), epoch=1)

    assert good.seen == [1]
    assert len(caught) == 1
    assert "disk on fire" in str(caught[0].message)


def test_an_interrupt_while_a_hook_runs_is_heard() -> None:
    hooks = Hooks(failures="warn")
    hooks.register(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        hooks.call("zoo_before_epoch", run_dir=Path(), epoch=1)


def test_where_the_policy_is_to_fail_each_hook_has_its_turn_and_the_first_failure_is_raised() -> (
    None
):
    hooks, good = Hooks(failures="fail"), Good()
    hooks.register(raising(SystemExit("first")), name="first")
    hooks.register(raising(ValueError("second")), name="second")
    hooks.register(good, name="good")

    with (
        pytest.warns(ZooWarning, match="second"),
        pytest.raises(HookFailed, match="'first'") as caught,
    ):
        hooks.call("zoo_before_epoch", run_dir=Path("runs/cnn-1"), epoch=1)
    assert good.seen == [1]
    assert "runs/cnn-1 can be resumed" in caught.value.what
    assert isinstance(caught.value.__cause__, SystemExit)


def test_a_hook_that_fails_while_an_error_is_on_its_way_does_not_take_its_place() -> None:
    hooks = Hooks(failures="fail")
    hooks.register(raising(ValueError("tracker")), name="tracker")
    with pytest.warns(ZooWarning, match="tracker"):
        hooks.call("zoo_after_train", ending=True, run_dir=Path(), record={})


@pytest.mark.parametrize("moment", [name for name in vars(hookspecs) if name.startswith("zoo_")])
def test_of_every_moment_a_failure_says_what_stands(moment: str) -> None:
    hooks = Hooks(failures="fail")
    hooks.register(raising(ValueError("no")), name="one")
    with pytest.raises(HookFailed) as caught:
        hooks.call(moment, run_dir=Path("here"), path=Path("here"), name="cnn")
    assert caught.value.what.partition("; ")[2]


def test_what_a_hook_advises_is_handed_on() -> None:
    hooks = Hooks(failures="fail")
    hooks.register(raising(UnknownModel("no cnn", why="it is gone", fix="zoo list")), name="one")
    with pytest.raises(HookFailed) as caught:
        hooks.call("zoo_before_verify", path=Path())
    assert (caught.value.why, caught.value.fix) == ("no cnn: it is gone", "zoo list")


def test_a_wrapper_is_named_as_what_is_never_called() -> None:
    class Wrapper:
        @pluggy.HookimplMarker("zoo")(wrapper=True)
        def zoo_before_verify(self):
            return (yield)

    hooks = Hooks()
    hooks.register(Wrapper(), name="wrapping")
    with pytest.warns(ZooWarning, match="Received: a wrapper"):
        hooks.call("zoo_before_verify", path=Path())


def test_an_installed_hook_that_raises_is_named_with_its_package_version_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import zoo\n\n@zoo.hookimpl\ndef zoo_before_verify(path):\n    open(path / 'no')\n"
    install(
        tmp_path,
        "zoo-careless",
        version="2.1",
        points={"zoo.hooks": {"careless": "careless_module"}},
        files={"careless_module.py": source},
    )
    monkeypatch.syspath_prepend(tmp_path)
    hooks = Hooks(Registry(Policy()).providers("zoo.hooks"), failures="fail")
    with pytest.raises(HookFailed, match="zoo_before_verify of zoo-careless 2.1") as caught:
        hooks.call("zoo_before_verify", path=Path("nowhere"))
    problem = caught.value.as_dict()
    assert (problem["hook"], problem["distribution"], problem["version"]) == (
        "zoo_before_verify",
        "zoo-careless",
        "2.1",
    )
    assert "FileNotFoundError" in problem["why"]
    assert "careless_module.py:5" in problem["why"]
    assert "ZOO_BLOCK=zoo-careless" in problem["fix"]


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
    hooks = Hooks(Registry(Policy()).providers("zoo.hooks"))
    with pytest.warns(ZooWarning, match="misfit"):
        hooks.call("zoo_before_verify", path=Path("a"))
    hooks.call("zoo_before_verify", path=Path("b"))

    import listener_module

    assert listener_module.seen == [Path("a"), Path("b")]
