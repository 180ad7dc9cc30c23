"""A test that may be looked at every day."""

from __future__ import annotations

import math

from product_matching.errors import ConfigError, DataError


def always_valid(
    difference: float, variance: float, *, tau: float, alpha: float = 0.05
) -> dict[str, float | list[float] | bool]:
    """A p-value and an interval that hold however often one looks (mSPRT; Johari, Pekelis and Walsh, 2017).

    Mixture sequential probability ratio of a normal mean: with V the variance of the difference so far,
    `Λ = √(V / (V + τ²)) · exp(τ² d² / (2 V (V + τ²)))`. Under no difference Λ is a martingale of mean 1, so that by
    Ville's inequality it exceeds 1 / alpha at any time with a probability of alpha at most.

    Args:
        difference: Of the means so far, d.
        variance: Of that difference, `s_A² / n_A + s_B² / n_B`.
        tau: How large differences are expected to be, their standard deviation; another one costs power, not validity.
            It is fixed before the test.
        alpha: Of the interval.

    Returns:
        `p`, `interval` of the difference, `significant`.

    Raises:
        ConfigError: If `tau` or `alpha` is out of its range.
        DataError: If the variance is below 0.

    >>> always_valid(0.0, 1.0, tau=1.0)["p"]
    1.0
    """
    if not tau > 0 or not 0 < alpha < 1:
        raise ConfigError(f"tau is above 0 and alpha between 0 and 1; got {tau} and {alpha}.")
    if variance < 0:
        raise DataError(f"A variance is 0 or more; got {variance}.")
    if variance == 0:
        # All users alike: a difference is certain, and none is none.
        return {"p": float(difference == 0), "interval": [difference, difference], "significant": difference != 0}
    wide = variance + tau**2
    log_ratio = 0.5 * math.log(variance / wide) + tau**2 * difference**2 / (2 * variance * wide)
    half = math.sqrt(2 * variance * wide / tau**2 * (0.5 * math.log(wide / variance) - math.log(alpha)))
    p = math.exp(-max(log_ratio, 0.0))
    return {"p": p, "interval": [difference - half, difference + half], "significant": p < alpha}
