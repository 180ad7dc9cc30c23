"""The examples run as they stand, on a tiny shop."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_script(tiny_shop, tmp_path):
    spec = importlib.util.spec_from_file_location("train_example", EXAMPLES / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = module.main(tiny_shop.catalog, tmp_path / "1", preset="tiny")
    assert 0 <= report["accuracy"] <= 1
    assert (tmp_path / "1" / "saved_model.pb").is_file()
    assert sum(1 for _ in (EXAMPLES / "train.py").open()) < 60


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own event loop
def test_the_notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTART_FOLDER", str(tmp_path))
    monkeypatch.setenv("QUICKSTART_PRESET", "tiny")
    monkeypatch.setenv("QUICKSTART_PRODUCTS", "160")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4
