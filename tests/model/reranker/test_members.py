import numpy as np
import pytest
from keras import ops

from product_matching.model.reranker.members import LIMIT, Members


@pytest.fixture
def members():
    layer = Members(3, hidden=(5,))
    layer.build((None, 4))
    return layer


def test_each_member_is_a_network_of_its_own(members):
    features = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    members.adapt(features)
    x = np.clip((features - features.mean(0)) / features.std(0), -LIMIT, LIMIT)
    kernels, biases = ([ops.convert_to_numpy(w) for w in weights] for weights in (members.kernels, members.biases))
    for k in range(3):
        hidden = x @ kernels[0][k] + biases[0][k]
        hidden = hidden / (1 + np.exp(-hidden))
        expected = hidden @ kernels[1][k] + biases[1][k]
        np.testing.assert_allclose(np.asarray(members(features))[:, k], expected[:, 0], atol=1e-5)


def test_what_is_constant_in_training_counts_for_nothing(members):
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    features[:, 2] = 7.0
    members.adapt(features)
    odd = features.copy()
    odd[:, 2] = 1e6
    np.testing.assert_array_equal(np.asarray(members(odd)), np.asarray(members(features)))
