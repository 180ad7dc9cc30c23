"""How much words count: by whether words or vectors know what the tags say."""

import numpy as np
import pandas as pd
import pytest

from product_matching.dataset import load_data
from product_matching.metrics.reach import WORDS
from product_matching.search import ProductIndex
from product_matching.search.calibrating import Sample
from product_matching.search.live_index import LiveIndex
from product_matching.search.part_weights import (
    FEWEST,
    TEXT_WEIGHTS,
    USUAL,
    WORD_WEIGHT,
    WORD_WEIGHTS,
    part_weights,
    unseen_queries,
)

COLOURS = ["red", "blue", "green", "black", "white", "pink"]
NAMES = ["acme", "bolt", "cora", "dune", "elmo", "fern"]
COUNT = 90


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Colours as tags, titles that name the colour, and others that name a brand."""
    generator = np.random.default_rng(0)
    colours = [COLOURS[row % len(COLOURS)] for row in range(COUNT)]
    table = pd.DataFrame({"product_id": [f"P{row}" for row in range(COUNT)], "tags": colours})
    table["title"] = [f"{colour} mug no{row}" for row, colour in enumerate(colours)]
    folder = tmp_path_factory.mktemp("shop")
    table.to_csv(folder / "telling.csv", index=False)
    names = generator.permutation([NAMES[row % len(NAMES)] for row in range(COUNT)])
    table.assign(title=[f"{name} mug no{row}" for row, name in enumerate(names)]).to_csv(
        folder / "idle.csv", index=False
    )
    own = unit(generator.normal(size=(COUNT, 200)))
    of_colour, of_name = (np.eye(6)[pd.factorize(np.asarray(values))[0]] for values in (colours, names))
    # Cosines of .26 between two of one colour, or of .8 between two of one name, and some .05 between any others.
    return folder, {"known": unit(np.hstack([own, 0.6 * of_colour])), "unknown": unit(np.hstack([own, 2 * of_name]))}


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def learned(shop, titles, vectors, rows=range(COUNT), tags=True):
    catalog = load_data(shop[0] / f"{titles}.csv")
    if not tags:
        catalog.table["tags"] = ""
    index = ProductIndex.build(shop[1][vectors], catalog.table, backend="exact")
    texts = [catalog.table["title"].iloc[row].split()[0] for row in rows]
    sample = Sample(list(rows), shop[1][vectors][list(rows)], texts, len(texts), WORDS)
    return part_weights(index, sample, catalog), index, sample, catalog


def heaviest_words_of_the_best(shares):
    """Of pairs and what each query found with them, by hand: the best, or one that loses no more than by chance."""
    best = max(shares.values(), key=np.mean)
    lost = {pair: np.subtract(best, found) for pair, found in shares.items()}
    alike = [pair for pair, less in lost.items() if np.mean(less) <= np.std(less, ddof=1) / np.sqrt(len(less))]
    heaviest = max(words for words, _ in alike)
    return min(pair for pair in alike if pair[0] == heaviest)


def test_words_that_mislead_count_less_than_usual(shop):
    assert learned(shop, "idle", "known")[0][0] < WORD_WEIGHT


def test_words_that_know_more_than_the_vectors_count_more(shop):
    assert learned(shop, "telling", "unknown")[0][0] > WORD_WEIGHT


def test_it_is_the_weight_of_a_naive_loop(shop):
    for titles, vectors in (("idle", "known"), ("telling", "unknown")):
        weight, index, sample, catalog = learned(shop, titles, vectors)
        shares = {}
        for tried in WORD_WEIGHTS:
            shares[tried, 0.0] = []
            for row, vector, text in zip(sample.rows, sample.vectors, sample.texts, strict=True):
                order = shop[1][vectors] @ vector + tried * index.words.scores(text)
                others = [other for other in np.argsort(-order, kind="stable") if other != row][:10]
                same = [catalog.table["tags"].iloc[other] == catalog.table["tags"].iloc[row] for other in others]
                shares[tried, 0.0].append(np.mean(same))
        assert weight == heaviest_words_of_the_best(shares)


def test_without_tags_or_with_few_queries_it_is_the_usual(shop):
    assert learned(shop, "telling", "unknown", tags=False)[0] == USUAL
    assert learned(shop, "telling", "unknown", rows=range(FEWEST - 1))[0] == USUAL


def test_an_index_ranks_by_it_keeps_it_and_tells_it(shop, tmp_path):
    index = learned(shop, "telling", "unknown")[1]
    index.word_weight = 2.0
    hit = index.search_words("red", shop[1]["unknown"][0], k=1)[0]
    assert hit.order == pytest.approx(hit.score + 2.0 * hit.words, abs=1e-6)
    index.save(tmp_path / "index")
    assert ProductIndex.load(tmp_path / "index").word_weight == 2.0
    live = LiveIndex(index)
    live.put([("new", shop[1]["unknown"][0], {"title": "red thing", "tags": "red"})])
    assert live.snapshot.overlay.word_weight == live.snapshot.compacted().word_weight == 2.0


def test_a_named_product_stands_first_whatever_words_weigh(shop):
    index = learned(shop, "telling", "unknown")[1]
    index.word_weight = WORD_WEIGHTS[-1]
    assert index.search_words("P1", -shop[1]["unknown"][1], k=1)[0].product_id == "P1"


def test_a_text_that_knows_what_words_do_not_gets_a_weight(shop):
    """Vectors know names, words too, and the text's own vector knows the colours: a naive loop finds the same pair."""
    catalog = load_data(shop[0] / "idle.csv")
    vectors, texts = shop[1]["unknown"], shop[1]["known"]
    index = ProductIndex.build(vectors, catalog.table, backend="exact", text_vectors=texts)
    words = [title.split()[0] for title in catalog.table["title"]]
    asked = unit(vectors + texts)
    pair = part_weights(index, Sample(range(COUNT), asked, words, COUNT, WORDS), catalog)
    assert pair[1] > 0
    tags, shares = catalog.table["tags"].to_numpy(), {}
    for word_weight in WORD_WEIGHTS:
        for text_weight in TEXT_WEIGHTS:
            shares[word_weight, text_weight] = []
            for row in range(COUNT):
                order = vectors @ asked[row] + word_weight * index.words.scores(words[row])
                order += text_weight * texts @ asked[row]
                others = [other for other in np.argsort(-order, kind="stable") if other != row][:10]
                shares[word_weight, text_weight].append(np.mean(tags[others] == tags[row]))
    assert pair == heaviest_words_of_the_best(shares)


class Held:
    """A bundle that was trained on the first eighty products, and repeats what it reads."""

    def __init__(self, known=True):
        self.encoders, self.known = self, known

    def trained_on(self, groups):
        return np.arange(len(groups)) < 80 if self.known else None

    def embed_text(self, texts):
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_queries_are_made_of_what_training_held_out(shop, monkeypatch):
    catalog = load_data(shop[0] / "telling.csv")
    monkeypatch.setattr("product_matching.search.part_weights.FEWEST", 5)
    sample = unseen_queries(Held(), catalog)
    assert set(sample.rows) == set(range(80, 90))
    for row, text in zip(sample.rows, sample.texts, strict=True):
        assert set(text.split()) <= set(catalog.table["title"][row].split())
    np.testing.assert_array_equal(sample.vectors[:, 0], [len(text) for text in sample.texts])
    assert min(unseen_queries(Held(known=False), catalog).rows) == 0
    monkeypatch.setattr("product_matching.search.part_weights.FEWEST", 50)
    assert min(unseen_queries(Held(), catalog).rows) == 0  # ten are too few


def test_pairs_that_chance_may_tell_apart_are_alike(shop, monkeypatch):
    monkeypatch.setattr("product_matching.search.part_weights.CHANCE", 1e9)
    assert learned(shop, "idle", "known")[0] == (WORD_WEIGHTS[-1], 0)
