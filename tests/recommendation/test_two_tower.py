import keras
import numpy as np
import pytest

from product_matching.recommendation.tower_network import TowerNetwork


@pytest.fixture(scope="module")
def network():
    vectors = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    return TowerNetwork(vectors, dim=4, hidden_dim=8, decay=0.5, dropout=0.5, temperature=0.2, seed=0)


def test_the_loss_is_a_corrected_softmax_over_the_batch(network):
    # The first and the last target are one product: neither is a negative of the other.
    inputs = {"history": np.array([[1, 2], [3, 0], [4, 5]], np.int32), "target": np.array([3, 6, 3], np.int32)}
    log_shares = np.log([0.5, 0.2, 0.5]).astype(np.float32)
    users, products = (keras.ops.convert_to_numpy(x) for x in network(inputs))
    losses = []
    for row, others in enumerate(([1], [0, 2], [1])):
        logits = {place: users[row] @ products[place] / 0.2 - log_shares[place] for place in (row, *others)}
        if row == 1:
            logits = {place: users[row] @ products[place] / 0.2 - log_shares[place] for place in (0, 1, 2)}
        losses.append(np.log(sum(np.exp(value) for value in logits.values())) - logits[row])
    found = network.compute_loss(x=inputs, y=log_shares, y_pred=network(inputs))
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_users_are_decayed_means_read_by_the_tower(network):
    table = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    found = keras.ops.convert_to_numpy(network.place_users(table, np.array([[2, 5, 6, 0]], np.int32)))[0]
    mean = (0.25 * table[2] + 0.5 * table[5] + table[6]) / 1.75
    vector = mean + keras.ops.convert_to_numpy(network.user_tower(mean[None]))[0]
    np.testing.assert_allclose(found, vector / np.linalg.norm(vector), rtol=1e-5)
    assert np.linalg.norm(found) == pytest.approx(1, rel=1e-5)
