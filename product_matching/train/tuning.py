"""A search for the options that learn best from a catalogue."""

from __future__ import annotations

import dataclasses
import gc
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from product_matching._optional import require
from product_matching.config import load_config
from product_matching.dataset import Catalog
from product_matching.errors import ConfigError
from product_matching.model import build_model
from product_matching.train.fitting import fit

Space = Mapping[str, Mapping[str, Any]]
DEFAULT_SPACE: Space = {
    "optimizer.learning_rate": {"min": 3e-4, "max": 5e-3, "log": True},
    "optimizer.weight_decay": {"min": 0.01, "max": 2.0, "log": True},
    "train.augment": {"min": 0.2, "max": 1.2},
    "model.dropout": {"min": 0.0, "max": 0.3},
    "train.same_kind": {"values": [1, 4, 8]},
}
AIM = "val_mrr"


@dataclasses.dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        overrides: Such as `"train.augment=0.5"`, for `load_config` and `--set`.
        score: `val_mrr` of the best epoch.
    """

    overrides: list[str]
    score: float


def read_space(path: str | Path) -> Space:
    """Reads a space from TOML: for each key of the configuration `min`, `max` and perhaps `log`, or `values`.

        "optimizer.learning_rate" = {min = 1e-4, max = 1e-2, log = true}
        "train.batch_size" = {values = [32, 64, 128]}

    Raises:
        ConfigError: If the file cannot be read, or a range is none.
    """
    try:
        space = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The space {str(path)!r} cannot be read: {error}.") from error
    for key, choices in space.items():
        keys = set(choices) if isinstance(choices, dict) else set()
        if keys != {"values"} and not {"min", "max"} <= keys <= {"min", "max", "log"}:
            raise ConfigError(f"{key!r} in {str(path)!r} takes min, max and perhaps log, or values; got {choices!r}.")
    return space


def tune(
    train: Catalog,
    val: Catalog,
    folder: str | Path,
    *,
    preset: str | Path = "small",
    overrides: Sequence[str] = (),
    space: Space = DEFAULT_SPACE,
    trials: int = 20,
    seed: int = 0,
    told: Callable[[int, Trial], None] = lambda number, trial: None,
) -> list[Trial]:
    """Tries settings, each the likeliest to be better than those before (Bayesian optimisation), and ranks them.

    KerasTuner keeps the study in `folder`; a study that was interrupted goes on where it was, and one that is over goes
    on when `trials` has grown.

    Args:
        train, val: Products to learn from, and to judge by (`val_mrr`, text to image).
        folder: Of the study.
        preset, overrides: What all trials share, as of `load_config`.
        space: What may change, see `read_space`.
        trials: How many settings, all runs of the study together.
        seed: Of the search; the model's is the configuration's.
        told: Is called with the number of each trial and its outcome.

    Returns:
        All trials, the best first.

    Raises:
        MissingExtraError: Without keras-tuner.
        ConfigError: If a key of the space is none of the configuration.
    """
    tuner = require("keras_tuner", "tune")
    parameters = tuner.HyperParameters()
    for key, choices in space.items():
        _declare(parameters, key, choices)
    load_config(preset, [*overrides, *_overrides(parameters.values)])  # an unknown key fails now, not after an hour
    oracle = tuner.oracles.BayesianOptimizationOracle(
        objective=tuner.Objective(AIM, "max"), max_trials=trials, hyperparameters=parameters, tune_new_entries=False,
        seed=seed,
    )  # fmt: skip

    class Study(tuner.engine.base_tuner.BaseTuner):
        def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
            changes = _overrides(trial.hyperparameters.values)
            config = load_config(preset, [*overrides, *changes])
            keras.utils.clear_session(free_memory=False)
            history = fit(build_model(config, train), train, val, config)
            gc.collect()
            score = max(history[AIM])
            told(len(self.oracle.end_order) + 1, Trial(changes, score))
            return {AIM: score}

        def load_model(self, trial: Any) -> None:
            """A trial keeps its settings, not its weights."""

    study = Study(oracle, directory=str(folder), project_name="study")
    study.search(verbose=0)
    done = [trial for trial in oracle.trials.values() if trial.score is not None]
    ranked = sorted(done, key=lambda trial: -trial.score)
    return [Trial(_overrides(trial.hyperparameters.values), float(trial.score)) for trial in ranked]


def _declare(parameters: Any, key: str, choices: Mapping[str, Any]) -> None:
    if "values" in choices:
        parameters.Choice(key, list(choices["values"]))
        return
    whole = isinstance(choices["min"], int) and isinstance(choices["max"], int)
    kind = parameters.Int if whole else parameters.Float
    kind(key, choices["min"], choices["max"], sampling="log" if choices.get("log") else "linear")


def _overrides(values: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items()]
