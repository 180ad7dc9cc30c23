"""Does anything that a stranger may send as a picture or as words crash the process, or fail in a way nobody announced?

Pictures are files of every format that is read, at several sizes, cut, overwritten, spliced and repeated at places that
hypothesis draws; they go the way of the service: the check, the graph that decodes, the thumbnail. Words are any
Unicode and what shops and attackers write; they go through cleaning and tokenising in the graph, the words that search
counts, spelling, and the parser of filters. Each runs in a process of its own: one that dies is counted, its last input
is kept, and another goes on.

Command:

    python -m benchmarks.fuzzing BUNDLE [--minutes 10] [--keep DIR]

Prints one JSON object a way.

Time: ten minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import queue
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
SIZES = ((1, 1), (7, 300), (64, 48), (255, 257))
MODES = ("RGB", "L", "P", "RGBA", "CMYK", "I;16", "1")
PHRASES = ["red mug", "红色马克杯", "price<20", "colour=red|blue", "a" * 5000, "\x00", "\u202e", "\u200d", "İ"]
PHRASES += ["MX-204/7_b.9", "%s" * 9, "' or 1=1", "👩"]
CYCLE = 400
"""Inputs of one run of hypothesis, which then is seeded anew."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzzing")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    for way in WAYS:
        print(json.dumps(fuzzed(way, options.bundle, 30 * options.minutes, options.keep)), flush=True)


def fuzzed(way: str, bundle: str, seconds: float, folder: Path) -> dict[str, Any]:
    """Feeds a way for so long, through as many processes as it kills."""
    context, crashes, failures, seen, slowest = multiprocessing.get_context("spawn"), 0, [], Counter(), 0.0
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        results = context.Queue()
        current = folder / f"{way}.input"
        child = context.Process(target=feed, args=(way, bundle, number, end, current, results))
        child.start()
        while child.is_alive() or not results.empty():
            try:
                counts, took, failure = results.get(timeout=1)
            except queue.Empty:
                continue
            seen.update(counts)
            slowest = max(slowest, took)
            failures += [failure] if failure else []
        child.join()
        if child.exitcode:
            crashes += 1
            current.replace(folder / f"{way}.crash{number}")
    return {
        "way": way,
        "inputs": sum(seen.values()),
        **seen,
        "crashes": crashes,
        "failures": failures,
        "slowest, s": slowest,
    }


def feed(way: str, bundle: str, number: int, end: float, current: Path, results: Any) -> None:
    """In a process of its own: draws inputs until the time is over."""
    strategy, prepare = WAYS[way]
    answer = prepare(bundle)
    cycle = 1000 * number
    while time.monotonic() < end:
        cycle += 1
        results.put(one_run(cycle, strategy(), answer, current))


def one_run(
    cycle: int, strategy: st.SearchStrategy[Any], answer: Callable[[Any], str], current: Path
) -> tuple[dict[str, int], float, str]:
    """How often each answer came, the seconds of the slowest, and what nobody had announced; "" for nothing."""
    counts: Counter[str] = Counter()
    times = [0.0]

    @seed(cycle)
    @settings(
        max_examples=CYCLE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(data: bytes | str) -> None:
        current.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        start = time.perf_counter()
        counts[answer(data)] += 1
        times.append(time.perf_counter() - start)

    try:
        one()
    except Exception as error:
        return dict(counts), max(times), f"{type(error).__name__}: {error}"[:300]
    return dict(counts), max(times), ""


def spoiled_pictures() -> st.SearchStrategy[bytes]:
    """Files of pictures with some of their bytes changed."""
    place, piece = st.floats(0, 1), st.binary(min_size=1, max_size=12)
    edit = st.tuples(st.sampled_from(["write", "cut", "insert", "repeat"]), place, piece)

    def changed(file: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
        for kind, where, what in edits:
            at = int(where * len(file))
            if kind == "write":
                file = file[:at] + what + file[at + len(what) :]
            elif kind == "cut":
                file = file[:at]
            elif kind == "insert":
                file = file[:at] + what + file[at:]
            else:
                file = file[:at] + file[max(at - 40, 0) : at] * 3 + file[at:]
        return file

    return st.builds(changed, st.sampled_from(sound_pictures()), st.lists(edit, max_size=5)) | st.binary(max_size=60)


def sound_pictures() -> list[bytes]:
    """A file of every format, size and mode there is."""
    import numpy as np
    from PIL import Image

    files, random = [], np.random.default_rng(0)
    for size in SIZES:
        picture = Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8))
        for kind in FORMATS:
            for mode in MODES:
                out = io.BytesIO()
                try:
                    (picture.convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)).save(out, kind)
                except (OSError, ValueError, KeyError):
                    continue  # not every format has every mode
                files.append(out.getvalue())
    return files


def picture_reader(bundle: str) -> Callable[[bytes], str]:
    """The way of a picture through the service."""
    import tensorflow as tf

    from product_matching.deploy.service.pictures import check_picture, thumbnail
    from product_matching.deploy.service.problems import Problem
    from product_matching.visual import decode_images

    decode = tf.function(lambda files: decode_images(files, 64), input_signature=[tf.TensorSpec([None], tf.string)])

    def answer(data: bytes) -> str:
        try:
            checked = check_picture(data, max_pixels=1_000_000)
        except Problem as problem:
            return f"refused with {problem.status}"
        try:
            found = decode(tf.constant([checked])).numpy()
        except tf.errors.InvalidArgumentError:
            return "refused by the graph"
        assert found.shape == (1, 64, 64, 3)
        try:
            thumbnail(data)
        except (OSError, ValueError, SyntaxError):
            return "decoded, no thumbnail"
        return "decoded"

    return answer


def strange_words() -> st.SearchStrategy[str]:
    """Any Unicode that UTF-8 can write, and phrases that have made trouble elsewhere."""
    letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
    return st.lists(letters | st.sampled_from(PHRASES), min_size=1, max_size=4).map(" ".join)


def word_reader(bundle: str) -> Callable[[str], str]:
    """The way of words through cleaning, tokeniser, search and filters."""
    import numpy as np

    from product_matching.bundle import load_bundle
    from product_matching.errors import ProductMatchingError
    from product_matching.search import SearchEngine, parse_filter

    engine = SearchEngine.load(load_bundle(bundle).folder)

    def answer(text: str) -> str:
        vector = engine.bundle.encoders.embed_text([text])
        assert np.isfinite(vector).all()
        words = engine.index.words
        words.scores(words.speller.corrected(text))
        words.rows_of_codes(text)
        try:
            parse_filter(text)
        except ProductMatchingError:
            return "searched, no filter"
        return "searched, and a filter"

    return answer


WAYS: dict[str, tuple[Callable[[], st.SearchStrategy[Any]], Callable[[str], Callable[[Any], str]]]] = {
    "pictures": (spoiled_pictures, picture_reader),
    "words": (strange_words, word_reader),
}
"""What is drawn, and what takes it in."""

if __name__ == "__main__":
    main()
