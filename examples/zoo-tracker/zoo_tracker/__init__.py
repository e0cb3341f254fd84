"""A run tracker for the zoo: every run as TensorBoard event files, in the run's own folder."""

import json
from pathlib import Path

import zoo

FOLDER = "tensorboard"
"""Where the files lie inside a run's folder; ``tensorboard --logdir runs`` finds them."""

_ABOUT = ("architecture", "config", "plan", "data", "seed", "versions")


class Tracker:
    """Follows every training of this process, whatever it is called for."""

    def __init__(self):
        self._records = {}
        self._logs = {}

    @zoo.hookimpl
    def zoo_before_train(self, run_dir, record):
        """Remember what is trained. Which epoch comes first is not known yet."""
        try:
            import tensorflow  # noqa: F401 - fail once and early, not in every epoch
        except ImportError as error:
            raise zoo.ZooError(
                "zoo-tracker writes with tensorflow, which is not installed",
                why="the run goes on, and is not tracked",
                fix='pip install "zoo-tracker[tensorboard]"',
            ) from error
        self._records[_key(run_dir)] = dict(record)

    @zoo.hookimpl
    def zoo_before_epoch(self, run_dir, epoch):
        """Open the log at the first epoch. A resumed run drops what it is about to do again."""
        if _key(run_dir) in self._records and _key(run_dir) not in self._logs:
            self._open(run_dir, epoch)

    @zoo.hookimpl
    def zoo_after_epoch(self, run_dir, epoch, metrics):
        """Write the epoch's line, and have it on disk before the next epoch."""
        log = self._logs.get(_key(run_dir))
        if log is not None:
            log.scalars(epoch, _tagged(metrics))
            log.flush()

    @zoo.hookimpl
    def zoo_after_train(self, run_dir, record):
        """Write how it ended: finished, stopped by a person, or failed, and why."""
        if _key(run_dir) not in self._records:
            return
        # A run that failed before its first epoch has a log as well.
        log = self._logs.get(_key(run_dir)) or self._open(run_dir, None)
        done, status = int(record["epochs_done"]), str(record["status"])
        if status == "finished":
            log.scalars(done, {f"final/{name}": value for name, value in record["best"].items()})
        because = record.get("stopped_because")
        log.text(done, "status", f"{status}: {because}" if because else status)
        log.close()
        del self._records[_key(run_dir)], self._logs[_key(run_dir)]

    def _open(self, run_dir, epoch):
        from zoo_tracker.events import EventLog

        folder = Path(run_dir) / FOLDER
        log = self._logs[_key(run_dir)] = EventLog(folder, drop_from=epoch)
        if log.is_new:
            record = self._records[_key(run_dir)]
            about = {name: record[name] for name in _ABOUT if name in record}
            log.text(0, "run", f"```\n{json.dumps(about, indent=2)}\n```")
        elif log.last_status.startswith(("started", "resumed")):
            # Nobody wrote how that session ended, so nobody was left to write it.
            log.text(log.last_step, "status", "died: the process ended without a word")
        if epoch is None:
            return log
        # Of a process that died between an epoch and its line here, the history knows more.
        for line in zoo.Run(run_dir).history:
            if line["epoch"] < epoch:
                log.scalars(int(line["epoch"]), _tagged(line))
        log.text(epoch - 1, "status", "started" if log.is_new else f"resumed at epoch {epoch}")
        log.flush()
        return log


def _tagged(line):
    """Return a line of a history under TensorBoard's tags: one group a split."""
    tags = {}
    for name, value in line.items():
        if name in {"learning_rate", "seconds", "phase"}:
            tags[f"training/{name}"] = value
        elif name.startswith("val_"):
            tags[f"validation/{name.removeprefix('val_')}"] = value
        elif name != "epoch":
            tags[f"train/{name}"] = value
    return tags


def _key(run_dir):
    return Path(run_dir).resolve()


tracker = Tracker()

__all__ = ["FOLDER", "Tracker", "tracker"]
