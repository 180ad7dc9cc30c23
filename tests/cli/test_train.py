"""What `train` says beside its work."""

import pytest

from product_matching.cli.train import _tell_of_another_shop
from product_matching.dataset import Catalog
from product_matching.dataset.splitting import KnownSides


def shop(*titles):
    return Catalog.from_records([{"product_id": title, "title": title} for title in titles])


@pytest.mark.parametrize(("titles", "told"), [("abcd", ""), ("abyz", ""), ("axyz", "only 25% of these products")])
def test_a_bundle_of_another_shop_is_told(titles, told, capsys):
    parts = (shop("a", "b"), shop("c"), shop("d"))
    _tell_of_another_shop(KnownSides.of(part.groups() for part in parts), shop(*titles))
    said = capsys.readouterr().err
    assert told in said
    assert bool(said) == bool(told)


def test_nothing_is_told_of_a_bundle_that_keeps_no_split(capsys):
    _tell_of_another_shop(None, shop("a"))
    assert not capsys.readouterr().err
