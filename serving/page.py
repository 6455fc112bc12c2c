"""The status page: one HTML file without scripts, made anew for each look, that needs no other server."""

import asyncio
import base64
import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring.labelled import Labelled
from monitoring.report import count, interval, number, percent, seconds
from rarecall.errors import RarecallError
from serving.server import Server

_MOVES = 8
_log = logging.getLogger("rarecall.serving")


@cache
def _css() -> str:
    return files("serving").joinpath("page.css").read_text(encoding="utf-8")


@cache
def headers() -> Mapping[str, str]:
    """Return the page's own headers: a browser is to run nothing, and to use the one style that stands in the page."""
    digest = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; "
    return {"content-security-policy": policy + "frame-ancestors 'none'"}


async def page(server: Server) -> str:
    """Return the page of a server as it is now."""
    known = await server.known()
    moves, no_moves = await asyncio.to_thread(_moves, server)
    return _template().render(
        css=Markup(_css()),  # noqa: S704 - our own file; escaped it would be another style than its digest
        project=server.project.name,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        up=time.monotonic() - server.began,
        arms=_arms(server),
        traffic=_traffic(server),
        floor=server.project.gates.minority_recall,
        confidence=server.project.gates.confidence,
        canary=server.models.now.canary,
        recalls=_recalls(server, known),
        no_recalls="The log cannot be read now." if known is None else "No model serves yet.",
        evidence=await asyncio.to_thread(_evidence, server),
        moves=moves,
        no_moves=no_moves,
        **_state(server),
    )


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("serving", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {one.__name__: one for one in (count, interval, number, percent, seconds)}
    return environment.get_template("page.html.jinja")


def _state(server: Server) -> dict[str, Any]:
    now, registry = server.models.now, server.models.registry
    sentences = []
    if now.champion is None:
        sentences.append("Nothing can be answered until a version is champion: rarecall promote --version N.")
    elif now.canary:
        sentences.append(f"Version {now.canary.version} is tried on {percent(now.share)} of the entities.")
    if registry.away:
        last = (
            "It has not answered yet." if registry.age() is None else f"It last answered {seconds(registry.age())} ago."
        )
        sentences.append(f"The registry is away: {registry.away}. {last} What serves stays as it is.")
    sentences += [f"Version {version} cannot be served: {why}" for version, why in (registry.refused or {}).items()]
    if now.champion is None:
        return {"headline": "Not ready: no champion", "tone": "bad", "sentences": sentences}
    tone = "bad" if registry.away or registry.refused else "good"
    return {"headline": f"Version {now.champion.version} serves", "tone": tone, "sentences": sentences}


def _arms(server: Server) -> list[dict[str, Any]]:
    now, metrics = server.models.now, server.metrics
    found = []
    for name, one, share in (("champion", now.champion, 1.0 - now.share), ("canary", now.canary, now.share)):
        if one is None:
            continue
        key = (name, str(one.version))
        rows = metrics.rows[key]
        found.append(
            {
                "name": name,
                "version": one.version,
                "share": share,
                "rows": rows,
                "flagged": metrics.flagged[key] / rows if rows else None,
                "scorer": one.scorer.reason,
            }
        )
    return found


def _traffic(server: Server) -> dict[str, Any]:
    metrics = server.metrics
    asked = {key: many for key, many in metrics.requests.items() if key[0] in {"predict", "labels", "refused"}}
    latency = metrics.latency.get("predict")
    half, most = (latency.quantile(share) if latency else None for share in (0.5, 0.99))
    column, times = next(iter(metrics.unseen.most_common(1)), ("", 0))
    return {
        "requests": sum(asked.values()),
        "failed": sum(many for (_, status), many in asked.items() if status >= 500),
        "refused": sum(many for (_, status), many in asked.items() if 400 <= status < 500),
        "p50": _milliseconds(half),
        "p99": _milliseconds(most),
        "labels": metrics.labels["new"] + metrics.labels["changed"],
        "shadows": server.shadows.scored,
        "dropped": server.shadows.dropped,
        "waiting": server.shadows.waiting,
        "unseen": sum(metrics.unseen.values()),
        "most_unseen": f"most in {column} ({count(times)})" if column else "values that no training row had",
    }


def _milliseconds(bound: float | None) -> str:
    return "—" if bound is None else f"{bound * 1000:g} ms"


def _recalls(server: Server, known: Mapping[int, Labelled] | None) -> list[dict[str, Any]]:
    now = server.models.now
    arms = [(name, one.version) for name, one in (("champion", now.champion), ("canary", now.canary)) if one]
    return [
        {
            "name": name,
            "version": version,
            "labelled": found.labelled,
            "overall": found.overall,
            "cohorts": found.cohorts,
        }
        for name, version in arms
        if (found := (known or {}).get(version))
    ]


def _evidence(server: Server) -> list[str]:
    try:
        return server.evidence_known()
    except Exception:  # noqa: BLE001 - of any store behind it; the rest of the page is still true
        _log.exception("evidence.away")
        return ["The canary cannot be weighed now."]


def _moves(server: Server) -> tuple[list[dict[str, Any]], str]:
    import sqlalchemy as sa

    from monitoring.ledger import open_ledger

    address = sa.engine.make_url(server.ledger)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return [], "No alias has moved yet."  # a page makes no ledger
    try:
        ledger = open_ledger(server.ledger)
        entries = ledger.entries("aliases.moved", server.project.name)
        ledger.engine.dispose()
    except RarecallError:
        _log.exception("ledger.away")
        return [], "The ledger cannot be read now."
    told = [
        {
            "at": f"{entry.at:%Y-%m-%d %H:%M}",
            "action": entry.payload["action"],
            "moves": entry.payload["moves"],
            "who": entry.who,
            "why": entry.why,
        }
        for entry in reversed(entries[-_MOVES:])
    ]
    return told, "No alias has moved yet."
