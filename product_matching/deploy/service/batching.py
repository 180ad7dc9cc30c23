"""Many waiting queries, one forward pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from product_matching.deploy.service.problems import overloaded
from product_matching.errors import DataError

Waiting = tuple[Any, "asyncio.Future[np.ndarray]"]
STOP = None


class Batcher:
    """Collects items that arrive while the model is busy, or within `max_delay`, and runs them together.

    Args:
        run: From a list of B items to float32 `[B, D]`; called in the executor's thread.
        executor: Where it runs. Batchers that share a model share an executor of one thread.
        max_batch: Items in one call.
        max_delay: Seconds that the first item waits for others.
        max_queue: Items that may wait; one more is refused.
        observe: Called with the size of each batch.
    """

    def __init__(
        self,
        run: Callable[[list[Any]], np.ndarray],
        *,
        executor: Executor,
        max_batch: int = 32,
        max_delay: float = 0.0,
        max_queue: int = 256,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._run, self._executor, self._observe = run, executor, observe
        self._max_batch, self._max_delay, self._max_queue = max_batch, max_delay, max_queue
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begins to work, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def submit(self, item: Any) -> np.ndarray:
        """The row of one item, float32 `[D]`.

        Raises:
            Problem: 429, if the queue is full or closed.
            DataError: If the model cannot read this item.
        """
        if self._closed or self._queue.qsize() >= self._max_queue:
            raise overloaded()
        future = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((item, future))
        return await future

    async def close(self) -> None:
        """Finishes what was taken, takes no more."""
        self._closed = True
        self._queue.put_nowait(STOP)
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        while (first := await self._queue.get()) is not STOP:
            batch, stopped = await self._collected(first)
            # Whoever was waiting for these has given up: a deadline has passed, or a client has gone.
            alive = [waiting for waiting in batch if not waiting[1].done()]
            if alive:
                self._observe(len(alive))
                await self._answer(alive)
            if stopped:
                return

    async def _collected(self, first: Waiting) -> tuple[list[Waiting], bool]:
        clock = asyncio.get_running_loop().time
        batch, until = [first], clock() + self._max_delay
        while len(batch) < self._max_batch:
            try:
                waiting = self._queue.get_nowait()
            except asyncio.QueueEmpty:
                if (left := until - clock()) <= 0:
                    break
                try:
                    waiting = await asyncio.wait_for(self._queue.get(), left)
                except TimeoutError:
                    break
            if waiting is STOP:
                return batch, True
            batch.append(waiting)
        return batch, False

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            rows = await loop.run_in_executor(self._executor, self._run, [item for item, _ in batch])
        except DataError as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            # One picture that cannot be decoded must not cost its neighbours their answer.
            for waiting in batch:
                await self._answer([waiting])
        except Exception as error:
            for waiting in batch:
                _fail(waiting, error)
        else:
            for (_, future), row in zip(batch, rows, strict=True):
                if not future.done():
                    future.set_result(row)


def _fail(waiting: Waiting, error: Exception) -> None:
    if not waiting[1].done():
        waiting[1].set_exception(error)
