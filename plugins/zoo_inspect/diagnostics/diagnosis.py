"""Diagnose a model: problems with their evidence and their cure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError
from zoo.report import render_page
from zoo_inspect.diagnostics.checks import find_problems
from zoo_inspect.diagnostics.evidence import Evidence
from zoo_inspect.diagnostics.problem import Problem

if TYPE_CHECKING:
    import keras

    import zoo
    from zoo_inspect.diagnostics.subject import Subject


@dataclass(frozen=True)
class Cure:
    """A change that was tried on a copy.

    Attributes:
        problem: The problem that it is for.
        change: What was changed.
        works: Whether the problem is gone, and no error is left in its place.
        left: Problems that are found with the change.
        before: Loss at the end of the trial without it; ``None`` if there was no trial.
        after: The same with it.
    """

    problem: str
    change: str
    works: bool
    left: tuple[Problem, ...]
    before: float | None
    after: float | None

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        if self.works:
            words = f"With {self.change} {self.problem} is gone"
        else:
            words = f"{self.change} was tried, and does not cure {self.problem}"
        if self.before is not None and self.after is not None:
            words += (
                f": the loss at the end of the trial is {self.after:.3g}, was {self.before:.3g}"
            )
        left = ", ".join(problem.id for problem in self.left)
        return f"{words}. Left: {left}." if left and self.works else f"{words}."


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What keeps a model from learning. A notebook shows it as a page.

    Attributes:
        problems: The problems, causes first; none if nothing was found.
        evidence: Everything that was measured.
        cure: The change that was tried against the first problem; ``None`` if none was asked for,
            or there is none that a program can make.
    """

    problems: tuple[Problem, ...]
    evidence: Evidence
    cure: Cure | None = None

    def __repr__(self) -> str:
        return f"<Diagnosis: {self.verdict}>"

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
            "cure": None if self.cure is None else dataclasses.asdict(self.cure),
            "evidence": dataclasses.asdict(self.evidence),
        }

    def html(self) -> str:
        """Return the page.

        Raises:
            MissingExtra: If jinja2 or matplotlib is not installed.
        """
        from zoo_inspect.diagnostics.figures import sections_of

        return render_page(
            self.evidence.name, sections_of(self), lead=self.verdict, eyebrow="zoo diagnose"
        )

    def _repr_html_(self) -> str:
        from zoo_inspect.page import in_notebook

        return in_notebook(self.html())


def diagnose(
    target: keras.Model | zoo.Run | str | Path,
    data: Any = None,
    *,
    data_options: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    cure: bool = False,
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
        cure: Whether to try a cure of the first problem: a setting of a model of the zoo, or a
            change of a copy of any other.
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
    from zoo_inspect.diagnostics.subject import open_subject

    options: dict[str, Any] = {"data_options": data_options or {}, "batch_size": batch_size}
    subject = open_subject(target, data, **options, config=config)
    found = _diagnose(subject)
    if not cure or not found.problems:
        return found
    return dataclasses.replace(found, cure=_try_cures(found, subject, data, options, config))


def _diagnose(subject: Subject) -> Diagnosis:
    from zoo_inspect.diagnostics.measuring import check_explained, measure

    evidence = measure(subject)
    problems = find_problems(evidence)
    check_explained(evidence, explained=any(p.severity == "error" for p in problems))
    return Diagnosis(problems, evidence)


def _try_cures(
    found: Diagnosis,
    subject: Subject,
    data: Any,
    options: Mapping[str, Any],
    config: Mapping[str, Any],
) -> Cure | None:
    """Try what may cure the first problem, until something does."""
    tried = None
    for changed, words in _changes(found, subject, data, options, config):
        try:
            after = _diagnose(changed)
        except ZooError:
            continue
        problem = found.problems[0].id
        ids = {p.id for p in after.problems if p.severity == "error"}
        works = not ids and problem not in {p.id for p in after.problems}
        tried = Cure(problem, words, works, after.problems, _last_loss(found), _last_loss(after))
        if works:
            break
    return tried


def _changes(
    found: Diagnosis,
    subject: Subject,
    data: Any,
    options: Mapping[str, Any],
    config: Mapping[str, Any],
) -> Iterator[tuple[Subject, str]]:
    from zoo_inspect.diagnostics.cures import changed_subject, settings_for
    from zoo_inspect.diagnostics.subject import open_subject

    first = found.problems[0]
    if subject.target is None:
        changed = changed_subject(subject, first, found.evidence)
        if changed is not None:
            yield changed
        return
    for change in settings_for(first, subject.config, found.suggested_rate):
        given = {**options, "config": {**config, **change}}
        if "batch_size" in change:
            given = {**options, **change, "config": config}
        words = ", ".join(f"{key}={value}" for key, value in change.items())
        try:
            yield open_subject(subject.target, data, **given), words
        except ZooError:
            continue  # the configuration has the field, and not this value


def _last_loss(found: Diagnosis) -> float | None:
    """Return the mean loss of the last quarter of the trial: one batch says little."""
    trial = found.evidence.trial
    if trial is None or not trial.losses or not math.isfinite(trial.losses[-1]):
        return None
    last = trial.losses[-max(1, len(trial.losses) // 4) :]
    return sum(last) / len(last)
