"""How many searches a second does the service answer, how long do they take, and what does its machinery bring?

A closed loop: each of N clients keeps one connection over loopback and sends its next search when the last is
answered. Every query differs from all others, so no cache helps. Model, index, HTTP and the load itself share the
machine's cores. Beside it stand

* the ceiling: the text tower's own forward pass over such queries, in batches of 32 and one by one;
* the naive service, as one writes it in an afternoon: FastAPI and the same SavedModel, called once a request, no
  batches, no caches, vectors in a matrix, titles in a list. It finds by vector alone, where the service also looks for
  words, mends spelling, calibrates, traces and counts. Both run TensorFlow: another framework's encoder would compare
  models, not services, so torch is not needed.

With `--minutes`, the service is kept under load so long, and its resident memory is told each minute: it must not grow.

Command:

    python -m benchmarks.service BUNDLE [--clients 1 8 32 128] [--seconds 10] [--no-batching] [--workers 2]
    python -m benchmarks.service BUNDLE --minutes 30 --clients 8

Time: three minutes; with `--minutes`, those.
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
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    sys.stdin = None  # which workers would open again; that of a process such as this one cannot be
    run_service(bundle, Settings(Path(state), **options["settings"]), port=port, workers=options["workers"])


def serve_naively(bundle: str, port: int, state: str, options: dict) -> None:
    """The same answers by vector without the machinery, in a process of its own."""
    import pandas as pd
    import tensorflow as tf
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    from product_matching.bundle import resolve
    from product_matching.search import ProductIndex

    folder = resolve(bundle)
    tower = tf.saved_model.load(str(folder)).signatures["embed_text"]
    vectors = ProductIndex.load(folder / "index").exact.vectors
    table = pd.read_parquet(folder / "index" / "products.parquet", columns=["product_id", "title"])
    products = table.to_dict("records")
    app = FastAPI()

    class Asked(BaseModel):
        text: str
        k: int = 10

    def search(asked):
        scores = vectors @ tower(text=tf.constant([asked.text]))["embedding"].numpy()[0]
        best = np.argsort(-scores)[: asked.k]
        return {"results": [products[row] | {"score": float(scores[row])} for row in best]}

    # Set here, as annotations are text that FastAPI would look up among the module's names.
    search.__annotations__ = {"asked": Asked}
    app.post("/v1/search")(search)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    uvicorn.run(app, port=port, log_level="critical")


@contextmanager
def running(target: Callable, bundle: str, options: dict) -> Iterator[tuple[int, int]]:
    """(port, process id) of a server that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        process = multiprocessing.get_context("spawn").Process(target=target, args=(bundle, port, state, options))
        process.start()
        try:
            wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            yield port, process.pid or 0
        finally:
            process.terminate()
            process.join()


def resident(pid: int) -> float:
    """MB of memory that a process holds, of Linux' /proc."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


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
    """Requests a second, milliseconds at p50 and p99, how many were not answered with 200, statuses."""
    asked, statuses = queries(clients + random.randrange(10**6)), Counter()
    await asyncio.gather(*(client(port, asked, time.perf_counter() + 1, [], Counter()) for _ in range(clients)))
    waits: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(client(port, asked, begun + seconds, waits, statuses) for _ in range(clients)))
    rate = len(waits) / (time.perf_counter() - begun)
    p50, p99 = 1000 * np.percentile(waits, [50, 99])
    times = {"per_second": rate, "p50_ms": p50, "p99_ms": p99}
    return {"clients": clients, **times, "refused": len(waits) - statuses[200], "statuses": dict(statuses)}


def wait_for(check: Callable[[], object], seconds: float = 300) -> None:
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


def keep_up(bundle: str, options: argparse.Namespace, more: dict) -> None:
    """Prints the service's memory before, every minute of, and after a load."""
    with running(serve, bundle, more) as (port, pid):
        asyncio.run(load(port, options.clients[0], 10))  # caches, threads and graphs are made with the first requests
        begun, start = time.monotonic(), resident(pid)
        print(json.dumps({"minute": 0, "resident_mb": start}), flush=True)
        while (past := time.monotonic() - begun) < 60 * options.minutes:
            figures = asyncio.run(load(port, options.clients[0], min(60.0, 60 * options.minutes - past)))
            minute = round((time.monotonic() - begun) / 60, 1)
            print(json.dumps({"minute": minute, "resident_mb": resident(pid), **figures}), flush=True)
        print(json.dumps({"resident_mb_start": start, "resident_mb_end": resident(pid)}))


def compare(bundle: str, options: argparse.Namespace, more: dict) -> None:
    """Prints the rates of the tower, of the naive service and of ours, a row each."""
    towers = {batch: forward_pass(bundle, batch, options.seconds) for batch in (1, 32)}
    for batch, rate in towers.items():
        print(json.dumps({"way": f"text tower, batches of {batch}", "per_second": rate}), flush=True)
    naive: dict[int, float] = {}
    for name, target in (("naive", serve_naively), ("service", serve)):
        with running(target, bundle, more) as (port, _):
            for clients in options.clients:
                figures = asyncio.run(load(port, clients, options.seconds))
                rate = figures["per_second"]
                beside = {"of the tower's batches": rate / towers[32]}
                if name == "naive":
                    naive[clients] = rate
                else:
                    beside["times naive"] = rate / naive[clients]
                print(json.dumps({"way": name, **figures, **beside}), flush=True)


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--no-batching", action="store_true", help="one query a forward pass")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--minutes", type=float, help="load the service so long by the first of --clients, tell memory")
    options = parser.parse_args()
    if options.minutes is not None and options.workers > 1:
        parser.error("--minutes tells the memory of one process: leave --workers out")
    more = {"settings": {"max_batch": 1} if options.no_batching else {}, "workers": options.workers}
    (compare if options.minutes is None else keep_up)(options.bundle, options, more)


if __name__ == "__main__":
    main()
