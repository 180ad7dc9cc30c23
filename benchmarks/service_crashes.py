"""Is every write that the service acknowledged there after kill -9, once, and does search agree?

A service runs on a bundle; four writers put, replace and delete products and send events without pause. It is killed at
random moments and started again. At the end each acknowledged write must be in the database and in the answers: every
product as its last acknowledged write left it, or as one that was sent after it and not answered; every event once.
Search, asked for all products that were written, must name those that the database holds, none twice and none deleted.

Command:

    python -m benchmarks.service_crashes BUNDLE [--writes 10000] [--kills 20]

Prints one JSON object a line, one for each life and one for all; exits 1 where anything was wrong.

Time: fifteen minutes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.service import wait_for
from product_matching.deploy.client import Client, ServiceError

WRITERS = 4
PAGE = 100


class Writer:
    """Writes products and events of its own, one at a time; knows what was acknowledged.

    Attributes:
        sent: By product, the versions sent since the last acknowledged one, with that first; None for gone.
        events: Ids of the acknowledged events.
        tried: Ids of all events that were sent.
    """

    def __init__(self, number: int) -> None:
        self.number, self.draw = number, random.Random(number)
        self.sent: dict[str, list[int | None]] = {}
        self.events: set[str] = set()
        self.tried: set[str] = set()
        self.step = 0

    def write(self, client: Client) -> None:
        """One write; raises ServiceError where it was not acknowledged."""
        self.step += 1
        name = f"w{self.number}-{self.draw.randrange(150)}"
        kind = self.draw.random()
        if kind < 0.5:
            self.sent.setdefault(name, [None]).append(self.step)
            attributes = {"writer": f"w{self.number}", "version": self.step}
            client.put_product(name, title=f"crash test mug {name}", attributes=attributes)
            self.sent[name] = [self.step]
        elif kind < 0.65:
            self.sent.setdefault(name, [None]).append(None)
            client.delete_product(name)
            self.sent[name] = [None]
        else:
            event = f"{self.number}-{self.step}"
            self.tried.add(event)
            row = {"user_id": f"u{self.number}", "product_id": name, "timestamp": self.step, "event_id": event}
            client.add_interactions([row])
            self.events.add(event)


def serve(bundle: str, port: int, state: str) -> None:
    """The service, in a process of its own."""
    from product_matching.deploy.service import Settings, run_service

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    run_service(bundle, Settings(Path(state)), port=port)


def live(bundle: str, state: str, port: int, key: str, writers: list[Writer], target: float, wait: float) -> int:
    """One life: starts the service, writes for some time, kills it; tells how many writes were acknowledged."""
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(bundle, port, state), daemon=True)
    process.start()
    wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
    client, done, over = Client(f"http://127.0.0.1:{port}", key=key, retries=0), Counter(), threading.Event()

    def work(writer: Writer) -> None:
        while not over.is_set() and sum(done.values()) < target:
            try:
                writer.write(client)
                done[writer.number] += 1
            except ServiceError:
                if over.is_set() or not process.is_alive():
                    return

    threads = [threading.Thread(target=work, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    until = time.monotonic() + wait
    while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    over.set()
    for thread in threads:
        thread.join()
    process.join()
    return sum(done.values())


def check(bundle: str, state: str, port: int, writers: list[Writer]) -> dict[str, Any]:
    """Compares the database, and the answers of the service started once more, with what was acknowledged."""
    from product_matching.deploy.service.store import Store

    store = Store(Path(state))
    kept = {product.product_id: None if product.deleted else product.fields["version"] for product in store.products()}
    rows = Counter(row["event_id"].removeprefix("given-") for row in store.interactions())
    store.close()
    wanted = {name: versions for writer in writers for name, versions in writer.sent.items()}
    acknowledged = set().union(*(writer.events for writer in writers))
    tried = set().union(*(writer.tried for writer in writers))
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(bundle, port, state), daemon=True)
    process.start()
    try:
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        found: Counter[str] = Counter()
        versions: dict[str, int] = {}
        for writer in writers:
            for hit in pages(Client(f"http://127.0.0.1:{port}"), f"writer=w{writer.number}"):
                found[hit["product_id"]] += 1
                versions[hit["product_id"]] = hit["attributes"]["version"]
    finally:
        process.kill()
        process.join()
    there = {name: version for name, version in kept.items() if version is not None}
    wrong = {
        "products_lost": sum(kept.get(name) not in versions_ for name, versions_ in wanted.items()),
        "products_unasked": len(kept.keys() - wanted.keys()),
        "events_lost": len(acknowledged - rows.keys()),
        "events_twice": sum(count > 1 for count in rows.values()),
        "events_unasked": len(rows.keys() - tried),
        "search_differs": sum(versions.get(name) != there.get(name) for name in versions.keys() | there.keys()),
        "found_twice": sum(count > 1 for count in found.values()),
    }
    return {"wrong": any(wrong.values()), "products": len(there), "events": len(rows), **wrong}


def pages(client: Client, condition: str) -> list[dict[str, Any]]:
    """All products that meet a condition, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        try:
            page = client.search("crash test mug", k=PAGE, offset=len(found), filters=[condition])["results"]
        except ServiceError as error:
            if error.status == 422:  # no product has the attribute: none of that writer is left
                return found
            raise
        found += page
        if len(page) < PAGE:
            return found


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    from product_matching.deploy.service import add_key

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    writers, draw, total = [Writer(number) for number in range(WRITERS)], random.Random(0), 0
    with tempfile.TemporaryDirectory() as state:
        key = add_key(Path(state), "crashes", ["write"])
        for number in range(options.kills):
            # The last life goes on until all is written; the others end at a random moment.
            last = number == options.kills - 1
            share = (options.writes - total) / (options.kills - number)
            target = options.writes - total if last else share * draw.uniform(0.5, 1.5)
            wait = 3600.0 if last or draw.random() < 0.5 else draw.uniform(0.2, 20)
            done = live(options.bundle, state, port, key, writers, target, wait)
            total += done
            print(json.dumps({"life": number + 1, "acknowledged": done}), flush=True)
        result = check(options.bundle, state, port, writers)
    print(json.dumps({"writes": total, "kills": options.kills, **result}), flush=True)
    sys.exit(int(result["wrong"]))


if __name__ == "__main__":
    main()
