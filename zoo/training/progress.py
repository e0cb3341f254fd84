"""Base class of the objects that follow a training run."""

from __future__ import annotations

from collections.abc import Mapping


class Progress:
    """Callbacks of a training run, for a progress bar or a log. Each does nothing by default.

    Example:
        >>> class Printed(zoo.Progress):
        ...     def on_epoch_end(self, epoch, logs):
        ...         print(epoch, sorted(logs))
        >>> other = zoo.train(run.architecture, epochs=1, progress=Printed())
        1 ['accuracy', 'epoch', 'learning_rate', 'loss', 'seconds', 'val_accuracy', 'val_loss']
    """

    def on_preparation_begin(self, what: str, steps: int) -> None:
        """Work before the first epoch starts; :meth:`on_steps_end` counts its steps too."""

    def on_fit_begin(self, epochs: int, steps: int) -> None:
        """A run, or a further phase of it, starts: ``epochs`` epochs of ``steps`` steps each."""

    def on_steps_end(self, steps: int) -> None:
        """``steps`` more steps are done."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """An epoch ended, counted from 1 over the whole run; ``logs`` is its line of history."""

    def on_stop_requested(self, reason: str) -> None:
        """The run was ``interrupted`` or ``terminated``, and stops once its state is saved."""

    def on_train_end(self) -> None:
        """The run ended, also after an error."""
