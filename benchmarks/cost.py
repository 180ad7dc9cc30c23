"""What does it cost to train, to embed a million products, to index them, to answer 1,000 searches?

Data: sample shops of two sizes, drawn beforehand; texts in English and Chinese, a photo of 480 pixels a product.
Each step is a command of its own, `train --config small`, `embed`, `index`, and 1,000 searches by words, one after
the other, by `SearchEngine`. Told are the processor's seconds of all its threads, the most memory it held, the bytes it
left, and joules where the machine's counters can be read (Linux powercap; of all that ran at that time). What a step
costs by itself and what each product adds follow from the two sizes:

    added = (seconds of the larger - seconds of the smaller) / (products of the larger - products of the smaller)
    a million = seconds of the larger + added * (1,000,000 - products of the larger)

and likewise for the bytes left. What training adds is of a product and an epoch, and a million are trained for as many
epochs. Two cores work 7,200 seconds of the processor an hour. Searches are counted after the first.

    python -m benchmarks.cost [--sizes 1000 4000] [--epochs 2]

Prints one JSON object a step.

Time: ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from product_matching.dataset import make_sample_shop

MILLION = 1_000_000
SEARCHES = 1000
COUNTERS = Path("/sys/class/powercap")
ASK = """
import sys
import pandas as pd
from product_matching.search import SearchEngine
engine = SearchEngine.load(sys.argv[1])
titles = pd.read_csv(sys.argv[2], dtype=str, keep_default_na=False)["title"]
asked = [" ".join(title.split()[:3]) for title in titles if title.strip()]
for number in range(int(sys.argv[3])):
    engine.search(text=asked[number % len(asked)], k=10)
"""


@dataclass
class Cost:
    """Of one command: seconds of the processor, bytes held at most, bytes left behind, joules or None."""

    seconds: float
    memory: int
    left: int
    joules: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1000, 4000], metavar="PRODUCTS")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (dict(steps(Path(folder) / str(size), size, options.epochs)) for size in options.sizes)
    for step in ("train", "embed", "index"):
        passes = options.epochs if step == "train" else 1
        print(json.dumps(told(step, small[step], large[step], options.sizes, passes)), flush=True)
    print(json.dumps(asked(large["first search"], large["searches"], options.sizes[1])), flush=True)


def steps(folder: Path, products: int, epochs: int) -> Iterator[tuple[str, Cost]]:
    """The costs of each step over a shop of so many products."""
    table = str(make_sample_shop(folder / "shop", products=products, seed=0).catalog)
    bundle, vectors = folder / "bundle", folder / "vectors"
    ours = [sys.executable, "-m", "product_matching"]
    for step, words, left in (
        ("train", [*ours, "train", table, "--out", bundle, "--config", "small", *_epochs(epochs)], bundle),
        ("embed", [*ours, "embed", bundle, table, "--out", vectors], vectors),
        ("index", [*ours, "index", bundle, table], bundle / "index"),
        ("first search", [sys.executable, "-c", ASK, bundle, table, "1"], None),
        ("searches", [sys.executable, "-c", ASK, bundle, table, str(SEARCHES + 1)], None),
    ):
        yield step, cost_of([str(word) for word in words], left)


def _epochs(count: int) -> list[str]:
    return ["--set", f"train.epochs={count}", "--set", "train.patience=0"]


def cost_of(words: list[str], left: Path | None) -> Cost:
    """Runs a command to its end.

    Raises:
        SystemExit: If it fails.
    """
    before = _joules()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed with {process.returncode}: {' '.join(words)}")
    after = _joules()
    size = sum(path.stat().st_size for path in left.rglob("*") if path.is_file()) if left else 0
    spent = after - before if before is not None and after is not None else None
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, size, spent)


def told(step: str, small: Cost, large: Cost, sizes: list[int], passes: int) -> dict[str, object]:
    """What a step cost, what a product adds to that at each pass, and what a million cost."""
    added = (large.seconds - small.seconds) / (sizes[1] - sizes[0])
    left = (large.left - small.left) / (sizes[1] - sizes[0])
    rest = MILLION - sizes[1]
    return {
        "step": step,
        "products": sizes[1],
        "CPU s": large.seconds,
        "joules": large.joules,
        "memory MB": large.memory / 1e6,
        "left MB": large.left / 1e6,
        "CPU ms a product": 1000 * added / passes,
        "bytes a product": left,
        "CPU h a million": (large.seconds + added * rest) / 3600,
        "GB a million": (large.left + left * rest) / 1e9,
    }


def asked(first: Cost, all_of_them: Cost, products: int) -> dict[str, object]:
    """What searches cost once everything is read, which one search tells."""
    return {
        "step": f"{SEARCHES:,} searches",
        "products": products,
        "CPU s": all_of_them.seconds - first.seconds,
        "memory MB": all_of_them.memory / 1e6,
        "CPU ms a search": 1000 * (all_of_them.seconds - first.seconds) / SEARCHES,
    }


def _joules() -> float | None:
    """What the processors' counters have seen so far, where they can be read."""
    try:
        found = [int(path.read_text()) for path in COUNTERS.glob("intel-rapl:?/energy_uj")]
    except OSError:
        return None
    return sum(found) / 1e6 if found else None


if __name__ == "__main__":
    main()
