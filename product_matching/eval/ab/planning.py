"""How many users a test needs, before it starts."""

from __future__ import annotations

import math

from scipy import stats

from product_matching.errors import ConfigError


def sample_size(
    effect: float,
    *,
    deviation: float = 0.0,
    rate: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
    share: float = 0.5,
) -> dict[str, int]:
    """Users that a two-sided test needs to find a difference of this size.

    `N = (z_{1-alpha/2} + z_power)² (σ_A² / (1 - share) + σ_B² / share) / effect²` users in all, by the normal
    approximation. Of a rate p, σ_A² = p (1 - p) and σ_B² the same at p + effect.

    Args:
        effect: The least difference of means that matters, in the metric's own unit; not 0.
        deviation: Standard deviation of the metric over users; with CUPED, times √(1 - ρ²).
        rate: Instead: the present rate of a yes-or-no metric, above 0 and below 1.
        power: How often such a difference is to be found.
        alpha: How often a difference is found where there is none.
        share: Of the users that get the new variant.

    Returns:
        `control`, `treatment` and `total` users.

    Raises:
        ConfigError: If an argument is out of its range.
    """
    _check(effect, power, alpha, share)
    before, after = _variances(effect, deviation, rate)
    reach = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    total = reach**2 * (before / (1 - share) + after / share) / effect**2
    control, treatment = math.ceil(total * (1 - share)), math.ceil(total * share)
    return {"control": control, "treatment": treatment, "total": control + treatment}


def power_of(
    users: int, effect: float, *, deviation: float = 0.0, rate: float = 0.0, alpha: float = 0.05, share: float = 0.5
) -> float:
    """How often a test with so many users in all finds a difference of this size: 0 to 1."""
    _check(effect, 0.5, alpha, share)
    if users < 2:
        raise ConfigError(f"A test needs two users or more; got {users}.")
    before, after = _variances(effect, deviation, rate)
    error = math.sqrt(before / ((1 - share) * users) + after / (share * users))
    reach, limit = abs(effect) / error, stats.norm.ppf(1 - alpha / 2)
    return float(stats.norm.sf(limit - reach) + stats.norm.cdf(-limit - reach))


def _variances(effect: float, deviation: float, rate: float) -> tuple[float, float]:
    if (deviation > 0) == (rate > 0):
        raise ConfigError("Name either the deviation of the metric, or the present rate of a yes-or-no metric.")
    if deviation > 0:
        return deviation**2, deviation**2
    if not (rate < 1 and 0 < rate + effect < 1):
        raise ConfigError(f"A rate lies between 0 and 1, before and after; got {rate} and {rate + effect}.")
    return rate * (1 - rate), (rate + effect) * (1 - rate - effect)


def _check(effect: float, power: float, alpha: float, share: float) -> None:
    if effect == 0 or not all(0 < value < 1 for value in (power, alpha, share)):
        raise ConfigError(
            "effect is not 0, and power, alpha and share lie between 0 and 1; "
            f"got effect {effect}, power {power}, alpha {alpha}, share {share}."
        )
