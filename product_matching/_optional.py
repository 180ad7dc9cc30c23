"""Imports of optional libraries, with the line that installs what is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from product_matching.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Imports `module`, or says which extra brings it.

    Args:
        module: Dotted name of the module, for example `"matplotlib.pyplot"`.
        extra: Name of the extra in `setup.cfg` that installs it.

    Raises:
        MissingExtraError: If the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module.split('.')[0]} is not installed ({error}). "
            f"Install it with: pip install 'product-matching[{extra}]'"
        ) from error
