from itertools import pairwise

import keras
import numpy as np
import pytest

from product_matching.errors import ConfigError, DataError
from product_matching.recommendation import Interactions, ProductFeatures, Sequential
from product_matching.recommendation.histories import Histories
from product_matching.recommendation.packing import PackedRows, packed_rows
from product_matching.recommendation.sequence_network import SequenceNetwork


def test_rows_are_packed_as_by_hand():
    pieces = [np.array(piece) for piece in ([1, 2, 3], [4, 5], [6, 7, 8], [9, 1, 2, 3, 4])]
    tokens, targets, places, segments = packed_rows(pieces, 4)
    assert tokens.tolist() == [[1, 2, 4, 0], [6, 7, 0, 0], [9, 1, 2, 3]]
    assert targets.tolist() == [[2, 3, 5, 0], [7, 8, 0, 0], [1, 2, 3, 4]]
    assert places.tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 2, 3]]
    assert segments.tolist() == [[1, 1, 2, 0], [1, 1, 0, 0], [1, 1, 1, 1]]


def test_every_step_of_every_user_is_a_target_once_an_epoch():
    random = np.random.default_rng(0)
    lists = [random.integers(0, 30, size).tolist() for size in random.integers(0, 25, 40)]
    rows = PackedRows(Histories.from_lists(lists), length=8, batch_size=1)
    expected = sorted((a + 1, b + 1) for items in lists for a, b in pairwise(items))
    tokens, targets = rows.arrays[0], rows.arrays[1]
    assert sorted(zip(tokens[targets > 0].tolist(), targets[targets > 0].tolist(), strict=True)) == expected


def network(negatives=0, **options):
    shape = {"dim": 8, "layers": 2, "heads": 2, "max_length": 6, "dropout": 0.0}
    return SequenceNetwork(12, None, negatives=negatives, **shape, **options)


def inputs(pieces):
    tokens, targets, places, segments = packed_rows([np.array(piece) for piece in pieces], 6)
    return {"tokens": tokens, "places": places, "segments": segments}, targets


def test_a_sequence_is_read_alike_alone_and_among_others():
    model, pieces = network(), [[1, 2, 3], [4, 5, 6, 7]]
    together = keras.ops.convert_to_numpy(model(inputs(pieces)[0])[0])[0]
    alone = [keras.ops.convert_to_numpy(model(inputs([piece])[0])[0])[0] for piece in pieces]
    np.testing.assert_allclose(together[:2], alone[0][:2], atol=1e-5)
    np.testing.assert_allclose(together[2:5], alone[1][:3], atol=1e-5)


def test_no_place_sees_what_comes_after_it():
    model = network()
    before = keras.ops.convert_to_numpy(model(inputs([[1, 2, 3, 4, 5]])[0])[0])[0]
    after = keras.ops.convert_to_numpy(model(inputs([[1, 2, 9, 4, 5]])[0])[0])[0]
    np.testing.assert_allclose(before[:2], after[:2], atol=1e-6)
    assert np.abs(before[2:4] - after[2:4]).max() > 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_full_loss_is_a_cross_entropy(smoothing):
    model = network(label_smoothing=smoothing)
    features, targets = inputs([[1, 2, 3], [4, 5, 6, 7]])
    hidden, table = (keras.ops.convert_to_numpy(x) for x in model(features))
    losses = []
    for row, column in zip(*np.nonzero(targets), strict=True):
        logits = table[1:] @ hidden[row, column]
        log_shares = logits - np.log(np.exp(logits).sum())
        wanted = np.full(12, smoothing / 12)
        wanted[targets[row, column] - 1] += 1 - smoothing
        losses.append(-(wanted * log_shares).sum())
    found = model.compute_loss(y=targets, y_pred=model(features))
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_binary_loss_asks_about_the_target_and_one_other(monkeypatch):
    model = network(loss="binary")
    rng = np.random.default_rng(0)
    hidden, table = rng.normal(size=(3, 8)).astype("float32"), rng.normal(size=(13, 8)).astype("float32")
    targets, others = np.array([4, 7, 2]), np.array([5, 7, 12])
    monkeypatch.setattr(keras.random, "randint", lambda *args, **options: keras.ops.convert_to_tensor(others))
    losses = keras.ops.convert_to_numpy(model._binary(*map(keras.ops.convert_to_tensor, (hidden, table, targets))))
    chance = 1 / (1 + np.exp(-(hidden * table[targets]).sum(axis=1)))
    wrong = 1 / (1 + np.exp(-(hidden * table[others]).sum(axis=1)))
    expected = -np.log(chance) - np.log(1 - wrong) * [1, 0, 1]  # the second drew its own target
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_the_sampled_loss_nears_the_full_one():
    features, targets = inputs([[1, 2, 3], [4, 5, 6, 7]])
    full, sampled = network(), network(negatives=4000)
    sampled.set_weights(full.get_weights())
    losses = [float(model.compute_loss(y=targets, y_pred=full(features))) for model in (full, sampled)]
    # A target drawn as its own negative is masked, so the sampled sum lacks one of twelve: up to log(12 / 11).
    assert losses[1] == pytest.approx(losses[0], abs=0.1)


@pytest.mark.slow
def test_order_is_learnt():
    # Everybody goes round a ring of ten, from different places: only the order tells what is next.
    users, products = [], []
    for user in range(30):
        for step in range(8):
            users.append(f"u{user}")
            products.append(f"p{(user + step) % 10}")
    options = {"dim": 16, "layers": 1, "epochs": 30, "batch_size": 6, "max_length": 10, "dropout": 0.0}
    model = Sequential(learning_rate=5e-3, **options).fit(Interactions.from_arrays(users, products))
    ids, _ = model.recommend(histories=[["p8", "p9"], ["p3"]], k=1)
    assert ids[:, 0].tolist() == ["p0", "p4"]
    # Vectors that come later do not change a model that learnt without them.
    model.update(Interactions.from_arrays(["x"], ["p1"], [99]), ProductFeatures.of(["p1", "new"], np.ones((2, 3))))
    assert model.recommend(histories=[["p8", "p9"]], k=1)[0][0, 0] == "p0"


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="multiple of heads"):
        Sequential(dim=10, heads=4)
    with pytest.raises(DataError, match="no order to learn"):
        Sequential().fit(Interactions.from_arrays(["a", "b"], ["x", "y"]))
