"""Who gets which variant: by hash, so that no list is kept and everybody keeps theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from scipy import stats

from product_matching.errors import ConfigError, DataError

SUSPICIOUS = 0.001
"""A p-value of the ratio below which a test is broken rather than unlucky (Fabijan et al., 2019)."""


def assign(user_id: str, experiment: str, variants: Mapping[str, float] | None = None) -> str:
    """The variant of a user: always the same in one experiment, and independent of that in others.

    Args:
        user_id: Whom to assign.
        experiment: Its name, the salt of the hash.
        variants: Weights by name, 0 or more; half `"A"` and half `"B"` by default.

    Raises:
        ConfigError: If no weight is above 0, or one is below.
    """
    shares = dict(variants or {"A": 1.0, "B": 1.0})
    total = sum(shares.values())
    if min(shares.values()) < 0 or not total > 0:
        raise ConfigError(f"Weights of variants are 0 or more, and not all 0; got {shares}.")
    digest = hashlib.blake2b(f"{experiment}\0{user_id}".encode(), digest_size=8).digest()
    place, reached = int.from_bytes(digest, "big") / 2**64 * total, 0.0
    for name, share in shares.items():
        reached += share
        if place < reached:
            return name
    return [name for name, share in shares.items() if share > 0][-1]  # rounding at the very end


def check_ratio(users: Mapping[str, int], variants: Mapping[str, float] | None = None) -> dict[str, float | bool]:
    """Whether as many users came to each variant as were sent there (χ² test): if not, no result can be trusted.

    Args:
        users: How many came, by variant.
        variants: Weights by name; all alike by default.

    Returns:
        `p` and `mismatch`.

    Raises:
        DataError: If there are not two variants, or nobody came.
    """
    shares = dict(variants or dict.fromkeys(users, 1.0))
    if len(users) < 2 or not sum(users.values()):
        raise DataError(f"A test needs users in two variants or more; there are {dict(users)}.")
    if set(users) - set(shares):
        raise DataError(f"No weight is named for the variants {sorted(set(users) - set(shares))}.")
    names = [name for name in shares if shares[name] > 0]
    count, weight = sum(users.values()), sum(shares[name] for name in names)
    expected = [count * shares[name] / weight for name in names]
    p = float(stats.chisquare([users.get(name, 0) for name in names], expected).pvalue)
    return {"p": p, "mismatch": p < SUSPICIOUS}
