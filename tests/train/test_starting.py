"""Heads that begin as a regression, against scikit-learn's."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from keras import ops
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from product_matching.config import load_config
from product_matching.layers import Projection, TagEmbedding
from product_matching.text import TagLookup
from product_matching.train import fitting
from product_matching.train.checkpoint import FILE
from product_matching.train.regression import STRENGTHS, low_rank, principal_axes, ridge
from product_matching.train.starting import begin_as_regression


def normalised(rows):
    """Layer normalisation as it begins, by its definition."""
    return (rows - rows.mean(axis=1, keepdims=True)) / np.sqrt(rows.var(axis=1, keepdims=True) + 1e-3)


@pytest.fixture(scope="module")
def known():
    """120 products whose pictures tell most of their texts, beside noise."""
    generator = np.random.default_rng(0)
    texts = generator.normal(size=(120, 12))
    images = texts @ generator.normal(size=(12, 40)) + 3 * generator.normal(size=(120, 40))
    return images, texts


@pytest.mark.parametrize("shape", [(120, 40), (30, 40)])
def test_ridge_is_that_of_scikit_learn(known, shape):
    images, texts = (rows[: shape[0]] - rows[: shape[0]].mean(axis=0) for rows in known)
    kernel, strength = ridge(images, texts, np.arange(len(images)))
    penalty = strength * np.linalg.eigvalsh(images.T @ images).mean()
    assert kernel == pytest.approx(Ridge(alpha=penalty, fit_intercept=False).fit(images, texts).coef_.T, abs=1e-6)
    assert strength in STRENGTHS


@pytest.mark.parametrize(("rows", "sizes"), [(120, [1]), (30, [1]), (30, [1, 2, 5]), (100, [100, 20])])
def test_its_penalty_is_the_best_when_each_group_is_left_out(known, rows, sizes):
    images, texts = (each[:rows] for each in known)
    numbers = np.repeat(np.arange(rows), np.resize(sizes, rows))
    groups = np.random.default_rng(1).permutation(numbers[:rows])
    parts = [part for number in np.unique(groups) for part in in_parts(np.flatnonzero(groups == number))]
    held = np.empty(rows, int)
    for number, part in enumerate(parts):
        held[part] = number
    images, texts = (each - each.mean(axis=0) for each in (images, texts))
    errors = [
        (
            (cross_val_predict(Ridge(alpha=penalty), images, texts, groups=held, cv=LeaveOneGroupOut()) - texts) ** 2
        ).sum()
        for penalty in STRENGTHS * np.linalg.eigvalsh(images.T @ images).mean()
    ]
    assert ridge(images, texts, groups)[1] == STRENGTHS[np.argmin(errors)]


def in_parts(rows):
    """Of at most 64."""
    return np.array_split(rows, 2) if len(rows) > 64 else [rows]


def test_its_penalty_is_the_same_where_each_product_is_there_five_times(known):
    images, texts = (each[:30] - each[:30].mean(axis=0) for each in known)
    five = [np.repeat(each, 5, axis=0) for each in (images, texts)]
    assert ridge(*five, np.repeat(np.arange(30), 5))[1] == ridge(images, texts, np.arange(30))[1]
    assert ridge(*five, np.arange(150))[1] == STRENGTHS[0]  # to leave out one of five twins says nothing


class Frozen:
    """What of a model and a catalogue it looks at."""

    def __init__(self, dim, paths, names=(), tags=None, tag_dim=16):
        self.dim, self.paths = dim, paths
        self.project_image, self.project_text = Projection(dim, hidden_dim=16), Projection(dim, hidden_dim=16)
        self.project_image.build((None, 40))
        self.project_text.build((None, 12))
        self.project_tags, self.tag_embedding = Projection(dim, hidden_dim=16), TagEmbedding(len(names), tag_dim)
        self.project_tags.build((None, tag_dim))
        self.preprocessor = SimpleNamespace(tags=TagLookup(names))
        self.table = pd.DataFrame({"tags": tags if tags is not None else [""] * len(paths)})
        self.beside = {}

    def image_paths(self):
        return self.paths

    def groups(self):
        return np.arange(len(self.paths))


def features(known, has_text=None):
    images, texts = (rows[:, None].astype("float32") for rows in known)
    there = np.ones(len(images), bool) if has_text is None else has_text
    return {"image_features": images, "text_features": texts, "has_text": there}


@pytest.mark.parametrize("dim", [12, 8])
def test_heads_say_what_the_regression_says(known, dim):
    images, texts = known
    model = Frozen(dim, ["a.jpg"] * 120)
    assert begin_as_regression(model, model, features(known))
    said = np.asarray(model.project_image(images.astype("float32")))
    meant = np.asarray(model.project_text(texts.astype("float32")))
    seen, wanted = normalised(images), normalised(texts)
    spread, axes = (each[..., ::-1][..., :dim] for each in np.linalg.eigh(ledoit_wolf(wanted)[0]))
    target = (wanted - wanted.mean(axis=0)) @ axes / spread**0.25
    penalty = ridge(seen - seen.mean(axis=0), target, np.arange(120))[1]
    spread = np.linalg.eigvalsh(np.cov(seen, rowvar=False) * 119).mean()
    direct = Ridge(alpha=penalty * spread).fit(seen, target).predict(seen)

    def cosines(left, right):
        return (left / np.linalg.norm(left, axis=1, keepdims=True)) @ (
            right / np.linalg.norm(right, axis=1, keepdims=True)
        ).T

    # Axes may be mirrored; cosines are the same.
    assert cosines(said, meant) == pytest.approx(cosines(direct, target), abs=1e-3)
    for rows in (said, meant):
        assert np.linalg.norm(rows, axis=1).mean() == pytest.approx(dim**0.5, rel=1e-3)


def lengthless(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def tagged(known, names="abc"):
    """Products that carry a tag where a number of their text is large; all carry the last."""
    return ["|".join([*(n for n, t in zip(names, text, strict=False) if t > 0.5), "all"]) for text in known[1]]


@pytest.mark.parametrize("tag_dim", [16, 5])
def test_single_tags_lie_where_a_regression_tells_them(known, tag_dim):
    model = Frozen(8, ["a.jpg"] * 120, [*"abc", "all"], tagged(known), tag_dim)
    before = ops.convert_to_numpy(model.tag_embedding.embeddings).copy()
    assert begin_as_regression(model, model, features(known))
    seen = [
        lengthless(np.asarray(head(rows.astype("float32"))))
        for head, rows in zip((model.project_image, model.project_text), known, strict=True)
    ]
    hot = np.asarray(model.preprocessor.tags(tagged(known))["tags"])
    inputs = np.concatenate([rows - rows.mean(axis=0) for rows in seen])
    wanted = np.concatenate([hot - hot.mean(axis=0)] * 2)
    strength = ridge(inputs.astype(np.float64), wanted, np.tile(np.arange(120), 2))[1]
    penalty = strength * np.linalg.eigvalsh(inputs.T @ inputs).mean()
    told = Ridge(alpha=penalty, fit_intercept=False).fit(inputs, wanted).coef_[:3]
    found = np.asarray(model.project_tags(model.tag_embedding(np.eye(4, dtype="float32"))))
    # Three tags need three numbers, and one for the mean.
    assert lengthless(found[:3]) == pytest.approx(lengthless(told), abs=2e-2)
    assert np.linalg.norm(found[:3], axis=1) == pytest.approx(8**0.5, rel=0.02)
    assert (ops.convert_to_numpy(model.tag_embedding.embeddings)[3] == before[3]).all()  # it tells nothing apart


def test_few_tagged_products_leave_tags_as_they_are(known):
    few = [*tagged(known)[:19], *[""] * 101]
    model = Frozen(8, ["a.jpg"] * 120, [*"abc"], few)
    before = [
        ops.convert_to_numpy(weight).copy() for weight in (model.tag_embedding.embeddings, *model.project_tags.weights)
    ]
    assert begin_as_regression(model, model, features(known))
    after = (model.tag_embedding.embeddings, *model.project_tags.weights)
    assert all((ops.convert_to_numpy(one) == other).all() for one, other in zip(after, before, strict=True))


@pytest.mark.parametrize(("rank", "width"), [(4, 5), (4, 9), (6, 5)])
def test_low_rank_is_the_nearest_product_and_its_rows_have_mean_nothing(rank, width):
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(30, rank)) @ generator.normal(size=(rank, 20))
    left, right = low_rank(rows, width)
    kept = min(rank, width - 1)
    nearest = TruncatedSVD(kept, algorithm="arpack").fit(rows)
    assert left @ right == pytest.approx(nearest.inverse_transform(nearest.transform(rows)), abs=1e-6)
    assert left.shape == (30, width)
    assert left.mean(axis=1) == pytest.approx(np.zeros(30), abs=1e-9)
    assert right @ right.T @ right @ right.T == pytest.approx(right @ right.T, abs=1e-9)  # lengths stay


@pytest.mark.parametrize("rows", [8, 60, 2000])
def test_axes_are_those_of_the_covariance_that_scikit_learn_finds_in_few_texts(rows):
    texts = np.random.default_rng(1).normal(size=(rows, 20)) * np.linspace(0.01, 3, 20) + 5
    axes = principal_axes(texts - texts.mean(axis=0), 20)
    covariance = ledoit_wolf(texts)[0]
    lengths = np.linalg.norm(axes, axis=0)
    turned = axes / lengths
    np.testing.assert_allclose(turned.T @ turned, np.eye(20), atol=1e-9)
    np.testing.assert_allclose(turned.T @ covariance @ turned, np.diag(lengths**-4), atol=1e-9)


def test_few_texts_do_not_make_those_of_others_long():
    rng = np.random.default_rng(0)
    texts, others = (rng.normal(size=(count, 384)) for count in (50, 500))
    axes = principal_axes(texts - texts.mean(axis=0), 256)
    length, of_others = (np.linalg.norm(one @ axes, axis=1).mean() for one in (texts, others))
    assert of_others < 2 * length  # thirty times, where axes along which these do not differ count without bound


def test_products_without_a_picture_or_a_text_are_left_out(known):
    images, texts = (rows.copy() for rows in known)
    images[:10], texts[10:20] = 50.0, -50.0
    has_text = np.ones(120, bool)
    has_text[10:20] = False
    paths = [""] * 10 + ["a.jpg"] * 110
    model, whole = Frozen(12, paths), Frozen(12, ["a.jpg"] * 100)
    assert begin_as_regression(model, model, features((images, texts), has_text))
    assert begin_as_regression(whole, whole, features((images[20:], texts[20:])))
    some = images[20:].astype("float32")
    one, other = (np.asarray(ops.convert_to_numpy(m.project_image(some))) for m in (model, whole))
    assert one @ one.T == pytest.approx(other @ other.T, abs=1e-2)


def test_without_enough_to_learn_from_nothing_changes(known):
    images, texts = known
    few = Frozen(12, ["a.jpg"] * 10)
    before = [np.asarray(weight) for weight in few.project_image.weights]
    assert not begin_as_regression(few, few, features((images[:10], texts[:10])))
    wide = Frozen(13, ["a.jpg"] * 120)
    assert not begin_as_regression(wide, wide, features(known))
    assert not begin_as_regression(few, few, {"text_features": texts})
    assert all((np.asarray(b) == a).all() for a, b in zip(before, few.project_image.weights, strict=True))


def test_heads_begin_once_and_a_run_that_goes_on_is_of_the_same_configuration(monkeypatch, tmp_path):
    config = load_config("tiny", ["train.linear_start=true", "train.head_epochs=2", "text.pretrained=somewhere"])
    calls = []

    def learn(model, train, val, told, *, begun, **_):
        calls.append((told.train.head_epochs, begun, told.train.linear_start))
        return {}

    monkeypatch.setattr(fitting, "_learn", learn)
    monkeypatch.setattr(fitting, "pretrained_towers_at_rest", lambda *_: nullcontext())
    fitting.fit(SimpleNamespace(), None, None, config, checkpoints=tmp_path)
    (tmp_path / FILE).touch()
    fitting.fit(SimpleNamespace(), None, None, config, checkpoints=tmp_path, resume=True)
    # The checkpoint's key follows from the configuration, which must not differ where a run goes on.
    assert calls == [(0, False, True), (2, True, True), (2, True, True)]
