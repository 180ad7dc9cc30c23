"""What outlives a version of the bundle: database, keys, measurements; and the version that answers now."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from product_matching.bundle import resolve
from product_matching.deploy.service.edition import Edition
from product_matching.deploy.service.keys import Keys
from product_matching.deploy.service.metrics import Metrics
from product_matching.deploy.service.settings import Settings
from product_matching.deploy.service.store import Store
from product_matching.deploy.service.tracing import Tracing
from product_matching.deploy.service.trial import try_out
from product_matching.errors import BundleError, ProductMatchingError
from product_matching.metrics.reach import KINDS
from product_matching.search import SearchEngine

MARKS = ("manifest.json", "index/index.json")
_logger = logging.getLogger("product_matching.service")


class Shop:
    """The service's state.

    Attributes:
        now: The edition from which new requests are answered. Take it by `using`, once a request.
    """

    def __init__(self, path: str | Path, settings: Settings) -> None:
        self.path, self.settings = Path(path), settings
        self.metrics, self.keys = Metrics(settings.tracing or Tracing.from_environment()), Keys.load(settings.state)
        self.mark, self._failed = mark(resolve(path)), b""
        engine = SearchEngine.load(path, towers=settings.towers)
        self.store = Store(settings.store or settings.state)
        self.now = Edition(engine, settings, self.store, self.metrics)
        self.writing, self._changing, self.ready = asyncio.Lock(), asyncio.Lock(), False
        self._tasks: set[asyncio.Task] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._measure()

    @classmethod
    def load(cls, path: str | Path, settings: Settings) -> Shop:
        """Opens a bundle and its index, and applies all that was written.

        Raises:
            BundleError: If the bundle, its index or its recommender is missing or damaged.
        """
        shop = cls(path, settings)
        shop.now.replay()
        return shop

    @contextmanager
    def using(self) -> Iterator[Edition]:
        """The edition for one request, which is not closed before the request is done."""
        edition = self.now
        edition.users += 1
        try:
            yield edition
        finally:
            edition.users -= 1

    async def start(self) -> None:
        """Begins to serve, after a question that takes the whole way."""
        self._loop = asyncio.get_running_loop()
        self.now.start()
        self.now.live.search(await self.now.embedder.embed(text="ready?"), k=1)
        self.ready = True
        if self.settings.watch:
            self._spawn(self._watch())
        if self.settings.follow:
            self._spawn(self._follow())

    async def close(self) -> None:
        """Finishes what was taken."""
        self.ready = False
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.now.close()
        async with self.writing:
            self.store.close()
        self.metrics.tracing.close()

    async def reload(self) -> bool:
        """Changes over to the newest version of the bundle, if it is another; True if it was.

        It is opened and tried beside the one that answers. Requests that have begun end where they began; writes wait
        for the moment in which the new index takes in what was written. If anything fails, nothing has changed.

        Raises:
            BundleError: If the new version is missing, damaged or fails its trial.
        """
        async with self._changing:
            wanted = ""
            try:
                folder = resolve(self.path)
                wanted, found = folder.name, mark(folder)
                if found == self.mark:
                    return False
                self._failed = found
                fresh = await asyncio.to_thread(self._opened)
                async with self.writing:
                    await asyncio.to_thread(fresh.replay)
                    old = self._put_in_place(fresh, found)
            except Exception as error:
                _logger.error(
                    "kept version %s: version %s failed: %s", self.now.bundle.folder.name, wanted or "?", error
                )
                self.metrics.reloads.labels("failed").inc()
                if isinstance(error, ProductMatchingError):
                    raise
                raise BundleError(f"Version {wanted} of the bundle cannot be used: {type(error).__name__}.") from error
            _logger.info("version %s took over from version %s", wanted, old.bundle.folder.name)
            self.metrics.reloads.labels("done").inc()
            self._spawn(old.close())
            return True

    def ask_reload(self) -> None:
        """Reloads soon; for handlers of signals."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self._spawn(self._try_reload()))

    def _opened(self) -> Edition:
        engine = SearchEngine.load(self.path, towers=self.settings.towers)
        try_out(engine.bundle, engine.index)
        edition = Edition(engine, self.settings, self.store, self.metrics)
        edition.rehearse()
        return edition

    def _put_in_place(self, fresh: Edition, found: bytes) -> Edition:
        old = self.now
        fresh.start()
        fresh.embedder.cache, fresh.found = old.embedder.cache.renewed(), old.found.renewed()
        self.now, self.mark, self._failed = fresh, found, b""
        return old

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.settings.watch)
            with suppress(BundleError, OSError):
                folder = await asyncio.to_thread(resolve, self.path)
                # A version without an index is one that is still being made.
                if (folder / "index").is_dir() and mark(folder) not in (self.mark, self._failed):
                    await self._try_reload()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.settings.follow)
            try:
                async with self.writing:
                    await asyncio.to_thread(self.now.catch_up)
                self.metrics.refresh()
            except Exception:  # the database is away; what was taken in answers on
                _logger.exception("could not read what others wrote")

    async def _try_reload(self) -> None:
        with suppress(ProductMatchingError):  # it is in the log
            await self.reload()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _measure(self) -> None:
        metrics = self.metrics
        metrics.gauge("index_products", "Products that can be found.", lambda: self.now.live.size)
        metrics.gauge("queue_waiting", "Queries that wait for the model.", lambda: self.now.embedder.waiting)
        for kind, of in itertools.product(KINDS, ("score", "embedding")):
            gauge = metrics.drift.labels(kind, of)
            metrics.on_read(lambda gauge=gauge, kind=kind, of=of: gauge.set(self.now.watch.drift(kind, of)))
        for name, cache in {
            "embedding": lambda: self.now.embedder.cache,
            "result": lambda: self.now.found,
        }.items():
            metrics.counter(f"{name}_cache_hits", f"A cached {name} was there.", lambda cache=cache: cache().hits)
            metrics.counter(f"{name}_cache_misses", f"No {name} was cached.", lambda cache=cache: cache().misses)


def mark(folder: Path) -> bytes:
    """Tells what lies in a bundle's folder from what lay there before."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for name in MARKS:
        with suppress(OSError):
            digest.update((folder / name).read_bytes() + str((folder / name).stat().st_mtime_ns).encode())
    return digest.digest()
