"""``zoo demo``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.cli.artifacts import bytes_of, worst_error
from zoo.cli.progress import Progress
from zoo.errors import ArtifactError

_MODEL = "cnn"


@click.command("demo", epilog=console.example("zoo demo --out demo"))
@click.option(
    "--out",
    type=console.PATH,
    metavar="FOLDER",
    default=Path("demo"),
    help="Folder of the run, the artifact and the report.",
)
@click.option("--epochs", type=console.COUNT, metavar="N", help="Fewer are quicker.")
@console.seed_option
@console.json_option
@console.quiet_frameworks
def demo(out: Path, epochs: int | None, seed: int | None, as_json: bool) -> None:
    """Train, evaluate, export and verify a model.

    On real images, in a few minutes, without the internet.
    """
    import zoo
    from zoo.api.evaluation import write_report

    begin = time.monotonic()
    console.note(f"1/4  training {_MODEL} on the digits (the first seconds import TensorFlow)")
    with Progress() as progress:
        run = zoo.train(
            _MODEL, run_dir=_free(out / _MODEL), epochs=epochs, seed=seed, progress=progress
        )
    console.note("2/4  evaluating it on images it never saw")
    evaluation = zoo.evaluate(run)
    console.note("3/4  exporting it and comparing the ONNX graph with Keras")
    artifact = zoo.export(run, out / "exports")
    console.note("4/4  verifying the artifact in a process without Keras")
    _verify(artifact.path)
    report = write_report(run.path)

    accuracy = evaluation.scores["accuracy"]
    result: dict[str, Any] = {
        "accuracy": accuracy,
        "examples": evaluation.examples,
        "parameters": run.record["parameters"],
        "seconds": round(time.monotonic() - begin, 1),
        "training_seconds": run.record["seconds"],
        "run": run.path,
        "artifact": artifact.path,
        "bytes": bytes_of(artifact),
        "worst_parity_error": worst_error(artifact),
        "report": report,
    }
    if as_json:
        console.emit_json(result)
        return
    measured = console.score(accuracy.value, accuracy.low, accuracy.high)
    lines = (
        ("accuracy", f"{measured} on {evaluation.examples} test images"),
        ("parameters", f"{result['parameters']:,}"),
        ("seconds", f"{result['seconds']} ({result['training_seconds']:.1f} of training)"),
        ("artifact", f"{artifact.path} ({console.size(result['bytes'])}), verified without Keras"),
        ("worst parity error", f"{result['worst_parity_error']:.1e}"),
        ("report", report),
    )
    console.emit()
    console.emit(console.facts(lines))
    program = _program()
    console.emit(
        f"\ntry next:\n"
        f"  open {report}\n"
        f"  {program} predict {artifact.path} YOUR.png\n"
        f"  {program} train cnn --data YOUR_FOLDER_OF_CLASS_FOLDERS\n"
        f"  {program} info cnn"
    )


def _program() -> str:
    """Return what to type for this program: its name, or its place where the name is not known."""
    import shutil

    own = Path(sys.argv[0])
    if own.name != "zoo" or shutil.which("zoo"):
        return "zoo"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def _free(folder: Path) -> Path:
    """Return the folder, with a number where an earlier demo already stands there."""
    number, candidate = 1, folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _verify(path: Path) -> None:
    """Verify an artifact in a fresh process, which imports no framework.

    Raises:
        ArtifactError: If it does not verify there.
    """
    import subprocess

    done = subprocess.run(  # noqa: S603 - this interpreter, this program
        [sys.executable, "-m", "zoo", "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ArtifactError(
            f"{path} does not verify in a process of its own", why=last, fix=f"zoo verify {path}"
        )
