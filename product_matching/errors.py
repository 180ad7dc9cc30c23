"""Errors that a user can mend.

    ProductMatchingError            one clear line, no traceback on the command line, exit code 2
    ├── ConfigError                 an unknown key, a value of the wrong type or outside its range
    ├── DataError                   a table, a row, a column, an image or a value that cannot be used
    ├── BundleError                 a bundle that is missing, incomplete, changed or too new
    ├── CheckpointError             pretrained weights that are nowhere, or that no network of ours reads
    ├── TowersError                 a server of encoders that does not answer
    ├── TrainingError               a fit that leads nowhere: a loss that is not a number, vectors that are all alike
    └── MissingExtraError           a library of an extra is not installed

Every message names the thing, the rule, what came, and the way out. Anything else that escapes is our fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProductMatchingError(Exception):
    """Base of every error that the caller can mend."""


class ConfigError(ProductMatchingError, ValueError):
    """A configuration key or value that is not allowed."""


class DataError(ProductMatchingError, ValueError):
    """Input that cannot be used: a file, a row, a column, an image, a value."""


class BundleError(ProductMatchingError, ValueError):
    """A bundle that is missing, incomplete, altered, or of a newer format."""


class CheckpointError(ProductMatchingError, ValueError):
    """Pretrained weights that were not found, or cannot be used."""


class TrainingError(ProductMatchingError, ValueError):
    """A fit that leads nowhere; the message says which option to change."""


class TowersError(ProductMatchingError, RuntimeError):
    """A server that runs the encoders does not answer, or has another model."""


class MissingExtraError(ProductMatchingError, ImportError):
    """An optional library is not installed; the message holds the line that installs it."""


def unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """Says that a name is unknown, offers the nearest known one and lists the others.

    >>> unknown_name("backbone", "resnet5", ["resnet18", "resnet50"])
    "Unknown backbone 'resnet5'. Did you mean 'resnet50'? Known: resnet18, resnet50."
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {what} {str(name)!r}.{hint} Known: {', '.join(names) or 'none'}."
