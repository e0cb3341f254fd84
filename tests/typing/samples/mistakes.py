"""Mistakes that a type checker must find: each line says which. Never run."""

from __future__ import annotations

import zoo


def mistakes(run: zoo.Run) -> None:
    zoo.biuld("cnn")  # E: attr-defined
    zoo.list_models(tasks="classification")  # E: call-arg
    zoo.train(epochs="three")  # E: call-overload
    zoo.evaluate(run, split="all")  # E: arg-type
    zoo.export(run, out=3)  # E: arg-type
    zoo.verify(3)  # E: arg-type
    run.histroy  # E: attr-defined # noqa: B018
    zoo.TrainPlan(epoch=3)  # E: call-arg
    zoo.evaluate(run).scores["accuracy"].vlaue  # E: attr-defined # noqa: B018


class Wrong(zoo.Architecture[zoo.ModelConfig]):
    """Builds from the wrong things."""

    def build(self, config: int, data: zoo.DataSpec) -> None:  # E: override
        """Return nothing."""
