import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from product_matching.dataset import Catalog
from product_matching.dataset.tag_facets import unknown_tags
from product_matching.text import TagLookup

COLOURS, FABRICS = ("blue", "green", "red"), ("cotton", "linen")


def catalog_of(tags):
    return Catalog.from_records([{"product_id": str(i), "title": f"shirt {i}", "tags": t} for i, t in enumerate(tags)])


@pytest.fixture(scope="module")
def shop():
    """600 shirts: a colour each but for every tenth, a fabric each, some waterproof, independently."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(600):
        tags = [str(rng.choice(FABRICS))]
        tags += [str(rng.choice(COLOURS))] if number % 10 else []
        tags += ["waterproof"] if rng.random() < 0.3 else []
        rows.append("|".join(tags))
    return catalog_of(rows)


def ask(catalog, tags):
    """Names of the tags that are unknown for a product of these tags."""
    lookup = TagLookup.learn(catalog.tag_lists())
    unknown = unknown_tags(catalog, lookup)
    found = unknown(lookup(tf.constant([tags]))["tags"]).numpy()[0]
    assert set(found) <= {0, 1}
    return {tag for tag, value in zip(lookup.vocabulary, found, strict=True) if value}


@pytest.mark.parametrize(
    ("tags", "unknown"),
    [
        ("red|cotton", set()),
        ("red|cotton|waterproof", set()),
        ("cotton", set(COLOURS)),
        ("waterproof|linen", set(COLOURS)),
        ("green", set(FABRICS)),
        ("waterproof", {*COLOURS, *FABRICS}),
    ],
)
def test_a_facet_that_is_not_filled_is_unknown(shop, tags, unknown):
    assert ask(shop, tags) == unknown


def test_a_facet_that_few_fill_is_absent_where_it_is_not_named():
    rows = ["cotton"] * 300 + ["linen"] * 300 + ["cotton|red"] * 60 + ["cotton|blue"] * 60
    assert ask(catalog_of(rows), "linen") == set()


@pytest.mark.parametrize("tags", [["red|cotton"] * 4 + ["blue|linen"] * 4, [""] * 5, ["a", "b"] * 2])
def test_too_few_products_tell_nothing(tags):
    catalog = catalog_of(tags)
    assert unknown_tags(catalog, TagLookup.learn(catalog.tag_lists())) is None


@pytest.mark.slow
def test_training_batches_carry_them_and_the_model_does_not_ask(tiny_split, tiny_model):
    from product_matching.dataset import make_dataset

    rows = tiny_split[0].table
    many = Catalog(pd.concat([rows] * 6, ignore_index=True), root=tiny_split[0].root)
    inputs, _ = next(iter(make_dataset(many, tiny_model.preprocessor, batch_size=16, training=True)))
    assert inputs["unknown_tags"].shape == inputs["tags"].shape
    assert not np.any(inputs["unknown_tags"].numpy() * inputs["tags"].numpy())
    questions = list(tiny_model._tag_questions(inputs, tiny_model(inputs), tiny_model._present(inputs)))
    for z, _, _ in questions:
        assert not np.any(z.numpy()[inputs["unknown_tags"].numpy() > 0])
    assert inputs["unknown_tags"].numpy().sum() > 0
    assert "unknown_tags" not in next(iter(make_dataset(many, tiny_model.preprocessor, batch_size=16)))[0]
