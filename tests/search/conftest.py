import numpy as np
import pandas as pd
import pytest

from product_matching.search import ProductIndex, scann_available

needs_scann = pytest.mark.skipif(not scann_available(), reason="scann is not installed")


def clustered(size, dim=32, seed=0, centres=60):
    """Unit vectors around centres, as encoders of products make them."""
    generator = np.random.default_rng(seed)
    middle = np.random.default_rng(1).normal(size=(centres, dim))
    vectors = middle[generator.integers(centres, size=size)] + 0.6 * generator.normal(size=(size, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make_table(size):
    return pd.DataFrame(
        {
            "product_id": [f"p{number}" for number in range(size)],
            "title": [f"鞋 {number}" for number in range(size)],
            "colour": [("Red", "blue", None)[number % 3] for number in range(size)],
            "price": [float(number) if number % 7 else np.nan for number in range(size)],
        }
    )


@pytest.fixture(scope="session")
def shop_table():
    return make_table


@pytest.fixture(scope="session")
def vectors():
    return clustered(3000)


@pytest.fixture(scope="session")
def queries():
    return clustered(200, seed=7)


@pytest.fixture(scope="session", params=["exact", pytest.param("scann", marks=needs_scann)])
def shop(request, vectors):
    return ProductIndex.build(vectors, make_table(len(vectors)), backend=request.param)
