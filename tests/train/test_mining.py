"""Hard negatives: who stands beside whom, when, and that nothing waits for ever."""

import threading

import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.dataset import make_dataset
from product_matching.errors import ConfigError
from product_matching.model import build_model
from product_matching.train import fit
from product_matching.train.mining import MOST_LIKE, HardNegatives, near_runs

pytestmark = pytest.mark.slow


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


def test_products_near_each_other_stand_together():
    rng = np.random.default_rng(0)
    # Five directions, six products near each, text and image a little apart.
    corners = np.repeat(np.eye(5, 8), 6, axis=0)
    text = unit(corners + 0.6 * rng.normal(size=corners.shape) / 8**0.5)
    image = unit(text + 0.05 * rng.normal(size=corners.shape) / 8**0.5)
    runs = near_runs(text, image, np.arange(30), run=3)
    score = text @ image.T
    for number in set(runs[runs >= 0]):
        members = np.flatnonzero(runs == number)
        assert 2 <= len(members) <= 3
        assert len(set(members // 6)) == 1
    pairs = (runs[:, None] == runs[None, :]) & (runs >= 0)[:, None] & ~np.eye(30, dtype=bool)
    assert (score + score.T)[pairs].mean() > (score + score.T)[~pairs & ~np.eye(30, dtype=bool)].mean() + 0.5


def test_neither_relatives_nor_lookalikes_are_wrong_answers():
    base = unit(np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.6, 0.8]]))
    # 0 and 1 are as like as each is to itself: perhaps the same article; 2 and 3 are of one group.
    runs = near_runs(base, base, np.array([0, 1, 2, 2]), run=2)
    assert (base @ base.T)[0, 1] > MOST_LIKE
    assert runs[0] != runs[1]
    assert runs[2] != runs[3]
    assert runs[3] in runs[:2]


def test_nobody_is_near_where_nothing_is_known():
    zeros = np.zeros((3, 4), "float32")
    assert near_runs(zeros, zeros, np.arange(3), run=2).tolist() == [-1, -1, -1]
    assert near_runs(zeros[:0], zeros[:0], np.arange(0), run=2).tolist() == []


def test_the_share_rises_from_kinds_to_neighbours(tiny_model, tiny_split):
    train = tiny_split[0]
    miner = HardNegatives(train, share=1.0, epochs=3, run=4)
    kinds = miner._kinds
    moved = []
    for epoch in range(3):
        miner.prepare(tiny_model, epoch)
        moved.append((miner.keys(epoch) != kinds).mean())
    assert moved[0] == 0
    assert 0.2 < moved[1] <= 0.51
    assert moved[2] > 0.5


def test_batches_of_an_epoch_hold_the_runs_of_that_epoch(tiny_model, tiny_split):
    train = tiny_split[0]
    asked, count = [], len(train)

    def keys(epoch):
        asked.append(int(epoch))
        return np.arange(count) // 4 if epoch == 0 else np.arange(count) % (count // 4)

    batches = make_dataset(
        train, tiny_model.preprocessor, batch_size=8, training=True, augment=0.0, same_kind=4, epochs=2, near=keys
    )
    groups = np.concatenate([group for _, group in batches.as_numpy_iterator()])
    assert asked == [0, 1]
    steps = count // 8
    place = {group: row for row, group in enumerate(train.families())}
    whole = lambda epoch: [place[g] for g in groups[epoch * steps * 8 : (epoch + 1) * steps * 8]]  # noqa: E731
    if len(place) == count:
        first = np.array(whole(0)[: steps * 8]).reshape(-1, 4)
        assert (np.ptp(first // 4, axis=1) == 0).mean() > 0.9
        second = np.array(whole(1)).reshape(-1, 4) % (count // 4)
        assert (np.ptp(second, axis=1) == 0).mean() > 0.8


def test_a_pipeline_that_waits_is_let_go(tiny_split):
    miner = HardNegatives(tiny_split[0], share=1.0, epochs=9, run=4)
    found = []
    waiting = threading.Thread(target=lambda: found.append(miner.keys(5)), daemon=True)
    waiting.start()
    miner.close()
    waiting.join(timeout=20)
    assert len(found[0]) == len(tiny_split[0])


@pytest.fixture(scope="module")
def config():
    small = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "text.max_tokens=8"]
    changes = ["train.epochs=2", "train.hard_negatives=0.8", "train.same_kind=4", "train.batch_size=32"]
    return load_config("tiny", [*small, *changes])


def test_a_fit_with_neighbours_is_resumed_to_the_same_weights(tiny_split, config, tmp_path):
    train, val, _ = tiny_split
    whole = build_model(config, train)
    fit(whole, train, val, config)

    class StopError(RuntimeError):
        pass

    def stopped(epoch):
        if epoch == 1:
            raise StopError

    from keras.callbacks import LambdaCallback

    part = build_model(config, train)
    with pytest.raises(StopError):
        fit(
            part, train, val, config, checkpoints=tmp_path,
            callbacks=[LambdaCallback(on_epoch_begin=lambda epoch, logs: stopped(epoch))],
        )  # fmt: skip
    again = build_model(config, train)
    fit(again, train, val, config, checkpoints=tmp_path, resume=True)
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["train.hard_negatives=1.5"], "share, 0 to 1"),
        (["train.hard_negatives=0.5", "train.same_kind=1"], "2 or more"),
        (["train.sampling_correction=true"], "infonce and categorical"),
    ],
)
def test_what_does_not_go_together_is_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config("tiny", changes)
