"""Where everything is kept."""

from pydantic import Field, field_validator

from rarecall.compute import LOCAL, Compute
from rarecall.errors import brief
from rarecall.sections.section import Section, Text


class Stores(Section):
    """Where everything is kept: embedded under `home` unless a URI says otherwise."""

    home: Text = Field(".rarecall", description="Relative to the project file; --home and RARECALL_HOME win.")
    mlflow: str | None = Field(None, repr=False, description="Tracking URI; none: SQLite under the home.")
    feast_registry: str | None = Field(
        None, repr=False, description="SQLAlchemy URL of Feast's registry; none: SQLite."
    )
    ledger: str | None = Field(
        None, repr=False, description="SQLAlchemy URL (SQLite or PostgreSQL) of the ledger; none: SQLite."
    )
    predictions: str | None = Field(
        None, repr=False, description="SQLAlchemy URL (SQLite or PostgreSQL) of the prediction log; none: SQLite."
    )
    online: str | None = Field(
        None, repr=False, description="redis://host:port/db of the online features; none: SQLite under the home."
    )
    compute: Text = Field(
        LOCAL,
        description="Where arms are fitted and large tables augmented: local, or with the extra dask dask://HOST:PORT "
        "(dask+tls:// with TLS) or dask://local?workers=N.",
    )

    @field_validator("compute")
    @classmethod
    def _a_cluster(cls, compute: str) -> str:
        Compute.of(compute)
        return compute

    @field_validator("online")
    @classmethod
    def _redis(cls, online: str | None) -> str | None:
        if online is not None and not online.startswith(("redis://", "rediss://")):
            raise ValueError(f"expected redis://host:port/db (rediss:// with TLS), got {brief(online)}")
        return online

    @field_validator("home")
    @classmethod
    def _a_folder(cls, home: str) -> str:
        if "://" in home:
            raise ValueError("expected a folder, got a URI")
        return home
