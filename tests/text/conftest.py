import numpy as np
import pytest

from product_matching.text import learn_vocabulary

TEXTS = [
    "Red running shoes, size 42 & wide",
    "红色跑鞋 42码 透气",
    "Café mug 350ml – dishwasher safe!",
    "陶瓷马克杯 350毫升，可微波",
    "Wooden chair with arms (oak), 80x40cm",
    "橡木椅子 80x40厘米",
    "iPhone 15 Pro case; blue/green",
    "Blue cotton dress without sleeves",
    "无袖蓝色棉质连衣裙",
    "The running man's red shoes are running low",
]


@pytest.fixture(scope="session")
def texts():
    return TEXTS


@pytest.fixture(scope="session")
def vocabulary():
    return learn_vocabulary(TEXTS * 3, 300)


@pytest.fixture(scope="session")
def random_pairs():
    """100 titles and descriptions in two languages, some empty, some far too long, some with unseen words."""
    rng = np.random.default_rng(0)
    words = [word for text in TEXTS for word in text.split()] + ["zebra", "斑马", "naïve", "ÅNGSTRÖM", "😀", "x" * 130]

    def draw(longest):
        count = int(rng.choice([0, 1, 3, 8, longest]))
        return " ".join(rng.choice(words, size=count))

    return [(draw(20), draw(60)) for _ in range(100)]
