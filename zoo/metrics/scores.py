"""What each score means: its title, which way is better, between which ends it lies.

One table that the report, quantization, the training loop and the published figures read. A plugin
that measures something else registers it beside its measure.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import ConfigError


@dataclass(frozen=True)
class ScoreInfo:
    """One kind of score.

    Attributes:
        name: As it stands in ``Evaluation.scores``, or, without ``val_``, in a run's history.
        title: For people.
        meaning: What it says, as a sentence; empty where the title does.
        higher_is_better: Which way is better.
        low: The least it can be, or ``None``.
        high: The most it can be, or ``None``.
        share: Whether it is a share, which people read in percent.
    """

    name: str
    title: str
    meaning: str = ""
    higher_is_better: bool = False
    low: float | None = 0.0
    high: float | None = None
    share: bool = False


_SHARES = ("accuracy", "f1", "auc", "coverage", "precision", "recall")
_HIGHER = (*_SHARES, "r2", "likelihood", "explained_variance", "skill")
_TABLE: dict[str, ScoreInfo] = {}


def register_score(info: ScoreInfo) -> None:
    """Say what a score means.

    Raises:
        ConfigError: If the name means something else already.
    """
    if _TABLE.setdefault(info.name, info) != info:
        raise ConfigError(
            f"there is a score {info.name!r} already: {_TABLE[info.name].title}",
            why="a name means one thing",
            fix="register yours under another name",
        )


def describe_score(name: str) -> ScoreInfo:
    """Return what is known of a score; of an unknown one, what its name's ending says.

    Args:
        name: A score, or a column of a run's history (``val_accuracy``).
    """
    name = name.removeprefix("val_")
    if name in _TABLE:
        return _TABLE[name]
    share = name.endswith(_SHARES)
    return ScoreInfo(
        name,
        name.replace("_", " ").capitalize(),
        higher_is_better=name.endswith(_HIGHER),
        low=0.0 if share else None,
        high=1.0 if share else None,
        share=share,
    )


for _info in (
    ScoreInfo("loss", "Loss", low=None),
    ScoreInfo("accuracy", "Accuracy", "Right answers.", True, high=1.0, share=True),
    ScoreInfo(
        "macro_f1",
        "Macro F1",
        "Finding a class and not crying wolf, averaged so that rare classes count as much as "
        "common ones.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo("log_loss", "Log loss", "Surprise at the truth, in nats: 0 is perfect."),
    ScoreInfo(
        "calibration_error",
        "Calibration error",
        "How far its confidence is from how often it is right, on average.",
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "brier",
        "Brier score",
        "Squared distance from the truth: 0 is perfect, 2 is certain and wrong.",
        high=2.0,
    ),
    ScoreInfo(
        "roc_auc",
        "ROC area",
        "The chance that one of what is looked for is found likelier than another one.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "average_precision",
        "Precision–recall area",
        "Precision, averaged over all that is there to be found.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "threshold_accuracy",
        "Accuracy at the threshold",
        "Right answers, from the probability on that the validation split chose.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "threshold_recall",
        "Recall at the threshold",
        "Of what is looked for, the share that was found.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "threshold_precision",
        "Precision at the threshold",
        "Of what was found, the share that is what was looked for.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "majority_accuracy",
        "Most frequent class",
        "Right answers of always saying what most training examples are.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "histogram_accuracy",
        "Color histogram",
        "Right answers of logistic regression on how often each color comes.",
        True,
        high=1.0,
        share=True,
    ),
    ScoreInfo("mae", "Mean absolute error", "How far off an answer is, on average."),
    ScoreInfo("mse", "Mean squared error", "Of the differences' squares: large ones count most."),
    ScoreInfo(
        "rmse",
        "Root mean squared error",
        "How far off an answer typically is; large differences count most.",
    ),
    ScoreInfo(
        "r2",
        "R²",
        "Share of the variance that is explained: 1 is perfect, 0 is always saying the mean.",
        True,
        low=None,
        high=1.0,
    ),
):
    register_score(_info)

__all__ = ["ScoreInfo", "describe_score", "register_score"]
