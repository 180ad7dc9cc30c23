"""A table of 2,000 rows with everything that real ones have: nothing crashes, nothing is lost, each reason is right."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from product_matching.dataset import load_data
from product_matching.dataset.inspection import inspect_catalog, write_page

HEADER = b"\xef\xbb\xbfproduct_id,image,title,description,tags,price\n"
ROWS = 2_000

# A row by its number, and a part of the reason for which it is rejected; "" where it is good.
KINDS = {
    "plain": ("p{i},a.png,Red mug {i},Holds 350 ml,mug|red,9.5", ""),
    "full-width": ("p{i},,红色马克杯　３５０ｍｌ，第{i}号,（全新）！！！,杯子|红色,￥88", ""),
    "emoji": ("p{i},a.png,👟 跑鞋 {i} 😀👨‍👩‍👧,❤️,鞋,", ""),
    "right to left": ("p{i},,حذاء أحمر {i},נעליים אדומות,حذاء,١٢", ""),
    "quotes": ('p{i},,"Mug {i}, ""big"" one","two\nlines",mug,1', ""),
    "quote of inches": ('p{i},,"5" wide {i}",board,wood,1', ""),
    "separators in tags": ("p{i},a.png,Cup {i},,||mug | |red||,3", ""),
    "spaces": ("  p{i} , a.png ,  Cup {i}\t, ,\t,  ", ""),
    "mark-up": ("p{i},,<b>Cup</b> {i} &amp; saucer,<script>alert(1)</script>,<i>,1", ""),
    "zero-width": ("p{i},,Cup\u200b {i}\ufeff,\u202ered\u202c,\u00a0,1", ""),
    "two images": ("p{i},|a.png| b.jpg|,Cup {i},,,", ""),
    "webp": ("p{i},photo.webp,Cup {i},,,", ""),
    "no id": (",a.png,Red mug {i},,,", "the product has no id"),
    "nothing": (",,,,,", "the product has no id"),
    "nothing but an id": ("p{i},,,,mug,5", "all three are empty"),
    "id of another row": ("first,a.png,Red mug {i},,,", "another row above has the same id"),
    "absent image": ("p{i},absent{i}.jpg,Red mug,,,", "there is no file 'absent{i}.jpg'"),
    "truncated image": ("p{i},half.jpg,Red mug {i},,,", "'half.jpg' cannot be decoded"),
    "text for an image": ("p{i},note.jpg,Red mug {i},,,", "'note.jpg' is no JPEG, PNG"),
    "bomb": ("p{i},bomb.png,Red mug {i},,,", "'bomb.png' has more than 50,000,000 pixels"),
    "outside": ("p{i},../../etc/passwd,Red mug {i},,,", "'../../etc/passwd' lies outside the catalogue's folder"),
    "inside the network": ("p{i},http://127.0.0.1/{i}.jpg,Red mug,,,", "'127.0.0.1' is in a private network"),
    "one good, one bad image": ("p{i},a.png|../a.png,Red mug {i},,,", "'../a.png' lies outside"),
    "another encoding": ("p{i},,红色马克杯{i},很轻,,", "bytes that the file's encoding does not have"),
    "open quote": ('p{i},,"Red mug {i},,,', "opens a quote that it does not close"),
    "too few fields": ("p{i},a.png,Red mug {i}", "has 3 fields, the header 6"),
    "too many fields": ("p{i},a.png,Red mug, big, {i},,,mug", "has 8 fields, the header 6"),
}


def png_bomb(side):
    """A valid start of a PNG that claims side x side pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dirty")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    for name in ("a.png", "b.jpg", "photo.webp", "whole.jpg"):
        Image.fromarray(pixels).save(folder / name)
    (folder / "half.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:900])
    (folder / "note.jpg").write_text("这是文字")
    (folder / "bomb.png").write_bytes(png_bomb(50_000))
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """Writes the table; by line, the kind of each row and the reason that it shall get."""
    names = np.random.default_rng(1).permutation(np.resize(list(KINDS), ROWS - 1))
    content, line, found = HEADER + b"first,,The first row,,,\n", 3, {2: ("plain", "")}
    for i, name in enumerate(names):
        row, reason = (text.replace("{i}", str(i)) for text in KINDS[name])
        encoding = "gb18030" if name == "another encoding" else "utf-8"
        content += row.encode(encoding) + (b"\r\n" if i % 3 == 0 else b"\n")
        found[line] = (name, reason)
        line += 1 + row.count("\n")
        if i % 100 == 0:
            content, line = content + b"\n", line + 1  # an empty line is no row
    (folder / "shop.csv").write_bytes(content)
    return found


@pytest.fixture(scope="module")
def catalog(folder, expected):
    return load_data(folder / "shop.csv")


def test_good_and_rejected_rows_are_all_rows(catalog, expected):
    assert len(expected) == ROWS == len(catalog) + len(catalog.rejected)
    assert sorted([*catalog.lines, *catalog.rejected["row"]]) == sorted(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_gets_its_reason(catalog, expected, kind):
    reasons = dict(zip(catalog.rejected["row"], catalog.rejected["reason"], strict=True))
    lines = [line for line, (name, _) in expected.items() if name == kind]
    assert len(lines) >= ROWS // len(KINDS)
    for line in lines:
        reason = expected[line][1]
        assert (line in reasons) == bool(reason), (line, reasons.get(line))
        assert reason in reasons.get(line, ""), line


def test_good_rows_are_as_they_were_written(catalog, expected):
    rows = {expected[line][0]: row for line, row in zip(catalog.lines, catalog.table.to_dict("records"), strict=True)}
    assert rows["quotes"]["title"].endswith(', "big" one')
    assert rows["quotes"]["description"] == "two\nlines"
    assert rows["quote of inches"]["title"].startswith("5 wide")  # the doubtful quote goes, the text stays
    assert rows["full-width"]["description"] == "（全新）！！！"
    assert rows["emoji"]["title"].startswith("👟 跑鞋")
    assert rows["two images"]["image"] == "a.png|b.jpg"
    assert rows["spaces"]["image"] == "a.png"
    assert rows["right to left"]["description"] == "נעליים אדומות"


def test_the_report_counts_them(catalog, expected, tmp_path):
    report, duplicates = inspect_catalog(catalog)
    bad = sum(bool(reason) for _, reason in expected.values())
    assert (report["rows"], report["rejected"], sum(report["reasons"].values())) == (ROWS, bad, bad)
    assert len(report["reasons"]) == 12  # two kinds each have no id, images outside, another number of fields
    assert report["languages"]["zh"] > 0 < report["languages"]["other"]
    write_page(tmp_path / "report.html", report, duplicates, catalog, source="shop.csv")
    assert "<script" not in (tmp_path / "report.html").read_text(encoding="utf-8")
