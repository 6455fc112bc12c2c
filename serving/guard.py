"""What stands before every route: who may ask, in which form, and what a browser may do with the answer."""

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from serving.fault import Fault, body
from serving.keys import Keys
from serving.metrics import Metrics

OPEN = frozenset({"/healthz", "/readyz"})
"""Asked by whatever keeps the server alive, which has no key; they tell versions and no data."""

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""Of every answer."""

_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
JSON_HEADERS = [(b"content-type", b"application/json"), *HEADERS, _NOTHING]
"""Of every answer in JSON."""

_SCOPES = {"/predict": "predict", "/labels": "labels"}


class Guard:
    """An ASGI application before another.

    Parameters
    ----------
    app : ASGI application
    keys : Keys or None
        None where nobody has to show one, on a loopback address.
    metrics : Metrics
    posts : dict of str to ASGI application
        Of a path what answers a POST to it, past the framework; it sets `JSON_HEADERS` itself.
    """

    def __init__(self, app: Any, keys: Keys | None, metrics: Metrics, posts: Mapping[str, Any]) -> None:
        self._app = app
        self._keys = keys
        self._metrics = metrics
        self._posts = posts

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Let a request through, or answer 401, 403 or 415."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is None and scope["method"] == "POST" and (direct := self._posts.get(scope["path"])):
            await direct(scope, receive, send)
            return

        async def safe_send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = [*message["headers"], *HEADERS]
                if all(name != b"content-security-policy" for name, _ in headers):
                    headers.append(_NOTHING)
            await send(message)

        if refused is None:
            await self._app(scope, receive, safe_send)
            return
        status, fault, more = refused
        self._metrics.request("refused", status, 0.0)
        content = body(fault)
        headers = [*JSON_HEADERS, (b"content-length", b"%d" % len(content)), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _refusal(self, scope: dict[str, Any]) -> tuple[int, Fault, list[tuple[bytes, bytes]]] | None:
        path, headers = scope["path"], dict(scope["headers"])
        if self._keys is None and not _is_here(headers.get(b"host", b"")):
            # A name that was bent to this address makes another site's page one of this server's own.
            return 421, Fault("host", "expected localhost or a loopback address, for no key is asked for here"), []
        if self._keys is None and scope["method"] != "POST":
            return None
        if self._keys is not None and path not in OPEN:
            wanted = _SCOPES.get(path, "admin")
            scopes = self._keys.scopes_of(presented) if (presented := _presented(headers)) else ()
            if not scopes:
                ask = (b"www-authenticate", b'Basic realm="rarecall", charset="UTF-8"')
                said = "expected a known key as Authorization: Bearer KEY; make one with: rarecall keys add NAME"
                return 401, Fault("authorization", said), [ask] if wanted == "admin" else []
            if wanted not in scopes and "admin" not in scopes:
                return 403, Fault("authorization", f"this key may not do that; it takes the scope {wanted}"), []
        if scope["method"] == "POST":
            # A page of another site can make a browser send a form or plain text here, but no JSON without asking.
            kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if kind != b"application/json":
                return 415, Fault("content-type", "expected application/json"), []
        return None


@lru_cache(maxsize=64)
def _is_here(host: bytes) -> bool:
    """Return whether a request was meant for this machine by name."""
    name = host.decode("latin-1").rpartition(":")[0] if b":" in host.rpartition(b"]")[2] else host.decode("latin-1")
    try:
        return name in {"", "localhost"} or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _presented(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that a request shows: as a bearer's token, or as the password that a browser asks for."""
    kind, _, rest = headers.get(b"authorization", b"").partition(b" ")
    text = rest.strip()
    if kind.lower() == b"basic":
        try:
            text = base64.b64decode(text, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    elif kind.lower() != b"bearer":
        return None
    try:
        return text.decode("ascii") or None
    except UnicodeDecodeError:
        return None
