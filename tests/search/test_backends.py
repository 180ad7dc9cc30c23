import pytest

from product_matching.errors import ConfigError
from product_matching.search import BACKENDS, ExactIndex, backends, build_backend, choose_backend


@pytest.mark.parametrize(
    ("name", "size", "installed", "expected"),
    [
        ("auto", 999, True, "exact"),
        ("auto", 1000, True, "scann"),
        ("auto", 1000, False, "exact"),
        ("exact", 10**6, True, "exact"),
        ("scann", 5, False, "scann"),
    ],
)
def test_choice(monkeypatch, name, size, installed, expected):
    monkeypatch.setattr(backends, "scann_available", lambda: installed)
    assert choose_backend(name, size) == expected


def test_unknown_name():
    with pytest.raises(ConfigError, match=r"Unknown index backend 'scan'\. Did you mean 'scann'\?"):
        choose_backend("scan", 10)


def test_build_by_name(vectors):
    assert isinstance(build_backend("auto", vectors[:10]), ExactIndex)
    assert set(BACKENDS) == {"exact", "scann", "milvus"}
