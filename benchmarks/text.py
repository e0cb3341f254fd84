"""Texts of two classes: our networks beside TF-IDF and logistic regression, in one run.

    scripts/bench text --rt_polarity FOLDER --imdb ARCHIVE

Everything learns from the same training split and is measured once on the same test split, which
equal texts do not share. The baseline is scikit-learn's: words and pairs of neighboring words,
TF-IDF with sublinear counts, its regularization chosen on the validation split; it reads whole
reviews, where a network reads the first ``max_length`` words. The networks are trained by the
public interface with their own recipes; ``--epochs`` bounds them. CPU time of all cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.metrics.intervals import wilson

STRENGTHS = (0.25, 1.0, 4.0, 16.0, 64.0)
"""Inverse regularizations of the logistic regression to choose from."""


def main() -> None:
    """Run every case and print the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rt_polarity", metavar="FOLDER", help="local copy; else downloaded")
    parser.add_argument("--imdb", metavar="ARCHIVE", help="local copy; else downloaded")
    parser.add_argument("--data", nargs="*", default=["rt_polarity", "imdb"], metavar="NAME")
    parser.add_argument("--models", nargs="*", default=["transformer", "lstm"], metavar="NAME")
    parser.add_argument("--epochs", type=int, help="the models' own recipes if left out")
    parser.add_argument("--max-length", type=int, help="words a network reads; the data's default")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    installed = set(zoo.list_models())
    print(f"{'data':14}{'model':14}{'parameters':>12}{'accuracy':>10}{'95 %':>18}{'CPU s':>8}")
    for name in asked.data:
        options = {"file": getattr(asked, name, None), "max_length": asked.max_length}
        data = zoo.dataset(name, **{key: value for key, value in options.items() if value})
        _show(name, *_baseline(data))
        for model in asked.models:
            if model not in installed:
                print(f"{name:14}{model:14}  is not installed", file=sys.stderr)
                continue
            _show(name, *_network(model, data, asked.epochs, asked.seed))


def _show(data: str, model: str, parameters: int, right: int, count: int, seconds: float) -> None:
    low, high = wilson(right, count)
    print(
        f"{data:14}{model:14}{parameters:12,}{right / count:10.4f}"
        f"{f'{low:.4f} to {high:.4f}':>18}{seconds:8.0f}",
        flush=True,
    )


def _baseline(data: Any) -> tuple[str, int, int, int, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    started = time.process_time()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    train, labels = _texts(data, "train")
    features = vectorizer.fit_transform(train)
    held, truth = _texts(data, "validation")
    held_features = vectorizer.transform(held)
    models = [
        LogisticRegression(C=strength, max_iter=1000).fit(features, labels)
        for strength in STRENGTHS
    ]
    best = max(models, key=lambda model: (model.score(held_features, truth), -model.C))
    tested, truth = _texts(data, "test")
    right = int((best.predict(vectorizer.transform(tested)) == truth).sum())
    print(f"{data.id}: the regression's C is {best.C:g}, chosen on validation", file=sys.stderr)
    return "tf-idf + lr", best.coef_.size + 1, right, len(truth), time.process_time() - started


def _texts(data: Any, split: str) -> tuple[list[str], np.ndarray]:
    part = data.split(split)
    return list(part.texts["tokens"]), part.arrays()[1]["label"]


def _network(
    name: str, data: Any, epochs: int | None, seed: int
) -> tuple[str, int, int, int, float]:
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        plan = {"epochs": epochs} if epochs else {}
        run = zoo.train(name, data, run_dir=Path(folder) / "run", seed=seed, **plan)
        seconds = time.process_time() - started
        evaluation = zoo.evaluate(run)
    count = evaluation.examples
    right = round(evaluation.scores["accuracy"].value * count)
    return name, run.model.count_params(), right, count, seconds


if __name__ == "__main__":
    main()
