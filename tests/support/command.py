"""The command line in this process: its arguments, folder and environment, and what it answers."""

import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch


def run_here(folder: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Call the console script's own function; everything that it changes in this process is set back."""
    from flows.cli import main

    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), _as_found(environ, ["rarecall", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())


@contextmanager
def _as_found(environ: Mapping[str, str], argv: list[str]) -> Iterator[None]:
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with patch.dict(os.environ, environ), patch.object(sys, "argv", argv), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for number, handler in signals.items():
                signal.signal(number, handler)
