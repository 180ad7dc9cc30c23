import os
import threading
import time

import numpy as np
import pandas as pd
import pytest

from benchmarks.durability import interleave, kill_at_random
from product_matching import _folders
from product_matching._folders import replaced_folder
from product_matching.errors import DataError
from product_matching.search import LiveIndex, ProductIndex


@pytest.mark.parametrize("backend", ["exact", "scann"])
def test_writes_and_searches_agree_with_exact_search(backend):
    if backend == "scann":
        pytest.importorskip("scann")
    result = interleave(300, size=1200, backend=backend, seed=2)
    assert result["ghosts"] == 0
    assert result["recall"] >= result["measured_recall"] - 0.02


@pytest.mark.slow
def test_a_killed_writer_leaves_a_readable_snapshot():
    assert kill_at_random(2, size=300, backend="exact")["readable"] == 2


def test_folders_change_places_in_one_step(tmp_path):
    target = tmp_path / "index"
    seen = []
    with replaced_folder(target) as fresh:
        (fresh / "a").write_text("0")
    stop = threading.Event()

    def look():
        while not stop.is_set():
            seen.append(target.is_dir())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(200):
        with replaced_folder(target) as fresh:
            (fresh / "a").write_text(str(number))
    stop.set()
    watcher.join()
    assert all(seen)
    assert (target / "a").read_text() == "199"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_without_a_swap_two_renames_do(tmp_path, monkeypatch):
    monkeypatch.setattr(_folders, "_exchanged", lambda *_: False)
    for number in range(2):
        with replaced_folder(tmp_path / "index") as fresh:
            (fresh / "a").write_text(str(number))
    assert (tmp_path / "index" / "a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_a_killed_writer_left_is_cleared_a_day_later(tmp_path):
    old, young = tmp_path / ".index.01234567.new", tmp_path / ".index.76543210.new"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (time.time() - 100_000,) * 2)
    with replaced_folder(tmp_path / "index"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"index", young.name}


def test_what_is_written_during_a_rebuild_stays(monkeypatch):
    live = LiveIndex(ProductIndex.build(np.eye(4), pd.DataFrame({"product_id": list("abcd")})))
    live.put([("e", np.array([1.0, 1, 0, 0]), {}), ("a", np.array([0.0, 0, 1, 1]), {})])
    build = ProductIndex.build

    def slow(*arguments, **options):
        index = build(*arguments, **options)
        if len(index.product_ids) == 5:
            live.put([("f", np.array([0.0, 0, 0, 2]), {}), ("e", np.array([0.0, 3, 0, 0]), {})])
            live.delete(["b", "f2"])
        return index

    monkeypatch.setattr(ProductIndex, "build", slow)
    live.rebuild()
    assert set(live.snapshot.base.product_ids) == set("abcde")
    assert {name for name in "abcdef" if name in live} == set("acdef")
    assert [hit.product_id for hit in live.search(np.array([0.0, 1, 0, 0]), k=1)] == ["e"]
    assert live.search(np.array([0.0, 1, 0, 0]), k=1)[0].score == 3.0
    assert live.size == 5


def test_many_changes_start_a_rebuild_and_nothing_left_is_an_error(monkeypatch):
    monkeypatch.setattr("product_matching.search.live_index.FEW_CHANGES", 2)
    live = LiveIndex(ProductIndex.build(np.eye(4), pd.DataFrame({"product_id": list("abcd")})), rebuild_share=0.5)
    live.delete(["a", "b"])
    for thread in threading.enumerate():
        if thread.name == "rebuild-index":
            thread.join()
    assert live.snapshot.base.product_ids == ["c", "d"]
    assert live.snapshot.changes == 0
    live = LiveIndex(live.snapshot.base)
    live.delete(["c", "d"])
    with pytest.raises(DataError, match="no product left"):
        live.rebuild()
