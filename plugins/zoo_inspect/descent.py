"""Gradient descent on losses that fit on a page: one weight, a bowl, a ravine.

Every loss is quadratic, so that all of it can be computed by hand: gradient descent with the rate
η on a curvature λ multiplies the distance to the minimum by ``1 - η λ`` in each step, and diverges
from ``η = 2 / λ`` on (Boyd & Vandenberghe 2004, Convex Optimization, section 9.3); with the
momentum β it diverges from ``2 (1 + β) / λ`` on (Polyak 1964; Goh 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, Finding
from zoo.metrics.figures import Figure, Lines, Series, Table
from zoo.report import Section, render_page

Array = NDArray[np.float64]
Problem = Literal["line", "bowl", "ravine"]
Method = Literal["sgd", "momentum", "adam"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
METHODS: tuple[Method, ...] = get_args(Method)

STEPS = 100
MOMENTUM = 0.9
_BETAS = (0.9, 0.999)
_EPSILON = 1e-7
_MOST_STEPS = 10_000
_ADAM_RATES = (0.01, 0.3, 3.0)
_SHARES = {"sgd": (0.1, 0.5, 1.05), "momentum": (0.0001, 0.05, 1.05)}
_RATES = ("small", "good", "too large")
_TRIAL_STEPS = 2_000
_BISECTIONS = 30
_CLOSE = 1e-3


@dataclass(frozen=True)
class Loss:
    """A quadratic loss ``½ (w - minimum)ᵀ hessian (w - minimum) + floor``.

    Attributes:
        about: What it is the loss of.
        hessian: Second derivatives, `(weights, weights)`.
        minimum: Best weights.
        start: Weights that the descent starts from.
        floor: The loss at the minimum.
    """

    about: str
    hessian: Array
    minimum: Array
    start: Array
    floor: float = 0.0

    def value(self, weights: Array) -> float:
        """Return the loss."""
        off = weights - self.minimum
        return float(0.5 * off @ self.hessian @ off) + self.floor

    def gradient(self, weights: Array) -> Array:
        """Return the gradient, one number per weight."""
        return np.asarray(self.hessian @ (weights - self.minimum))

    @property
    def curvature(self) -> float:
        """The largest curvature λ in any direction."""
        return float(np.linalg.eigvalsh(self.hessian)[-1])

    @property
    def condition(self) -> float:
        """Largest over smallest curvature."""
        values = np.linalg.eigvalsh(self.hessian)
        return float(values[-1] / values[0])


def make_loss(problem: Problem) -> Loss:
    """Return one of the losses.

    ``line`` is the mean squared error of a line ``y = w x`` through nine points; ``bowl`` has
    nearly the same curvature in all directions, ``ravine`` 25 times as much in one as in the other.
    """
    if problem == "line":
        x = np.linspace(-1, 1, 9)
        y = 2 * x + 0.1 * np.cos(5 * x)
        # mean((w x - y)²) = mean(x²) (w - best)² + the rest
        power, best = float((x**2).mean()), float((x * y).mean() / (x**2).mean())
        rest = float(((best * x - y) ** 2).mean())
        hessian, minimum, start = np.array([[2 * power]]), np.array([best]), np.array([-1.0])
        return Loss(
            "the mean squared error of a line with one weight", hessian, minimum, start, rest
        )
    tall = 1.25 if problem == "bowl" else 25.0
    about = f"two weights, with curvatures of 1 and {tall:g}"
    return Loss(about, np.diag([1.0, tall]), np.zeros(2), np.array([-2.0, 0.8]))


@dataclass(frozen=True)
class Descent:
    """One descent.

    Attributes:
        rate: The learning rate.
        path: Weights before each step and at the end, `(steps + 1, weights)`.
        losses: Loss at each of them.
        diverged: Whether the loss at the end is above that at the start.
        steps_to_minimum: Steps until the loss above the minimum is a thousandth of its start and
            stays there; ``None`` if it is not reached.
    """

    rate: float
    path: Array
    losses: Array
    diverged: bool
    steps_to_minimum: int | None


def walk(loss: Loss, method: Method, rate: float, steps: int) -> Descent:
    """Descend with one learning rate.

    Args:
        loss: The loss.
        method: ``sgd``; ``momentum`` with β = 0.9, as Keras's SGD; ``adam`` (Kingma & Ba 2014,
            arXiv:1412.6980, algorithm 1).
        rate: The learning rate.
        steps: Number of steps. A descent that leaves all bounds stops early.
    """
    weights = loss.start.copy()
    path, velocity, square = [weights.copy()], np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        gradient = loss.gradient(weights)
        if method == "adam":
            velocity = _BETAS[0] * velocity + (1 - _BETAS[0]) * gradient
            square = _BETAS[1] * square + (1 - _BETAS[1]) * gradient**2
            first = velocity / (1 - _BETAS[0] ** step)
            second = square / (1 - _BETAS[1] ** step)
            weights = weights - rate * first / (np.sqrt(second) + _EPSILON)
        else:
            velocity = (MOMENTUM if method == "momentum" else 0.0) * velocity - rate * gradient
            weights = weights + velocity
        path.append(weights.copy())
        if np.abs(weights).max() > 1e100:
            break
    losses = np.array([loss.value(point) for point in path])
    above = losses - loss.floor
    far = np.flatnonzero(above > _CLOSE * above[0])
    reached = int(far[-1]) + 1 if len(far) else 0
    return Descent(
        rate=rate,
        path=np.array(path),
        losses=losses,
        diverged=bool(losses[-1] > losses[0]),
        steps_to_minimum=reached if reached < len(path) else None,
    )


def divergence_rate(loss: Loss, method: Method) -> float | None:
    """Return the rate from which the descent diverges, by the equations; ``None`` for Adam.

    The steps of Adam are bounded by its rate, whatever the gradient is: it oscillates, and does not
    diverge on a quadratic loss.
    """
    if method == "adam":
        return None
    return 2 * (1 + (MOMENTUM if method == "momentum" else 0.0)) / loss.curvature


def observed_divergence_rate(loss: Loss, method: Method) -> float | None:
    """Return the smallest rate at which a long descent diverges, found by bisection.

    ``None`` if none up to a hundred times the reciprocal curvature does.
    """
    low, high = 0.0, 100 / loss.curvature
    if not walk(loss, method, high, _TRIAL_STEPS).diverged:
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if walk(loss, method, middle, _TRIAL_STEPS).diverged:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class DescentReport:
    """Descents with several learning rates. A notebook shows it as a page.

    Attributes:
        problem: The loss, by name.
        method: The method.
        loss: The loss.
        descents: One descent per rate.
        diverges_from: The rate at which it diverges, by the equations.
        observed: The same, found by trying.
    """

    problem: Problem
    method: Method
    loss: Loss
    descents: tuple[Descent, ...]
    diverges_from: float | None
    observed: float | None

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each descent."""
        if len(self.descents) == len(_RATES):
            return tuple(
                f"{word}, {one.rate:.3g}" for word, one in zip(_RATES, self.descents, strict=True)
            )
        return tuple(f"rate {one.rate:.3g}" for one in self.descents)

    @property
    def summary(self) -> str:
        """The main finding, in words."""
        if self.diverges_from is None:
            return "Adam's steps are as large as its rate: too large a rate oscillates."
        seen = "nowhere" if self.observed is None else f"at {self.observed:.4g}"
        return (
            f"By its equation {self.method} diverges from the rate {self.diverges_from:.4g} on; "
            f"tried, it does {seen}."
        )

    def rows(self) -> list[tuple[str, float, str]]:
        """Return the name, the last loss, and the steps to the minimum of each descent."""
        found = []
        for name, one in zip(self.names, self.descents, strict=True):
            steps = "not reached" if one.steps_to_minimum is None else str(one.steps_to_minimum)
            found.append((name, float(one.losses[-1]), "diverges" if one.diverged else steps))
        return found

    def figures(self) -> list[Figure]:
        """Return a table, the loss by step, and the path."""
        table = Table(
            title="Learning rates",
            caption="Steps until the loss above the minimum is a thousandth of that at the start.",
            header=("rate", "last loss", "steps to the minimum"),
            rows=tuple(self.rows()),
            marks=tuple("bad" if one.diverged else "" for one in self.descents),
        )
        return [table, self._loss_curves(), self._paths()]

    def _loss_curves(self) -> Lines:
        return Lines(
            title="Loss",
            caption="log₁₀ of the loss above the minimum.",
            series=tuple(
                Series.of(
                    name,
                    np.arange(len(one.losses), dtype=float),
                    np.log10(np.clip(one.losses - self.loss.floor, 1e-12, 1e12)),
                )
                for name, one in zip(self.names, self.descents, strict=True)
            ),
            x_label="step",
            y_label="log₁₀ of the loss",
            square=True,
        )

    def _paths(self) -> Lines:
        if len(self.loss.start) == 1:
            return self._path_on_the_curve()
        reach = 1.25 * float(np.abs(self.loss.start).max())
        paths = tuple(
            Series(name=name, x=tuple(inside[:, 0].tolist()), y=tuple(inside[:, 1].tolist()))
            for name, one in zip(self.names, self.descents, strict=True)
            for inside in [one.path[: _steps_inside(one.path, reach)]]
        )
        return Lines(
            title="Path",
            caption="From the left to the minimum in the middle. Ellipses are lines of equal loss.",
            series=(*paths, *self._contours()),
            x_label="first weight",
            y_label="second weight",
            square=True,
        )

    def _contours(self) -> Iterator[Series]:
        angle = np.linspace(0, 2 * math.pi, 73)
        values, axes = np.linalg.eigh(self.loss.hessian)
        for share in (0.1, 0.4, 1.0):
            loss = share * self.loss.value(self.loss.start)
            circle = math.sqrt(2 * loss) * np.stack([np.cos(angle), np.sin(angle)])
            x, y = axes @ (circle / np.sqrt(values)[:, None]) + self.loss.minimum[:, None]
            yield Series(name=f"loss {loss:.2g}", x=tuple(x.tolist()), y=tuple(y.tolist()))

    def _path_on_the_curve(self) -> Lines:
        reach = 1.3 * float(np.abs(self.loss.start - self.loss.minimum).max())
        grid = np.linspace(self.loss.minimum[0] - reach, self.loss.minimum[0] + reach, 121)
        curve = np.array([self.loss.value(np.array([w])) for w in grid])
        paths = tuple(
            Series(
                name=name, x=tuple(one.path[:end, 0].tolist()), y=tuple(one.losses[:end].tolist())
            )
            for name, one in zip(self.names, self.descents, strict=True)
            for end in [_steps_inside(one.path - self.loss.minimum, reach)]
        )
        return Lines(
            title="Path",
            caption="Each step goes downhill by the slope times the rate.",
            series=(*paths, Series.of("loss", grid, curve)),
            x_label="weight",
            y_label="loss",
            square=True,
        )

    def html(self) -> str:
        """Return the page.

        Raises:
            MissingExtra: If jinja2 or matplotlib is not installed.
        """
        about = f"The loss is of {self.loss.about}. Condition number {self.loss.condition:.3g}."
        section = Section(f"{self.method} on {self.problem}", self.figures(), [about])
        return render_page("Gradient descent", [section], lead=self.summary, eyebrow="zoo descend")

    def _repr_html_(self) -> str:
        from zoo_inspect.page import in_notebook

        return in_notebook(self.html())


def descend(
    problem: Problem = "line",
    method: Method = "sgd",
    *,
    rates: Sequence[float] = (),
    steps: int = STEPS,
) -> DescentReport:
    """Descend a loss with several learning rates.

    Args:
        problem: ``line``, ``bowl`` or ``ravine``: see :func:`make_loss`.
        method: ``sgd``, ``momentum`` or ``adam``.
        rates: Learning rates; by default a small, a good and a too large one, shares of the rate at
            which it diverges.
        steps: Number of steps.

    Raises:
        ConfigError: If a name is unknown, or a number is out of range.

    Example:
        >>> report = descend("bowl")
        >>> report.diverges_from
        1.6
        >>> [one.diverged for one in report.descents]
        [False, False, True]
    """
    findings = [
        Finding(name, value, f"one of {', '.join(known)}")
        for name, value, known in (("problem", problem, PROBLEMS), ("method", method, METHODS))
        if value not in known
    ]
    findings += [
        Finding("rates", rate, "a finite number above 0")
        for rate in rates
        if not (math.isfinite(rate) and rate > 0)
    ]
    if not 1 <= steps <= _MOST_STEPS:
        findings.append(Finding("steps", steps, f"from 1 to {_MOST_STEPS:,}"))
    if findings:
        raise ConfigError("this descent cannot be made", findings=findings)
    loss = make_loss(problem)
    limit = divergence_rate(loss, method)
    chosen = rates or (
        _ADAM_RATES if limit is None else [share * limit for share in _SHARES[method]]
    )
    return DescentReport(
        problem=problem,
        method=method,
        loss=loss,
        descents=tuple(walk(loss, method, rate, steps) for rate in chosen),
        diverges_from=limit,
        observed=observed_divergence_rate(loss, method),
    )


def _steps_inside(path: Array, reach: float) -> int:
    """Return the number of points before a path leaves the picture."""
    outside = np.flatnonzero(np.abs(path).max(axis=1) > reach)
    return int(outside[0]) if len(outside) else len(path)


__all__ = ["METHODS", "PROBLEMS", "Descent", "DescentReport", "Loss", "descend"]
