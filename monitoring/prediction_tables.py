"""The tables of the prediction log: answers, what the other model would have said, and what was true."""

import sqlalchemy as sa

WAIT = 30
"""Seconds that one process waits for another to let go of a SQLite log."""

_OPENING = (
    0x7072_6564_6963_74  # of PostgreSQL's advisory lock: "predict" in ASCII; two that make tables at once collide
)
_MADE = sa.MetaData()
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # only this type counts up by itself there

PREDICTIONS = sa.Table(
    "predictions",
    _MADE,
    # Rows lie in the order of writing; only the index by id is spread over its pages where ids do not ascend.
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("arm", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("flagged", sa.SmallInteger, nullable=False),
    sa.Column("cohorts", sa.Text, nullable=False),
)
BATCHES = sa.Table(
    "batches",
    _MADE,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("arm", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),  # rows of the whole request, which both arms may have a part of
    sa.Column("record", sa.Text, nullable=False),  # JSON: an array of [place, entity, digest, score, flagged, cohorts]
    sa.UniqueConstraint("id", "arm"),
)
SHADOWS = sa.Table(
    "shadows",
    _MADE,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("prediction", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("flagged", sa.SmallInteger, nullable=False),
    sa.UniqueConstraint("prediction", "version"),
)
TRUTHS = sa.Table(
    "truths",
    _MADE,
    sa.Column("prediction", sa.String(64), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("label", sa.SmallInteger, nullable=False),
    # Since when it holds, or when it was told; of two that are told, the one that holds since later stands.
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("recorded", sa.BigInteger, nullable=False),
)
TALLIES = sa.Table(
    "tallies",
    _MADE,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("arm", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("answered", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("slow", sa.BigInteger, nullable=False),
)


def make(connection: sa.Connection) -> None:
    """Make the tables where they are not there, in the transaction that this begins."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    _MADE.create_all(connection)
