"""The README's code runs, and its commands parse."""

import re
import shlex
from pathlib import Path

import pytest

from product_matching.cli.main import build_parser
from product_matching.config import presets

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    product-matching (.+?)(?:  +#.*)?$", README, flags=re.M)


def test_the_python_block_runs_on_a_tiny_shop(tiny_shop, tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    monkeypatch.chdir(tmp_path)
    block = block.replace('"catalog.csv"', repr(str(tiny_shop.catalog))).replace(
        '"small", ["train.epochs=5"]', '"tiny"'
    )
    names = {}
    exec(block, names)
    assert 0 <= names["report"]["accuracy"] <= 1
    assert (names["bundle"] / "manifest.json").is_file()


def test_there_are_commands():
    assert len(COMMANDS) >= 7


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_parse(command):
    build_parser().parse_args(shlex.split(command, comments=True))


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_every_preset_begins_with_its_command():
    for name in presets():
        text = (ROOT / "product_matching" / "configs" / f"{name}.toml").read_text(encoding="utf-8")
        assert text.startswith("#")
        assert "product-matching " in text.split("\n\n")[0]
