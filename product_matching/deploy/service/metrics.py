"""What the service tells Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from product_matching.deploy.service.tracing import Tracing

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters and histograms of one service, in a registry of its own, and its traces."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.tracing = tracing or Tracing()
        self.registry = CollectorRegistry()
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
        self.in_flight = Gauge("requests_in_flight", "Requests being answered.", **own)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures a stage of the present request."""
        with self.tracing.stage(name), self.stages.labels(name).time():
            yield

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Adds a number that is read when it is asked for."""
        Gauge(name, meaning, namespace="product_matching", registry=self.registry).set_function(value)

    def counter(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Adds a count that is kept elsewhere."""
        self.registry.register(_Counted(f"product_matching_{name}", meaning, value))

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


class _Counted(Collector):
    def __init__(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        self._name, self._meaning, self._value = name, meaning, value

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._meaning, value=self._value())
