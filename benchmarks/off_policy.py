"""Do off-policy estimates hold the truth? The sample shop's shoppers, whose chances of a click are known.

A visit offers twenty products drawn at random. The logging policy shows what the shopper bought in kind a little more
often than the rest; the target leans on kind and colour together, much more. Both show by chance (softmax), so that the
log has something of all. The model of the reward is a linear regression on events of other visits, wrong in its form.

    python -m benchmarks.off_policy [--runs 1000] [--events 2000]

Time: one minute.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from benchmarks.bandit import make_shop
from product_matching.eval.ab import off_policy, softmax_chances

CANDIDATES = 20
NAMES = ("logged", "ips", "snips", "dr")


def visits(contexts: np.ndarray, truth: np.ndarray, rng: np.random.Generator, events: int) -> dict[str, np.ndarray]:
    """A log, and what the target is worth."""
    users, each = rng.integers(len(truth), size=events), np.arange(events)
    offered = rng.integers(truth.shape[1], size=(events, CANDIDATES))
    seen, chance = contexts[users[:, None], offered], truth[users[:, None], offered]
    old = softmax_chances(seen[..., 0], temperature=0.5)
    new = softmax_chances(seen[..., 0] + seen[..., 1], temperature=0.1)
    shown = (rng.random(events)[:, None] > old.cumsum(axis=1)).sum(axis=1).clip(max=CANDIDATES - 1)
    return {
        "seen": seen,
        "new": new,
        "shown": shown,
        "logged": old[each, shown],
        "target": new[each, shown],
        "reward": (rng.random(events) < chance[each, shown]).astype(float),
        "truth": np.array((new * chance).sum(axis=1).mean()),
    }


def main() -> None:
    """Prints, by estimator, the bias, the mean width and how often the 95 % interval holds the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--events", type=int, default=2000)
    options = parser.parse_args()
    contexts, truth = make_shop()
    rng, rows, effective = np.random.default_rng(0), {name: [] for name in NAMES}, []
    each = np.arange(options.events)
    for _ in range(options.runs):
        log, other = (visits(contexts, truth, rng, options.events) for _ in range(2))
        weights, *_ = np.linalg.lstsq(other["seen"][each, other["shown"]], other["reward"], rcond=None)
        expected = log["seen"] @ weights
        found = off_policy(
            log["reward"],
            log["logged"],
            log["target"],
            expected_shown=expected[each, log["shown"]],
            expected_target=(log["new"] * expected).sum(axis=1),
        )
        effective.append(found["effective_events"])
        for name in NAMES:
            low, high = found[name]["interval"]
            rows[name].append((found[name]["mean"] - log["truth"], high - low, low <= log["truth"] <= high))
    told = {
        name: dict(zip(("bias", "width", "held"), np.round(np.mean(row, axis=0), 4).tolist(), strict=True))
        for name, row in rows.items()
    }
    for name, row in told.items():
        print(json.dumps({"estimate": name, **row, "effective events": round(float(np.mean(effective)))}), flush=True)


if __name__ == "__main__":
    main()
