"""`consume`: events of products and shoppers into the service's database."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, say

if TYPE_CHECKING:
    from product_matching.deploy.stream.source import Record, Source

EVENTS = """\
events, one JSON object a line (or a message):
  {"type": "product", "product_id": "P1", "title": "Red mug", "tags": ["kitchen"],
   "attributes": {"price": 9.5}, "image": "<base64>"}
  {"type": "deletion", "product_id": "P1"}
  {"type": "interaction", "user_id": "U1", "product_id": "P1", "timestamp": 1767225600}
Each may have an "event_id": what comes twice counts once. How far a file or a topic was read is kept with what it said,
in one transaction, so that a reader that was killed goes on where it was. Ids of product events and deletions are
forgotten after --remember DAYS: sent again later, they count again; those of interactions are kept with them. A service
on the same database takes the events in within a second.
"""
TOLD = 20


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "consume",
        help="take events of products and shoppers from a file, a pipe or Kafka",
        epilog=EVENTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", help="folder of a bundle; its model embeds the products")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", dest="source", metavar="FILE", help="file of JSON lines, or - for standard input")
    source.add_argument("--kafka", metavar="SERVERS", help="where Kafka listens, as host:9092 (extra kafka)")
    parser.add_argument("--topic", help="topic to read, with --kafka")
    parser.add_argument("--group", default="product-matching", help="group to read as (default: product-matching)")
    parser.add_argument(
        "--kafka-set", action="append", default=[], metavar="NAME=VALUE", help="setting of librdkafka (repeatable)"
    )
    add_store(parser)
    parser.add_argument("--follow", action="store_true", help="wait for more at the end of the file")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="stop when nothing came for so long")
    parser.add_argument("--batch", type=int, default=256, help="events of one transaction (default: 256)")
    parser.add_argument(
        "--remember",
        type=float,
        default=7.0,
        metavar="DAYS",
        help="days for which the ids of product events and deletions are kept, at least as long as a producer may send "
        "them again (default: 7, as Kafka keeps messages)",
    )
    parser.add_argument("--rejected", type=Path, metavar="FILE", help="add what cannot be used to this file, with why")
    add_json(parser)
    parser.set_defaults(run=run)


def add_store(parser: argparse.ArgumentParser) -> None:
    """Adds `--state` and `--store`, as the service has them."""
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="folder of the database and the keys (default: beside the bundle)"
    )
    parser.add_argument(
        "--store",
        default=os.environ.get("PRODUCT_MATCHING_STORE", ""),
        metavar="ADDRESS",
        help="database, as postgresql+psycopg://user:password@host/shop (extra postgres; default: the environment's "
        "PRODUCT_MATCHING_STORE, where a password belongs, else SQLite in the state's folder)",
    )


def run(options: argparse.Namespace) -> None:
    """Consumes."""
    from product_matching._optional import require
    from product_matching.deploy.service.entry import LIBRARIES
    from product_matching.errors import ConfigError

    if options.batch < 1 or not (options.idle is None or 0 < options.idle < float("inf")):
        raise ConfigError("--batch takes a number from 1, --idle a number of seconds above 0.")
    if not 0 < options.remember < float("inf"):
        raise ConfigError(f"--remember takes a number of days above 0; got {options.remember}.")
    for library in LIBRARIES:
        require(library, "serve")
    source = _source(options)

    from product_matching.bundle import load_bundle, resolve
    from product_matching.deploy.service.settings import default_state
    from product_matching.deploy.service.store import Store
    from product_matching.deploy.stream import Consumer
    from product_matching.deploy.stream.consumer import DAY

    store = Store(options.store or options.state or default_state(resolve(options.bundle)))
    say(f"loading {options.bundle}")
    with ExitStack() as stack:
        stack.callback(store.close)
        refuse, remember = _refuser(options.rejected, stack), options.remember * DAY
        consumer = Consumer(load_bundle(options.bundle), store, refuse=refuse, remember=remember)
        idle = float("inf") if options.idle is None else options.idle
        say("reading events (stop with Ctrl+C)")
        consumer.run(source, batch=options.batch, idle=idle, stopped=_until_told())
    emit(dict(consumer.counts), as_json=options.json, text=_told)


def _source(options: argparse.Namespace) -> Source:
    import sys

    from product_matching.deploy.stream import FileSource, KafkaSource, PipeSource
    from product_matching.errors import ConfigError

    if options.kafka is not None:
        if not options.topic:
            raise ConfigError("--kafka needs --topic, the topic to read.")
        pairs = [text.partition("=") for text in options.kafka_set]
        if not all(name and sign for name, sign, _ in pairs):
            raise ConfigError("--kafka-set takes NAME=VALUE, for example security.protocol=SASL_SSL.")
        more = {name: value for name, _, value in pairs}
        return KafkaSource(options.kafka, options.topic, group=options.group, options=more)
    if options.source == "-":
        return PipeSource(sys.stdin.buffer)
    if not Path(options.source).is_file():
        raise ConfigError(f"There is no file {options.source}.")
    return FileSource(Path(options.source), follow=options.follow)


def _refuser(path: Path | None, stack: ExitStack) -> Callable[[Record, str], None]:
    import json

    file = None if path is None else stack.enter_context(path.open("a", encoding="utf-8"))
    told = 0

    def refuse(record: Record, reason: str) -> None:
        nonlocal told
        told += 1
        if told <= TOLD:
            where = f"{record.source} before {record.after}: " if record.source else ""
            say(f"passed over an event: {where}{reason}" + (" (no more are shown)" if told == TOLD else ""))
        if file is not None:
            row = {"reason": reason, "source": record.source, "after": record.after}
            event = record.text.decode("utf-8", "replace").rstrip("\n")
            file.write(json.dumps({**row, "event": event}, ensure_ascii=False) + "\n")
            file.flush()

    return refuse


def _until_told() -> Callable[[], bool]:
    """Becomes true on SIGTERM and on the first Ctrl+C: the batch at hand is finished."""
    import signal

    told = []

    def stop(*_: object) -> None:
        told.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return lambda: bool(told)


def _told(result: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in result.items())
