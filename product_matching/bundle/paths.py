"""Where a bundle lies: a folder of its own, or numbered versions in a folder, as TF Serving wants them."""

from __future__ import annotations

from pathlib import Path

from product_matching.errors import BundleError

MANIFEST = "manifest.json"
SIDES_FILE = "split.npz"


def resolve(path: str | Path) -> Path:
    """The folder of a bundle: `path` itself, or its newest version where `path` holds numbered versions.

    Raises:
        BundleError: If there is none.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return path
    if found := versions(path):
        return path / str(max(found))
    if not path.exists():
        raise BundleError(f"There is no bundle {str(path)!r}. `product-matching train` writes one.")
    raise BundleError(f"{str(path)!r} is no bundle: it has neither {MANIFEST} nor numbered versions that have one.")


def versions(path: Path) -> list[int]:
    """Numbers of the versions in a folder, ascending."""
    folders = path.iterdir() if path.is_dir() else []
    return sorted(int(f.name) for f in folders if f.name.isdecimal() and (f / MANIFEST).is_file())


def free_path(path: str | Path, *, overwrite: bool = False) -> Path:
    """Where a new bundle goes: `path`, or the next version in it where it holds numbered versions.

    Raises:
        BundleError: If something is in the way, and is no bundle or may not be overwritten.
    """
    path = Path(path)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return path
    if found := versions(path):
        return path / str(max(found) + 1)
    if (path / MANIFEST).is_file():
        if overwrite:
            return path
        raise BundleError(f"{str(path)!r} holds a bundle already. Name another folder, or allow it with --overwrite.")
    raise BundleError(f"{str(path)!r} exists and is no bundle: it is left alone. Name another folder.")
