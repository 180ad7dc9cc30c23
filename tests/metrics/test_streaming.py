import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_matching.metrics import match_metrics, mrr, query_ranks, recall_at
from product_matching.metrics.streaming import BatchMRR, BatchRecall, MatchAccuracy


def batch(rng, size):
    """Whole numbers: ties, and sums that are exact."""
    vectors = rng.integers(-1, 2, (2, size, 4)).astype(np.float32)
    return vectors, rng.integers(6, size=size), rng.integers(6, size=size)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_batches_sum_up_to_the_numpy_functions(seed):
    rng = np.random.default_rng(seed)
    metrics, ranks = [BatchRecall(1), BatchRecall(3), BatchMRR()], []
    for size in (5, 9, 2):
        (queries, items), wanted, groups = batch(rng, size)
        relevant = wanted[:, None] == groups
        for metric in metrics:
            metric.update_state(2.0 * relevant - 1, queries @ items.T)
        if relevant.any():
            ranks.append(query_ranks(queries, items, query_groups=wanted, gallery_groups=groups))
    if ranks:
        counts = np.array([len(one) for one in ranks])
        hand = [
            np.average([measure(one) for one in ranks], weights=counts)
            for measure in (lambda one: recall_at(one, 1).mean(), lambda one: recall_at(one, 3).mean(), mrr)
        ]
        assert [float(metric.result()) for metric in metrics] == pytest.approx(hand, abs=1e-6)
    else:
        assert all(float(metric.result()) == 0 for metric in metrics)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_accuracy_is_that_of_match_metrics(seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 30), rng.integers(0, 5, 30) / 4
    metric = MatchAccuracy(threshold=0.5)
    for part in (slice(0, 7), slice(7, 30)):
        metric.update_state(labels[part], scores[part])
    assert float(metric.result()) == pytest.approx(match_metrics(labels, scores, threshold=0.5)["accuracy"])


@pytest.mark.parametrize("metric", [MatchAccuracy(0.3), BatchRecall(5), BatchMRR()])
def test_serialises_and_starts_again(metric):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.get_config() == metric.get_config()
    metric.update_state(np.eye(3), np.eye(3))
    assert float(metric.result()) == 1.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_weights_count_queries():
    metric = BatchRecall(1)
    metric.update_state(np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0]]), sample_weight=np.array([3.0, 1.0]))
    assert float(metric.result()) == pytest.approx(0.75)


def test_in_compile():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(4, kernel_initializer="ones")(inputs))
    model.compile(loss="mse", metrics=[BatchRecall(1), BatchMRR(), MatchAccuracy(0.0)])
    found = model.evaluate(np.ones((4, 3)), np.eye(4), verbose=0, return_dict=True)
    # All columns tie: the wanted ones stand at ranks 1 to 4.
    assert found["recall_at_1"] == pytest.approx(1 / 4)
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert found["match_accuracy"] == pytest.approx(1 / 4)
