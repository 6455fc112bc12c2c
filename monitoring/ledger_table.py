"""A ledger's table: made, sealed against changes, and chained where an older version made it without."""

import json
from datetime import UTC, datetime
from functools import cache

import sqlalchemy as sa

from monitoring import chain

WAIT = 30
"""Seconds that a writer waits for another."""

_OPENING = 0x6C65_6467_6572  # of PostgreSQL's advisory lock: "ledger" in ASCII; two that make a table at once collide

_TOO_OLD = "an entry must end the chain: a rarecall that knows no chain cannot write to this ledger any more"
_UNCHAINED = "NEW.hash IS NULL OR NEW.previous IS NULL"

SEALABLE = ("sqlite", "postgresql")
"""The databases that can be told to refuse a change."""


@cache
def table_of(name: str) -> sa.Table:
    """Return a ledger's table; the name is one of the program's own, never a user's."""
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False, index=True),
        sa.Column("subject", sa.String(255), nullable=False, index=True),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        # Empty only in entries that were written before there was a chain. No two entries can follow the same one.
        sa.Column("previous", sa.String(64)),
        sa.Column("hash", sa.String(64)),
        sa.Index(f"{name}_previous", "previous", unique=True),
    )


ENTRIES = table_of("entries")
"""Of the ledger itself."""

TRIGGERS = table_of("triggers")
"""Of what the monitor saw and started."""


def _seal(name: str, dialect: str) -> list[str]:
    if dialect == "sqlite":
        taken = f"EXISTS (SELECT 1 FROM {name} WHERE number >= NEW.number OR previous = NEW.previous)"  # noqa: S608 - a name of our own
        return [
            *(
                f"CREATE TRIGGER IF NOT EXISTS {name}_no_{verb} BEFORE {verb} ON {name} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
                for verb in ("UPDATE", "DELETE")
            ),
            # The second condition refuses INSERT OR REPLACE, which removes a row and asks no trigger.
            (
                f"CREATE TRIGGER IF NOT EXISTS {name}_chained BEFORE INSERT ON {name} "
                f"WHEN {_UNCHAINED} OR {taken} BEGIN SELECT RAISE(ABORT, '{_TOO_OLD}'); END"
            ),
        ]
    return [
        (
            f"CREATE OR REPLACE FUNCTION {name}_sealed() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name}_sealed BEFORE UPDATE OR DELETE ON {name} "
            f"FOR EACH ROW EXECUTE FUNCTION {name}_sealed()"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name}_not_emptied BEFORE TRUNCATE ON {name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_sealed()"
        ),
        (
            f"CREATE OR REPLACE FUNCTION {name}_chained() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_TOO_OLD}'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name}_chained BEFORE INSERT ON {name} FOR EACH ROW "
            f"WHEN ({_UNCHAINED}) EXECUTE FUNCTION {name}_chained()"
        ),
    ]


def make(connection: sa.Connection, table: sa.Table = ENTRIES) -> None:
    """Make the table, its chain and its seal where they are not there, in the transaction that this begins."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING})
    else:
        take_turn(connection, table)
    connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
    there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    if is_unchained := "hash" not in there:
        for column in (table.c.previous, table.c.hash):
            connection.execute(sa.DDL(f"ALTER TABLE {table.name} ADD COLUMN {column.name} VARCHAR(64)"))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
    if is_unchained:
        _begin_chain(connection, table)
    for statement in _seal(table.name, connection.dialect.name):
        connection.exec_driver_sql(statement)


def _begin_chain(connection: sa.Connection, table: sa.Table) -> None:
    """Append the entry whose `previous` answers for all that were written without a chain."""
    rows = connection.execute(sa.select(table).order_by(table.c.number)).mappings().all()
    if not rows:
        return
    payload = {"entries": len(rows), "last": rows[-1]["number"], "digest": chain.end_of(rows)}
    begins = {
        "number": rows[-1]["number"] + 1,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "kind": chain.CHAINED,
        "subject": "ledger",
        "payload": json.dumps(payload, sort_keys=True),
        "who": "rarecall",
        "why": "the entries before were written without a chain; what they held now is what this one answers for",
    }
    connection.execute(table.insert(), chain.linked([begins], payload["digest"]))


def take_turn(connection: sa.Connection, table: sa.Table = ENTRIES) -> None:
    """Let nobody else write until the transaction ends, so that what is read of the end of the chain stays its end."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(WAIT * 1000)}")
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
