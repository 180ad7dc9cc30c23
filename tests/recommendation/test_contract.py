"""What every recommender promises, on a checkerboard whose answer is known."""

import numpy as np
import pytest

from product_matching.errors import BundleError, ConfigError, DataError
from product_matching.recommendation import (
    Interactions,
    ItemKNN,
    Popularity,
    ProductFeatures,
    Recommender,
    build_recommender,
)
from product_matching.recommendation.models import MODELS

pytestmark = pytest.mark.slow

NAMES = list(MODELS)
PERSONAL = [name for name in NAMES if name != "popularity"]
BY_VECTOR = ["content", "sequential", "visual-bpr", "two-tower", "hybrid"]


def test_every_recommender_is_tested(options):
    assert set(options) == set(MODELS)


def even(product_id):
    return int(product_id[1:]) % 2 == 0


@pytest.mark.parametrize("name", PERSONAL)
def test_users_get_what_they_left_out(name, fitted, checkerboard):
    # Of the ten products of their colour the users took nine, so the tenth is the answer.
    model, left_out = fitted(name), checkerboard[1]
    known = [f"P{place:02d}" for place in range(20)]
    ids, _ = model.recommend(list(left_out), k=1, candidates=known)
    right = [found == wanted for found, wanted in zip(ids[:, 0], left_out.values(), strict=True)]
    assert np.mean(right) == 1.0


@pytest.mark.parametrize("name", PERSONAL)
def test_a_history_alone_is_enough(name, fitted):
    ids, _ = fitted(name).recommend(histories=[["P00", "P04", "P08"], ["P01", "P05", "P09"]], k=5)
    assert all(map(even, ids[0]))
    assert not any(map(even, ids[1]))


@pytest.mark.parametrize("name", NAMES)
def test_shapes_order_and_types(name, fitted):
    ids, scores = fitted(name).recommend(["U00", "U01", "U02"], k=4)
    assert (ids.shape, scores.shape, scores.dtype) == ((3, 4), (3, 4), np.float32)
    assert ids.dtype.kind == "U"
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 4 for row in ids)


@pytest.mark.parametrize("name", NAMES)
def test_seen_products_are_left_out_unless_asked_for(name, fitted):
    model, history = fitted(name), ["P00", "P02", "P04"]
    ids, _ = model.recommend(histories=[history], k=30)
    assert not set(history) & set(ids[0])
    ids, _ = model.recommend(histories=[history], k=30, exclude_seen=False)
    assert set(history) <= set(ids[0])


@pytest.mark.parametrize("name", NAMES)
def test_k_beyond_the_catalogue_is_padded(name, fitted):
    ids, scores = fitted(name).recommend(histories=[["P00"]], k=40)
    assert set(ids[0]) - {""} == {f"P{place:02d}" for place in range(1, 22)}
    assert np.isneginf(scores[0][ids[0] == ""]).all()
    assert np.isfinite(scores[0][ids[0] != ""]).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_user_an_empty_history_and_unknown_products_get_what_is_popular(name, fitted):
    model = fitted(name)
    expected, _ = fitted("popularity").recommend(histories=[[]], k=5)
    for asked in ({"users": ["nobody"]}, {"histories": [[]]}, {"histories": [["P99", "nothing"]]}):
        assert model.recommend(**asked, k=5)[0].tolist() == expected.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_its_members(name, fitted):
    model = fitted(name)
    histories = [["P00", "P02"], [], ["P01"], ["P03", "P05", "P07", "P09"]]
    together = model.recommend(histories=histories, k=6)
    alone = [model.recommend(histories=[history], k=6) for history in histories]
    np.testing.assert_allclose(together[1], np.concatenate([a[1] for a in alone]), rtol=2e-4, atol=2e-5)
    users = [f"U{place:02d}" for place in (3, 0, 17)]
    together = model.recommend(users, k=6)
    alone = [model.recommend([user], k=6) for user in users]
    np.testing.assert_allclose(together[1], np.concatenate([a[1] for a in alone]), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_candidates_are_the_only_ones(name, fitted):
    ids, _ = fitted(name).recommend(histories=[["P00"]], k=5, candidates=["P02", "P03", "P00", "P77"])
    assert sorted(ids[0]) == ["", "", "", "P02", "P03"]


@pytest.mark.parametrize("name", PERSONAL)
def test_similar_products_are_of_the_same_colour(name, fitted):
    ids, scores = fitted(name).similar(["P00", "P01"], k=5)
    assert all(map(even, ids[0])) and not any(map(even, ids[1]))
    assert "P00" not in ids[0]
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_similar_to_an_unknown_product_is_an_error(name, fitted):
    with pytest.raises(DataError, match="P99"):
        fitted(name).similar(["P99"])


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_is_the_same(name, fitted, tmp_path):
    model = fitted(name)
    model.save(tmp_path / "recommender")
    again = Recommender.load(tmp_path / "recommender")
    assert type(again) is type(model)
    asked = {"histories": [["P00", "P02"], []], "k": 22}
    for ours, theirs in zip(model.recommend(**asked), again.recommend(**asked), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.recommend(["U03"])[0], again.recommend(["U03"])[0])
    np.testing.assert_array_equal(model.similar(["P00"])[0], again.similar(["P00"])[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model(name, fitted, checkerboard, options):
    again = build_recommender(name, **options[name]).fit(checkerboard[0], checkerboard[2])
    asked = {"histories": [["P00", "P02"], ["P01"]], "k": 22}
    np.testing.assert_allclose(again.recommend(**asked)[1], fitted(name).recommend(**asked)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PERSONAL)
def test_an_update_is_seen_by_the_next_request(name, checkerboard, fitted, tmp_path):
    fitted(name).save(tmp_path / "model")
    model = Recommender.load(tmp_path / "model")  # a copy: the fitted one is shared
    events = Interactions.from_arrays(["new"] * 4, ["P01", "P03", "P05", "P07"], np.arange(1000, 1004))
    model.update(events)
    ids, _ = model.recommend(["new"], k=4)
    assert not any(map(even, ids[0]))
    assert not {"P01", "P03", "P05", "P07"} & set(ids[0])
    expected = model.recommend(histories=[["P01", "P03", "P05", "P07"]], k=4)
    assert ids.tolist() == expected[0].tolist()


@pytest.mark.parametrize("name", PERSONAL)
def test_new_events_of_a_known_user_are_seen(name, checkerboard, fitted, tmp_path):
    fitted(name).save(tmp_path / "model")
    model, events = Recommender.load(tmp_path / "model"), checkerboard[0]
    odd = ["P01", "P03", "P05", "P07", "P09", "P11"]
    model.update(Interactions.from_arrays(["U00"] * 6, odd, np.arange(1000, 1006)))
    before = events.products[events.product[events.user == 0]].tolist()
    found, expected = model.recommend(["U00"], k=6), model.recommend(histories=[[*before, *odd]], k=6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BY_VECTOR)
def test_a_product_without_events_is_placed_by_its_vector(name, fitted):
    # P20 is even, P21 odd; nobody took either.
    ids, _ = fitted(name).recommend(
        histories=[["P00", "P02", "P04"], ["P01", "P03", "P05"]], k=1, candidates=["P20", "P21"]
    )
    assert ids[:, 0].tolist() == ["P20", "P21"]


@pytest.mark.parametrize("name", BY_VECTOR)
def test_a_product_that_comes_after_the_fit_is_placed_by_its_vector(name, fitted, checkerboard, tmp_path):
    fitted(name).save(tmp_path / "model")
    model = Recommender.load(tmp_path / "model")
    vectors = checkerboard[2].vectors
    more = ProductFeatures.of(["Q00", "Q01"], vectors[[0, 1]], prices=[20.0, 20.0])
    events = Interactions.from_arrays(["new"], ["P03"], [2000])
    model.update(events, more)
    ids, _ = model.recommend(histories=[["P00", "P02"], ["P01", "P03"]], k=1, candidates=["Q00", "Q01"])
    assert ids[:, 0].tolist() == ["Q00", "Q01"]
    assert model.recommend(histories=[["Q01"]], k=1)[0].shape == (1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_products_that_only_an_update_named_do_no_harm(name, fitted, tmp_path):
    fitted(name).save(tmp_path / "model")
    model = Recommender.load(tmp_path / "model").update(
        Interactions.from_arrays(["U00", "x"], ["Z", "Z"], [5000, 5001])
    )
    assert "Z" not in model.recommend(["U00"], k=40)[0]
    assert model.recommend(["x"], k=3)[0].shape == (1, 3)


def test_mistakes_are_named(checkerboard, fitted, tmp_path):
    model = fitted("popularity")
    with pytest.raises(ConfigError, match="k must be 1"):
        model.recommend(["U00"], k=0)
    with pytest.raises(DataError, match="either users or histories"):
        model.recommend()
    with pytest.raises(DataError, match="needs product vectors"):
        build_recommender("content").fit(checkerboard[0])
    with pytest.raises(ConfigError, match="Did you mean 'item-knn'"):
        build_recommender("item-kn")
    with pytest.raises(ConfigError, match="Did you mean 'neighbours'"):
        build_recommender("item-knn", neighbors=3)
    with pytest.raises(BundleError, match="There is no recommender"):
        Recommender.load(tmp_path)
    model.save(tmp_path / "model")
    with pytest.raises(BundleError, match="holds a Popularity"):
        ItemKNN.load(tmp_path / "model")
    (tmp_path / "model" / "arrays.npz").write_bytes(b"broken")
    with pytest.raises(BundleError, match="is damaged"):
        Popularity.load(tmp_path / "model")
