"""What Feast has registered of a home: saved datasets and feature views, each with the file that it reads."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from rarecall.project import Project
from rarecall.warehouse import Warehouse
from tasks.feature_store import applying, open_store, registry_url


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One thing in the Feast registry that reads a file.

    Attributes
    ----------
    name, feast_project : str
    is_dataset : bool
        A saved dataset; else a feature view.
    path : str
        A file, a folder or a URI.
    """

    name: str
    feast_project: str
    is_dataset: bool
    path: str

    @property
    def is_gone(self) -> bool:
        """Whether its file is not there; of what another machine holds nobody can say."""
        return "://" not in self.path and not Path(self.path).exists()

    def version(self, shelf: Warehouse) -> str | None:
        """Return the version of a warehouse that it reads, as `kind/key`, whether that is there or not."""
        path, root = Path(self.path).resolve(), shelf.root.resolve()
        if "://" in self.path or not path.is_relative_to(root):
            return None
        return "/".join(path.relative_to(root).parts[:2])


def registered(project: Project) -> list[Registration]:
    """Return everything that the registry has, of any project in it; nothing where there is no registry yet."""
    address = sa.engine.make_url(registry_url(project))
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return []
    registry = open_store(project).registry
    found = []
    for one in registry.list_projects(allow_cache=False):
        found += [
            Registration(
                name=dataset.name, feast_project=one.name, is_dataset=True, path=dataset.storage.file_options.uri
            )
            for dataset in registry.list_saved_datasets(one.name, allow_cache=False)
        ]
        found += [
            Registration(name=view.name, feast_project=one.name, is_dataset=False, path=view.batch_source.path)
            for view in registry.list_feature_views(one.name, allow_cache=False)
            if hasattr(view.batch_source, "path")
        ]
    return found


def unregister(project: Project, dataset: Registration) -> None:
    """Take a saved dataset out of the registry; its files stay as they are."""
    from feast.errors import SavedDatasetNotFound

    with applying(project) as store, suppress(SavedDatasetNotFound):  # somebody may have been faster
        store.registry.delete_saved_dataset(dataset.name, dataset.feast_project, commit=True)
