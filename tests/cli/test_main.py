"""The command line: help, exit codes, one clear line for each mistake."""

import json
import subprocess
import sys

import pytest

from product_matching.cli import main
from product_matching.cli.main import COMMANDS

pytestmark = pytest.mark.slow


def run(*arguments):
    """Runs the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "product_matching", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom product_matching.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'PIL', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "demo" in done.stdout


@pytest.mark.parametrize("command", [module.__name__.rsplit(".", 1)[1].replace("_", "-") for module in COMMANDS])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert "--json" in capsys.readouterr().out


def catalog(folder, text, name="table.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "{dir}/nowhere.csv", "--out", "{dir}/b"], "There is no table"),
        (["train", "{dir}", "--out", "{dir}/b"], "It is a folder"),
        (["train", "{dir}/table.xyz", "--out", "{dir}/b"], "Unknown kind of table"),
        (["train", "{dir}/no_id.csv", "--out", "{dir}/b"], "--column product_id=NAME"),
        (["train", "{dir}/empty.csv", "--out", "{dir}/b"], "empty"),
        (["train", "{dir}/header.csv", "--out", "{dir}/b"], "no usable row"),
        (["train", "{dir}/bad_image.csv", "--out", "{dir}/b", "--strict"], "broken.jpg"),
        (["train", "{dir}/good.csv", "--out", "{dir}/b", "--set", "train.epoch=1"], "Did you mean 'train.epochs'"),
        (["train", "{dir}/good.csv", "--out", "{dir}/b", "--config", "smal"], "Did you mean 'small'"),
        (["train", "{dir}/good.csv", "--out", "{dir}"], "exists and is no bundle"),
        (["train", "{dir}/good.csv", "--out", "{dir}/b", "--column", "title"], "OURS=THEIRS"),
        (["evaluate", "{dir}/nowhere", "{dir}/good.csv"], "There is no bundle"),
        (["search", "{dir}", "--text", "mug"], "is no bundle"),
        (["search", "{dir}", "--image", "{dir}/broken.jpg"], "is no JPEG"),
        (["search", "{dir}", "--text", "mug", "--filter", "colour"], "filter"),
        (["search", "{dir}", "--text", "mug", "-k", "0"], "-k takes"),
        (["match", "{dir}", "{dir}/good.csv"], "--left l_"),
        (["demo", "--products", "3"], "--products takes"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_2(arguments, expected, tmp_path, capsys):
    catalog(tmp_path, "sku,title\n1,red mug\n", "no_id.csv")
    catalog(tmp_path, "", "empty.csv")
    catalog(tmp_path, "product_id,title\n", "header.csv")
    catalog(tmp_path, "product_id,title\n1,red mug\n", "good.csv")
    catalog(tmp_path, "product_id,title\n1,red mug\n", "table.xyz")
    catalog(tmp_path, "product_id,title,image\n1,red mug,broken.jpg\n", "bad_image.csv")
    catalog(tmp_path, "no picture", "broken.jpg")
    assert main([argument.format(dir=tmp_path) for argument in arguments]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("product-matching: error: ")]
    assert captured.out == ""
    assert len(lines) == 1
    assert expected in lines[0]
    assert "Traceback" not in captured.err


def test_validate_counts_every_row(tmp_path, capsys):
    table = "product_id,title,image\n1,red mug,\n1,blue mug,\n2,,\n3,红色马克杯,../../etc/passwd\n4,cup,\n"
    rejected = tmp_path / "rejected.csv"
    assert main(["validate", str(catalog(tmp_path, table)), "--json", "--rejected", str(rejected)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["rows"], result["accepted"], result["rejected"]) == (5, 2, 3)
    assert sum(result["reasons"].values()) == 3
    assert rejected.read_text(encoding="utf-8").count("\n") == 4


def test_doctor_prints_one_json_object_alone():
    done = run("doctor", "--json")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert result["healthy"]
    assert result["packages"]["tensorflow"]
