"""Train a model, and resume a run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.api.catalog import hooks, registry
from zoo.api.datasets import DataSource, open_dataset
from zoo.api.environment import environment_of
from zoo.api.model_factory import (
    architecture_of,
    build_model,
    make_blueprint,
    needs_keras,
    refuse_weights,
)
from zoo.api.run import Run
from zoo.architecture import Architecture, Blueprint
from zoo.config import TrainPlan, configure
from zoo.errors import ConfigError, Finding, PluginBroken, StorageError, ZooError
from zoo.files import replacing, sha256_file, sha256_json
from zoo.metrics.scores import plan_with_mode
from zoo.spec import IN_MEMORY, Dataset
from zoo.training.progress import Progress, ProgressBar
from zoo.training.run_folder import NOT_METRICS, RunFolder
from zoo.training.run_record import FORMAT_VERSION, SessionMeter

if TYPE_CHECKING:
    import keras

    from zoo.training.loop import Loop


def train(
    name: str | None = None,
    data: DataSource = None,
    *,
    data_options: Mapping[str, Any] | None = None,
    run_dir: str | Path | None = None,
    resume: str | Path | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    patience: int | None = None,
    plan: Mapping[str, Any] | None = None,
    progress: Progress | Literal[False] | None = None,
    **config: Any,
) -> Run:
    """Train a model and return its run.

    Args:
        name: A model of :func:`list_models`; not needed to resume.
        data: A dataset's id, the path of your own files, or data in Python: see :func:`dataset`; by
            default one that works offline. To resume, only what was in Python is given again.
        data_options: Options of the data: see :func:`dataset`.
        run_dir: An empty or new folder for the run; by default the next ``runs/<name>-<n>``.
        resume: The folder of a run to resume from its newest complete checkpoint. It keeps its
            configuration, plan and data, and ends bit for bit as if it had never stopped.
        epochs: Passes over the training split.
        batch_size: Examples per step.
        seed: Random seed.
        patience: Stop after this many epochs without a better validation loss.
        plan: Other fields of :class:`TrainPlan`.
        progress: A :class:`Progress` with callbacks; ``False`` shows nothing. By default there is a
            bar in a notebook and on a terminal.
        **config: Fields of the model's configuration, as for :func:`build`.

    Raises:
        ZooError: One of its kinds, see :mod:`zoo.errors`; the run's record says what happened.
        KeyboardInterrupt: After Ctrl-C, once the current step or validation has ended and its
            state is saved; a second Ctrl-C does not wait.
        SystemExit: After SIGTERM, likewise, with 143. In the main thread only, and only if the
            signal has no other handler.

    Example:
        >>> run = zoo.train("mlp_classifier", "digits", epochs=2, dropout=0.1)
        >>> run.path
        PosixPath('runs/mlp_classifier-1')
    """
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "patience": patience}
    chosen = {**(plan or {}), **{key: value for key, value in given.items() if value is not None}}
    if resume is not None:
        return _resume(Path(resume), name, sorted({*chosen, *config}), data, progress)
    if name is None:
        raise ConfigError(
            "which model?", findings=[Finding("name", None, "a model's name")], fix="zoo list"
        )
    progress = _progress(progress)
    blueprint, train_plan, found = _resolve(name, data, data_options or {}, chosen, config)
    # Read before the folder is made: unreadable data leaves no folder behind.
    sizes = {split: len(found.split(split)) for split in ("train", "validation")}
    fingerprint = found.fingerprint
    progress.on_data(found, math.ceil(sizes["train"] / train_plan.batch_size))

    folder = RunFolder.create(registry().get(name).info.name, run_dir)
    provider = registry().resolve(name).provider
    distribution, version = provider.distribution, provider.version
    resolved = blueprint.config.model_dump(mode="json")
    record = {
        "format_version": FORMAT_VERSION,
        "id": folder.id,
        "architecture": {
            "name": blueprint.architecture,
            "distribution": distribution,
            "version": version,
        },
        "config": resolved,
        "config_hash": sha256_json(resolved),
        "plan": train_plan.model_dump(mode="json"),
        "data": {
            # A third-party dataset may lack these.
            "source": str(getattr(found, "source", found.spec.id)),
            "options": dict(getattr(found, "options", {})),
            "spec": found.spec.model_dump(mode="json"),
            "fingerprint": fingerprint,
            "sizes": sizes,
        },
        "seed": train_plan.seed,
    }
    with folder.locked():
        folder.refuse_second_start()
        try:
            return _fit(folder, record, blueprint, train_plan, found, progress, resume=False)
        except ConfigError:
            # The architecture does not support this data: there is nothing to resume.
            if run_dir is None:
                folder.discard()
            raise


@dataclass(frozen=True)
class TrainingSetup:
    """What a training would start from.

    Attributes:
        model: The compiled model, before its first step.
        dataset: The data as the training loop receives it, with what ``train`` of the architecture
            makes of it.
        plan: The training plan.
    """

    model: keras.Model
    dataset: Dataset
    plan: TrainPlan


def prepare_training(
    target: str | Run,
    data: DataSource = None,
    *,
    data_options: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    **config: Any,
) -> TrainingSetup:
    """Do what a training does before its first step, and stop there. Nothing is written.

    Args:
        target: A model of :func:`list_models`, or a run, whose configuration, plan and data are
            taken; its weights are not.
        data: As for :func:`train`.
        data_options: As for :func:`train`.
        plan: Fields of :class:`TrainPlan`.
        **config: Fields of the model's configuration.

    Raises:
        ZooError: As :func:`train` does.

    Example:
        >>> setup = zoo.prepare_training("autoencoder")
        >>> sorted(setup.dataset.split("train").take(np.arange(1))[1])
        ['image']
    """
    from zoo.training.randomness import seeded

    if isinstance(target, Run):
        own = target.blueprint.config.model_dump(mode="json")
        blueprint, train_plan, found = _resolve(
            target.architecture,
            target.dataset() if data is None else data,
            data_options or {},
            {**target.record["plan"], **(plan or {})},
            {**own, **config},
        )
    else:
        blueprint, train_plan, found = _resolve(
            target, data, data_options or {}, dict(plan or {}), config
        )
    architecture = architecture_of(blueprint)
    loop = _FirstFit(train_plan)
    with seeded(train_plan.seed):
        model = build_model(architecture, blueprint)
        architecture.load_pretrained(model)
        _adapt(architecture, model, found)
        with contextlib.suppress(_Reached):
            architecture.train(model, found, loop)
    if loop.received is None:
        raise PluginBroken(
            f"{blueprint.architecture}.train never calls loop.fit",
            why="a training is prepared up to the first call",
            fix="train with loop.fit(model, dataset)",
        )
    return TrainingSetup(*loop.received, plan=train_plan)


class _Reached(BaseException):
    """The first step of a training. Not an error, so that no plugin catches it as one."""


class _FirstFit:
    """A training loop that keeps what it receives, and ends the training there."""

    def __init__(self, plan: TrainPlan) -> None:
        self.plan = plan
        self.received: tuple[keras.Model, Dataset] | None = None

    def fit(self, model: keras.Model, dataset: Dataset, **_: Any) -> None:
        self.received = model, dataset
        raise _Reached

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        return lambda steps: None


def _resolve(
    name: str,
    data: DataSource,
    data_options: Mapping[str, Any],
    plan: Mapping[str, Any],
    config: Mapping[str, Any],
) -> tuple[Blueprint, TrainPlan, Dataset]:
    """Return blueprint, plan and data of a training, before anything is built."""
    refuse_weights(name)
    architecture = registry().get(name)
    needs_keras(f"training {name}")
    found = open_dataset(architecture.default_dataset if data is None else data, **data_options)
    given = configure(
        architecture.default_config(found.spec).plan,
        plan,
        what="training plan",
        fix="zoo train --help, or zoo.TrainPlan, says what a plan holds",
    )
    return make_blueprint(name, found.spec, config), plan_with_mode(given), found


def _progress(asked: Progress | Literal[False] | None) -> Progress:
    return ProgressBar() if asked is None else asked or Progress()


def _resume(
    path: Path,
    name: str | None,
    changes: list[str],
    data: DataSource,
    progress: Progress | Literal[False] | None,
) -> Run:
    run = Run(path)
    if name not in (None, run.architecture, run.architecture.partition("@")[0]):
        changes = ["name", *changes]
    # Only data in Python is given again: it is not stored with the run.
    if data is not None and run.record["data"]["source"] != IN_MEMORY:
        changes = ["data", *changes]
    if changes:
        raise ConfigError(
            f"{path} is resumed as it was started",
            findings=[Finding(change, "a new value", "left out") for change in changes],
            fix=f"zoo train {run.architecture} --resume {path}",
        )
    if run.status == "finished":
        return run
    needs_keras("resuming a run")
    found = run.dataset() if data is None else run.keep_dataset(data)
    blueprint, plan = run.blueprint, run.plan
    with run.folder.locked():
        # Another process may have finished it meanwhile.
        now = Run(path)
        if now.status == "finished":
            return now
        return _fit(
            now.folder, now.record, blueprint, plan, found, _progress(progress), resume=True
        )


def _fit(
    folder: RunFolder,
    record: dict[str, Any],
    blueprint: Blueprint,
    plan: TrainPlan,
    data: Dataset,
    progress: Progress,
    *,
    resume: bool,
) -> Run:
    """Build, adapt and train in a locked folder, and record the outcome."""
    from zoo.training.interrupts import Terminated
    from zoo.training.loop import Loop
    from zoo.training.randomness import seeded

    architecture = architecture_of(blueprint)
    meter = SessionMeter(record, environment_of(architecture), folder.write_record)

    def call_hook(name: str, **arguments: Any) -> None:
        if name == "zoo_after_epoch":
            meter.on_epoch_end(arguments["epoch"])
        hooks().call(name, **arguments)

    loop = Loop(folder, plan, progress=progress, call_hook=call_hook, resume=resume)

    def close(status: str, because: str) -> None:
        record.update(status=status, stopped_because=because, **_outcome(loop))
        meter.update(status)
        hooks().call(
            "zoo_after_train", ending=status != "finished", run_dir=folder.path, record=record
        )

    with loop.interrupts.handled(), seeded(plan.seed):
        try:
            record.update(status="running", stopped_because="", **_outcome(loop))
            meter.update("running")
            hooks().call("zoo_before_train", run_dir=folder.path, record=record)
            model = build_model(architecture, blueprint)
            record["parameters"] = model.count_params()
            architecture.load_pretrained(model)
            _adapt(architecture, model, data)
            architecture.train(model, data, loop)
            record["model"] = _save(model, folder)
        except (KeyboardInterrupt, Terminated) as signal:
            close("stopped", "terminated" if isinstance(signal, Terminated) else "interrupted")
            raise
        except BaseException as error:
            # On a full disk the record cannot be written either: it stays "running", as after a
            # kill.
            with contextlib.suppress(StorageError):
                close("failed", error.what if isinstance(error, ZooError) else repr(error))
            raise
        finally:
            progress.on_train_end()
        close("finished", loop.stopped_because)
        loop.interrupts.check()
    run = Run(folder.path)
    run.__dict__["model"] = model
    if record["data"]["source"] == IN_MEMORY:
        run.keep_dataset(data)
    return run


def _outcome(loop: Loop) -> dict[str, Any]:
    state = loop.state
    line = state.history[state.best_epoch - 1] if state.best_epoch else {}
    best = {name: value for name, value in line.items() if name not in NOT_METRICS}
    return {"epochs_done": state.epoch, "best_epoch": state.best_epoch, "best": best}


def _adapt(architecture: Architecture[Any], model: keras.Model, data: Dataset) -> None:
    """Adapt preprocessing layers to the training split, or to an even sample of data on disk."""
    import numpy as np

    split = data.split("train")
    arrays = split.arrays()
    if arrays is None:
        arrays = split.take(np.linspace(0, len(split) - 1, min(len(split), 4096)).astype(int))
    architecture.adapt(model, *arrays)


def _save(model: keras.Model, folder: RunFolder) -> dict[str, Any]:
    """Save the complete model, or nothing; return the size and digest of its file."""
    with replacing(folder.model_file) as temporary:
        model.save(temporary)
        return {"bytes": temporary.stat().st_size, "sha256": sha256_file(temporary)}
