import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow.parquet import write_table

from product_matching.dataset import Catalog, image_files, load_data
from product_matching.dataset.image_files import read_image
from product_matching.errors import DataError
from product_matching.visual import decode_image

ROWS = [
    {"product_id": "1", "image": "a.png", "title": "Red mug", "description": "", "tags": "mug|red", "price": "9.5"},
    {"product_id": "02", "image": "", "title": "红色跑鞋", "description": "很轻, 透气", "tags": "", "price": "NA"},
    {"product_id": "x3", "image": "b.jpg|a.png", "title": "", "description": 'a "big" bag', "tags": "包", "price": ""},
]


def picture(path, size=(6, 4), colour=(200, 30, 30)):
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    picture(shop / "a.png")
    picture(shop / "b.jpg")
    return shop


def write(path, rows, separator=",", encoding="utf-8"):
    pd.DataFrame(rows).to_csv(path, sep=separator, index=False, encoding=encoding)
    return path


def write_json(path, rows):
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def as_csv(folder):
    return write(folder / "products.csv", ROWS)


def same(catalog, rows=ROWS):
    pd.testing.assert_frame_equal(catalog.table, pd.DataFrame(rows).astype(object), check_dtype=False)


def test_csv_is_what_was_written(as_csv):
    same(load_data(as_csv))


def test_tsv_is_what_was_written(folder):
    same(load_data(write(folder / "products.tsv", ROWS, separator="\t")))


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_json_lines_are_what_was_written(folder, ending):
    same(load_data(write_json(folder / f"products.{ending}", ROWS)))


def test_parquet_is_what_was_written(folder):
    pd.DataFrame(ROWS).to_parquet(folder / "products.parquet")
    same(load_data(folder / "products.parquet"))


def test_byte_order_mark_is_no_part_of_the_first_column(folder):
    same(load_data(write(folder / "products.csv", ROWS, encoding="utf-8-sig")))


def test_numbers_and_lists_of_json_become_the_strings_of_a_csv(folder):
    rows = [
        {"product_id": 12345678901234567, "title": "mug", "tags": ["red", "杯"], "price": 9.5, "stock": 3},
        {"product_id": 2, "title": "bag", "tags": [], "price": None},
    ]
    table = load_data(write_json(folder / "products.jsonl", rows)).table
    assert table["product_id"].tolist() == ["12345678901234567", "2"]
    assert table["tags"].tolist() == ["red|杯", ""]
    assert table["price"].tolist() == ["9.5", ""]
    assert table["stock"].tolist() == ["3", ""]


def test_numbers_and_lists_of_parquet_become_the_strings_of_a_csv(folder):
    columns = {"product_id": [7, 8], "title": ["mug", "包"], "tags": [["red", "杯"], []], "stock": [3, None]}
    write_table(pa.table(columns), folder / "products.parquet")
    read = load_data(folder / "products.parquet").table
    assert read["product_id"].tolist() == ["7", "8"]
    assert read["tags"].tolist() == ["red|杯", ""]
    assert read["stock"].tolist() == ["3", ""]


def test_cells_lose_white_space_at_their_ends(folder):
    rows = [{"product_id": " p1 ", "title": " red  mug\t", "image": " a.png "}]
    table = load_data(write(folder / "products.csv", rows)).table
    assert table.loc[0, ["product_id", "title", "image"]].tolist() == ["p1", "red  mug", "a.png"]


def test_core_columns_come_first_and_absent_ones_are_empty(folder):
    catalog = load_data(write(folder / "products.csv", [{"colour": "red", "title": "mug", "product_id": "1"}]))
    assert list(catalog.table.columns) == ["product_id", "image", "title", "description", "tags", "colour"]
    assert catalog.attributes == ["colour"]
    assert catalog.table.loc[0].tolist() == ["1", "", "mug", "", "", "red"]


def test_columns_of_other_names_are_mapped(folder):
    path = write(folder / "products.csv", [{"sku": "1", "name": "mug", "title": "Mr"}])
    table = load_data(path, columns={"product_id": "sku", "title": "name"}).table
    assert table.loc[0, ["product_id", "title"]].tolist() == ["1", "mug"]
    assert table.loc[0, "title_original"] == "Mr"


def test_columns_can_trade_names(folder):
    path = write(folder / "products.csv", [{"product_id": "1", "title": "long text", "name": "mug"}])
    table = load_data(path, columns={"title": "name", "description": "title"}).table
    assert table.loc[0, ["title", "description"]].tolist() == ["mug", "long text"]


def test_limit_reads_the_first_rows(as_csv, folder):
    assert load_data(as_csv, limit=2).table["product_id"].tolist() == ["1", "02"]
    assert len(load_data(write_json(folder / "products.jsonl", ROWS), limit=1)) == 1


def test_small_real_shop_has_nothing_wrong(tiny_catalog):
    assert len(tiny_catalog) == 160
    assert tiny_catalog.rejected.empty


# What cannot be read at all -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.csv", b"", "no header"),
        ("p.csv", b"product_id,title\n", "empty"),
        ("p.csv", b"title\nmug\n", "product_id=NAME"),
        ("p.csv", b"product_id,name\n1,mug\n", "title=NAME"),
        ("p.csv", b"product_id,title\n1,red,mug,350ml\n", "no usable row.* line has 4 fields, the header 2"),
        ("p.csv", b"\xff\xfe\x00", "cannot be read as utf-16"),
        ("p.csv", b"product_id,title,title \n1,red,blue\n", "title"),
        ("p.jsonl", b'{"product_id": \n', "cannot be read.*line 1: the line is not valid JSON"),
        ("p.jsonl", b'["1", "mug"]\n', "cannot be read|no column 'product_id'"),
        ("p.jsonl", b"3\n", "cannot be read"),
        ("p.jsonl", b"", "empty"),
        ("p.parquet", b"PAR1 not really", "cannot be read"),
        ("p.xlsx", b"PK", "Known: .csv, .jsonl"),
    ],
)
def test_unreadable_table_is_a_clear_error(folder, name, content, said):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        load_data(folder / name)
    assert name in str(error.value)


def test_missing_table_is_named(folder):
    with pytest.raises(DataError, match=r"no table .*absent\.csv"):
        load_data(folder / "absent.csv")


def test_folder_is_no_table(folder):
    with pytest.raises(DataError, match="It is a folder"):
        load_data(folder)


def test_mapping_of_an_absent_column_lists_the_columns(as_csv):
    with pytest.raises(DataError, match=r"no column 'name' to use as 'title'.*description"):
        load_data(as_csv, columns={"title": "name"})


def test_absent_group_column_is_an_error(as_csv):
    with pytest.raises(DataError, match="no column 'parent' to group by"):
        load_data(as_csv, group_by="parent")


# Rows that cannot be used ---------------------------------------------------------------------------------------------


def make_bad_images(folder):
    (folder / "note.jpg").write_text("this is a text, 这是文字")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "whole.jpg")
    (folder / "half.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:1500])
    Image.fromarray(pixels).save(folder / "whole.png")
    (folder / "half.png").write_bytes((folder / "whole.png").read_bytes()[:5000])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "photo.webp")
    (folder / "webp.jpg").write_bytes((folder / "photo.webp").read_bytes())
    picture(folder.parent / "secret.png")
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    picture(folder / "huge.png", size=(300, 200))


BAD_IMAGES = {
    "absent.jpg": "there is no file 'absent.jpg'",
    "pictures": "there is no file 'pictures'",
    "../../etc/passwd": "outside",
    "../secret.png": "outside",
    "/etc/passwd": "outside",
    "link.png": "outside",
    "http://127.0.0.1/a.jpg": "private network",
    "HTTPS://[::1]:8000/a.jpg": "private network",
    "http://169.254.169.254/latest/meta-data": "private network",
    "http://": "no http or https address",
    "half.jpg": "cannot be decoded",
    "half.png": "cannot be decoded",
    "note.jpg": "is no JPEG, PNG, GIF, BMP, WEBP or TIFF image",
    "empty.jpg": "is no JPEG, PNG, GIF, BMP, WEBP or TIFF image",
    "huge.png": "300 x 200 pixels",
    "a.png|absent.jpg": "there is no file 'absent.jpg'",
    "x" * 5000: "is no path",
    "a\x01.png": "there is no file",
}


@pytest.fixture
def bad_folder(folder, monkeypatch):
    make_bad_images(folder)
    monkeypatch.setattr(image_files, "MAX_PIXELS", 50_000)
    return folder


@pytest.mark.parametrize("name", BAD_IMAGES, ids=lambda name: name[:30].encode("unicode_escape").decode())
def test_row_with_a_bad_image_is_rejected_with_the_reason(bad_folder, name):
    rows = [{"product_id": "1", "title": "mug", "image": "a.png"}, {"product_id": "2", "title": "包", "image": name}]
    catalog = load_data(write_json(bad_folder / "products.jsonl", rows))
    assert catalog.table["product_id"].tolist() == ["1"]
    rejected = catalog.rejected.iloc[0]
    assert (rejected["row"], rejected["product_id"], rejected["column"]) == (2, "2", "image")
    assert BAD_IMAGES[name] in rejected["reason"]


def test_bad_images_can_be_left_out_instead(bad_folder):
    rows = [{"product_id": name, "title": "mug", "image": name} for name in BAD_IMAGES]
    rows.append({"product_id": "no text", "title": "", "image": "absent.jpg"})
    catalog = load_data(write_json(bad_folder / "products.jsonl", rows), on_bad_image="keep")
    images = dict(zip(catalog.table["product_id"], catalog.table["image"], strict=True))
    assert images == {name: "a.png" if name.startswith("a.png|") else "" for name in BAD_IMAGES}
    assert catalog.rejected["product_id"].tolist() == ["no text"]


def test_absolute_path_within_the_folder_is_allowed(folder):
    rows = [{"product_id": "1", "image": str(folder / "a.png")}]
    assert load_data(write(folder / "products.csv", rows)).image_paths() == [str(folder / "a.png")]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ({"product_id": "", "title": "mug"}, "product_id", "no id"),
        ({"product_id": "1", "title": "mug"}, "product_id", "same id"),
        ({"product_id": "2", "tags": "red"}, "image, title, description", "all three are empty"),
        ({"product_id": "2", "image": "|", "tags": "red"}, "image, title, description", "all three are empty"),
    ],
)
def test_row_without_what_it_needs_is_rejected_with_the_reason(folder, row, column, reason):
    first = {"product_id": "1", "image": "a.png", "title": "杯", "tags": ""}
    catalog = load_data(write_json(folder / "products.jsonl", [first, {"image": "", "title": "", "tags": "", **row}]))
    assert catalog.table["product_id"].tolist() == ["1"]
    assert catalog.rejected.loc[0, ["row", "column"]].tolist() == [2, column]
    assert reason in catalog.rejected.loc[0, "reason"]


def test_accepted_and_rejected_are_all_rows(bad_folder):
    rows = [{"product_id": str(i % 20), "title": "", "image": name} for i, name in enumerate([*BAD_IMAGES, *ROWS])]
    rows = [{**row, "image": row["image"] if isinstance(row["image"], str) else "a.png"} for row in rows]
    rows += [{"product_id": f"good {i}", "title": "鞋", "image": ""} for i in range(5)]
    catalog = load_data(write_json(bad_folder / "products.jsonl", rows))
    assert len(catalog) + len(catalog.rejected) == len(rows)
    assert (catalog.rejected["reason"] != "").all()
    assert catalog.table.index.tolist() == list(range(len(catalog)))


def test_row_numbers_are_the_lines_of_the_file(folder):
    (folder / "products.csv").write_text("product_id,title\n1,mug\n,bag\n3,shoe\n1,杯\n", encoding="utf-8")
    assert load_data(folder / "products.csv").rejected["row"].tolist() == [3, 5]


def test_leading_separator_of_images_is_ignored(folder):
    rows = [{"product_id": "1", "image": "|a.png"}, {"product_id": "2", "image": "b.jpg | a.png"}]
    catalog = load_data(write(folder / "products.csv", rows))
    assert catalog.image_paths() == [str(folder / "a.png"), str(folder / "b.jpg")]


def test_strict_names_the_first_bad_row(folder):
    path = write(folder / "products.csv", [{"product_id": "1", "title": "mug"}, {"product_id": "", "title": "包"}])
    with pytest.raises(DataError, match="1 of 2 rows cannot be used; the first is row 3, column product_id"):
        load_data(path, strict=True)


def test_bad_rows_are_logged(folder, caplog):
    load_data(write(folder / "products.csv", [{"product_id": "1", "title": "mug"}, {"product_id": "", "title": "包"}]))
    assert "1 of 2 rows cannot be used" in caplog.text


def test_no_usable_row_is_an_error(folder):
    with pytest.raises(DataError, match=r"no usable row.*no id"):
        load_data(write(folder / "products.csv", [{"product_id": "", "title": "mug"}]))


def test_unknown_way_with_bad_images_is_an_error(as_csv):
    with pytest.raises(DataError, match="Did you mean 'keep'"):
        load_data(as_csv, on_bad_image="kep")


def check(folder, name):
    """Reasons to reject a product with this image, among one that is fine."""
    rows = [{"product_id": "1", "title": "杯", "image": "a.png"}, {"product_id": "2", "title": "mug", "image": name}]
    return load_data(write(folder / "products.csv", rows)).rejected["reason"].tolist()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(mode, kind) for mode in ("1", "P", "L", "RGB") for kind in ("png", "gif")]
    + [("L", "jpg"), ("RGB", "jpg"), ("CMYK", "jpg"), ("L", "bmp"), ("RGB", "bmp"), ("RGBA", "png")],
)
def test_image_that_passes_the_check_is_decoded_as_pillow_does(folder, mode, kind):
    image = Image.new("RGB", (8, 8), (250, 20, 20)).convert(mode)
    image.save(folder / f"picture.{kind}")
    assert check(folder, f"picture.{kind}") == []
    found = decode_image((folder / f"picture.{kind}").read_bytes(), 8).numpy().astype(int)
    np.testing.assert_allclose(found, np.asarray(image.convert("RGB")), atol=6)


@pytest.mark.parametrize(
    ("mode", "kind"), [("1", "bmp"), ("P", "bmp"), ("RGB", "webp"), ("RGBA", "webp"), ("RGB", "tiff"), ("CMYK", "tiff")]
)
def test_what_the_graph_would_not_read_is_converted(folder, mode, kind):
    image = Image.new("RGB", (8, 8), (250, 20, 20)).convert(mode)
    image.save(folder / f"picture.{kind}", **({"lossless": True} if kind == "webp" else {}))
    rows = [{"product_id": "1", "title": "杯", "image": f"picture.{kind}"}]
    catalog = load_data(write(folder / "products.csv", rows))
    assert catalog.table["image"].tolist() == [f"picture.{kind}"]
    (path,) = catalog.image_paths()
    assert path != str(folder / f"picture.{kind}")
    found = decode_image(Path(path).read_bytes(), 8).numpy()
    np.testing.assert_allclose(found, np.asarray(image.convert("RGB")), atol=2)
    assert read_image(folder / f"picture.{kind}") == Path(path).read_bytes()


def test_a_photo_on_its_side_is_turned_before_it_is_converted(folder):
    pixels = np.arange(64, dtype="uint8").reshape(8, 8) * 3
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).convert("RGB").save(folder / "picture.webp", lossless=True, exif=exif)
    catalog = load_data(write(folder / "products.csv", [{"product_id": "1", "image": "picture.webp"}]))
    found = decode_image(Path(catalog.image_paths()[0]).read_bytes(), 8).numpy()
    np.testing.assert_allclose(found[..., 0], np.rot90(pixels, -1), atol=2)


def test_another_folder_can_be_allowed(folder):
    other = folder.parent / "elsewhere"
    other.mkdir()
    picture(other / "a.png")
    rows = [{"product_id": "1", "image": str(other / "a.png"), "title": "mug"}, {"product_id": "2", "title": "hat"}]
    table = write(folder / "products.csv", rows)
    assert load_data(table).rejected["reason"].str.contains("--image-root").tolist() == [True]
    assert load_data(table, image_roots=[other]).image_paths() == [str(other / "a.png"), ""]


def test_records_become_a_catalogue():
    catalog = Catalog.from_records(
        [{"title": "红色跑鞋", "colour": "red"}, {"product_id": "2", "image": "a.png"}], "/shop"
    )
    assert catalog.table.fillna("nan").loc[0].tolist() == ["", "", "红色跑鞋", "", "", "red"]
    assert catalog.image_paths() == ["", "/shop/a.png"]


def test_fingerprint_tells_content_and_order(as_csv):
    catalog = load_data(as_csv)
    assert catalog.fingerprint() == load_data(as_csv).fingerprint()
    assert catalog.fingerprint() != catalog.take(np.array([1, 0, 2])).fingerprint()
