"""How many searches a second does the service answer, and how long do they take, beside the bare text tower?

A closed loop: each of N clients keeps one connection over loopback and sends its next search when the last is
answered. Every query differs from all others, so no cache helps. Model, index, HTTP and the load itself share the
machine's cores. The ceiling is the text tower's own forward pass over such queries, in batches of 32 and one by one.

Command:

    python -m benchmarks.service BUNDLE [--clients 1 8 32 128] [--seconds 10] [--no-batching]

Time: two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import random
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

HEAD = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
COLOURS = ["red", "blue", "white", "black", "green", "brown", "grey"]
PATTERNS = ["striped", "dotted", "checked", "plain", "floral"]
MATERIALS = ["cotton", "metal", "ceramic", "linen", "leather"]
KINDS = ["mug", "bag", "dress", "shoe", "cushion", "toy", "lamp"]


def queries(seed: int) -> Iterator[str]:
    """Queries of four words and a number, none twice."""
    draw = random.Random(seed)
    for number in itertools.count():
        words = [draw.choice(words) for words in (COLOURS, PATTERNS, MATERIALS, KINDS)]
        yield f"{' '.join(words)} {seed}{number}"


def forward_pass(bundle: str, batch: int, seconds: float) -> float:
    """Queries a second through the text tower alone."""
    from product_matching.bundle import load_bundle

    embed, asked = load_bundle(bundle).encoders.embed_text, queries(1000 + batch)
    embed([next(asked) for _ in range(batch)])
    done, begun = 0, time.perf_counter()
    while (took := time.perf_counter() - begun) < seconds:
        embed([next(asked) for _ in range(batch)])
        done += batch
    return done / took


def serve(bundle: str, port: int, state: str, options: dict) -> None:
    """The service, in a process of its own."""
    from product_matching.deploy.service import Settings, run_service

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    run_service(bundle, Settings(Path(state), **options), port=port)


async def client(port: int, asked: Iterator[str], until: float, waits: list[float], statuses: Counter) -> None:
    """One client in a closed loop; appends seconds a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        body = json.dumps({"text": next(asked), "k": 10}).encode()
        head = HEAD + str(len(body)).encode()
        begun = time.perf_counter()
        writer.write(head + b"\r\n\r\n" + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        waits.append(time.perf_counter() - begun)
        statuses[int(answer.split(b" ", 2)[1])] += 1
    writer.close()


async def load(port: int, clients: int, seconds: float) -> dict:
    """Requests a second, milliseconds at p50 and p99, statuses."""
    asked, statuses = queries(clients + random.randrange(10**6)), Counter()
    await asyncio.gather(*(client(port, asked, time.perf_counter() + 1, [], Counter()) for _ in range(clients)))
    waits: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(client(port, asked, begun + seconds, waits, statuses) for _ in range(clients)))
    rate = len(waits) / (time.perf_counter() - begun)
    p50, p99 = 1000 * np.percentile(waits, [50, 99])
    return {"clients": clients, "per_second": rate, "p50_ms": p50, "p99_ms": p99, "statuses": dict(statuses)}


def wait_for(check: Callable[[], object], seconds: float = 120) -> None:
    """Until `check` does not raise OSError."""
    until = time.monotonic() + seconds
    while True:
        try:
            check()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--no-batching", action="store_true", help="one query a forward pass")
    options = parser.parse_args()
    for batch in (1, 32):
        print(json.dumps({"tower_batch": batch, "per_second": forward_pass(options.bundle, batch, options.seconds)}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        more = {"max_batch": 1} if options.no_batching else {}
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(options.bundle, port, state, more))
        process.start()
        try:
            wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            for clients in options.clients:
                print(json.dumps(asyncio.run(load(port, clients, options.seconds))), flush=True)
        finally:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main()
