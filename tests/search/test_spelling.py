import numpy as np
import pandas as pd
import pytest

from product_matching.errors import BundleError
from product_matching.search import ProductIndex
from product_matching.search.spelling import Speller

TEXTS = [
    "Striped cushion 红色",
    "striped mug",
    "cushion cover",
    "boat mugs",
    "boat",
    "backpack",
    "backpacks MX-204",
    "stripes",
    "bag",
    "bag and hat",
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stirped cusion", "striped cushion"),  # two swapped, one lost
        ("Strpied MUG", "striped MUG"),
        ("bakcpak", "bakcpak"),  # two mistakes in seven letters
        ("backpck", "backpck"),  # only one product has "backpack"
        ("cushions", "cushions"),  # the other number is no mistake
        ("coat", "coat"),  # short, and another first letter
        ("boaf", "boat"),
        ("bagg hatt", "bag hatt"),  # a letter twice, but only one product has "hat"
        ("mx-205 红包 mag", "mx-205 红包 mag"),
        ("with", "with"),
        ("zzzzzz", "zzzzzz"),
        ("", ""),
    ],
)
def test_words_are_mended_or_left(typed, meant):
    assert Speller.build(TEXTS).corrected(typed) == meant


def test_words_known_elsewhere_are_no_mistakes():
    assert Speller.build(TEXTS).corrected("boaf boatt", known={"boaf"}) == "boaf boatt".replace("boatt", "boat")


def test_it_is_saved_with_the_words(tmp_path):
    table = pd.DataFrame({"product_id": ["a", "b"], "title": ["red cushion", "blue cushion"]})
    index = ProductIndex.build(np.eye(2), table)
    index.save(tmp_path / "index")
    assert ProductIndex.load(tmp_path / "index").words.speller.corrected("cusion") == "cushion"
    file = tmp_path / "index" / "words" / "spelling.json"
    file.write_text("[1]")
    with pytest.raises(BundleError, match=r"spelling\.json cannot be read"):
        ProductIndex.load(tmp_path / "index")
    file.unlink()  # an index of an earlier version
    assert ProductIndex.load(tmp_path / "index").words.speller.corrected("cusion") == "cusion"
