import numpy as np
import pytest

from product_matching.recommendation import Interactions, ProductFeatures, build_recommender

FAST = {
    "popularity": {"half_life": 0.0},
    "item-knn": {},
    "als": {"factors": 2, "regularization": 0.1, "threads": 1},
    "bpr": {"factors": 8, "iterations": 200},
    "content": {},
    "sequential": {
        **{"dim": 16, "layers": 1, "epochs": 25, "batch_size": 6, "max_length": 12, "dropout": 0.0},
        "learning_rate": 5e-3,
    },
    "visual-bpr": {"factors": 8, "epochs": 40, "batch_size": 64, "learning_rate": 1e-2},
    "two-tower": {"dim": 16, "hidden_dim": 16, "epochs": 20, "batch_size": 64, "learning_rate": 5e-3},
    "hybrid": {
        "rounds": 20,
        "threads": 1,
        "cold_share": 0.2,
        "source_options": {
            "als": {"factors": 2, "regularization": 0.1, "threads": 1},
            "popularity": {"half_life": 0.0},
        },
    },
}
"""Options with which each recommender learns the checkerboard in a moment."""
USERS, PRODUCTS = 40, 20


def board():
    """Even users take even products, odd users odd ones; each leaves out one of their ten, a different one in turn."""
    users, products, left_out = [], [], {}
    random = np.random.default_rng(0)
    for user in range(USERS):
        own = np.arange(user % 2, PRODUCTS, 2)
        left_out[f"U{user:02d}"] = f"P{own[user // 2 % 10]:02d}"
        for product in random.permutation(np.delete(own, user // 2 % 10)):
            users.append(f"U{user:02d}")
            products.append(f"P{product:02d}")
    return Interactions.from_arrays(users, products), left_out


def board_features():
    """Vectors that tell even products from odd ones; P20 and P21 are new: nobody took them."""
    random = np.random.default_rng(1)
    ids = [f"P{place:02d}" for place in range(PRODUCTS + 2)]
    side = np.array([[1.0, 0.0], [0.0, 1.0]])[np.arange(len(ids)) % 2]
    vectors = np.hstack([side, 0.1 * random.normal(size=(len(ids), 4))])
    return ProductFeatures.of(ids, vectors, prices=np.linspace(5, 50, len(ids)))


@pytest.fixture(scope="session")
def checkerboard():
    """(interactions, what each user left out, features)."""
    return *board(), board_features()


@pytest.fixture(scope="session")
def options():
    """From a name to options with which it learns the checkerboard in a moment."""
    return FAST


@pytest.fixture(scope="session")
def fitted(checkerboard):
    """From a name to a model fitted on the checkerboard; read only."""
    models = {}

    def get(name):
        if name not in models:
            models[name] = build_recommender(name, **FAST[name]).fit(checkerboard[0], checkerboard[2])
        return models[name]

    return get
