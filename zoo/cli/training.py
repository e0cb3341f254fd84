"""``zoo train``, ``evaluate``, ``crossvalidate`` and ``report``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import click

from zoo import console
from zoo.cli.progress import Progress

_epochs_option = click.option(
    "--epochs",
    type=console.COUNT,
    metavar="N",
    help="Passes over the data. Default: the model's plan for this data.",
)


@click.command(
    "train",
    epilog=console.example(
        "zoo train cnn --data photos/ --data-option image_size=32 --set dropout=0.3",
        "zoo train --resume runs/cnn-1",
    ),
)
@click.argument("name", required=False, help="A model of 'zoo list'.")
@console.data_option
@console.data_options_option
@console.group_by_option
@_epochs_option
@click.option(
    "--batch-size",
    type=console.COUNT,
    metavar="N",
    help="Examples per step. Default: the model's plan for this data.",
)
@console.seed_option
@click.option(
    "--patience",
    type=console.COUNT,
    metavar="N",
    help="Stop after so many epochs without a better validation loss.",
)
@click.option(
    "--run-dir", type=console.PATH, metavar="FOLDER", help="Folder of the run. Default: runs/NAME-N"
)
@click.option(
    "--checkpoint-every",
    type=console.COUNT,
    metavar="STEPS",
    help="Write a checkpoint every so many steps too, not only after each epoch.",
)
@click.option(
    "--telemetry",
    is_flag=True,
    help="Measure gradients, changes of weights and dead units of each layer, for the report.",
)
@click.option("--resume", type=console.PATH, metavar="RUN", help="Resume this run.")
@console.settings_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@console.json_option
@console.quiet_frameworks
def train(
    name: str | None,
    data_option: tuple[str, ...],
    group_by: str | None,
    run_dir: Path | None,
    checkpoint_every: int | None,
    telemetry: bool,
    resume: Path | None,
    set_: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a model.

    Ctrl-C or SIGTERM stops it after the current step, and --resume continues: to the same weights
    as without the stop.
    """
    import zoo

    config = console.settings(set_)
    data_options = console.pairs(data_option, option="--data-option")
    if group_by is not None:
        data_options.setdefault("group_by", group_by)
    if resume is None and name is None:
        raise click.BadParameter(
            "which model? 'zoo list' names them; --resume RUN resumes a run", param_hint="NAME"
        )
    if resume is not None and (run_dir is not None or data_options):
        raise click.BadParameter(
            "a run is resumed in its own folder, on its own data", param_hint="--resume"
        )
    plan: dict[str, Any] = {"telemetry": True} if telemetry else {}
    if checkpoint_every is not None:
        plan["checkpoint_steps"] = checkpoint_every
    with Progress(quiet=quiet) as progress, _resumable():
        run = zoo.train(
            name,
            data_options=data_options,
            run_dir=run_dir,
            resume=resume,
            plan=plan,
            progress=progress,
            **options,
            **config,
        )
    if as_json:
        console.emit_json({"path": run.path, **run.record})
        return
    console.emit(_run_facts(run))
    console.note(f"\nnext: zoo evaluate {run.path}\n      zoo export {run.path}")


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Tell how to resume the run that a signal stops."""
    import zoo

    started: list[Path] = []

    def remember(run_dir: Path) -> None:
        started.append(run_dir)

    listener = SimpleNamespace(zoo_before_train=zoo.hookimpl(remember))
    zoo.hooks().register(listener)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        for folder in started:
            if zoo.Run(folder).status == "finished":
                console.note(f"the run was finished before that: {folder}")
            else:
                console.note(f"stopped; to resume: zoo train --resume {folder}")
        raise
    finally:
        zoo.hooks().unregister(listener)


def _run_facts(run: Any) -> str:
    record = run.record
    restored = record["plan"]["restore_best_weights"]
    # The scores of the weights that the model has: those of its best epoch, or of its last.
    line = record["best"] if restored or not run.history else run.history[-1]
    kept = ", ".join(
        f"{metric} {value:.4f}" for metric, value in line.items() if metric.startswith("val_")
    )
    epochs = f"{record['epochs_done']} (best: {record['best_epoch']}"
    epochs += ")" if restored else "; the model has the weights of the last)"
    return console.facts(
        (
            ("run", run.path),
            ("status", record["status"]),
            ("parameters", f"{record['parameters']:,}"),
            ("epochs", epochs),
            ("validation", kept),
            ("seconds", f"{record['seconds']:.1f}"),
            ("stopped because", record.get("stopped_because")),
        )
    )


@click.command("evaluate", epilog=console.example("zoo evaluate runs/cnn-1 --json"))
@click.argument("target", metavar="RUN|ARTIFACT", help="The folder of a run or an artifact.")
@console.other_data_option
@console.data_options_option
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    help="The split to evaluate on.",
)
@console.json_option
@console.quiet_frameworks
def evaluate(
    target: str,
    data: str | None,
    data_option: tuple[str, ...],
    split: Literal["test", "validation", "train"],
    as_json: bool,
) -> None:
    """Evaluate a trained model.

    On the test split, which training never sees; every example counts once.
    """
    import zoo
    from zoo.metrics.forecast_figures import SERIES_TABLE

    evaluation = zoo.evaluate(target, console.open_data(data, data_option), split=split)
    if as_json:
        console.emit_json(evaluation)
        return
    console.emit(_scores(evaluation))
    console.emit(f"\n{evaluation.examples:,} examples; 95 % intervals in brackets")
    for figure in evaluation.figures:
        if figure.kind == "table" and figure.title == SERIES_TABLE:
            console.emit(f"\n{console.table(figure.header, figure.rows)}\n\n{figure.caption}")


@click.command(
    "crossvalidate",
    epilog=console.example(
        "zoo crossvalidate mlp_regressor --data prices.csv --folds 5 --group-by street,city"
    ),
)
@click.argument("name", help="A model of 'zoo list'.")
@console.data_option
@console.data_options_option
@click.option(
    "--folds", type=click.IntRange(min=2), metavar="N", default=10, help="Number of folds."
)
@console.group_by_option
@click.option(
    "--seeds",
    type=console.COUNT,
    metavar="N",
    default=1,
    help="Repetitions of the whole cross-validation, each with another seed.",
)
@_epochs_option
@click.option(
    "--run-dir", type=console.PATH, metavar="FOLDER", help="Keep the runs in this folder."
)
@console.settings_option
@click.option("--quiet", "-q", is_flag=True, help="Show no line per fold.")
@console.json_option
@console.quiet_frameworks
def crossvalidate(
    name: str,
    data_option: tuple[str, ...],
    group_by: str | None,
    epochs: int | None,
    set_: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Cross-validate a model.

    One model is trained per fold and evaluated on that fold, which it has not seen. Early stopping
    and calibration use a part of the other folds. For CSV files and named tables.
    """
    import zoo

    def watch(row: Any) -> None:
        headline, score = next(iter(row.scores.items()))
        value = console.score(score.value, unit=score.unit)
        console.note(
            f"seed {row.seed} fold {row.fold}: {headline} {value} on {row.examples:,} examples, "
            f"{row.cpu_seconds:.0f} CPU-seconds"
        )

    done = zoo.crossvalidate(
        name,
        group_by=[column.strip() for column in group_by.split(",")] if group_by else (),
        data_options=console.pairs(data_option, option="--data-option"),
        plan={"epochs": epochs} if epochs is not None else None,
        watch=None if quiet else watch,
        **options,
        **console.settings(set_),
    )
    if as_json:
        means = {key: score.model_dump(mode="json") for key, score in done.scores.items()}
        console.emit_json({**done.model_dump(mode="json"), "scores": means})
        return
    console.emit(_scores(done))
    console.emit(f"\nmeans over {len(done.results)} folds; 95 % intervals in brackets")


def _scores(evaluation: Any) -> str:
    rows = [
        (name.replace("_", " "), console.score(score.value, score.low, score.high, score.unit))
        for name, score in evaluation.scores.items()
    ]
    return console.table(("score", "value"), rows)


@click.command("report", epilog=console.example("zoo report runs/cnn-1"))
@click.argument("target", type=console.PATH, metavar="RUN", help="The folder of a run.")
@click.option(
    "--out", type=console.PATH, metavar="FILE", help="The file to write. Default: RUN/report.html"
)
@console.json_option
def report(target: Path, out: Path | None, as_json: bool) -> None:
    """Write the HTML report of a run.

    One page with its learning curves, scores and errors; the last two once it was evaluated.
    """
    from zoo.api.evaluation import write_report

    page = write_report(target, out)
    if as_json:
        console.emit_json({"path": page})
        return
    console.emit(str(page))
