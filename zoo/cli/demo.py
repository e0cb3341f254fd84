"""``zoo demo``: the whole line once, from a name to a network that proved itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.artifacts import bytes_of, worst_error
from zoo.cli.options import Json, Seed, example
from zoo.cli.output import emit, emit_json, facts, note, size
from zoo.cli.progress import Progress
from zoo.errors import ArtifactError

_MODEL = "cnn"

# Another process: whatever this one has imported cannot help the artifact there.
_PROVE = """
import json, sys
import zoo
zoo.verify(sys.argv[1])
heavy = {"keras", "onnx", "tensorflow", "tf2onnx"}
print(json.dumps({"imported": sorted(heavy & set(sys.modules))}))
"""


def demo(
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder for the run, the artifact, the report."),
    ] = Path("demo"),
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Fewer make it quicker.")
    ] = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Train, measure, export and prove a network.

    On real images, in a few minutes, without the internet.
    """
    import zoo
    from zoo import api

    begin = time.monotonic()
    note(f"1/4  training {_MODEL} on the digits (the first seconds import TensorFlow)")
    with Progress() as progress:
        run = zoo.train(
            _MODEL, run_dir=_free(out / _MODEL), epochs=epochs, seed=seed, progress=progress
        )
    note("2/4  measuring it on images it never saw")
    evaluation = zoo.evaluate(run)
    note("3/4  exporting it, comparing the ONNX file with Keras")
    artifact = zoo.export(run, out / "exports")
    note("4/4  verifying the artifact in a process without Keras")
    _prove(artifact.path)
    report = api.write_report(run.path)

    accuracy = evaluation.scores["accuracy"]
    result = {
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
        emit_json(result)
        return
    measured = (
        f"{accuracy.value:.4f}  (95 % interval {accuracy.low:.4f} to {accuracy.high:.4f}, "
        f"{evaluation.examples} test images)"
    )
    lines = (
        ("accuracy", measured),
        ("parameters", f"{result['parameters']:,}"),
        ("seconds", f"{result['seconds']} ({result['training_seconds']:.1f} of training)"),
        ("artifact", f"{artifact.path} ({size(bytes_of(artifact))}), verified without Keras"),
        ("worst parity error", f"{worst_error(artifact):.1e}"),
        ("report", result["report"]),
    )
    emit()
    emit(facts(lines))
    program = _program()
    emit(
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


def _prove(path: Path) -> None:
    """Verify an artifact in a fresh process, and make sure that it did so without a framework.

    Raises:
        ArtifactError: If it does not verify there, or only with Keras's help.
    """
    import json
    import subprocess

    done = subprocess.run(  # noqa: S603 - this interpreter, this text
        [sys.executable, "-c", _PROVE, str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last: Any = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ArtifactError(
            f"{path} does not verify in a process of its own", why=last, fix=f"zoo verify {path}"
        )
    imported = json.loads(done.stdout)["imported"]
    if imported:
        raise ArtifactError(
            f"verifying {path} imported {', '.join(imported)}",
            why="an artifact must be usable where no framework is installed",
            fix="zoo doctor",
        )


def add_commands(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("demo", epilog=example("zoo demo --out demo"))(demo)


__all__ = ["add_commands", "demo"]
