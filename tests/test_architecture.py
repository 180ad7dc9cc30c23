"""The import law: a floor imports floors below it, never above, never a neighbour; imports stay light."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import product_matching

PACKAGE = Path(product_matching.__file__).parent
FLOORS = {
    **{"cli": 8, "__main__": 9, "deploy": 7, "search": 6, "train": 5, "eval": 5, "recommendation": 5, "bundle": 5},
    **{
        "model": 4,
        "dataset": 4,
        "text": 3,
        "visual": 3,
        "checkpoints": 2,
        "layers": 2,
        "losses": 2,
        "metrics": 2,
        "optimizer": 2,
    },
    **{"config": 1, "errors": 0, "_types": 0, "_optional": 0, "_version": 0, "_lazy": 0, "_folders": 0},
    "_vectors": 1,
}
HEAVY = {
    "scann": {"search/scann_index.py"},
    "matplotlib": set(),
    "pymilvus": set(),
    "apache_beam": set(),
    "fastapi": {"deploy/service/app.py"},
    "implicit": {"recommendation/factorisation.py"},
    "lightgbm": {"recommendation/ranker.py", "model/reranker/forest.py"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module


def room(name):
    """The room of a module name or of a path below the package."""
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_floor_imports_only_floors_below(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here == "__init__":
        return
    for module in imports(path):
        there = room(module)
        if module.split(".")[0] != "product_matching" or there in ("", here):
            continue
        # Floor 0 holds the standard library's children: they may lean on each other.
        assert FLOORS[there] < FLOORS[here] or FLOORS[here] == 0, (
            f"{here} (floor {FLOORS[here]}) imports {module} (floor {FLOORS[there]})"
        )


def test_every_room_has_a_floor():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert rooms <= FLOORS.keys()


def test_heavy_libraries_live_in_one_file_each():
    for path in FILES:
        name = path.relative_to(PACKAGE).as_posix()
        for module in imports(path):
            allowed = HEAVY.get(module.split(".")[0])
            assert allowed is None or name in allowed, f"{name} imports {module}"


def test_no_lazy_name_is_hidden_by_a_module_of_the_same_name():
    # Once a submodule is imported it becomes an attribute of its package and hides a lazy name that is spelled like it.
    for init in PACKAGE.rglob("__init__.py"):
        package = ".".join(("product_matching", *init.parent.relative_to(PACKAGE).parts))
        module = importlib.import_module(package)
        for name in module.__all__ if hasattr(module, "__getattr__") else ():
            itself = importlib.util.find_spec(f"{package}.{name}")
            assert itself is None or getattr(module, name).__name__ == itself.name, f"{package}: {name}"


@pytest.mark.parametrize("module", ["product_matching", "product_matching.cli", "product_matching.config"])
def test_imports_stay_light(module):
    code = f"import sys, {module}; print([m for m in ('tensorflow', 'keras', 'pandas', 'scann') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
