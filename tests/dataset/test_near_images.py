"""Near duplicates against all pairs compared one by one, and against copies made on purpose."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from product_matching.dataset.fingerprints import BITS, fingerprint
from product_matching.dataset.near import candidate_pairs, connected, sets_of_two_or_more
from product_matching.dataset.near_images import MAX_BITS, alike_images


@pytest.fixture(scope="module")
def looks(photo, again):
    """Of 40 pictures and of three copies of each of the first ten."""
    originals = [photo(seed) for seed in range(40)]
    copies = [again(image, *how) for image in originals[:10] for how in ((60, 1), (90, 0.5), (80, 1.7))]
    return [fingerprint(image) for image in [*originals, *copies]]


def test_copies_are_found_and_nothing_else(looks):
    labels = alike_images(looks)
    assert len(set(labels[:40])) == 40
    np.testing.assert_array_equal(labels[40:], np.repeat(labels[:10], 3))


def test_another_colour_is_another_picture(again):
    red, blue = Image.new("RGB", (90, 90), "white"), Image.new("RGB", (90, 90), "white")
    for image, colour in ((red, (150, 40, 40)), (blue, (40, 40, 150))):
        ImageDraw.Draw(image).ellipse([20, 20, 70, 70], fill=colour)
    assert len(set(alike_images([fingerprint(red), fingerprint(blue), fingerprint(again(red))]))) == 2


def test_nearly_blank_pictures_are_not_all_one():
    squares = []
    for side in (20, 40, 60, 80):
        image = Image.new("RGB", (100, 100), "white")
        ImageDraw.Draw(image).rectangle([50 - side // 2, 50 - side // 2, 50 + side // 2, 50 + side // 2], fill="black")
        squares.append(fingerprint(image))
    assert len(set(alike_images(squares))) == 4


def test_bands_miss_no_pair_that_comparing_all_finds(photo):
    rng = np.random.default_rng(0)
    base = np.frombuffer(fingerprint(photo(1)), np.uint8)
    rows = []
    for _ in range(60):
        bits = np.unpackbits(base[:BITS])
        bits[rng.choice(128, rng.integers(0, 12), replace=False)] ^= 1
        rows.append(np.concatenate([np.packbits(bits), base[BITS:]]).tobytes())
    hashes = [int.from_bytes(row[:BITS], "big") for row in rows]
    pairs = [
        (i, j) for i, j in combinations(range(60), 2)
        if (hashes[i] ^ hashes[j]).bit_count() <= min(MAX_BITS, hashes[i].bit_count() // 4, hashes[j].bit_count() // 4)
    ]  # fmt: skip
    assert 20 < len(pairs) < 60 * 59 / 2
    expected = connected(60, *np.array(pairs).T)
    found = alike_images(rows)
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK", "RGBA", "LA", "I", "F", "I;16"])
def test_every_mode_has_a_fingerprint(mode, photo):
    image = Image.new("RGB", (5, 3), (200, 30, 30))
    image = Image.fromarray(np.full((3, 5), 900, np.uint16)) if mode == "I;16" else image.convert(mode)
    assert len(fingerprint(image)) == len(fingerprint(photo(0)))


def test_what_is_transparent_is_white():
    clear = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    assert fingerprint(clear) == fingerprint(Image.new("RGB", (80, 80), "white"))


def test_no_images_make_no_sets():
    assert len(alike_images([])) == 0


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (5, {(0, 2), (0, 3), (0, 5), (2, 3), (2, 5), (3, 5), (1, 4)}),
        (1, {(0, 2), (2, 3), (3, 5), (1, 4)}),
    ],
)
def test_candidates_are_the_pairs_of_a_key_within_the_window(window, expected):
    keys = np.array([7, 3, 7, 7, 3, 7])
    pairs = [np.stack(both, axis=1) for both in candidate_pairs(keys, np.arange(6), window=window)]
    assert set(map(tuple, np.concatenate(pairs).tolist())) == expected


def test_sets_are_joined_and_ordered_by_size():
    labels = connected(7, np.array([0, 2, 5]), np.array([1, 3, 3]))
    assert [rows.tolist() for rows in sets_of_two_or_more(labels)] == [[2, 3, 5], [0, 1]]
