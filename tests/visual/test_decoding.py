import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from product_matching.visual import decode_image, decode_images

SIZE = 32


def draw(width, height, bands=3, seed=0):
    """A smooth picture: photos are, and lossy formats keep it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, bands), dtype=np.uint8)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[bands]
    image = Image.fromarray(coarse[..., 0] if bands == 1 else coarse, mode=None)
    assert image.mode == mode
    return image.resize((width, height), Image.Resampling.BICUBIC)


def file_of(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reference(contents, size=SIZE):
    """The same from Pillow and numpy, in floats; for shapes that fit the square without rounding a side."""
    image = Image.open(io.BytesIO(contents)).convert("RGBA")
    pixels = np.asarray(image, dtype=np.float64)
    alpha = pixels[..., 3:] / 255
    flat = (pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.float32)
    ratio = max(image.width / size, image.height / size)
    width, height = (int(side / ratio + 1e-6) for side in image.size)
    bands = [resized(flat[..., band], height, width) for band in range(3)]
    canvas = np.full((size, size, 3), 255.0)
    top, left = (size - height) // 2, (size - width) // 2
    canvas[top : top + height, left : left + width] = np.stack(bands, axis=-1)
    return canvas


def resized(band, height, width):
    """By areas where it shrinks (the share of each old pixel that lies below a new one), else as Pillow does."""
    if height > len(band):
        return np.asarray(Image.fromarray(band).resize((width, height), Image.Resampling.BILINEAR))

    def shares(old, new):
        edges = np.linspace(0, old, new + 1)
        ends = np.minimum(edges[1:, None], np.arange(1, old + 1))
        return np.maximum(ends - np.maximum(edges[:-1, None], np.arange(old)), 0) * new / old

    return shares(len(band), height) @ band @ shares(band.shape[1], width).T


def decoded(contents, size=SIZE):
    found = decode_image(tf.constant(contents), size)
    assert found.shape == (size, size, 3)
    assert found.dtype == tf.uint8
    return found.numpy().astype(float)


@pytest.mark.parametrize(("width", "height"), [(32, 32), (64, 64), (80, 60), (45, 90), (10, 5), (320, 240), (33, 32)])
def test_png_equals_pillow(width, height):
    contents = file_of(draw(width, height))
    np.testing.assert_allclose(decoded(contents), reference(contents), atol=0.51)


@pytest.mark.parametrize(("kind", "tolerance"), [("BMP", 0.51), ("GIF", 0.51), ("JPEG", 4)])
def test_other_formats_equal_pillow(kind, tolerance):
    contents = file_of(draw(80, 60), kind)
    np.testing.assert_allclose(decoded(contents), reference(contents), atol=tolerance)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2, "quality": 60}, {"optimize": True}])
def test_kinds_of_jpeg_equal_pillow(options):
    contents = file_of(draw(80, 60), "JPEG", **options)
    assert np.abs(decoded(contents) - reference(contents)).mean() < 2


def test_jpeg_of_four_inks_equals_pillow():
    contents = file_of(draw(64, 64).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decoded(contents) - reference(contents)).mean() < 3


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_grey_and_alpha_equal_pillow(bands):
    contents = file_of(draw(64, 48, bands))
    np.testing.assert_allclose(decoded(contents), reference(contents), atol=1.01)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_equal_pillow(kind, mode):
    contents = file_of(draw(64, 64).convert(mode), kind)
    np.testing.assert_allclose(decoded(contents), reference(contents), atol=1.01)


def test_sixteen_bits_are_scaled():
    deep = Image.fromarray(np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16))
    found = decoded(file_of(deep))
    np.testing.assert_allclose(found[..., 0], np.linspace(0, 255, 32 * 32).reshape(32, 32), atol=1.01)


IGNORED = pytest.mark.xfail(strict=True, reason="TensorFlow's GIF decoder ignores transparency")


@pytest.mark.parametrize("kind", ["PNG", pytest.param("GIF", marks=IGNORED)])
def test_transparent_is_white(kind):
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(0, (0, 0, 16, 32))
    found = decoded(file_of(image, kind, transparency=0))
    assert (found[:, :14] == 255).all()
    assert (found[:, 18:] == [200, 0, 0]).all()


def test_half_transparent_black_is_grey():
    assert (decoded(file_of(Image.new("RGBA", (40, 40), (0, 0, 0, 51)))) == 204).all()


def test_colour_under_full_transparency_has_no_influence():
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 32, 64))
    found = decoded(file_of(image))
    # Between blue and white no red shows through.
    assert (found[..., 0] == found[..., 1]).all()


def test_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    contents = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decoded(contents) == [255, 0, 0]).all()


@pytest.mark.parametrize(("width", "height", "box"), [(64, 32, (8, 24, 0, 32)), (20, 80, (0, 32, 12, 20))])
def test_sides_keep_their_ratio_between_white_bars(width, height, box):
    found = decoded(file_of(Image.new("RGB", (width, height), (10, 20, 30))))
    top, bottom, left, right = box
    inside = np.zeros((SIZE, SIZE), bool)
    inside[top:bottom, left:right] = True
    assert (found[inside] == [10, 20, 30]).all()
    assert (found[~inside] == 255).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2000, 1), (1, 2000), (999, 3)])
def test_extreme_shapes_are_decoded(width, height):
    found = decoded(file_of(Image.new("RGB", (width, height), (0, 0, 0))))
    assert found.min() < 255


def test_nothing_is_white():
    assert (decoded(b"") == 255).all()


@pytest.mark.parametrize(
    "contents",
    [b"no image at all", b"\xff\xd8\xff", file_of(draw(64, 64))[:80], file_of(draw(64, 64), "JPEG")[:300], b"\x00"],
)
def test_corrupt_bytes_raise(contents):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(tf.constant(contents), SIZE)


def test_batch_gives_what_each_image_gives_alone():
    files = [file_of(draw(50, 40)), b"", file_of(draw(20, 90, 4)), file_of(draw(64, 64, 1), "JPEG")]
    batch = decode_images(tf.constant(files), SIZE)
    for one, contents in zip(batch, files, strict=True):
        np.testing.assert_array_equal(one, decode_image(tf.constant(contents), SIZE))


def test_graph_gives_what_eager_gives():
    files = tf.constant([file_of(draw(50, 40)), b"", file_of(draw(20, 90, 4))])
    np.testing.assert_array_equal(tf.function(decode_images)(files, SIZE), decode_images(files, SIZE))


def test_no_images_give_no_rows():
    assert decode_images(tf.constant([], tf.string), SIZE).shape == (0, SIZE, SIZE, 3)


@pytest.mark.parametrize("side", [32, 64, 128, 256, 320, 640, 1152])
def test_large_jpegs_are_decoded_at_a_scale_and_look_the_same(side):
    contents = file_of(draw(side, side * 3 // 4), "JPEG", quality=90)
    ratio = next(ratio for ratio in (8, 4, 2, 1) if side >= ratio * 1.5 * SIZE or ratio == 1)
    assert side / ratio >= 1.5 * SIZE or ratio == 1
    assert np.abs(decoded(contents) - reference(contents)).mean() < 1.5
