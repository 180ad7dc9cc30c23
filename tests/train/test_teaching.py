"""A small model that learns to score pairs as a larger one does."""

import functools

import keras
import numpy as np
import pytest

from product_matching.config import load_config
from product_matching.dataset import make_dataset
from product_matching.errors import ConfigError
from product_matching.eval import embed_catalog
from product_matching.losses import SigmoidMatchLoss, imitation_loss
from product_matching.model import PAIRS, VIEWS, ProductModel, build_model
from product_matching.model.imitation import Imitation
from product_matching.train import fit, teaching
from product_matching.train.teaching import teacher_vectors

pytestmark = pytest.mark.slow

SMALL = [
    *("image.size=16", "image.filters=[64]", "image.blocks=[1]", "image.stem=[8]", "text.max_tokens=8"),
    *("model.dim=16", "train.batch_size=12", "train.augment=0", "train.epochs=2", "train.same_kind=1"),
]


@pytest.fixture(scope="module")
def catalog(tiny_split):
    return tiny_split[0].take(np.arange(24))


@pytest.fixture
def without_graphs(monkeypatch):
    """A fit of a few steps is over before its graph would be built."""
    monkeypatch.setattr(ProductModel, "compile", functools.partialmethod(ProductModel.compile, run_eagerly=True))


def students_fit(catalog, nothing, teacher, *extra, **options):
    config = load_config("tiny", [*SMALL, *extra])
    model = build_model(config, catalog)
    fit(model, catalog, nothing, config, teacher=teacher, **options)
    return model


def divergence(student, teacher, catalog):
    """The mean of the loss over all pairs of views of a whole catalogue."""
    theirs, ours = embed_catalog(teacher, catalog), embed_catalog(student, catalog)
    scale, found = teacher.head.parameters()["temperature"], []
    for left, right in PAIRS:
        rows, columns = (theirs[view].any(axis=1) & ours[view].any(axis=1) for view in (left, right))
        scores = student.head.matrix(ours[left], ours[right])
        kept = rows[:, None] & columns[None, :]
        found.append(float(imitation_loss(scale * theirs[left] @ theirs[right].T, scores, kept)))
    return np.mean(found)


def test_vectors_of_the_teacher_are_those_of_its_views(trained, catalog):
    found = teacher_vectors(trained[0], catalog, batch_size=7)["teacher"]
    views = embed_catalog(trained[0], catalog)
    np.testing.assert_allclose(found.reshape(len(catalog), len(VIEWS), -1)[:, 1], views["text"], atol=1e-6)
    np.testing.assert_allclose(found, np.concatenate([views[name] for name in VIEWS], axis=1), atol=1e-6)


def test_vectors_go_along_with_their_products(trained, catalog):
    vectors = teacher_vectors(trained[0], catalog)
    options = {"batch_size": 12, "training": True, "features": vectors, "seed": 3}
    batches = list(make_dataset(catalog, trained[0].preprocessor, **options))
    texts = np.concatenate([trained[0](inputs)["tags"] for inputs, _ in batches])
    brought = np.concatenate([inputs["teacher"] for inputs, _ in batches])
    at = list(VIEWS).index("tags")
    dim = trained[0].dim
    # Images and texts are varied in training, tags are not.
    np.testing.assert_allclose(brought[:, at * dim : (at + 1) * dim], texts, atol=1e-5)
    assert not np.allclose(brought, vectors["teacher"])  # another order


def test_what_lies_in_the_folder_is_read_not_computed(trained, tiny_model, catalog, tmp_path, monkeypatch):
    first = teacher_vectors(trained[0], catalog, folder=tmp_path)["teacher"]
    other = teacher_vectors(tiny_model, catalog, folder=tmp_path)["teacher"]
    assert abs(first - other).max() > 0.01
    monkeypatch.setattr(teaching, "make_dataset", None)
    np.testing.assert_array_equal(teacher_vectors(trained[0], catalog, folder=tmp_path)["teacher"], first)


def test_the_loss_adds_the_weighted_divergence(trained, catalog):
    student = build_model(load_config("tiny", SMALL), catalog)
    student.compile(loss=SigmoidMatchLoss(), run_eagerly=True, jit_compile=False)
    vectors = teacher_vectors(trained[0], catalog)
    inputs, groups = next(iter(make_dataset(catalog, student.preprocessor, batch_size=24, features=vectors)))
    plain = float(student.compute_loss(x=inputs, y=groups, y_pred=student(inputs)))
    scale = trained[0].head.parameters()["temperature"]
    student.imitation = Imitation(weight=3.0, temperature=1.0, scale=scale)
    taught = float(student.compute_loss(x=inputs, y=groups, y_pred=student(inputs)))
    assert taught - plain == pytest.approx(3 * divergence(student, trained[0], catalog), rel=1e-3)
    without = {name: value for name, value in inputs.items() if name != "teacher"}
    assert float(student.compute_loss(x=without, y=groups, y_pred=student(inputs))) == pytest.approx(plain, rel=1e-6)


def test_a_model_that_is_its_own_teacher_has_nothing_to_learn(trained, catalog):
    model = trained[0]
    assert divergence(model, model, catalog) == pytest.approx(0, abs=1e-5)


def test_a_fit_comes_nearer_to_the_teacher(without_graphs, trained, tiny_split, catalog):
    nothing = tiny_split[1].take(np.arange(0))
    before = divergence(build_model(load_config("tiny", SMALL), catalog), trained[0], catalog)
    taught = students_fit(catalog, nothing, trained[0], "train.teacher_weight=20", "train.epochs=5")
    assert divergence(taught, trained[0], catalog) < 0.8 * before


class Stop(keras.callbacks.Callback):
    """Ends a fit in the middle of its second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 3:
            raise KeyboardInterrupt


def test_a_run_that_goes_on_ends_as_one_that_never_stopped(
    without_graphs, trained, tiny_split, catalog, tmp_path, monkeypatch
):
    nothing = tiny_split[1].take(np.arange(0))
    whole = students_fit(catalog, nothing, trained[0])
    with pytest.raises(KeyboardInterrupt):
        students_fit(catalog, nothing, trained[0], checkpoints=tmp_path, callbacks=[Stop()])
    monkeypatch.setattr(teaching, "make_dataset", None)  # what the teacher said is kept beside the state
    resumed = students_fit(catalog, nothing, trained[0], checkpoints=tmp_path, resume=True)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_teacher_that_is_named_and_not_given_is_an_error(tiny_model, tiny_split):
    config = load_config("tiny", ['train.teacher="big"'])
    with pytest.raises(ConfigError, match=r"teacher=load_bundle\('big'\)"):
        fit(tiny_model, tiny_split[0], tiny_split[1], config)
