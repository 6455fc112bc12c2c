"""The application: its routes, and what each of them says of itself in the OpenAPI document."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from serving import openapi
from serving.fault import Fault, RefusedError, body
from serving.guard import JSON_HEADERS, Guard
from serving.labels import label
from serving.metrics import Exposed, registry_of
from serving.page import headers, page
from serving.predict import predict
from serving.reading import read
from serving.server import Server, described

_log = logging.getLogger("rarecall.serving")
_WORK = Callable[[Server, bytes], Awaitable[bytes]]


def create_app(server: Server) -> Guard:
    """Return the application of a server; its threads start and end with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(server.start)
        tallying = asyncio.create_task(server.tally())
        yield
        tallying.cancel()
        await asyncio.to_thread(server.close)

    app = FastAPI(
        title=f"rarecall: {server.project.name}",
        version=openapi.VERSION,
        lifespan=lifespan,
        docs_url=None,  # its page would ask a server elsewhere for its scripts
        redoc_url=None,
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    _informing(app, server)
    posts = {"/predict": Endpoint("predict", predict, server), "/labels": Endpoint("labels", label, server)}
    for path, endpoint in posts.items():  # so that the framework knows of them, and refuses other methods
        app.router.add_route(path, endpoint, methods=["POST"])
    app.openapi = lambda: openapi.document(app, server)  # type: ignore[method-assign] - FastAPI's own way to change it
    return Guard(app, server.access, server.metrics, posts)


class Endpoint:
    """A route that reads a body and answers JSON, without what FastAPI does for the arguments of a function.

    Parameters
    ----------
    name : str
        Of the route, in metrics.
    work : async callable
        From the server and a body to an answer.
    server : Server
    """

    def __init__(self, name: str, work: _WORK, server: Server) -> None:
        self._name = name
        self._work = work
        self._server = server

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, whatever happens."""
        began = time.perf_counter()
        status, answer = await self._answer(scope, receive)
        headers = [*JSON_HEADERS, (b"content-length", b"%d" % len(answer))]
        if status in {408, 413}:
            headers.append((b"connection", b"close"))  # what is left of the body is nobody's
        self._server.metrics.request(self._name, status, time.perf_counter() - began)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: dict[str, Any], receive: Any) -> tuple[int, bytes]:
        limits = self._server.limits
        content = None
        try:
            async with asyncio.timeout(limits.seconds):
                content = await read(scope, receive, limits.body)
                return 200, await self._work(self._server, content)
        except RefusedError as error:
            return error.status, error.body()
        except TimeoutError:
            if content is None:
                return 408, body(Fault("body", f"expected it within {limits.seconds:g} seconds"))
            return 503, body(Fault("request", f"could not be answered within {limits.seconds:g} seconds; try again"))
        except Exception:  # whatever it is, the sender hears of it and the next request is answered
            _log.exception("request.failed", extra={"route": self._name})
            return 500, body(_INTERNAL)


_INTERNAL = Fault("request", "could not be answered for a reason of the server's own, which stands in its log")


def _informing(app: FastAPI, server: Server) -> None:
    """Add the routes that tell how the server is."""
    exposed = registry_of(Exposed(server.metrics, server.gauges, server.figures_known))

    @app.get("/healthz", summary="Whether the process answers", tags=["state"])
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz", summary="Whether a model serves", tags=["state"], responses={503: {"description": "None yet."}})
    async def readyz() -> Response:
        now, registry = server.models.now, server.models.registry
        age = registry.age()
        told = {
            "ready": now.champion is not None,
            "champion": described(now.champion),
            "canary": described(now.canary),
            "canary_share": now.share,
            "registry": {
                "answered_seconds_ago": None if age is None else round(age, 1),
                "away": registry.away,
                "refused": registry.refused or {},
            },
        }
        return Response(orjson.dumps(told), 200 if now.champion else 503, media_type="application/json")

    @app.get("/metrics", summary="For Prometheus", tags=["state"], response_class=Response)
    async def metrics() -> Response:
        await server.known()
        await server.figured()
        return Response(generate_latest(exposed), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", summary="For people", tags=["state"], response_class=Response)
    async def status() -> Response:
        return Response(await page(server), media_type="text/html", headers=dict(headers()))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 400
    headers = error.headers if isinstance(error, HTTPException) else None
    said = {404: "there is no such route", 405: "this route takes another method"}.get(status, "is refused")
    return JSONResponse({"errors": [{"field": "path", "reason": said}]}, status, headers)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    _log.error("request.failed", exc_info=error)
    return JSONResponse({"errors": [{"field": _INTERNAL.field, "reason": _INTERNAL.reason}]}, 500)
