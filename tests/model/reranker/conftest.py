import numpy as np
import pytest

from product_matching.model.reranker import build_reranker
from product_matching.train import LabelledPairs, PairTraining, fit_pairs

KINDS = ["mug", "lamp", "chair", "kettle", "红色杯子"]
BRANDS = ["sony", "pikko", "nordlys", "耐克"]


def listing(rng, number, *, other=False):
    """One of two ways of writing product `number`."""
    kind, brand = KINDS[number % 5], BRANDS[number % 4]
    code = f"{brand[:1].encode().hex()}{number:03d}x"
    title = f"{code.upper()} {kind} by {brand}" if other else f"{brand} {kind} {code[:3]}-{code[3:]}"
    return {"title": title, "price": "" if rng.random() < 0.3 else f"{10 + number}.99", "note": "new" if other else ""}


def make_pairs(count, seed):
    """A third matches; of the others, half share kind and brand."""
    rng = np.random.default_rng(seed)
    left, right, labels = [], [], []
    for row in range(count):
        a = int(rng.integers(400))
        b = a if row % 3 == 0 else (a + (20 if row % 2 else 1 + int(rng.integers(399)))) % 400
        left.append(listing(rng, a))
        right.append(listing(rng, b, other=True))
        labels.append(int(a == b))
    return LabelledPairs(left, right, np.array(labels))


@pytest.fixture(scope="session")
def labelled():
    """Train, validation and test pairs."""
    return make_pairs(240, 0), make_pairs(90, 1), make_pairs(150, 2)


@pytest.fixture(scope="session")
def fitted(labelled):
    """(model, history) of comparisons alone; do not change the model."""
    train, valid, _ = labelled
    model, _ = build_reranker(train.left, train.right, train.labels, encoder="none")
    return model, fit_pairs(model, train, valid, PairTraining(member_epochs=20))
