"""The optimizer and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.config import OptimizerConfig
from product_matching.errors import ConfigError, unknown_name

NO_DECAY = ("bias", "beta", "gamma", "embedding", "log_temperature", "calibration")
"""Variables whose name holds one of these are not decayed: shrinking them regularises nothing."""


OPTIMIZERS = {
    "adamw": keras.optimizers.AdamW,
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "lion": keras.optimizers.Lion,
    "lamb": keras.optimizers.Lamb,
}


def build_optimizer(config: OptimizerConfig | None = None, *, steps: int = 1000) -> keras.optimizers.Optimizer:
    """Builds the optimizer of a configuration.

    AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), Adam, SGD with momentum 0.9, Lion (Chen et al. 2023,
    arXiv:2302.06675; wants about a tenth of AdamW's rate) or LAMB (You et al. 2020, arXiv:1904.00962; for large
    batches).

    Args:
        config: Its options.
        steps: Batches of the whole run, over which the schedule stretches.

    Raises:
        ConfigError: If the optimizer is not known.
    """
    config = config or OptimizerConfig()
    if config.name not in OPTIMIZERS:
        raise ConfigError(unknown_name("optimizer", config.name, OPTIMIZERS))
    options: dict[str, Any] = {"momentum": 0.9} if config.name == "sgd" else {}
    if config.name != "adam":
        options["weight_decay"] = config.weight_decay
    if config.ema:
        options |= {"use_ema": True, "ema_momentum": config.ema}
    schedule = WarmupSchedule(config.learning_rate, steps, warmup=config.warmup, decay=config.schedule)
    optimizer = OPTIMIZERS[config.name](
        schedule,
        global_clipnorm=config.clip_norm or None,
        gradient_accumulation_steps=config.accumulate if config.accumulate > 1 else None,
        **options,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
    if keras.backend.backend() == "tensorflow":
        _clip_the_sum(optimizer)
    return optimizer


def _clip_the_sum(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer clip the gradient of the whole batch, as the norm of what it steps along says.

    Where several devices hold a part of the batch, Keras clips on each what that one has and sums then, so that a step
    grows with their number; and of an embedding's rows it takes the norm before those of one word are summed.
    """
    import tensorflow as tf

    clip = optimizer._clip_gradients

    def clip_the_sum(gradients: Sequence[Any]) -> Sequence[Tensor]:
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        return clip(gradients)

    optimizer._clip_gradients = clip_the_sum
    optimizer._all_reduce_sum_gradients = lambda summed: summed


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """For the time of the block, a model has the averages of its weights that its optimizer keeps, if it keeps any.

    Polyak and Juditsky 1992: the average lies nearer to where the steps circle than the last step does.
    """
    if not getattr(model.optimizer, "use_ema", False):
        yield
        return
    last = [ops.convert_to_numpy(variable).copy() for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, last, strict=True):
            variable.assign(value)


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
