"""The database, in both dialects."""

import sqlite3
import threading

import numpy as np
import pytest
from sqlalchemy.dialects import postgresql, sqlite

from product_matching.deploy.service.store import Store
from product_matching.deploy.service.stored_product import StoredProduct
from product_matching.deploy.service.writing import INSERTS, MovedError, count_up, upsert_product
from product_matching.errors import ConfigError

MUG = StoredProduct("mug", {"title": "马克杯 mug", "price": 3.5}, b"\x89\x00", np.arange(3, dtype=np.float32), "m1")
EVENT = {"user_id": "U1", "product_id": "mug", "timestamp": 1767225600.123, "event": "view", "weight": 1.0}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    return tmp_path if request.param == "sqlite" else request.getfixturevalue("fresh_postgres")


@pytest.fixture
def store(place):
    store = Store(place)
    yield store
    store.close()


def event(number, **more):
    return {**EVENT, "event_id": None, "timestamp": float(number), **more}


def test_what_is_put_comes_back_as_it_was(store):
    assert store.put(MUG)
    assert not store.put(MUG)
    (back,) = store.products()
    assert (back.product_id, back.fields, back.image, back.model, back.deleted) == (
        "mug", MUG.fields, MUG.image, "m1", False,
    )  # fmt: skip
    np.testing.assert_array_equal(back.vector, MUG.vector)
    assert store.image("mug") == MUG.image
    assert store.image("cup") == b""
    assert store.put(StoredProduct("mug", deleted=True))
    assert [product.deleted for product in store.products()] == [True]


def test_events_count_once_and_keep_their_time_to_the_millisecond(store):
    first = store.add_interactions([EVENT | {"event_id": None}, event(1), event(1), event(2, event_id="e")])
    assert len(first) == 3
    assert store.add_interactions([event(1), event(99, event_id="e")]) == []
    assert [row["timestamp"] for row in store.interactions()] == [1.0, 2.0, 1767225600.123]


def test_a_reader_gets_what_came_after_its_revision_and_nothing_twice(store):
    store.put(MUG)
    before = store.revision()
    store.put(StoredProduct("cup", model="m1"))
    store.add_interactions([event(1)])
    middle = store.revision()
    store.add_interactions([event(2)])
    assert [product.product_id for product in store.products(before, middle)] == ["cup"]
    assert [row["timestamp"] for row in store.interactions(before, middle)] == [1.0]
    assert [row["timestamp"] for row in store.interactions(middle)] == [2.0]


def test_the_vector_of_another_model_is_no_news(store):
    store.put(MUG)
    before = store.revision()
    again = StoredProduct("mug", MUG.fields, MUG.image, MUG.vector + 1, "m2")
    assert not store.put(again)
    assert list(store.products(before)) == []
    assert [product.model for product in store.products()] == ["m2"]


def test_a_transaction_is_kept_whole_or_not_at_all(store):
    with pytest.raises(MovedError), store.writing() as writing:
        writing.put(MUG)
        writing.add_interactions([event(1)])
        assert writing.is_new("a")
        writing.move("file", 7, 9)
    assert list(store.products()) == store.interactions() == []
    assert store.position("file") == 0
    with store.writing() as writing:
        assert writing.is_new("a")
        assert not writing.is_new("a")
        writing.move("file", 0, 9)
    assert store.position("file") == 9


def test_a_label_is_the_last_word(store):
    store.label("duplicate", "a", "b", True)
    store.label("duplicate", "a", "b", False)
    store.label("mismatch", "a", "a", False)
    store.label("mismatch", "c", "c", True)
    store.label("mismatch", "c", "c", None)
    assert {tuple(row.values()) for row in store.labels()} == {
        ("duplicate", "a", "b", False),
        ("mismatch", "a", "a", False),
    }


def test_writers_beside_each_other_lose_nothing(place):
    """Two stores as of two processes; whoever follows the revisions sees each event once, though both commit."""
    stores, seen, done = [Store(place), Store(place)], [], threading.Event()
    reader = Store(place)

    def write(number):
        for step in range(60):
            stores[number].add_interactions([event(step, user_id=f"U{number}")])

    def follow():
        at = -1
        while True:
            last = done.is_set()
            until = reader.revision()
            seen.extend((row["user_id"], row["timestamp"]) for row in reader.interactions(at, until))
            at = until
            if last:
                return

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    follower = threading.Thread(target=follow)
    for thread in (*writers, follower):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    follower.join()
    for one in (*stores, reader):
        one.close()
    assert sorted(seen) == sorted((f"U{number}", float(step)) for number in range(2) for step in range(60))


def test_a_database_of_the_version_before_is_read(tmp_path):
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "service.sqlite") as database:
        for table in ("products", "interactions"):
            database.execute(f"drop index ix_{table}_revision")
            database.execute(f"alter table {table} drop column revision")
        database.execute("insert into interactions values ('given-e', 'U1', 'P1', 5.0, 'view', 1.0)")
    database.close()
    store = Store(tmp_path)
    assert [row["event_id"] for row in store.interactions(-1, store.revision())] == ["given-e"]
    assert store.put(MUG)
    store.close()


@pytest.mark.parametrize(("dialect", "name"), [(postgresql.dialect(), "postgresql"), (sqlite.dialect(), "sqlite")])
def test_upserts_are_written_in_both_dialects(dialect, name):
    for statement in (count_up(INSERTS[name]), upsert_product(INSERTS[name], MUG, 1)):
        text = str(statement.compile(dialect=dialect))
        assert "ON CONFLICT" in text
        assert "DO UPDATE SET" in text


@pytest.mark.parametrize("address", ["nonsense", "oracle://a/b", "postgresql+psycopg://u:secret@127.0.0.1:1/shop"])
def test_an_address_that_cannot_be_used_is_told_without_its_password(address):
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError) as error:
        Store(address)
    assert "secret" not in str(error.value)
