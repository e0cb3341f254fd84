"""Diagnose a model: problems with their evidence and their cure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_inspect.diagnostics.checks import find_problems
from zoo_inspect.diagnostics.evidence import Evidence
from zoo_inspect.diagnostics.problem import Problem

if TYPE_CHECKING:
    import keras

    import zoo


@dataclass(frozen=True)
class Diagnosis:
    """What keeps a model from learning. A notebook shows it as a page.

    Attributes:
        problems: The problems, causes first; none if nothing was found.
        evidence: Everything that was measured.
    """

    problems: tuple[Problem, ...]
    evidence: Evidence

    @property
    def verdict(self) -> str:
        """The result in one sentence or two."""
        name = self.evidence.name
        if not self.problems:
            return f"Nothing was found that keeps {name} from learning."
        first, *others = self.problems
        words = f"{first.sentence[0].upper()}{first.sentence[1:]}. Cure: {first.cure}."
        if others:
            words += f" Also: {', '.join(problem.id for problem in others)}."
        return words

    @property
    def suggested_rate(self) -> float | None:
        """The learning rate that the range test suggests, if it does."""
        return None if self.evidence.trial is None else self.evidence.trial.suggested

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return {
            "name": self.evidence.name,
            "verdict": self.verdict,
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "suggested_rate": self.suggested_rate,
            "evidence": dataclasses.asdict(self.evidence),
        }


def diagnose(
    target: keras.Model | zoo.Run | str | Path,
    data: Any = None,
    *,
    data_options: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    **config: Any,
) -> Diagnosis:
    """Find out what keeps a model from learning, by a few dozen steps on a copy.

    The model, its optimizer and its data are not changed, and nothing is written. Looked at are:
    inputs, targets and the loss that compares them; the outputs, gradients and updates of each
    layer; dead and saturated units; the loss before training against chance; a learning-rate range
    test; whether one batch can be learned by heart; gradients against finite differences; and
    whether simple methods find anything in the data.

    Args:
        target: A compiled Keras model, a ``.keras`` file of one, the name of a model, or a run. A
            named model and a run start from new weights, with the configuration, plan and data of
            their training; others from the weights that they have.
        data: Training data: ``(x, y)`` or ``(x, y, weights)`` as arrays; anything that gives
            batches of these; a dataset's id or path. A model of the zoo has its own.
        data_options: Options of the data: see :func:`zoo.dataset`.
        batch_size: Examples per step; by default those of the plan, of the batches, or 32.
        **config: Fields of the configuration of a named model or a run.

    Returns:
        Problems, causes first, and everything that was measured.

    Raises:
        ConfigError: If the target cannot be trained.
        DataError: If the data does not fit the model, or the model cannot be copied.
        Diverged: If the loss is not finite, and nothing that was measured explains it.

    Example:
        >>> [problem.id for problem in diagnose("mlp_classifier").problems]
        []
    """
    from zoo_inspect.diagnostics.measuring import check_explained, measure
    from zoo_inspect.diagnostics.subject import open_subject

    subject = open_subject(
        target, data, data_options=data_options or {}, batch_size=batch_size, config=config
    )
    evidence = measure(subject)
    problems = find_problems(evidence)
    check_explained(evidence, explained=any(p.severity == "error" for p in problems))
    return Diagnosis(problems, evidence)
