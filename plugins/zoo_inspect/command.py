"""The commands ``zoo inspect``, ``zoo diagnose``, ``zoo activations`` and ``zoo descend``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.files import atomic_write

page_option = click.option(
    "--out", type=console.PATH, metavar="FILE", help="An HTML page to write. Default: none."
)


@click.command(
    "activations",
    cls=console.FunctionCommand,
    function="zoo_inspect:activations",
    epilog=console.example(
        "zoo activations", "zoo activations relu sigmoid --out activations.html"
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME...]", help="Activation functions. Default: all.")
@console.seed_option
@page_option
@console.json_option
def activations(names: tuple[str, ...], seed: int | None, out: Path | None, as_json: bool) -> None:
    """Compare activation functions.

    Their values and slopes, and what ten layers of each do to a signal and to a gradient.
    """
    import zoo_inspect

    report = zoo_inspect.activations(*names, seed=seed or 0)
    rows = [
        (
            row.name,
            f"{row.low:.3g} to {row.high:.3g}",
            f"{row.slope:.3g}",
            f"{row.spreads[-1]:.2g}",
            f"{row.gradients[0]:.2g}",
        )
        for row in report.rows
    ]
    header = ("activation", "values", "largest slope", "spread after 10", "gradient before 10")
    _emit(report, console.table(header, rows), out, as_json)


@click.command(
    "descend",
    cls=console.FunctionCommand,
    function="zoo_inspect:descend",
    epilog=console.example("zoo descend", "zoo descend ravine --method momentum --out ravine.html"),
)
@click.argument("problem", default="line", metavar="[line|bowl|ravine]", help="The loss.")
@click.option("--method", default="sgd", metavar="[sgd|momentum|adam]", help="How to take a step.")
@click.option(
    "--rate",
    "rates",
    type=float,
    multiple=True,
    metavar="R",
    help="A learning rate; repeatable. Default: a small, a good and a too large one.",
)
@click.option("--steps", type=console.COUNT, metavar="N", default=100, help="Number of steps.")
@page_option
@console.json_option
def descend(
    problem: Any, method: Any, rates: tuple[float, ...], steps: int, out: Path | None, as_json: bool
) -> None:
    """Watch gradient descent with several learning rates."""
    import zoo_inspect

    report = zoo_inspect.descend(problem, method, rates=rates, steps=steps)
    rows = [(name, f"{loss:.4g}", taken) for name, loss, taken in report.rows()]
    header = ("rate", "last loss", "steps to the minimum")
    _emit(report, f"{console.table(header, rows)}\n\n{report.summary}", out, as_json)


@click.command(
    "inspect",
    cls=console.FunctionCommand,
    function="zoo_inspect:inspect",
    epilog=console.example(
        "zoo inspect cnn --out cnn.html", "zoo inspect runs/cnn-1 --input seven.png --layer 'conv*'"
    ),
)
@click.argument("target", metavar="NAME|RUN|FILE", help="A model, a run, or a .keras file.")
@click.option(
    "--input",
    "example",
    metavar="FILE|INDEX",
    default="0",
    help="An input file, or the position of an example in the test split. Default: 0",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="PATTERN",
    help="Layers to draw; repeatable. Default: all.",
)
@click.option("--signature", metavar="NAME", help="The signature to call. Default: the first.")
@page_option
@console.json_option
@console.quiet_frameworks
def inspect(
    target: str,
    example: str,
    layers: tuple[str, ...],
    signature: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Look into a model, layer by layer.

    Shows its layers, and what each gives for one input. The model is neither trained nor changed.
    """
    import zoo_inspect

    x: Any = int(example) if example.isdigit() else example
    found = zoo_inspect.inspect(target, x, layers=layers, signature=signature)
    if out is not None:
        atomic_write(out, found.html().encode())
    if as_json:
        console.emit_json(found.as_dict())
        return
    rows = [
        (
            "  " * row.depth + row.path.rpartition("/")[2],
            row.kind,
            " x ".join(map(str, row.shape)),
            f"{row.parameters:,}",
            "" if row.mean is None else f"{row.mean:.3g} ± {row.deviation:.2g}",
            f"{row.zeros:.0%}",
        )
        for row in found.rows
    ]
    header = ("layer", "kind", "output", "parameters", "mean ± deviation", "zeros")
    console.emit(f"{console.table(header, rows)}\n\n{found.summary}\nInput: {found.source}.")
    if found.words is not None:
        console.emit(f"Output: {found.words.text}")
    if found.comparison is not None and found.comparison.free_energies is not None:
        pairs = zip(found.comparison.names, found.comparison.free_energies, strict=True)
        energies = ", ".join(f"{name} {energy:.4g}" for name, energy in pairs)
        console.emit(f"Free energy in nats: {energies}.")
    if out is not None:
        console.emit(str(out))


@click.command(
    "diagnose",
    cls=console.FunctionCommand,
    function="zoo_inspect:diagnose",
    epilog=console.example(
        "zoo diagnose cnn", "zoo diagnose cnn --set optimizer.learning_rate=3 --cure"
    ),
)
@click.argument("target", metavar="NAME|RUN|FILE", help="A model, a run, or a .keras file.")
@console.data_option
@console.data_options_option
@console.settings_option
@click.option(
    "--batch-size",
    type=console.COUNT,
    metavar="N",
    help="Examples per step. Default: the plan's, or 32 for a .keras file.",
)
@click.option("--cure", is_flag=True, help="Try a cure of the first problem on a copy.")
@page_option
@console.json_option
@console.quiet_frameworks
def diagnose(
    target: str,
    data: str | None,
    data_option: tuple[str, ...],
    set_: tuple[str, ...],
    batch_size: int | None,
    cure: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Find out why a model does not learn.

    Takes a few dozen steps on a copy, and looks at the data, the loss, the layers, their gradients
    and the learning rate. A name and a run start from new weights. Nothing is changed; exits with 1
    if a problem is found.
    """
    import zoo_inspect

    found = zoo_inspect.diagnose(
        target,
        data,
        data_options=console.pairs(data_option, option="--data-option"),
        batch_size=batch_size,
        cure=cure,
        **console.settings(set_),
    )
    if out is not None:
        atomic_write(out, found.html().encode())
    if as_json:
        console.emit_json(found.as_dict())
    else:
        _emit_diagnosis(found, cure=cure)
        if out is not None:
            console.emit(str(out))
    if found.problems:
        raise click.exceptions.Exit(1)


def _emit_diagnosis(found: Any, *, cure: bool) -> None:
    from zoo_inspect.diagnostics.figures import LAYER_HEADER, layer_row, shown_layers

    console.emit(found.verdict)
    for problem in found.problems[1:]:
        console.emit(f"{problem.id}: {problem.sentence}. Cure: {problem.cure}.")
    if found.cure is not None:
        console.emit(found.cure.sentence)
    elif cure and found.problems:
        console.emit(f"There is no cure of {found.problems[0].id} that can be tried.")
    rows = [layer_row(layer) for layer in shown_layers(found.evidence)]
    console.emit(f"\n{console.table(LAYER_HEADER, rows)}\n")
    trial = found.evidence.trial
    if trial is not None and trial.losses:
        words = f"learning rate {trial.rate:g}: loss {trial.first:.3g} to {trial.losses[-1]:.3g}"
        words += f" in {len(trial.losses)} steps"
        if trial.suggested is not None:
            words += f"; at {trial.suggested:g} to {trial.suggested_losses[-1]:.3g}"
        console.emit(words)
    console.emit(f"Looked at {found.evidence.source}.")


def _emit(report: Any, text: str, out: Path | None, as_json: bool) -> None:
    """Write the page if one is wanted, and print the report."""
    if out is not None:
        atomic_write(out, report.html().encode())
    if as_json:
        console.emit_json(dataclasses.asdict(report))
        return
    console.emit(text)
    if out is not None:
        console.emit(str(out))
