"""Broken lines, broken quotes and other encodings, against the csv module and Python's own codecs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_matching.dataset import load_data
from product_matching.dataset.delimited import read_delimited
from product_matching.dataset.encodings import detect_encoding
from product_matching.errors import DataError

CHINESE = (
    "product_id,title,description\n1,红色陶瓷马克杯,一只很好看的杯子\n2,蓝色运动鞋,轻便透气的跑鞋\n3,木椅,实木餐椅\n"
)
GERMAN = "product_id,title\n1,Größe für Männer\n2,Schlüsselanhänger aus Gänseblümchen\n3,weiße Straßenschühe\n"


def read(tmp_path, text, **options):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_delimited(path, ",", encoding="utf-8-sig", **options)


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='"\n,'), max_size=12)


@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_what_csv_writes_is_read_back(tmp_path_factory, rows):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    table, bad = read(tmp_path_factory.mktemp("csv"), out.getvalue())
    assert not bad
    assert table.to_numpy().tolist() == [[cell.strip() for cell in row] for row in rows]


def test_a_quote_that_is_not_closed_costs_its_own_line_alone(tmp_path):
    table, bad = read(
        tmp_path, 'id,title\n1,"red "" mug"\n2,"a 5" bag"\n3,"two\nlines"\n4,"never closed\n5,shoe,\n6,"hat"\n'
    )
    assert table["title"].tolist() == ['red " mug', 'a 5 bag"', "two\nlines", "shoe", "hat"]
    assert bad == [(6, "the line opens a quote that it does not close")]


def test_a_quote_that_would_swallow_the_rest_is_caught(tmp_path):
    rows = "".join(f"{i},title {i}\n" for i in range(20_000))
    table, bad = read(tmp_path, f'id,title\nx,"open\n{rows}')
    assert [tuple(line) for line in bad] == [(2, "the line opens a quote that it does not close")]
    assert len(table) == 20_000
    assert table.index[0] == 3


def test_lines_with_too_few_or_too_many_fields_are_set_aside(tmp_path):
    table, bad = read(tmp_path, "id,title,tags\n1,mug,red\n2,bag\n\n3,a,b,c\n4,hat,,,\n5,,\n")
    assert table["id"].tolist() == ["1", "4", "5"]
    assert table.index.tolist() == [2, 6, 7]
    assert bad == [(3, "the line has 2 fields, the header 3"), (5, "the line has 4 fields, the header 3")]


def test_a_record_over_several_lines_counts_from_its_first(tmp_path):
    table, _ = read(tmp_path, 'id,title\r\n1,"a\r\nb\r\nc"\r\n2,mug\r\n')
    assert table.index.tolist() == [2, 5]
    assert table.loc[2, "title"] == "a\r\nb\r\nc"


def test_limit_counts_good_and_bad(tmp_path):
    table, bad = read(tmp_path, "id,title\n1,mug\n2\n3,hat\n4,bag\n", limit=3)
    assert (table["id"].tolist(), len(bad)) == (["1", "3"], 1)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (CHINESE, "utf-8", "utf-8-sig"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE * 20, "gb18030", "gb18030"),
        (CHINESE, "gb18030", "gb18030"),
        ("id,title\n1,mug\n", "ascii", "utf-8-sig"),
    ],
)
def test_encodings_are_told(tmp_path, text, encoding, found):
    (tmp_path / "table.csv").write_bytes(text.encode(encoding))
    assert detect_encoding(tmp_path / "table.csv") == found


@pytest.mark.parametrize(("text", "encoding"), [(CHINESE, "gb18030"), (GERMAN, "latin-1"), (CHINESE, "utf-16")])
def test_other_encodings_are_read_whole_with_a_word_of_warning(tmp_path, caplog, text, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    catalog = load_data(path)
    assert catalog.table["title"].tolist() == [row[1] for row in csv.reader(io.StringIO(text))][1:]
    assert ("--encoding" in caplog.text) == (encoding != "utf-16")
    named = load_data(path, encoding=encoding)
    assert named.table.equals(catalog.table)


def test_one_line_in_another_encoding_is_one_bad_line(tmp_path):
    good = "product_id,title\n" + "".join(f"{i},红色马克杯\n" for i in range(5))
    path = tmp_path / "table.csv"
    path.write_bytes(good.encode() + "6,蓝色运动鞋\n".encode("gb18030") + "7,木椅\n".encode())
    catalog = load_data(path)
    assert catalog.table["product_id"].tolist() == ["0", "1", "2", "3", "4", "7"]
    assert catalog.rejected[["row", "reason"]].to_numpy().tolist() == [
        [7, "the line holds bytes that the file's encoding does not have"]
    ]


def test_bad_lines_of_json_are_named(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text('{"product_id": 1, "title": "mug"}\n{"product_id": \n\n[2]\n{"product_id": 3, "title": "hat"}\n')
    catalog = load_data(path)
    assert catalog.table["product_id"].tolist() == ["1", "3"]
    assert catalog.rejected["row"].tolist() == [2, 4]
    assert "not valid JSON" in catalog.rejected.loc[0, "reason"]
    assert catalog.rejected.loc[1, "reason"] == "the line is no JSON object"


def test_unknown_encoding_is_an_error(tmp_path):
    (tmp_path / "table.csv").write_text("product_id,title\n1,mug\n")
    with pytest.raises(DataError, match="no encoding 'klingon'"):
        load_data(tmp_path / "table.csv", encoding="klingon")
