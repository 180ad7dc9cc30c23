import numpy as np
import pytest

from product_matching.errors import DataError
from product_matching.recommendation import Interactions, load_interactions


def write(folder, text, name="interactions.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_sorted_by_user_then_time(tmp_path):
    text = "user_id,product_id,timestamp\nb,红,3\na,x,2024-03-01T12:00:00Z\na,y,2024-03-01\nb,x,1\n"
    events = load_interactions(write(tmp_path, text))
    assert events.users.tolist() == ["a", "b"]
    assert events.products[events.product].tolist() == ["y", "x", "x", "红"]
    assert events.time.tolist() == [1709251200.0, 1709294400.0, 1.0, 3.0]
    assert events.offsets.tolist() == [0, 2, 4]
    assert events.weight.tolist() == [1, 1, 1, 1]


def test_equal_times_keep_the_order_of_the_table():
    events = Interactions.from_arrays(["u"] * 4, ["d", "a", "c", "b"], [1, 1, 1, 0])
    assert events.products[events.product].tolist() == ["b", "d", "a", "c"]


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet"])
def test_other_formats_and_other_names(suffix, tmp_path):
    import pandas as pd

    table = pd.DataFrame({"who": ["u", "u"], "item": [7, 8], "order": [0, 1]})
    path = tmp_path / f"log{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".tsv":
        table.to_csv(path, sep="\t", index=False)
    else:
        table.to_json(path, orient="records", lines=True)
    events = load_interactions(path, columns={"user_id": "who", "product_id": "item", "timestamp": "order"})
    assert events.products.tolist() == ["7", "8"]
    assert len(events) == 2


def test_bad_rows_are_listed_with_line_column_and_reason(tmp_path):
    rows = ["a,x,1,1", ",x,1,1", "a,,1,1", "a,x,soon,1", "a,x,,1", "a,x,1,-2", "a,x,1,much", "a,y,2,"]
    path = write(tmp_path, "user_id,product_id,timestamp,weight\n" + "\n".join(rows) + "\n")
    events = load_interactions(path)
    assert len(events) == 2
    assert events.rejected["row"].tolist() == [3, 4, 5, 6, 7, 8]
    expected = ["user_id", "product_id", "timestamp", "timestamp", "weight", "weight"]
    assert events.rejected["column"].tolist() == expected
    with pytest.raises(DataError, match="row 3, column user_id: it is empty"):
        load_interactions(path, strict=True)


def test_a_broken_line_costs_that_line_alone(tmp_path):
    path = write(tmp_path, "user_id,product_id,timestamp\na,x,1\na,y,2,and,more\na,z,3\n")
    events = load_interactions(path)
    assert events.products.tolist() == ["x", "z"]
    assert events.rejected["row"].tolist() == [3]
    with pytest.raises(DataError, match="row 3"):
        load_interactions(path, strict=True)


def test_events_are_weighed_and_the_others_left_out(tmp_path):
    text = "user_id,product_id,timestamp,event,weight\na,x,1,purchase,2\na,y,2,view,1\na,z,3,return,1\n"
    events = load_interactions(write(tmp_path, text), event_weights={"purchase": 1, "view": 0.25})
    assert events.products.tolist() == ["x", "y"]
    assert events.weight.tolist() == [2.0, 0.25]
    assert events.rejected.empty


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("user_id,item,timestamp\na,x,1\n", {}, "--column product_id=NAME"),
        ("user_id,product_id\na,x\n", {}, "--column timestamp=NAME"),
        ("user_id,product_id,timestamp\na,x,1\n", {"columns": {"timestamp": "when"}}, "no column 'when'"),
        ("user_id,product_id,timestamp\na,x,1\n", {"event_weights": {"buy": 1}}, "no column 'event'"),
        ("user_id,product_id,timestamp\na,x,never\n", {}, "no usable row"),
        ("user_id,product_id,timestamp,event\na,x,1,view\n", {"event_weights": {"buy": 1}}, "no usable row"),
    ],
)
def test_mistakes_are_named(text, options, expected, tmp_path):
    with pytest.raises(DataError, match=expected):
        load_interactions(write(tmp_path, text), **options)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="equally long"):
        Interactions.from_arrays(["a"], ["x", "y"])
    with pytest.raises(DataError, match="not empty"):
        Interactions.from_arrays(np.array([], str), np.array([], str))
