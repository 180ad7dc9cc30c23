"""What the service allows, and where it keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from product_matching.deploy.service.admission import LOOPBACK
from product_matching.deploy.service.tracing import Tracing

MAX_TEXT = 2000
"""Letters of one text; a tokenizer reads far fewer."""
MAX_K = 100
MAX_OFFSET = 10_000
MAX_ITEMS = 64
"""Pairs or items of one request."""
MAX_EVENTS = 1000
"""Interactions of one request."""
MAX_FILTERS = 16
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Environment: where processes of one service share their figures; prometheus_client reads it on import."""


@dataclass(frozen=True)
class Settings:
    """Options of the service; every default is a safe one.

    Attributes:
        state: Folder of the database and of the keys.
        body_bytes: Longest body that is read.
        image_pixels: Largest picture that is decoded, width x height.
        max_batch: Queries that go through the model in one forward pass.
        max_delay: Seconds that a query waits for others to share its pass, while the model is idle. Those that come
            while it is busy share the next pass anyhow, so waiting costs a lone client more than it brings a crowd.
        max_queue: Queries that wait for the model, a kind; the next one is answered 429.
        deadline: Seconds after which a request is given up, 503.
        cache_entries: Embeddings kept, the least recently used dropped first.
        cached_results: Results of searches kept, until something is written.
        search_needs_key: Whether reading needs a key with scope `search` too; writing always needs one with `write`.
        allowed_hosts: Names that the Host header may have; see `Hosts`.
        rate: Requests a second that one client may send, ten seconds' worth of them at once; 0 for no limit.
        store: Address of the database; by default SQLite in `state`.
        tracing: Where spans go; by default to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, if it does.
        towers: Address of a TensorFlow Serving that runs the encoders; by default they run here.
        follow: Seconds between looks for what other processes wrote to it; 0 for none.
        watch: Seconds between looks for a new version of the bundle; 0 for none.
    """

    state: Path
    body_bytes: int = 12 << 20
    image_pixels: int = 25_000_000
    max_batch: int = 32
    max_delay: float = 0.0
    max_queue: int = 256
    deadline: float = 15.0
    cache_entries: int = 8192
    cached_results: int = 2048
    search_needs_key: bool = False
    allowed_hosts: tuple[str, ...] = LOOPBACK
    rate: float = 0.0
    watch: float = 0.0
    store: str = ""
    towers: str = ""
    tracing: Tracing | None = None
    follow: float = 1.0


def default_state(bundle: Path) -> Path:
    """Beside the bundle, never in it, since training replaces bundles.

    >>> default_state(Path("shop/1")).as_posix(), default_state(Path("shop")).as_posix()
    ('shop/service', 'shop.service')
    """
    folder = Path(bundle)
    return folder.parent / "service" if folder.name.isdecimal() else folder.with_name(f"{folder.name}.service")
