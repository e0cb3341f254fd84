"""``zoo serve``: artifacts over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, note, paint

_MIB = 2**20


def serve(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A repository, a model's folder, or a version.")
    ] = Path("exports"),
    host: Annotated[
        str, typer.Option(help="The address to listen at; only this machine reaches the default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")
    ] = 8000,
    threads: Annotated[int, typer.Option(min=1, help="Threads one answer may use.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Requests answered at once.")] = 4,
    max_request: Annotated[
        int, typer.Option(min=1, metavar="MIB", help="The largest request, in MiB.")
    ] = 32,
    as_json: Json = False,
) -> None:
    """Serve artifacts over HTTP.

    Speaks the Open Inference Protocol v2 of Triton and KServe, its binary tensors included. Every
    artifact is verified first; one that is not what was published is refused.
    """
    import zoo

    zoo.serve(
        path,
        host=host,
        port=port,
        threads=threads,
        workers=workers,
        max_request=max_request * _MIB,
        on_start=_tell_json if as_json else _tell,
    )


def _tell(server: Any) -> None:
    for refusal in server.models.refused:
        note(f"{paint('refused', 'red')}  {refusal.path}\n{refusal.error}")
    for model in server.models:
        emit(f"{server.url}/v2/models/{model.name}/versions/{model.version}/infer")
    note("stop with Ctrl-C")
    _flush()


def _tell_json(server: Any) -> None:
    emit_json({"url": server.url, "models": server.models.index()})
    _flush()


def _flush() -> None:
    # A program that starts the server waits for what it announces.
    typer.get_text_stream("stdout").flush()


def add_commands(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("serve", epilog=example("zoo serve exports --port 8000"))(serve)


__all__ = ["add_commands", "serve"]
