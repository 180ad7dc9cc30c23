import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from product_matching.deploy import export_reranker
from product_matching.errors import CheckpointError
from product_matching.metrics import average_precision
from product_matching.model.reranker import SURE, build_reranker
from product_matching.train import PairTraining, fit_pairs

pytestmark = pytest.mark.slow


def test_it_is_far_better_than_chance_and_saves_and_loads(fitted, labelled, tmp_path):
    model, _ = fitted
    test = labelled[2]
    scores = model.score(test.left, test.right)
    called = model.probability(scores) >= model.threshold
    assert f1_score(test.labels, called) > 0.9
    assert average_precision(test.labels, scores) == pytest.approx(average_precision_score(test.labels, scores))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.score(test.left, test.right), scores, atol=1e-5)
    assert again.threshold == model.threshold


def test_batch_is_one_at_a_time(fitted, labelled):
    model, test = fitted[0], labelled[2]
    together = model.score(test.left[:9], test.right[:9])
    alone = [model.score([a], [b])[0] for a, b in zip(test.left[:9], test.right[:9], strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert model.score([], []).shape == (0,)


def test_odd_records_are_scored(fitted):
    left = [{}, {"title": ""}, {"title": "é" * 3000, "other": "x"}, {"title": "红" * 300, "price": "free"}]
    probabilities = fitted[0].probability(fitted[0].score(left, left[::-1]))
    assert np.isfinite(probabilities).all()


@pytest.fixture(scope="module")
def reading(labelled):
    """A re-ranker with a small new BERT, made to read every pair, and its history."""
    train, valid, _ = labelled
    model, said = build_reranker(train.left, train.right, train.labels, encoder="new", max_tokens=32)
    assert said == "a small new BERT"
    reader = model.reader
    # Knows too little to judge well, so that there are pairs to read.
    model.comparer.weights.frequencies.clear()
    history = fit_pairs(model, train, valid, PairTraining(epochs=1, member_epochs=1, learning_rate=1e-3))
    model.set_reader(reader)
    return model, history


def test_the_cross_encoder_learns_and_is_saved_too(reading, labelled, tmp_path):
    model, history = reading
    test = labelled[2]
    assert len(history["reader"]) == 1
    assert history["doubtful"] > 100
    scores = model.score(test.left, test.right)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.score(test.left, test.right), scores, atol=1e-4)


def test_it_loads_in_a_process_that_has_not_trained(reading, labelled, tmp_path):
    model, test = reading[0], labelled[2]
    bundle = export_reranker(model, tmp_path / "bundle")
    code = (
        "import json, sys\nfrom product_matching.bundle import load_bundle\n"
        "left, right = json.load(sys.stdin)\n"
        f"model = load_bundle({str(bundle)!r}, kinds=('pairs',)).load_reranker()\n"
        "print(json.dumps(model.score(left, right).tolist()))"
    )
    sides = json.dumps([test.left[:5], test.right[:5]])
    done = subprocess.run([sys.executable, "-c", code], input=sides, capture_output=True, text=True, check=True)
    expected = model.score(test.left[:5], test.right[:5])
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-4)


def test_a_clean_copy_scores_the_same_and_holds_no_more_than_it_needs(reading, labelled, tmp_path):
    model, test = reading[0], labelled[2]
    copy = model.clean_copy()
    assert getattr(copy.reader, "optimizer", None) is None
    np.testing.assert_allclose(copy.score(test.left, test.right), model.score(test.left, test.right), atol=1e-5)
    assert copy.threshold == model.threshold
    copy.set_reader(None)
    copy.clean_copy().save(tmp_path / "small.keras")
    copy = model.clean_copy()
    copy.save(tmp_path / "large.keras")
    assert (tmp_path / "small.keras").stat().st_size < 0.5 * (tmp_path / "large.keras").stat().st_size


def test_what_is_read_is_what_the_keras_call_gives(reading, labelled):
    model, test = reading[0], labelled[2]
    left, right = test.left[:12], test.right[:12]
    packed = model.tokenizer.pack(model.pieces(left), model.pieces(right))
    called = model({"features": model.compare(left, right), **packed})
    np.testing.assert_allclose(model.score(left, right), np.asarray(called), atol=1e-4)


def test_a_sure_verdict_is_final(reading, labelled):
    model, test = reading[0], labelled[2]
    verdict = np.full(4, SURE + 1, np.float32)
    np.testing.assert_array_equal(model.read(test.left[:4], test.right[:4], verdict), verdict)


def test_a_new_reader_repeats_the_verdict(labelled):
    train = labelled[0]
    model, _ = build_reranker(train.left, train.right, train.labels, encoder="new", max_tokens=32)
    verdict = np.array([0.5, -2.0], np.float32)
    np.testing.assert_allclose(model.read(train.left[:2], train.right[:2], verdict), verdict, atol=1e-6)


def test_an_encoder_that_is_nowhere_is_a_clear_error(labelled):
    train = labelled[0]
    with pytest.raises(CheckpointError, match=r"no weights at \./nowhere"):
        build_reranker(train.left, train.right, train.labels, encoder="./nowhere")
