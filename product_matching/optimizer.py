"""The optimizer and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.config import OptimizerConfig
from product_matching.errors import unknown_name

NO_DECAY = ("bias", "beta", "gamma", "embedding", "log_temperature", "calibration")
"""Variables whose name holds one of these are not decayed: shrinking them regularises nothing."""


def build_optimizer(config: OptimizerConfig | None = None, *, steps: int = 1000) -> keras.optimizers.Optimizer:
    """Builds the optimizer of a configuration.

    Args:
        config: Its options.
        steps: Steps of the whole run, over which the schedule stretches.
    """
    config = config or OptimizerConfig()
    optimizers = {
        "adamw": keras.optimizers.AdamW,
        "adam": keras.optimizers.Adam,
        "sgd": keras.optimizers.SGD,
    }
    if config.name not in optimizers:
        raise ValueError(unknown_name("optimizer", config.name, optimizers))
    options: dict[str, Any] = {"momentum": 0.9} if config.name == "sgd" else {}
    if config.name != "adam":
        options["weight_decay"] = config.weight_decay
    schedule = WarmupSchedule(config.learning_rate, steps, warmup=config.warmup, decay=config.schedule)
    optimizer = optimizers[config.name](schedule, global_clipnorm=config.clip_norm or None, **options)
    optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
    return optimizer


def scale_learning_rate(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable], factor: float
) -> None:
    """Makes an optimizer learn some variables at `factor` times the rate of the others; weight decay is not scaled.

    Howard and Ruder 2018, "Universal language model fine-tuning for text classification" (arXiv:1801.06146): what was
    pretrained knows something already, and small steps keep it.
    """
    if factor == 1 or not variables:
        return
    slow, plain = {optimizer._var_key(variable) for variable in variables}, optimizer.update_step

    def update_step(gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        rate = learning_rate * factor if optimizer._var_key(variable) in slow else learning_rate
        plain(gradient, variable, rate)

    optimizer.update_step = update_step


@keras.saving.register_keras_serializable("product_matching")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to the peak, then a cosine, linear or constant course to the last step.

    Args:
        peak: Highest learning rate.
        steps: Steps of the whole run.
        warmup: Share of the steps over which the rate rises.
        decay: `"cosine"` or `"linear"` to zero, or `"constant"`.
    """

    def __init__(self, peak: float, steps: int, *, warmup: float = 0.1, decay: str = "cosine") -> None:
        self.peak = peak
        self.steps = steps
        self.warmup = warmup
        self.decay = decay

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.cast(step, "float32")
        rise = max(self.warmup * self.steps, 1.0)
        progress = ops.clip((step - rise) / max(self.steps - rise, 1.0), 0.0, 1.0)
        if self.decay == "cosine":
            factor = 0.5 * (1 + ops.cos(math.pi * progress))
        elif self.decay == "linear":
            factor = 1 - progress
        else:
            factor = ops.ones_like(progress)
        # Step 0 already learns: (step + 1) / rise.
        return self.peak * ops.minimum((step + 1) / rise, 1.0) * factor

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "decay": self.decay}
