"""`validate` as a user runs it."""

import json

import pandas as pd
import pytest

from product_matching.cli import main

TABLE = "product_id,title,image,price\n1,red mug,,5\n1,blue mug,,5\n2,,,\n3,红色马克杯,../../etc/passwd,5\n4,cup,,5\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_folder_gets_page_and_rejected_rows(table, tmp_path, capsys):
    assert main(["validate", str(table), "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    rejected = pd.read_csv(tmp_path / "out" / "rejected.csv", dtype=str)
    assert list(rejected.columns) == ["row", "product_id", "column", "reason"]
    assert rejected["row"].tolist() == ["3", "4", "5"]
    assert report["rejected"] == 3 == sum(report["reasons"].values())
    assert "<h1>table.csv</h1>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_text_for_people(table, capsys):
    assert main(["validate", str(table)]) == 0
    printed = capsys.readouterr().out
    assert "product_id: another row above has the same id" in printed
    assert "near duplicate texts" in printed


def test_strict_tells_all_and_fails(table, capsys):
    assert main(["validate", str(table), "--strict", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rejected"] == 3
    assert "3 of 5 rows cannot be used; the first is row 3" in captured.err


def test_table_of_bad_rows_alone_is_told_and_fails(tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("product_id,title\n,mug\n", encoding="utf-8")
    assert main(["validate", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "no usable row" in capsys.readouterr().err
    assert "no id" in (tmp_path / "out" / "rejected.csv").read_text(encoding="utf-8")
