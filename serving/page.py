"""The status page."""
from serving.server import Server

HEADERS: dict[str, str] = {}


async def page(server: Server) -> str:
    """Return the page."""
    return "<!doctype html><title>x</title>"
