"""Progress bars on standard error; on no terminal, a line a step."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from product_matching.cli.output import say

if TYPE_CHECKING:
    import keras


@contextmanager
def step(what: str, seconds: dict[str, float] | None = None) -> Iterator[None]:
    """Says what begins, and how long it took; notes the seconds under its name."""
    say(f"{what} …")
    start = time.perf_counter()
    yield
    taken = time.perf_counter() - start
    if seconds is not None:
        seconds[what] = taken
    say(f"{what}: {taken:.1f} s")


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that the yielded function moves to a number of things done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def training_progress(epochs: int, steps: int, batch_size: int) -> keras.callbacks.Callback:
    """A Keras callback: a bar over the batches of all epochs and a line after each epoch."""
    import keras

    class TrainingProgress(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.bar = bar("train", epochs * steps)
            self.move = self.bar.__enter__()
            self.done, self.seen, self.start = 0, 0, time.perf_counter()

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.done = epoch * steps  # a run that goes on starts in the middle

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            self.done, self.seen = self.done + 1, self.seen + 1
            self.move(self.done)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            rate = self.seen * batch_size / (time.perf_counter() - self.start)
            values = "  ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
            say(f"  epoch {epoch + 1}/{epochs}  {values}  {rate:.0f} products/s")

        def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
            self.bar.__exit__(None, None, None)

    return TrainingProgress()


def epoch_progress(what: str) -> keras.callbacks.Callback:
    """A Keras callback for a fit whose length only Keras knows: a bar over all batches and a line after each epoch."""
    import keras

    class EpochProgress(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.bar, self.done = bar(what, self.params["epochs"] * self.params["steps"]), 0
            self.move = self.bar.__enter__()

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            self.done += 1
            self.move(self.done)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            values = "  ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
            say(f"  {what}, epoch {epoch + 1}/{self.params['epochs']}  {values}")

        def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
            self.bar.__exit__(None, None, None)

    return EpochProgress()
