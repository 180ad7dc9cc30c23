"""Embedding shards with processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from product_matching.bundle import Encoders
from product_matching.deploy.embedding.sharding import Shards
from product_matching.errors import ConfigError, DataError

LOOK_EVERY = 0.2  # seconds
MISTAKE = 2


def embed_by_workers(shards: Shards, *, workers: int = 1, progress: Callable[[int], None] = lambda done: None) -> None:
    """Embeds the shards that are pending.

    Args:
        shards: Of `Shards.prepare`.
        workers: Processes; each takes its share of the cores and every so-many-th shard. One works in this process.
        progress: Called with the number of products that are done.

    Raises:
        ConfigError: If there is to be no worker.
        DataError: If a picture cannot be decoded; shards that are done stay.
    """
    if workers < 1:
        raise ConfigError(f"--workers takes a number of processes from 1; got {workers}.")
    progress(shards.products_done())
    workers = min(workers, len(shards.pending()))
    if workers <= 1:
        return _work(shards, 0, 1, progress)
    children = [_started(shards, number, workers) for number in range(workers)]
    try:
        while any(child.poll() is None for child in children):
            time.sleep(LOOK_EVERY)
            progress(shards.products_done())
            if any(child.poll() for child in children):
                break
        _raise_failure(children)
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stderr.close()


def _work(shards: Shards, first: int, step: int, progress: Callable[[int], None] = lambda done: None) -> None:
    pending = shards.pending()[first::step]
    encoders = Encoders(shards.bundle) if pending else None
    for number in pending:
        shards.embed(number, encoders)
        progress(shards.products_done())


def _started(shards: Shards, number: int, workers: int) -> subprocess.Popen:
    # Plain processes: multiprocessing would run the caller's script or notebook again in each.
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    cores = {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pending = ",".join(map(str, shards.pending()[number::workers]))
    words = [sys.executable, "-c", _CHILD, str(shards.folder), pending]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(words, env={**os.environ, **cores, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)


_CHILD = f"""
import sys
from product_matching.deploy.embedding.workers import embed_numbers
from product_matching.errors import ProductMatchingError
try:
    embed_numbers(sys.argv[1], [int(number) for number in sys.argv[2].split(",")])
except ProductMatchingError as error:
    print(error, file=sys.stderr)
    sys.exit({MISTAKE})
"""


def embed_numbers(folder: str, numbers: list[int]) -> None:
    """Embeds the shards of these numbers, in a process that knows the folder alone."""
    shards = Shards.open(folder)
    encoders = Encoders(shards.bundle)
    for number in numbers:
        shards.embed(number, encoders)


def _raise_failure(children: list[subprocess.Popen]) -> None:
    for child in children:
        if child.poll():
            reason = child.stderr.read().strip() or f"it ended with {child.returncode}, perhaps for want of memory"
            if child.returncode == MISTAKE:
                raise DataError(reason.splitlines()[-1])
            raise RuntimeError(f"A process that embeds failed: {reason}")
