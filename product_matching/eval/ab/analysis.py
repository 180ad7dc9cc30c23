"""What a finished or a running test says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from product_matching.errors import DataError, unknown_name
from product_matching.eval.ab.assignment import check_ratio
from product_matching.eval.ab.planning import sample_size
from product_matching.eval.ab.sequential import always_valid
from product_matching.metrics import holm

EXPOSURE, BEFORE = "exposure", "before"
LEVEL, HARM = 0.95, 0.05
SMALL = 0.05
"""A difference as tests of shops find them, in standard deviations."""


def analyse(
    log: pd.DataFrame,
    *,
    control: str = "",
    guardrails: tuple[str, ...] = (),
    variants: Mapping[str, float] | None = None,
    tau: float = 0.0,
) -> dict[str, Any]:
    """Compares each variant with the control, event by event, over users.

    A user's metric is the sum of the values of an event, 0 for one who never had it: events named `exposure` only say
    that the user was there. Events `before:NAME` or `before` are what the user did before the test; the metric is
    adjusted by it (CUPED; Deng et al., 2013), which takes its share of the variance out and leaves the mean as it was.

    Args:
        log: Of `load_log`.
        control: The old variant; the first by name where none is named.
        guardrails: Events that must not fall (or, with a leading `^`, must not rise).
        variants: Weights of the assignment, to check the ratio; all alike by default.
        tau: Size of the differences expected, for the sequential test; where none is named, a twentieth of the
            metric's standard deviation.

    Returns:
        `users` by variant; `ratio`, of `check_ratio`; `control`; `metrics`: by event and variant `control`, `mean`,
        `difference`, `interval` (95 %, Welch), `p`, `p_corrected` (Holm), `lift` (of the control's mean), `cuped`
        (share of the variance taken out), `always_valid` (p and interval that hold however often one looks) and
        `users_for_80`, users that would find this difference four times of five; `guardrails`: `"broken"`, `"held"` or
        `"unsure"` by event and variant; `warning`.

    Raises:
        DataError: If there are not two variants of two users each, or a name is not in the log.
    """
    users = log.groupby("variant")["user_id"].nunique()
    if len(users) < 2 or users.min() < 2:
        raise DataError(f"A test compares two variants of two users or more each; there are {users.to_dict()}.")
    control = control or sorted(users.index)[0]
    if control not in users.index:
        raise DataError(unknown_name("variant", control, users.index))
    table = log.pivot_table(index="user_id", columns="event", values="value", aggfunc="sum", fill_value=0.0)
    group = log.drop_duplicates("user_id").set_index("user_id")["variant"].reindex(table.index)
    names = [name for name in table.columns if name != EXPOSURE and name.split(":")[0] != BEFORE]
    metrics = {name: _metric(table, name, group, control, tau) for name in names}
    _correct(metrics)
    ratio = check_ratio(users.to_dict(), variants)
    warning = (
        "The users of the variants are not as many as were sent there: trust nothing here." if ratio["mismatch"] else ""
    )
    return {
        "users": {name: int(count) for name, count in users.items()},
        "ratio": ratio,
        "control": control,
        "metrics": metrics,
        "guardrails": {name.lstrip("^"): _guard(name, metrics) for name in guardrails},
        "warning": warning,
    }


def cuped(values: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, float]:
    """Takes out of a metric what the time before the test foretells.

    `Y - θ (X - mean X)` with `θ = cov(X, Y) / var X`, over the users of all variants.

    Returns:
        The adjusted metric, float64 [N], and the share of the variance taken out, the squared correlation.
    """
    spread = before.var()
    if spread == 0 or values.var() == 0:
        return values, 0.0
    covariance = np.mean((before - before.mean()) * (values - values.mean()))
    adjusted = values - covariance / spread * (before - before.mean())
    return adjusted, float(covariance**2 / (spread * values.var()))


def _metric(table: pd.DataFrame, name: str, group: pd.Series, control: str, tau: float) -> dict[str, dict[str, Any]]:
    values, taken = table[name].to_numpy(float), 0.0
    known = next((column for column in (f"{BEFORE}:{name}", BEFORE) if column in table.columns), None)
    if known:
        values, taken = cuped(values, table[known].to_numpy(float))
    old = values[(group == control).to_numpy()]
    others = [variant for variant in sorted(group.unique()) if variant != control]
    return {other: {**_compared(old, values[(group == other).to_numpy()], tau), "cuped": taken} for other in others}


def _compared(old: np.ndarray, new: np.ndarray, tau: float) -> dict[str, Any]:
    difference = float(new.mean() - old.mean())
    variance = float(old.var(ddof=1) / len(old) + new.var(ddof=1) / len(new))
    if variance > 0:
        test = stats.ttest_ind(new, old, equal_var=False)
        ends = test.confidence_interval(LEVEL)
        p, interval = float(test.pvalue), [float(ends.low), float(ends.high)]
    else:
        p, interval = float(difference == 0), [difference, difference]
    deviation = float(np.sqrt((old.var(ddof=1) + new.var(ddof=1)) / 2))
    return {
        "control": float(old.mean()),
        "mean": float(new.mean()),
        "difference": difference,
        "interval": interval,
        "p": p,
        "lift": difference / float(old.mean()) if old.mean() else None,
        "always_valid": always_valid(difference, variance, tau=tau or max(SMALL * deviation, 1e-9)),
        "users_for_80": sample_size(difference, deviation=deviation)["total"] if difference and deviation else None,
    }


def _correct(metrics: dict[str, dict[str, dict[str, Any]]]) -> None:
    rows = [row for found in metrics.values() for row in found.values()]
    if rows:
        for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p_corrected"] = float(p)


def _guard(name: str, metrics: dict[str, dict[str, dict[str, Any]]]) -> dict[str, str]:
    """Broken: surely worse. Held: not worse by more than a twentieth, surely. Else unsure."""
    sign, event = (-1.0, name[1:]) if name.startswith("^") else (1.0, name)
    if event not in metrics:
        raise DataError(unknown_name("event", event, metrics))
    found = {}
    for variant, row in metrics[event].items():
        low, high = sorted(sign * end for end in row["interval"])
        held = low >= -HARM * abs(row["control"])
        found[variant] = "broken" if high < 0 else "held" if held else "unsure"
    return found
