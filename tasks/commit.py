"""The commit that a run was made at."""

from pathlib import Path

import git


def commit(folder: Path) -> str:
    """Return the commit of the repository around a folder, `+changed` with uncommitted work, `none` outside one."""
    try:
        repository = git.Repo(folder, search_parent_directories=True)
        head = repository.head.commit.hexsha
        return f"{head}+changed" if repository.is_dirty() else head
    except (git.GitError, ValueError):  # no repository, no git on this machine; ValueError: no commit yet
        return "none"
