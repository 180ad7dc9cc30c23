"""Keeps a C++ library that writes to standard error out of the user's way."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger


@contextmanager
def stderr_to_log(logger: Logger) -> Iterator[None]:
    """Sends what the process writes to standard error, C++ included, to a log at debug level.

    For short calls that have no setting for it: other threads' output goes the same way meanwhile.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            if text := file.read().decode(errors="replace").strip():
                logger.debug("%s", text)
