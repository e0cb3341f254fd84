"""Serve artifacts over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.serving import Server, open_server


def serve(
    path: str | Path = "exports",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_start: Callable[[Server], object] | None = None,
    **limits: Any,
) -> None:
    """Answer over the Open Inference Protocol v2, until the process is told to stop.

    Every artifact is verified first. One that is not what was published is refused, and told in
    the server's index; the others are served.

    Args:
        path: A repository (``exports``), the folder of a model, or that of one version.
        host: The address to listen at; only this machine reaches the default.
        port: A port, or 0 for any that is free.
        on_start: Called with the server before it answers: its ``url``, its ``models``.
        **limits: ``threads`` and ``workers`` (both numbers), ``max_request`` (bytes).

    Raises:
        MissingExtra: If the extra ``serve`` is not installed.
        ArtifactError: If nothing can be served.
        ConfigError: If the address cannot be had.
    """
    server = open_server(path, host=host, port=port, **limits)
    if on_start is not None:
        on_start(server)
    server.run()


__all__ = ["serve"]
