"""Products that count more, and those that come often."""

import dataclasses

import numpy as np
import pytest
from scipy.special import log_softmax

from product_matching.config import load_config
from product_matching.dataset import Catalog, make_dataset
from product_matching.errors import DataError
from product_matching.losses import InfoNCELoss, correct_for_sampling
from product_matching.model import build_model
from product_matching.train import fit

pytestmark = pytest.mark.slow


def with_column(catalog: Catalog, values) -> Catalog:
    return dataclasses.replace(catalog, table=catalog.table.assign(sales=[str(value) for value in values]))


def test_both_directions_are_corrected_as_written_down():
    rng = np.random.default_rng(0)
    scores, log_q = rng.normal(size=(5, 5)).astype("float32"), np.log(rng.uniform(0.1, 1, 5)).astype("float32")
    corrected = correct_for_sampling(correct_for_sampling(scores, log_q), log_q, axis=0)
    found = np.asarray(InfoNCELoss(reduction="none")(2 * np.eye(5, dtype="float32") - 1, corrected))
    across = -log_softmax(scores - log_q[None, :], axis=1).diagonal()
    down = -log_softmax(scores - log_q[:, None], axis=0).diagonal()
    np.testing.assert_allclose(found, (across + down) / 2, rtol=1e-5)


def test_the_model_takes_the_frequency_of_a_group_from_its_scores(tiny_split):
    train = tiny_split[0]
    config = load_config("tiny", ["train.loss=infonce", "train.sampling_correction=true", "tags.max_tags=1"])
    model = build_model(config, train)
    model.compile(loss=InfoNCELoss())
    inputs, groups = next(iter(make_dataset(train, model.preprocessor, batch_size=16, training=True, augment=0.0)))
    views = model(inputs)
    plain = float(model.compute_loss(inputs, groups, views))
    even = float(model.compute_loss({**inputs, "log_q": np.full(16, -3, "float32")}, groups, views))
    uneven = float(model.compute_loss({**inputs, "log_q": np.arange(16, dtype="float32")}, groups, views))
    assert even == pytest.approx(plain, rel=1e-5)
    assert uneven != pytest.approx(plain, rel=1e-2)


def test_frequencies_are_shares_of_the_table(tiny_model, tiny_split):
    train = tiny_split[0]
    batches = make_dataset(train, tiny_model.preprocessor, batch_size=32, training=True, sampling_correction=True)
    families, counts = np.unique(train.families(), return_counts=True)
    share = dict(zip(families, counts / len(train), strict=True))
    for inputs, group in batches.as_numpy_iterator():
        np.testing.assert_allclose(np.exp(inputs["log_q"]), [share[one] for one in group], rtol=1e-5)


def test_products_count_by_a_column(tiny_split):
    train, val, _ = tiny_split
    weighed = with_column(train, np.arange(len(train)))
    small = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "text.max_tokens=8"]
    config = load_config("tiny", [*small, "train.weight_by=sales", "train.epochs=1"])
    model = build_model(config, train)
    batches = make_dataset(weighed, model.preprocessor, batch_size=32, training=True, weight_by="sales")
    weights = np.concatenate([weight for _, _, weight in batches.as_numpy_iterator()])
    assert weights.mean() == pytest.approx(1, abs=0.15)
    assert np.isfinite(fit(model, weighed, val.take(np.arange(0)), config)["loss"]).all()


@pytest.mark.parametrize(
    ("values", "message"), [("many", "has 'many'"), ("-1", "number of 0 or more"), ("0", "with 0")]
)
def test_weights_that_cannot_be_used(tiny_split, values, message):
    with pytest.raises(DataError, match=message):
        with_column(tiny_split[0], [values] * len(tiny_split[0])).weights("sales")
