"""What the service tells Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from product_matching.deploy.service.settings import SHARED
from product_matching.deploy.service.tracing import Tracing

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters and histograms of one service, in a registry of its own, and its traces."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.tracing = tracing or Tracing()
        self.registry = CollectorRegistry()
        self._looks: list[Callable[[], None]] = []
        own = {"namespace": "product_matching", "registry": self.registry}
        self.requests = Histogram(
            "request_seconds", "Time to answer.", ["method", "route", "status"], buckets=SECONDS, **own
        )
        self.stages = Histogram("stage_seconds", "Time of a stage.", ["stage"], buckets=SECONDS, **own)
        self.batches = Histogram(
            "batch_size", "Queries in a forward pass.", ["kind"], buckets=(1, 2, 4, 8, 16, 32, 64), **own
        )
        self.writes = Counter("writes", "Products and interactions written.", ["kind"], **own)
        self.reloads = Counter("reloads", "Changes to another version of the bundle.", ["outcome"], **own)
        self.best = Histogram(
            "search_best_probability",
            "Probability of the best result of each search; it drifts when shoppers ask for what there is not.",
            buckets=[tenth / 10 for tenth in range(11)],
            **own,
        )
        self.nothing = Counter("searches_nothing_matches", "Searches whose best result was unlikely.", **own)
        self.canary = Summary(
            "recall_canary", "Of a sample of searches: share of the exact ten nearest that the index finds.", **own
        )
        self.drift = Gauge(
            "drift_psi",
            "Population stability index of the last 1,000 queries of a kind against those of when the index was built: "
            "of the first result's cosine, and the largest along principal axes of the vectors. From .1 on watch, from "
            ".25 on act; NaN before 200 queries, and where the index has no reference: build it anew.",
            ["kind", "of"],
            multiprocess_mode="liveall",
            **own,
        )
        self.in_flight = Gauge("requests_in_flight", "Requests being answered.", multiprocess_mode="livesum", **own)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures a stage of the present request."""
        with self.tracing.stage(name), self.stages.labels(name).time():
            yield

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Adds a number that is read when it is asked for."""
        made = Gauge(name, meaning, namespace="product_matching", registry=self.registry, multiprocess_mode="liveall")
        self.on_read(lambda: made.set(value()))

    def counter(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Adds a count that is kept elsewhere, and only rises."""
        made, told = Counter(name, meaning, namespace="product_matching", registry=self.registry), 0.0

        def add() -> None:
            nonlocal told
            now = value()
            made.inc(max(0.0, now - told))
            told = now

        self.on_read(add)

    def on_read(self, look: Callable[[], None]) -> None:
        """Adds what is done before figures are read."""
        self._looks.append(look)

    def refresh(self) -> None:
        """Looks at what is kept elsewhere, so that other processes can tell it too."""
        for look in self._looks:
            look()

    def text(self) -> bytes:
        """In Prometheus' text format; of all processes that share `PROMETHEUS_MULTIPROC_DIR`, gauges with their pid."""
        self.refresh()
        if not os.environ.get(SHARED):
            return generate_latest(self.registry)
        _forget_dead(Path(os.environ[SHARED]))
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)


def _forget_dead(folder: Path) -> None:
    """Leaves out the gauges of processes that are no more; what they counted stays."""
    for pid in {path.stem.rsplit("_", 1)[1] for path in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            mark_process_dead(int(pid), str(folder))
