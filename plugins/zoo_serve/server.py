"""The HTTP server: routes, limits and errors."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Finding, MissingExtra
from zoo_serve.models import ServedModel, ServedModels, open_models
from zoo_serve.protocol import BadRequest, read_request, write_response

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_REQUEST = 32 * 2**20
"""Default limit of a request's body, in bytes."""

_LIMITS = {"workers": 1_024, "max_request": 2**36}
_PATIENCE = 4
_HEADER_LENGTH = "Inference-Header-Content-Length"


def create_app(
    models: ServedModels, *, max_request: int = MAX_REQUEST, workers: int = 4
) -> Starlette:
    """Return the ASGI application, which any ASGI server can run.

    Args:
        models: The models to serve.
        max_request: Largest body of a request, in bytes.
        workers: Requests that are answered concurrently; more wait.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    views = _Views(models, max_request, workers)
    model_routes = [
        Route(f"/v2/models/{{name}}{version}{end}", view, methods=[method])
        for version in ("", "/versions/{version}")
        for end, view, method in (
            ("", views.metadata, "GET"),
            ("/ready", views.model_ready, "GET"),
            ("/infer", views.infer, "POST"),
        )
    ]
    return Starlette(
        routes=[
            Route("/v2", views.server),
            Route("/v2/health/live", views.live),
            Route("/v2/health/ready", views.ready),
            Route("/v2/repository/index", views.index, methods=["POST"]),
            *model_routes,
        ],
        exception_handlers={
            BadRequest: views.bad_request,
            HTTPException: views.http_error,
            Exception: views.internal_error,
        },
    )


class _Views:
    """One method per route, and one per kind of error."""

    def __init__(self, models: ServedModels, max_request: int, workers: int) -> None:
        self._models = models
        self._max_request = max_request
        self._workers = workers
        self._limiter: Any = None

    def _find(self, request: Request) -> ServedModel:
        name = request.path_params["name"]
        version = request.path_params.get("version")
        model = self._models.find(name, version)
        if model is None:
            raise BadRequest(self._models.missing_reason(name, version)[:500], 404)
        return model

    async def infer(self, request: Request) -> Response:
        import anyio
        from starlette.responses import Response

        model = self._find(request)
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise BadRequest("a compressed body is not read; send it as it is", 415)
        body = await _body(request, self._max_request)
        if self._limiter is None:  # it belongs to the event loop, which runs only now
            self._limiter = anyio.CapacityLimiter(self._workers)
        answer = functools.partial(_answer, model, body, request.headers.get(_HEADER_LENGTH))
        content, length = await anyio.to_thread.run_sync(answer, limiter=self._limiter)
        if length is None:
            return Response(content, media_type="application/json")
        return Response(
            content, media_type="application/octet-stream", headers={_HEADER_LENGTH: str(length)}
        )

    async def metadata(self, request: Request) -> Response:
        model = self._find(request)
        return _json(model.metadata(self._models.versions(model.name)))

    async def model_ready(self, request: Request) -> Response:
        return _json({"name": self._find(request).name, "ready": True})

    async def server(self, _: Request) -> Response:
        version = importlib.metadata.version("neural-zoo")
        return _json({"name": "zoo", "version": version, "extensions": ["binary_tensor_data"]})

    async def live(self, _: Request) -> Response:
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        return _json({"ready": True})

    async def index(self, _: Request) -> Response:
        return _json(self._models.index())

    async def bad_request(self, _: Request, error: Exception) -> Response:
        status = getattr(error, "status", 400)
        return _json({"error": str(error)}, status, close=status == 413)

    async def http_error(self, request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 400)
        if status == 404:
            return _json({"error": f"there is no route {request.url.path[:200]!r}"}, status)
        return _json({"error": str(getattr(error, "detail", "the request is refused"))}, status)

    async def internal_error(self, _: Request, __: Exception) -> Response:
        return _json({"error": "internal error; the server's log says more"}, 500)


def _json(content: Any, status: int = 200, *, close: bool = False) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(content, status, headers={"Connection": "close"} if close else None)


def _answer(model: ServedModel, body: bytes, header_length: str | None) -> tuple[bytes, int | None]:
    inference = read_request(body, header_length, model)
    try:
        outputs = model.run(inference.inputs)
    except DataError as error:
        raise BadRequest(f"the model cannot run on these inputs: {error.why}") from error
    return write_response(model, inference, outputs)


async def _body(request: Request, limit: int) -> bytes:
    """Read the body of a request, up to the limit."""
    from starlette.requests import ClientDisconnect

    too_large = BadRequest(f"a request has at most {limit:,} bytes", 413)
    announced = request.headers.get("Content-Length", "")
    # A client reads the response after it has sent everything, so a little too much is discarded.
    most = _PATIENCE * limit
    if announced.isdecimal() and int(announced) > most:
        raise too_large
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large
            if size <= limit:
                body += chunk
    except ClientDisconnect as error:
        raise BadRequest("the body ended too early") from error
    if size > limit:
        raise too_large
    return bytes(body)


class Server:
    """A server that listens at a port and is about to run. Make one with :func:`open_server`.

    Attributes:
        models: The served models, and the rejected artifacts.
        url: The address.
    """

    def __init__(self, models: ServedModels, listener: socket.socket, app: Any) -> None:
        self.models = models
        self._listener = listener
        self._app = app
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer requests until the process is stopped."""
        import uvicorn

        config = uvicorn.Config(
            self._app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=30,
        )
        try:
            uvicorn.Server(config).run(sockets=[self._listener])
        finally:
            self._listener.close()


def open_server(
    path: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    threads: int = 1,
    workers: int = 4,
    max_request: int = MAX_REQUEST,
) -> Server:
    """Verify the artifacts of a repository and bind a port to serve them from.

    Args:
        path: A repository (``exports``), the folder of a model, or that of one version.
        host: The address to listen at; the default is reachable from this machine only.
        port: A port; 0 selects a free one.
        threads: Threads per request.
        workers: Requests that are answered concurrently.
        max_request: Largest body of a request, in bytes.

    Raises:
        MissingExtra: If the extra ``serve`` is not installed.
        ArtifactError: If nothing can be served.
        ConfigError: If a value is out of range, or the address cannot be bound.
    """
    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("serving", "serve", package)
    wrong = [
        Finding(name, value, f"from 1 to {_LIMITS[name]:,}")
        for name, value in (("workers", workers), ("max_request", max_request))
        if not 1 <= value <= _LIMITS[name]
    ]
    if wrong:
        raise ConfigError("a limit of the server is out of range", findings=wrong)
    models = open_models(path, threads=threads)
    listener = _listen(host, port)
    return Server(models, listener, create_app(models, max_request=max_request, workers=workers))


def serve(
    path: str | Path = "exports",
    *,
    on_start: Callable[[Server], object] | None = None,
    **options: Any,
) -> None:
    """Serve artifacts over the Open Inference Protocol v2 until the process is stopped.

    Every artifact is verified first. One that does not verify is listed in the server's index with
    the reason; the others are served.

    Args:
        path: A repository (``exports``), the folder of a model, or that of one version.
        on_start: Called with the :class:`Server` before it answers.
        **options: Arguments of :func:`open_server`.

    Raises:
        MissingExtra: If the extra ``serve`` is not installed.
        ArtifactError: If nothing can be served.
        ConfigError: If a value is out of range, or the address cannot be bound.
    """
    server = open_server(path, **options)
    if on_start is not None:
        on_start(server)
    server.run()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(256)  # requests before the start wait
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(
            f"nothing can listen at {host}:{port}",
            why=getattr(error, "strerror", None) or str(error),
            fix="zoo serve --port 0 takes any that is free",
        ) from error
    return listener
