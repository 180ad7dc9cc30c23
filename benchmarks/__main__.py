"""The benchmarks: what there is, runs of them with a record, and the tables that records become.

    python -m benchmarks list
    python -m benchmarks run NAME [--data DIR] [--catalog NAME] [--bundle DIR] [--out DIR] [--record NAME]
                               [-- options of NAME]
    python -m benchmarks render [--check]
    python -m benchmarks plot RECORD … --out FILE.png [--quality recall@10]

A benchmark is a module here that prints one JSON object a line. `run` keeps these lines in OUT/RECORD.json, with the
command, the date, the seconds and the machine; `render` writes the tables of benchmarks/results into the marked places
of the pages; `plot` draws quality against time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.harness.plotting import plot
from benchmarks.harness.registry import BENCHMARKS, about
from benchmarks.harness.rendering import PAGES, render
from benchmarks.harness.running import DEFAULT_CATALOG, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="run benchmarks and keep what they say")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="names, questions, expected times")
    one = commands.add_parser("run", help="run one and keep its record")
    one.add_argument("name", choices=sorted(BENCHMARKS))
    one.add_argument("--data", type=Path, default=Path("data"), help="folder of the unpacked data sets")
    one.add_argument(
        "--catalog", default=DEFAULT_CATALOG, help="its folder in DATA, for those that take any (default: %(default)s)"
    )
    one.add_argument("--bundle", type=Path, default=Path("saved_models/demo"), help="for those that want one")
    one.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the records")
    one.add_argument("--record", default="", metavar="NAME", help="of the record, where there are several of one")
    pages = commands.add_parser("render", help="write the tables into the pages")
    pages.add_argument("--check", action="store_true", help="only say whether a page is out of date")
    drawing = commands.add_parser("plot", help="draw quality against time")
    drawing.add_argument("records", type=Path, nargs="+", metavar="RECORD", help="files that `run` wrote")
    drawing.add_argument("--out", type=Path, required=True, metavar="FILE", help=".png or .svg")
    drawing.add_argument("--quality", default="recall@10", help="a number of its rows (default: recall@10)")
    one.epilog = "What comes after -- are options of the benchmark itself."
    # argparse takes what follows -- for arguments of a command only where nothing stands in between.
    ours, theirs = _around(sys.argv[1:])
    options = parser.parse_args(ours)
    if options.command == "list":
        for name in sorted(BENCHMARKS):
            question, time = about(name)
            print(f"{name:16} {question} ({time})")
        return 0
    if options.command == "run":
        places = {"data": options.data, "catalog": options.catalog, "bundle": options.bundle, "out": options.out}
        print(run(options.name, theirs, **places, record=options.record))
        return 0
    if options.command == "plot":
        print(plot(options.records, options.out, quality=options.quality))
        return 0
    stale = render(PAGES, write=not options.check)
    print("\n".join(f"{'out of date' if options.check else 'written'}: {page}" for page in stale) or "all up to date")
    return int(options.check and bool(stale))


def _around(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first --, and after it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


if __name__ == "__main__":
    sys.exit(main())
