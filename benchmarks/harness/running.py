"""One run of a benchmark, and the record of it."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.registry import BENCHMARKS, FOLDER, about

DEFAULT_CATALOG = "ikea"
"""Small, and nobody waits long for it."""
PACKAGES = ("product-matching", "tensorflow", "keras", "keras-hub", "scann", "numpy", "torch", "transformers")
"""Whose versions are noted, where they are installed."""


def run(
    name: str,
    options: Sequence[str],
    *,
    data: Path,
    bundle: Path,
    out: Path,
    catalog: str = DEFAULT_CATALOG,
    record: str = "",
) -> Path:
    """Runs a benchmark in a process of its own and writes its record.

    Args:
        name: Of the benchmark.
        options: Its own options.
        data, bundle: What stands for {data} and {bundle} in its arguments.
        out: Folder of the record.
        catalog: What stands for {catalog}: a folder in `data`.
        record: Its name; by default the benchmark's.

    Returns:
        The record's file.

    Raises:
        SystemExit: If the benchmark fails; an earlier record stays as it was.
    """
    fixed = [argument.format(data=data, catalog=catalog, bundle=bundle) for argument in BENCHMARKS[name]]
    load, start, spent = os.getloadavg()[0], time.perf_counter(), _cpu_seconds()
    rows = _rows([sys.executable, "-m", f"benchmarks.{name}", *fixed, *options])
    told = ["python -m benchmarks run", name]
    told += ["--catalog", catalog] if catalog != DEFAULT_CATALOG else []
    told += ["--record", record] if record else []
    found = {
        "name": name,
        "question": about(name)[0],
        "command": " ".join([*told, *(["--", shlex.join(options)] if options else [])]),
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.perf_counter() - start, 1),
        "seed": _seed(options),
        "cpu_seconds": round(_cpu_seconds() - spent, 1),
        "machine": machine(load),
        "rows": rows,
    }
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{record or name}.json"
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def machine(load: float) -> dict[str, Any]:
    """What a figure depends on besides the code; `load`: of the machine before the run, 0 where it was free."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages / 2**30, 1),
        "load_before": round(load, 1),
        "versions": versions,
    }


def _rows(command: Sequence[str]) -> list[dict[str, Any]]:
    """The JSON objects that a command prints, one a line, or the rows of its Markdown table; all is shown, too."""
    rows, header = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                rows.append(json.loads(line))
            elif line.startswith("|") and not line.startswith(("|--", "| --")):
                cells = [value.strip() for value in line.strip().strip("|").split("|")]
                rows += [dict(zip(header, cells, strict=True))] if header else []
                header = header or cells
    if process.returncode or not rows:
        sys.exit(f"{' '.join(command)} ended with {process.returncode} and {len(rows)} results; no record is written.")
    return rows


def _seed(options: Sequence[str]) -> int:
    """What a run draws by: 0, as benchmarks have it, or what `--set seed=N` says."""
    told = [option.removeprefix("seed=") for option in options if option.startswith("seed=")]
    return int(told[-1]) if told else 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
