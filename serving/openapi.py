"""The OpenAPI document: FastAPI's own of the routes that tell, and by hand of those that read their body by hand.

The features of a row are those of the model that serves, so the document changes with it.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.server import Server

VERSION = "1"
"""Of the interface, not of the product."""

_ERRORS = {
    400: "The body is no JSON in UTF-8.",
    401: "No known key.",
    403: "A key without this scope.",
    408: "The body did not come in time.",
    413: "More bytes or rows than are taken at once.",
    415: "Not application/json.",
    422: "A field holds what it may not; each is named with its reason.",
    503: "No model serves yet, or a store is away.",
}
_PREDICTION = {
    "type": "object",
    "required": ["id", "score", "flagged", "arm", "version"],
    "properties": {
        "id": {"type": "string", "description": "Names this answer when its truth is known."},
        "score": {"type": "number", "description": "The probability of the rare class."},
        "flagged": {"type": "boolean", "description": "Whether the score reaches the model's threshold."},
        "arm": {"type": "string", "enum": ["champion", "canary"]},
        "version": {"type": "integer", "description": "Of the model."},
    },
    "example": {
        "id": "065a1f3c2d9e40a1b2c3d4e5f60718",
        "score": 0.031,
        "flagged": False,
        "arm": "champion",
        "version": 7,
    },
}
_LABELS = {
    "type": "object",
    "required": ["labels"],
    "additionalProperties": False,
    "properties": {
        "labels": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "truth"],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "minLength": 1, "maxLength": 64},
                    "truth": {"type": "integer", "enum": [0, 1]},
                    "at": {"type": "string", "format": "date-time", "description": "Since when it holds."},
                },
            },
        }
    },
    "example": {"labels": [{"id": "065a1f3c2d9e40a1b2c3d4e5f60718", "truth": 1, "at": "2026-03-03T12:00:00Z"}]},
}
_COUNTS = {
    "type": "object",
    "additionalProperties": {"type": "integer"},
    "example": {"new": 1, "same": 0, "changed": 0, "late": 0, "unknown": 0},
}


def document(app: FastAPI, server: Server) -> dict[str, Any]:
    """Return the document, with the features of the champion as it is now."""
    made = get_openapi(title=app.title, version=app.version, routes=app.routes)
    row = _row(server)
    several = {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {"rows": {"type": "array", "minItems": 1, "maxItems": server.limits.rows, "items": row}},
    }
    answers = {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"type": "array", "items": _PREDICTION}},
    }
    made["paths"]["/predict"] = _post(
        "Score one row, or many",
        "An entity alone is scored by its features in the online store. An answer is in the log before it is sent.",
        {"oneOf": [row, several, _columns(row, server.limits.rows)]},
        {"oneOf": [_PREDICTION, answers]},
    )
    made["paths"]["/labels"] = _post(
        "Send what turned out to be true",
        "In any order, as often as wanted: what is known already changes nothing.",
        _LABELS,
        _COUNTS,
    )
    if server.access is not None:
        made.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"key": []}]
    return made


def _columns(row: dict[str, Any], most: int) -> dict[str, Any]:
    """Return many rows column by column, each name once."""

    def listed(one: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "minItems": 1, "maxItems": most, "items": one}

    entity, features = row["properties"]["entity"], row["properties"]["features"]
    known = features.get("properties", {})
    columns = {
        "type": "object",
        "description": "Of each feature as many values as there are entities.",
        "properties": {name: listed(one) for name, one in known.items()},
        "required": features.get("required", []),
    }
    made = {
        "type": "object",
        "required": ["entities"],
        "additionalProperties": False,
        "properties": {"entities": listed(entity), "features": columns},
    }
    if example := row.get("example"):
        by_name = {name: [value] for name, value in example["features"].items()}
        made["example"] = {"entities": [example["entity"]], "features": by_name}
    return made


def _row(server: Server) -> dict[str, Any]:
    champion = server.models.now.champion
    keys = server.keys
    key = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 1000}, {"type": "integer"}]}
    entity = key if len(keys) == 1 else {
        "type": "object", "required": keys, "additionalProperties": False, "properties": dict.fromkeys(keys, key),
    }  # fmt: skip
    row: dict[str, Any] = {
        "type": "object",
        "required": ["entity"],
        "additionalProperties": False,
        "properties": {"entity": entity, "features": {"type": "object"}},
    }
    if champion is None:
        return row
    columns = champion.scorer.columns
    example: dict[str, Any] = {}
    features: dict[str, Any] = {}
    for name in columns.names:
        known = columns.categories.get(name)
        kind = "number" if known is None else "string"
        features[name] = {"type": kind if name in columns.required else [kind, "null"]}
        if known:
            features[name]["description"] = "Another value than those learned from is scored as unseen."
        example[name] = 0.0 if known is None else min(known, default=None)
    others = {one: {"type": ["string", "number", "null"]} for one in server.cohort_columns - set(columns.names)}
    row["properties"]["features"] = {
        "type": "object",
        "required": list(columns.names),
        "properties": features | others,
        "example": example,
    }
    row["example"] = {"entity": "17" if len(keys) == 1 else dict.fromkeys(keys, "17"), "features": example}
    return row


def _post(summary: str, description: str, asks: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "reason"],
                    "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                },
            }
        },
        "example": {"errors": [{"field": "features.amount", "reason": "expected a number, got 'abc'"}]},
    }
    refusals = {
        str(status): {"description": said, "content": {"application/json": {"schema": error}}}
        for status, said in _ERRORS.items()
    }
    return {
        "post": {
            "summary": summary,
            "description": description,
            "tags": ["serving"],
            "requestBody": {"required": True, "content": {"application/json": {"schema": asks}}},
            "responses": {
                "200": {"description": "Answered.", "content": {"application/json": {"schema": answers}}},
                **refusals,
            },
        }
    }
