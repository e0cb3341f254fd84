"""Metadata of scores: title, meaning, direction and range.

Reports, quantization, the training loop and the published figures read it. A plugin that computes a
score of its own registers it with :func:`register_score`. Nothing is inferred from a name: the
direction of a score that is not registered is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.config import TrainPlan
from zoo.errors import ConfigError, Finding
from zoo.names import nearest

Better = Literal["higher", "lower"]
"""Direction of improvement of a score."""


@dataclass(frozen=True)
class ScoreInfo:
    """Metadata of a score.

    Attributes:
        name: Key in ``Evaluation.scores`` or, without ``val_``, column of a run's history.
        title: Title for people.
        meaning: A sentence of explanation; empty where the title needs none.
        better: Whether a higher or a lower value is better; ``None`` if neither is.
        low: Minimum, or ``None``.
        high: Maximum, or ``None``.
        share: Whether it is a share, shown in percent.

    Example:
        >>> depth = ScoreInfo("depth_error", "Depth error", "In meters.", better="lower")
    """

    name: str
    title: str
    meaning: str = ""
    better: Better | None = None
    low: float | None = 0.0
    high: float | None = None
    share: bool = False


def register_score(info: ScoreInfo) -> None:
    """Register the metadata of a score.

    Raises:
        ConfigError: If another score has this name.

    Example:
        >>> register_score(depth)
    """
    if _SCORES.setdefault(info.name, info) != info:
        raise ConfigError(
            f"there is a score {info.name!r} already: {_SCORES[info.name].title}",
            why="names of scores are unique",
            fix="register yours under another name",
        )


def describe_score(name: str) -> ScoreInfo:
    """Return the metadata of a score; only a title, made from its name, if it is not registered.

    Args:
        name: Name of a score, or a column of a run's history (``val_accuracy``).

    Example:
        >>> describe_score("val_depth_error").better
        'lower'
    """
    name = name.removeprefix("val_")
    return _SCORES.get(name) or ScoreInfo(name, name.replace("_", " ").capitalize(), low=None)


def registered_scores() -> tuple[ScoreInfo, ...]:
    """Return the registered scores: those of the zoo, then those of the plugins in use.

    Example:
        >>> depth in registered_scores()
        True
    """
    return tuple(_SCORES.values())


def plan_with_mode(plan: TrainPlan) -> TrainPlan:
    """Return a plan that says which direction of the monitored column is better.

    Raises:
        ConfigError: If neither the plan nor the registered scores say it.
    """
    if plan.mode is not None:
        return plan
    better = describe_score(plan.monitor).better
    if better is None:
        prefix = "val_" if plan.monitor.startswith("val_") else ""
        stem = plan.monitor.removeprefix("val_")
        near = [name for name in _SCORES if name.startswith(stem)] or nearest(stem, _SCORES)
        question = f"; did you mean {' or '.join(repr(prefix + one) for one in near)}?"
        fix = "zoo.train(..., plan={'monitor': NAME, 'mode': 'max'}) for a metric of the model"
        if near:
            fix = f"zoo.train(..., plan={{'monitor': {prefix + near[0]!r}}}), or {fix}"
        raise ConfigError(
            f"the plan monitors {plan.monitor!r}, and nothing says which direction is better",
            why=f"no score of this name is registered{question if near else ''}",
            findings=[Finding("plan.mode", None, "'min' if lower values are better, or 'max'")],
            fix=fix,
        )
    return plan.model_copy(update={"mode": "max" if better == "higher" else "min"})


def _share(name: str, title: str, meaning: str) -> ScoreInfo:
    return ScoreInfo(name, title, meaning, "higher", high=1.0, share=True)


def _higher(
    name: str, title: str, meaning: str, low: float | None, high: float | None
) -> ScoreInfo:
    return ScoreInfo(name, title, meaning, "higher", low, high)


def _lower(
    name: str, title: str, meaning: str = "", low: float | None = 0.0, high: float | None = None
) -> ScoreInfo:
    return ScoreInfo(name, title, meaning, "lower", low, high)


_SCORES = {
    info.name: info
    for info in (
        _lower("loss", "Loss", low=None),
        # Classification
        _share("accuracy", "Accuracy", "Share of correct predictions."),
        _share("macro_f1", "Macro F1", "Mean F1 of the classes, rare ones counting as much."),
        _lower("log_loss", "Log loss", "Cross-entropy in nats: 0 is perfect."),
        ScoreInfo(
            "calibration_error",
            "Calibration error",
            "Mean gap between confidence and accuracy.",
            "lower",
            high=1.0,
            share=True,
        ),
        _lower(
            "brier",
            "Brier score",
            "Squared distance to the one-hot label: 0 is perfect, 2 is certain and wrong.",
            high=2.0,
        ),
        _share(
            "roc_auc",
            "ROC AUC",
            "Probability that a positive example is ranked above a negative one.",
        ),
        _share("average_precision", "Average precision", "Area under the precision–recall curve."),
        _share("auc", "Area under the curve", ""),
        _share("precision", "Precision", "Share of correct ones among the predicted."),
        _share("recall", "Recall", "Share of the examples of a class that are found."),
        _share("f1", "F1", "Harmonic mean of precision and recall."),
        # Segmentation
        _share("mean_iou", "Mean IoU", "Intersection over union, the mean over the classes."),
        _share("dice", "Dice coefficient", "Twice the intersection over the sum of both areas."),
        # Regression and forecasting
        _lower("mae", "Mean absolute error", "Average size of an error."),
        _lower("mse", "Mean squared error", "Average squared error: large ones count most."),
        _lower(
            "rmse", "Root mean squared error", "Typical size of an error; large ones count most."
        ),
        _higher(
            "r2",
            "R²",
            "Share of the variance explained: 1 is perfect, 0 is always predicting the mean.",
            None,
            1.0,
        ),
        # Neither direction: the aim is the nominal coverage.
        ScoreInfo(
            "interval_coverage",
            "Interval coverage",
            "Share of targets inside their prediction interval, to compare with the nominal one.",
            high=1.0,
            share=True,
        ),
        _lower("interval_width", "Interval width", "Mean width of the prediction intervals."),
        ScoreInfo(
            "skill",
            "Skill",
            "How much smaller the RMSE is than that of the best baseline: persistence, seasonal "
            "naive or linear autoregression.",
            "higher",
            low=None,
            high=1.0,
            share=True,
        ),
        _lower(
            "mase",
            "Mean absolute scaled error",
            "Absolute error as a multiple of the mean change between two steps in training.",
        ),
        # Reconstruction
        _higher(
            "psnr",
            "Peak signal-to-noise ratio",
            "Mean over the images, in dB: 10 more is a tenth of the squared error.",
            None,
            None,
        ),
        _lower(
            "mse_pca",
            "MSE of PCA",
            "Baseline: as many principal components as the code has numbers.",
            high=1.0,
        ),
        _lower(
            "mse_to_pca",
            "MSE relative to PCA",
            "1 is no better than as many principal components; 0.5 is half their error.",
        ),
        _higher("psnr_corrupted", "PSNR of the input", "Corrupted vs. clean image.", None, None),
        _higher("psnr_denoised", "PSNR of the output", "Denoised vs. clean image.", None, None),
        _higher(
            "held_out_auc",
            "ROC AUC, held-out classes",
            "Probability that an image of a held-out class is reconstructed worse than one of a "
            "training class: 0.5 is guessing.",
            0.0,
            1.0,
        ),
        _higher("held_out_auc_pca", "ROC AUC of PCA", "The same with the error of PCA.", 0.0, 1.0),
        # Generated text
        _lower("perplexity", "Perplexity", "Exponential of the loss per token: 1 is perfect.", 1.0),
        _share("exact_match", "Exact match", "Share of texts identical to a reference."),
        _higher(
            "bleu",
            "BLEU",
            "Word n-gram overlap with the references over the whole corpus.",
            0.0,
            100.0,
        ),
        _higher(
            "chrf",
            "chrF",
            "Character n-gram overlap with the references, kinder to wrong endings than BLEU.",
            0.0,
            100.0,
        ),
        _share(
            "token_accuracy",
            "Token accuracy",
            "Share of next tokens predicted correctly from the true ones before; padding excluded.",
        ),
        _higher(
            "cider", "CIDEr-D", "Consensus with the references, rare words counting most.", 0, 10
        ),
        _share(
            "exact_match_seen",
            "Exact match, seen",
            "New images of combinations that occur in training.",
        ),
        _share(
            "exact_match_held_out",
            "Exact match, held out",
            "Images of combinations that never occur in training, though all their parts do.",
        ),
        _share(
            "summary_exact_match",
            "Exact match of summaries",
            "Share of summaries identical to a reference.",
        ),
        _higher(
            "summary_bleu", "BLEU of summaries", "Word n-gram overlap of summaries.", 0.0, 100.0
        ),
        _share(
            "frequent_exact_match",
            "Most-frequent-caption baseline",
            "Exact match of always writing the most frequent training caption.",
        ),
        _share(
            "nearest_exact_match",
            "Nearest-neighbor baseline",
            "Exact match of the caption of the training image with the nearest pixels.",
        ),
    )
}


__all__ = ["ScoreInfo", "describe_score", "register_score", "registered_scores"]
