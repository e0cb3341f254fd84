"""The command ``zoo serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from zoo import console

_MIB = 2**20


@click.command("serve", epilog=console.example("zoo serve exports --port 8000"))
@click.argument(
    "path",
    type=console.PATH,
    default=Path("exports"),
    help="A model repository, the folder of a model, or a version.",
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    help="The address to listen at; the default is reachable from this machine only.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8000,
    help="The port; 0 selects a free one.",
)
@click.option("--threads", type=console.COUNT, metavar="N", default=1, help="Threads per request.")
@click.option(
    "--workers", type=console.COUNT, metavar="N", default=4, help="Requests answered concurrently."
)
@click.option(
    "--max-request",
    type=console.COUNT,
    metavar="MIB",
    default=32,
    help="The largest request, in MiB.",
)
@console.json_option
def serve(
    path: Path, host: str, port: int, threads: int, workers: int, max_request: int, as_json: bool
) -> None:
    """Serve artifacts over HTTP.

    Implements the Open Inference Protocol v2 of Triton and KServe, binary tensors included. Every
    artifact is verified first; one that does not verify is not served.
    """
    from zoo_serve.server import serve as run_server

    run_server(
        path,
        host=host,
        port=port,
        threads=threads,
        workers=workers,
        max_request=max_request * _MIB,
        on_start=_announce_json if as_json else _announce,
    )


def _announce(server: Any) -> None:
    for refusal in server.models.refused:
        refused = console.paint("refused", "red", stream=sys.stderr)
        console.note(f"{refused}  {refusal.path}\n{refusal.error}")
    for model in server.models:
        console.emit(f"{server.url}/v2/models/{model.name}/versions/{model.version}/infer")
    console.note("stop with Ctrl-C")
    # A program that starts the server waits for these lines.
    sys.stdout.flush()


def _announce_json(server: Any) -> None:
    console.emit_json({"url": server.url, "models": server.models.index()})
    sys.stdout.flush()
