"""What another recommender would have earned, from the log of the one that was there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from product_matching.errors import ConfigError, DataError
from product_matching.metrics.checks import finite_vector

LEAST_EVENTS = 100
"""Events, as the weights leave them, below which an estimate says little."""


def off_policy(
    rewards: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    *,
    expected_shown: ArrayLike | None = None,
    expected_target: ArrayLike | None = None,
    clip: float = 0.0,
    level: float = 0.95,
) -> dict[str, Any]:
    """Estimates the mean reward of a target policy from N events that another policy logged.

    With the weights `w = target / logged`:

        ips     mean(w r)                                   unbiased, wide (Horvitz and Thompson, 1952)
        snips   Σ w r / Σ w                                 a little biased, narrower (Swaminathan and Joachims, 2015)
        dr      mean(q_target + w (r - q_shown))            unbiased if the chances or q are right (Dudík et al., 2011)

    with an interval each by the central limit theorem, of `snips` by the delta method. The logged policy must have had
    a chance to show whatever the target would; what it never shows, no estimate knows of.

    Args:
        rewards: `[N]`, what each event brought: 1 for a click, or money.
        logged: `[N]`, chance that the logging policy showed what it did, above 0 to 1: write it into the log.
        target: `[N]`, chance that the target policy would have shown the same; 1 or 0 for one without chance.
        expected_shown: `[N]`, what a model of the reward expects of what was shown; fitted on other events.
        expected_target: `[N]`, what it expects of the target policy: the mean over what that would show.
        clip: The largest weight; 0: none. Clipped weights are biased towards 0 and less wide.
        level: Of the intervals.

    Returns:
        `ips`, `snips` and, with the expectations, `dr`: `{"mean", "interval"}`; `logged`: the same of the rewards as
        they came; `events`; `effective_events` (Kish: (Σ w)² / Σ w²); `mean_weight`, near 1 where the chances are
        right; `warning`.

    Raises:
        ConfigError: If clip or level is out of its range, or only one of the expectations is given.
        DataError: If arrays differ in length or are not numbers, or a chance is out of its range.

    >>> off_policy([1, 0, 1, 0], [0.5] * 4, [1, 1, 0, 0])["ips"]["mean"]
    0.5
    """
    if clip < 0 or not 0 < level < 1:
        raise ConfigError(f"clip is 0 or more and level between 0 and 1; they are {clip} and {level}.")
    if (expected_shown is None) != (expected_target is None):
        raise ConfigError("Doubly robust needs what is expected of the shown and of the target: give both or neither.")
    reward, weight = finite_vector("rewards", rewards), _weights(logged, target, clip)
    if len(weight) != len(reward):
        raise DataError(f"rewards, logged and target must be as long as each other: {len(reward)}, {len(weight)}.")
    found: dict[str, Any] = {"logged": _mean(reward, level), "ips": _mean(weight * reward, level)}
    found["snips"] = _ratio(weight, reward, level)
    if expected_shown is not None:
        shown, wanted = (
            finite_vector("expected_shown", expected_shown),
            finite_vector("expected_target", expected_target),
        )
        if not len(shown) == len(wanted) == len(reward):
            raise DataError(f"Expectations must be as many as rewards: {len(shown)}, {len(wanted)}, {len(reward)}.")
        found["dr"] = _mean(wanted + weight * (reward - shown), level)
    effective = float(weight.sum() ** 2 / max(np.square(weight).sum(), 1e-300))
    warning = ""
    if effective < LEAST_EVENTS:
        warning = f"Only {effective:.0f} events' worth of what the target would show was logged: trust nothing here."
    means = {"events": len(reward), "effective_events": effective, "mean_weight": float(weight.mean())}
    return {**found, **means, "warning": warning}


def softmax_chances(scores: ArrayLike, *, temperature: float = 1.0) -> np.ndarray:
    """Chances of a policy that shows what it likes more often, and all sometimes: scores `[N, C]` to float64 `[N, C]`.

    Log the chance of what was shown: with it the log can tell what another policy would have earned.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature must be above 0; got {temperature}.")
    logits = np.asarray(scores, np.float64) / temperature
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _weights(logged: ArrayLike, target: ArrayLike, clip: float) -> np.ndarray:
    chance, wanted = finite_vector("logged", logged), finite_vector("target", target)
    if len(chance) != len(wanted):
        raise DataError(f"logged and target must be as long as each other: {len(chance)} and {len(wanted)}.")
    if chance.min() <= 0 or chance.max() > 1 or wanted.min() < 0 or wanted.max() > 1:
        raise DataError(
            f"Chances lie between 0 and 1, logged ones above 0: logged {chance.min():g} to {chance.max():g}, "
            f"target {wanted.min():g} to {wanted.max():g}."
        )
    weights = wanted / chance
    return np.minimum(weights, clip) if clip else weights


def _mean(values: np.ndarray, level: float) -> dict[str, Any]:
    return _told(float(values.mean()), values - values.mean(), level)


def _ratio(weight: np.ndarray, reward: np.ndarray, level: float) -> dict[str, Any]:
    """Σ w r / Σ w; its error is, to first order, the mean of w (r - ratio) / mean w."""
    total = weight.sum()
    if total == 0:
        return {"mean": float("nan"), "interval": [float("nan")] * 2}
    ratio = float((weight * reward).sum() / total)
    return _told(ratio, weight * (reward - ratio) / weight.mean(), level)


def _told(mean: float, errors: np.ndarray, level: float) -> dict[str, Any]:
    spread = float(np.sqrt(np.square(errors).sum() / max(len(errors) - 1, 1) / len(errors)))
    half = float(stats.norm.ppf((1 + level) / 2)) * spread
    return {"mean": mean, "interval": [mean - half, mean + half]}
