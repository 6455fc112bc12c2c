"""A request's body, no longer than it may be."""

from typing import Any

from serving.fault import Fault, RefusedError

_DRAINED = 32_000_000  # bytes of a body too long that are read on, so that its sender hears the answer


async def read(scope: dict[str, Any], receive: Any, most: int) -> bytes:
    """Return the body.

    Raises
    ------
    RefusedError
        413 where it is longer, whatever the header says; 400 where the sender has gone.
    """
    message = await receive()
    content: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request" and len(content) <= most:
        return content
    parts, length = [content], len(content)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, Fault("body", "ended before it was whole"))
        part = message.get("body", b"")
        length += len(part)
        if length <= most:
            parts.append(part)
        elif length > _DRAINED or _is_far_longer(scope):
            break
    if message["type"] == "http.disconnect":
        raise RefusedError(400, Fault("body", "ended before it was whole"))
    if length > most:
        raise RefusedError(413, Fault("body", f"expected at most {most} bytes; send fewer rows at once"))
    return b"".join(parts)


def _is_far_longer(scope: dict[str, Any]) -> bool:
    """Return whether the sender has announced more than is worth reading to its end."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return told.isdigit() and int(told) > _DRAINED
