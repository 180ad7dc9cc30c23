"""What a stopped training goes on from."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from product_matching._folders import write_whole
from product_matching.errors import CheckpointError
from product_matching.train.devices import from_chief
from product_matching.train.retrieval_monitor import RetrievalMonitor

FILE = "training.npz"


class Checkpoint(keras.callbacks.Callback):
    """Writes all that training depends on to one file after each epoch, and reads it back.

    That is: weights, running statistics, the states of random generators (they are variables of the layers that drop
    out), the optimizer's moments, averages and step, the best weights so far, and the history. Since order and views of
    an epoch depend on its number alone, a run that goes on from here ends as if it had never stopped. The file is
    written under another name and renamed: a process that is killed leaves the last epoch's whole.

    Args:
        folder: Where the file is kept.
        key: What the run depends on (configuration, fingerprint of the data); another run's file is refused.
        monitor: Its best weights are kept too.
        writes: False on a worker that is not the chief: what all have trained is kept, and read, by the chief alone.
    """

    def __init__(self, folder: Path, *, key: str, monitor: RetrievalMonitor, writes: bool = True) -> None:
        super().__init__()
        self.path = Path(folder) / FILE
        self.key = key
        self.monitor = monitor
        self.writes = writes
        self.earlier: dict[str, list[float]] = {}

    def restore(self, model: keras.Model) -> tuple[int, bool]:
        """Puts the state back into a compiled model whose optimizer is built.

        Returns:
            How many epochs are done, and whether the run is over; (0, False) where there is no file.

        Raises:
            CheckpointError: If the file is another run's, or damaged.
        """
        contents = from_chief(self._contents() if self.writes and self.path.is_file() else b"")
        if not contents:
            return 0, False
        arrays, about = self._read(contents)
        variables = _variables(model)
        if len([name for name in arrays if name.startswith("v")]) != len(variables):
            raise CheckpointError(f"{self.path} is of another model. Train without --resume.")
        for place, variable in enumerate(variables):
            variable.assign(arrays[f"v{place}"])
        best = [arrays[f"best{place}"] for place in range(about["best_count"])]
        self.monitor.resume(about["best"], about["best_epoch"], best or None)
        self.earlier = about["history"]
        return int(about["epochs"]), bool(about["stopped"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, value in (logs or {}).items():
            self.earlier.setdefault(name, []).append(float(value))
        if not self.writes:
            return
        best = self.monitor.best_weights or []
        about = {
            "key": self.key,
            "epochs": epoch + 1,
            "stopped": bool(self.model.stop_training),
            "history": self.earlier,
            "best": self.monitor.best,
            "best_epoch": self.monitor.best_epoch,
            "best_count": len(best),
        }
        values = map(keras.ops.convert_to_numpy, _variables(self.model))
        arrays = {f"v{place}": value for place, value in enumerate(values)}
        arrays |= {f"best{place}": value for place, value in enumerate(best)}
        contents = io.BytesIO()
        np.savez(contents, about=np.array(json.dumps(about)), **arrays)
        write_whole(self.path, contents.getvalue())

    def _contents(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> CheckpointError:
        return CheckpointError(f"{self.path} is damaged ({error}). Delete it and train anew.")

    def _read(self, contents: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        try:
            with np.load(io.BytesIO(contents), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            about = json.loads(str(arrays.pop("about")))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from error
        if about["key"] != self.key:
            raise CheckpointError(
                f"{self.path} is of a run with another configuration or other products. Give the same ones as before, "
                "or train without --resume."
            )
        return arrays, about


def _variables(model: keras.Model) -> list[keras.Variable]:
    # `variables` holds the states of random generators too, which `weights` leaves out.
    return [*model.variables, *model.optimizer.variables]
