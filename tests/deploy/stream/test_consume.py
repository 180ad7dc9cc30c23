"""Events from files, pipes and Kafka: kept once, whatever is read twice."""

import base64
import io
import json
import sqlite3
import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from starlette.testclient import TestClient

from product_matching.bundle import load_bundle
from product_matching.cli import main
from product_matching.deploy.service import Settings, create_app
from product_matching.deploy.service.store import Store
from product_matching.deploy.service.tables import seen
from product_matching.deploy.stream import Consumer, FileSource, KafkaSource, PipeSource
from product_matching.deploy.stream.events import RefusedError, parse_event
from product_matching.errors import ConfigError

pytestmark = pytest.mark.slow

MUG = {"type": "product", "product_id": "zebra", "title": "zebra striped mug 斑马", "attributes": {"glaze": "matt"}}
VIEW = {"type": "interaction", "user_id": "U1", "product_id": "zebra", "timestamp": 5}
GONE = {"type": "deletion", "product_id": "zebra"}
HASTY = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
"""The mock cluster does not let a new member in before it misses the one that left."""
NOTHING = {"products": 0, "deletions": 0, "interactions": 0, "duplicates": 0, "rejected": 0}


def lines(*events):
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def consume(bundle, store, source, **options):
    consumer = Consumer(bundle, store)
    consumer.run(source, **options)
    return dict(consumer.counts)


def test_a_file_is_read_on_where_it_was_left(bundle, store, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(MUG, VIEW, VIEW), encoding="utf-8")
    assert consume(bundle, store, FileSource(path)) == NOTHING | {
        "read": 3, "products": 1, "interactions": 1, "duplicates": 1,
    }  # fmt: skip
    assert consume(bundle, store, FileSource(path)) == NOTHING | {"read": 0}
    with path.open("a", encoding="utf-8") as file:
        file.write("\nnot json\n" + lines(GONE))
    assert consume(bundle, store, FileSource(path)) == NOTHING | {"read": 3, "deletions": 1, "rejected": 1}
    assert [product.deleted for product in store.products()] == [True]
    path.write_text(lines(MUG), encoding="utf-8")
    with pytest.raises(ConfigError, match="another file"):
        consume(bundle, store, FileSource(path))


def test_a_reader_that_dies_before_the_commit_leaves_nothing_and_after_it_everything(
    bundle, store, tmp_path, monkeypatch
):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(MUG, *(VIEW | {"timestamp": n} for n in range(9))), encoding="utf-8")
    source = FileSource(path)
    monkeypatch.setattr("product_matching.deploy.service.writing.Writing.move", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        consume(bundle, store, source, batch=4)
    monkeypatch.undo()
    assert list(store.products()) == store.interactions() == []
    monkeypatch.setattr(source, "done", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        consume(bundle, store, source, batch=4)
    assert len(store.interactions()) == 3
    assert consume(bundle, store, FileSource(path), batch=4)["interactions"] == 6
    assert [row["timestamp"] for row in store.interactions()] == list(range(9))


def test_two_readers_of_one_file_share_it(bundle, store, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(*(VIEW | {"timestamp": n, "event_id": None} for n in range(4))), encoding="utf-8")
    slow, quick = FileSource(path), FileSource(path)
    slow.open(store.position)
    slow.open = lambda position_of: FileSource.open(slow, position_of) if slow.reads else None
    slow.reads, plain = 0, slow.read

    def read(most, seconds):
        slow.reads += 1
        records = plain(most, seconds)
        if slow.reads == 1:  # between its reading and its writing another reader takes all
            consume(bundle, store, quick)
        return records

    slow.read = read
    assert consume(bundle, store, slow, batch=2) == NOTHING | {"read": 0}
    assert len(store.interactions()) == 4


def test_an_event_id_counts_once_for_products_too(bundle, store):
    again = [MUG | {"event_id": "1"}, GONE | {"event_id": "2"}, MUG | {"event_id": "1"}]
    counts = consume(bundle, store, PipeSource(io.BytesIO(lines(*again).encode())))
    assert counts == NOTHING | {"read": 3, "products": 1, "deletions": 1, "duplicates": 1}
    assert [product.deleted for product in store.products()] == [True]


def ids(store):
    with store._engine.connect() as connection:
        return sorted(connection.execute(sa.select(seen.c.event_id)).scalars())


def test_ids_count_within_a_horizon_and_then_are_forgotten(bundle, store, monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("product_matching.deploy.service.writing.time", SimpleNamespace(time=lambda: now))

    def send(*events):
        consumer = Consumer(bundle, store, remember=100)
        consumer.run(PipeSource(io.BytesIO(lines(*events).encode())))
        return {name: count for name, count in consumer.counts.items() if count and name != "read"}

    for step in range(40):
        first, second = GONE | {"event_id": f"{step}"}, GONE | {"event_id": f"{step}", "product_id": "other"}
        send(first, VIEW | {"event_id": f"{step}"})
        now += 10
        assert send(second) == {"duplicates": 1}  # a producer sends the same id again
        assert len(ids(store)) <= 11
    assert ids(store) == sorted(str(step) for step in range(30, 40))
    assert len(store.interactions()) == 40
    now += 85
    assert send(GONE | {"event_id": "39", "product_id": "other"}) == {"duplicates": 1}
    now += 10
    assert send(GONE | {"event_id": "39", "product_id": "other"}) == {"deletions": 1}
    assert send(VIEW | {"event_id": "0"}) == {"duplicates": 1}  # kept for ever, with what it said
    assert ids(store) == ["39"]


def test_a_position_counts_beyond_the_horizon(bundle, store, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(MUG | {"event_id": "1"}, GONE | {"event_id": "2"}), encoding="utf-8")
    Consumer(bundle, store, remember=1e-9).run(FileSource(path))
    again = Consumer(bundle, store, remember=1e-9)
    again.run(FileSource(path))
    assert again.counts["read"] == 0


def test_ids_of_an_earlier_version_count_on(bundle, tmp_path):
    with sqlite3.connect(tmp_path / "service.sqlite") as old:
        old.execute("CREATE TABLE seen (event_id VARCHAR NOT NULL PRIMARY KEY)")
        old.execute("INSERT INTO seen VALUES ('1')")
    old.close()
    store = Store(tmp_path)
    assert consume(bundle, store, PipeSource(io.BytesIO(lines(MUG | {"event_id": "1"}).encode())))["duplicates"] == 1
    assert ids(store) == ["1"]
    store.close()


def test_a_file_that_is_followed_gives_whole_lines_only(bundle, store, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(VIEW) + '{"type": "inter', encoding="utf-8")
    source = FileSource(path, follow=True)
    source.open(store.position)
    assert len(source.read(9, 0.01)) == 1
    assert source.read(9, 0.01) == []
    with path.open("a", encoding="utf-8") as file:
        file.write('action"}\n')
    assert [record.text for record in source.read(9, 0.01)] == [b'{"type": "interaction"}\n']
    source.close()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b"", "JSON"),
        (b"[1]", "object"),
        (b'{"type": "sale"}', "sale"),
        (b'{"type": "product", "product_id": "P1"}', "at least one"),
        (b'{"type": "product", "product_id": "../x", "title": "a"}', "product_id"),
        (b'{"type": "interaction", "user_id": "a\\u0000", "product_id": "b", "timestamp": 1}', "user_id"),
        (b'{"type": "deletion", "product_id": "b", "why": 1}', "why"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(event, reason):
    with pytest.raises(RefusedError, match=reason):
        parse_event(event)


def test_the_command_line_and_a_service_that_runs_beside_it(tiny_bundle, tmp_path, picture_text, capsys):
    events, rejected = tmp_path / "events.jsonl", tmp_path / "rejected.jsonl"
    broken = MUG | {"product_id": "b", "image": base64.b64encode(b"no picture").decode()}
    events.write_text(lines(MUG | {"image": picture_text}, VIEW, broken), encoding="utf-8")
    settings = Settings(tmp_path / "state", follow=0.05)
    with TestClient(create_app(tiny_bundle, settings), base_url="http://localhost") as client:
        command = ["consume", str(tiny_bundle), "--from", str(events), "--state", str(tmp_path / "state"), "--json"]
        assert main([*command, "--rejected", str(rejected)]) == 0
        assert json.loads(capsys.readouterr().out) == NOTHING | {
            "read": 3, "products": 1, "interactions": 1, "rejected": 1,
        }  # fmt: skip
        found = threading.Event()
        for _ in range(100):
            body = {"text": "mug", "filters": ["glaze=matt"]}
            answer = client.post("/v1/search", json=body).json()  # 422 while no product has such an attribute
            if [hit["product_id"] for hit in answer.get("results", [])] == ["zebra"]:
                found.set()
                break
            threading.Event().wait(0.05)
        assert found.is_set()
        assert client.get("/v1/products/zebra/image").status_code == 200
    (row,) = map(json.loads, rejected.read_text(encoding="utf-8").splitlines())
    assert "no JPEG" in row["reason"]
    assert json.loads(row["event"]) == broken


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--kafka", "localhost:1"], "--topic"),
        (["--from", "nowhere.jsonl"], "no file"),
        (["--from", "-", "--batch", "0"], "--batch"),
        (["--from", "-", "--remember", "0"], "--remember"),
        (["--kafka", "localhost:1", "--topic", "t", "--kafka-set", "nothing=1"], "nothing"),
    ],
)
def test_mistakes_are_told_in_one_line(tiny_bundle, words, reason, capsys):
    assert main(["consume", str(tiny_bundle), *words]) == 2
    assert reason in capsys.readouterr().err


@pytest.fixture(scope="module")
def picture_text():
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture
def kafka():
    """A producer beside librdkafka's own mock cluster, and the cluster's address."""
    library = pytest.importorskip("confluent_kafka")
    options = {"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 0}
    producer = library.Producer(options)
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield producer, ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    producer.flush(5)


def test_a_topic_is_read_on_where_the_database_is(bundle, store, kafka):
    producer, servers = kafka

    def send(*events):
        for event in events:
            producer.produce("shop", json.dumps(event).encode(), key=event["product_id"])
        assert producer.flush(10) == 0

    def read(events):
        consumer = Consumer(bundle, store)
        source = KafkaSource(servers, "shop", options={"log_level": 0, **HASTY})
        consumer.run(source, idle=30, stopped=lambda: consumer.counts["read"] >= events)
        return dict(consumer.counts)

    send(MUG, VIEW, VIEW | {"timestamp": 6})
    assert read(3) == NOTHING | {"read": 3, "products": 1, "interactions": 2}
    send(GONE, VIEW)
    assert read(2) == NOTHING | {"read": 2, "deletions": 1, "duplicates": 1}
    assert [product.deleted for product in store.products()] == [True]
    positions = [store.position(f"kafka:product-matching:shop:{number}") for number in range(16)]
    assert sum(positions) == 5
