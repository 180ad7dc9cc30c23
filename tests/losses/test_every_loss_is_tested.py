import inspect
from pathlib import Path

import keras
import pytest

from product_matching import losses

LOSSES = [name for name, thing in vars(losses).items() if inspect.isclass(thing) and issubclass(thing, keras.Loss)]


def test_there_are_losses():
    assert LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_some_test_names_the_loss(name):
    others = (path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    assert any(name in path.read_text(encoding="utf-8") for path in others), f"{name} has no test"
