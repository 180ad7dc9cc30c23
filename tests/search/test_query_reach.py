"""What is taken from products that any query comes near."""

import numpy as np
import pandas as pd
import pytest

from product_matching.metrics.reach import FUSED, NEITHER, PICTURE, WORDS, Bank, QueryReach, makes_of, toward
from product_matching.search import LiveIndex, Part, ProductIndex, Query, scann_available
from product_matching.search.answering import answer
from product_matching.search.question import Question

DIM = 16
needs_scann = pytest.mark.skipif(not scann_available(), reason="scann is not installed")


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def shop():
    """Products with pictures lie in one half of the space, queries by words in the other: all but the hub's."""
    generator = np.random.default_rng(0)
    meant = unit(generator.normal(size=(2000, DIM)))
    gap = np.zeros(DIM, np.float32)
    gap[0] = 2.0
    products = unit(meant - gap)
    products[0] = unit(meant[:1] + gap)[0]  # a text and nothing else
    texts = unit(meant + gap)
    return products, texts


def banks_of(texts, count=300):
    return {"text": Bank.of(texts[:count], [f"p{row}" for row in range(count)])}


def table(size):
    pictures = ["", *(f"{row}.jpg" for row in range(1, size))]
    return pd.DataFrame({"product_id": [f"p{row}" for row in range(size)], "title": "a", "image": pictures})


def by_hand(products, texts, bank, makes):
    """A loop over the definition, own queries left out."""
    near, wide = [], []
    for row, product in enumerate(products):
        others = sorted((float(product @ text) for at, text in enumerate(bank) if at != row), reverse=True)
        near.append(np.mean(others[:5]))
        wide.append(np.mean(others[:30]))
    near, wide = np.array(near), np.array(wide)
    taken = np.zeros(len(products))
    for make in set(makes.tolist()):
        of = makes == make
        taken[of] = near[of].mean() - near.mean() + 0.5 * (wide[of] - wide[of].mean())
    return taken


def test_it_is_what_the_nearest_queries_of_others_tell(shop):
    products, texts = shop
    index = ProductIndex.build(products, table(2000), backend="exact", queries=banks_of(texts))
    assert index.reach[0] == pytest.approx(by_hand(products, texts, texts[:300], np.arange(2000) == 0), abs=1e-5)
    assert not index.reach[1].any()  # nobody told what pictures are like


@pytest.mark.parametrize(
    "backend", ["exact", pytest.param("scann", marks=pytest.mark.skipif(not scann_available(), reason="no scann"))]
)
@pytest.mark.parametrize("vector_type", ["float32", "int8"])
def test_what_is_near_to_everything_no_longer_stands_above_what_was_asked(shop, backend, vector_type):
    products, texts = shop
    made = {"backend": backend, "vector_type": vector_type}
    plain = ProductIndex.build(products, table(2000), **made)
    index = ProductIndex.build(products, table(2000), queries=banks_of(texts), **made)
    asked = texts[400:500]
    assert np.mean([hits[0].product_id == "p0" for hits in plain.search(asked, k=1)]) > 0.5  # ScaNN misses some
    found = index.search(asked, k=10, sides=WORDS)
    assert np.mean([any(hit.product_id == "p0" for hit in hits) for hits in found]) < 0.1
    wanted = np.argsort(-(asked @ products.T - index.reach[0]), axis=1)[:, :10]
    same = [
        len({hit.product_id for hit in hits} & {f"p{row}" for row in rows})
        for hits, rows in zip(found, wanted, strict=True)
    ]
    assert np.mean(same) > 9
    # Cosines are told as they are, and what is taken from them beside.
    hit = found[0][0]
    place = int(hit.product_id[1:])
    assert hit.score == pytest.approx(float(asked[0] @ products[place]), abs=0.02)
    assert hit.reach == pytest.approx(float(index.reach[0][place]), abs=1e-6)
    assert [hit.nearness for hit in found[0]] == sorted((hit.nearness for hit in found[0]), reverse=True)


def test_a_products_own_vector_is_ranked_by_cosine(shop):
    products, texts = shop
    plain = ProductIndex.build(products, table(2000), backend="exact")
    index = ProductIndex.build(products, table(2000), backend="exact", queries=banks_of(texts))
    assert index.search(products[:20]) == plain.search(products[:20])
    assert toward(index.reach, NEITHER) is None


def test_products_of_the_training_do_not_stand_above_new_ones(shop):
    products, texts = shop
    seen = np.arange(2000) < 1500
    # Training has drawn pictures and texts of its products together.
    drawn = np.where(seen[:, None], unit(products + 0.3 * texts), products)
    drawn[0] = products[1]
    plain = ProductIndex.build(drawn, table(2000), backend="exact", queries=banks_of(texts))
    index = ProductIndex.build(drawn, table(2000), backend="exact", queries=banks_of(texts), seen=seen)
    makes = np.where(np.arange(2000) == 0, 2, seen.astype(int))
    assert index.reach[0] == pytest.approx(by_hand(drawn, texts, texts[:300], makes), abs=1e-5)

    def ranks(some, rows):
        scores = texts[rows] @ drawn.T - some.reach[0]
        return (scores > scores[np.arange(len(rows)), rows][:, None]).sum(axis=1) + 1

    new, old = np.arange(1500, 2000), np.arange(400, 900)
    assert np.mean(1 / ranks(index, new)) > np.mean(1 / ranks(plain, new)) + 0.05
    assert np.mean(1 / ranks(index, old)) > np.mean(1 / ranks(plain, old)) - 0.05


def test_filters_pages_and_whole_orders_agree_with_it(shop):
    products, texts = shop
    index = ProductIndex.build(products, table(2000), backend="exact", queries=banks_of(texts))
    order = np.argsort(-(products @ texts[400] - index.reach[0]), kind="stable")
    for k in (1, 10, 500, 2000):
        found = answer([Part(index)], Question(texts[400], sides=WORDS, k=k)).hits
        assert [int(hit.product_id[1:]) for hit in found] == order[:k].tolist()


def test_words_and_a_picture_take_a_part_of_either(shop):
    products, texts = shop
    banks = banks_of(texts) | {"image": Bank.of(products[300:600], [f"p{row}" for row in range(300, 600)])}
    reach = ProductIndex.build(products, table(2000), backend="exact", queries=banks).reach
    query = Query.of(texts[0], "a", "a", pictured=True, image_weight=0.25)
    assert query.sides == (0.75, 0.25)
    assert toward(reach, query.sides) == pytest.approx(0.75 * reach[0] + 0.25 * reach[1], abs=1e-6)
    assert Query.of(texts[0], "a", "a", pictured=True).sides == FUSED
    assert Query.of(texts[0], "a", "a", pictured=False).sides == WORDS
    assert Query.of(texts[0], "", "", pictured=True).sides == PICTURE
    assert Query(texts[0]).sides == NEITHER
    assert toward(reach, PICTURE) == pytest.approx(reach[1])


def test_it_lasts_on_disk_and_through_writes_and_rebuilds(shop, tmp_path):
    products, texts = shop
    seen = np.arange(1500) % 2 == 0
    made = {"backend": "exact", "queries": banks_of(texts), "seen": seen}
    index = ProductIndex.build(products[:1500], table(1500), **made)
    index.save(tmp_path / "index")
    live = LiveIndex(ProductIndex.load(tmp_path / "index"))
    assert live.snapshot.base.reach == pytest.approx(index.reach)
    hub = unit(products[0] + 0.01)
    live.put([("p2", products[2], {"title": "a", "image": "2.jpg"}), ("p3", products[3], {"title": "a"})])
    assert live.snapshot.overlay.seen.tolist() == [True, False]  # by their ids
    live.delete(["p0", "p2", "p3"])
    live = LiveIndex(ProductIndex.load(tmp_path / "index"))
    live.delete(["p0"])
    live.put([("hub", hub, {"title": "a", "image": ""})])

    def first(asked):
        return [live.search(text, sides=WORDS, k=1)[0].product_id for text in asked]

    assert "hub" not in first(texts[400:450])
    assert first(hub[None]) == ["hub"]
    live.rebuild()
    assert live.snapshot.base.size == 1500
    assert live.snapshot.base.seen.tolist() == [*seen[1:].tolist(), False]
    assert "hub" not in first(texts[400:450])


def test_too_few_queries_or_none_of_others_take_nothing(shop):
    products, texts = shop
    few = ProductIndex.build(products, table(2000), backend="exact", queries=banks_of(texts, count=5))
    assert not few.reach.any()
    bank = Bank.of(np.repeat(texts[:1], 30, axis=0), ["p0"] * 30)
    assert not ProductIndex.build(products[:1], table(1), backend="exact", queries={"text": bank}).reach.any()
    assert not QueryReach.learned({}, products, table(2000))[1].any()


def test_makes_are_told_by_what_a_row_has():
    rows = pd.DataFrame(
        {"product_id": list("abc"), "image": ["a.jpg", "", None], "title": ["", " ", "c"], "tags": ["x|y", "", ""]}
    )
    assert makes_of(rows).tolist() == ["image+tags", "", "text"]
    assert makes_of(rows[["product_id"]]).tolist() == ["", "", ""]
