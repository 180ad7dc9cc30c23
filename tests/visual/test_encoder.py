import io

import keras
import numpy as np
import pytest
from PIL import Image

from product_matching.errors import DataError
from product_matching.visual import ImageEncoder

SIZES = {
    "resnet": {"filters": (64, 64), "blocks": (1, 1), "stem": (8,)},
    "vit": {"patch_size": 8, "layers": 1, "heads": 2, "hidden_dim": 16, "intermediate_dim": 32},
}
DIMS = {"resnet": 64, "vit": 16}


@pytest.fixture(scope="module", params=SIZES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def encoder(kind):
    return ImageEncoder.from_scratch(kind, size=32, **SIZES[kind])


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def files(pixels, tmp_path_factory):
    folder, paths = tmp_path_factory.mktemp("images"), []
    for i, one in enumerate(pixels):
        paths.append(folder / f"{i}.png")
        Image.fromarray(one).save(paths[-1])
    return paths


def test_gives_one_vector_an_image(encoder, kind, pixels):
    assert encoder(pixels).shape == (3, DIMS[kind])
    assert encoder.dim == DIMS[kind]


def test_vector_is_the_mean_over_positions_of_the_scaled_pixels(encoder, kind, pixels):
    features = np.asarray(encoder.backbone((pixels.astype(np.float32) - 127.5) / 64))
    hand = features.reshape(3, -1, DIMS[kind]).mean(axis=1)
    np.testing.assert_allclose(encoder(pixels), hand, atol=1e-4)


def test_batch_gives_what_each_image_gives_alone(encoder, pixels):
    one_by_one = np.concatenate([encoder(pixels[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(encoder(pixels), one_by_one, atol=1e-4)


def test_encoded_files_have_length_one(encoder, kind, files):
    vectors = encoder.encode(files, batch_size=2)
    assert (vectors.shape, vectors.dtype) == ((3, DIMS[kind]), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_paths_strings_and_bytes_are_the_same(encoder, files):
    of_paths = encoder.encode(files)
    np.testing.assert_allclose(encoder.encode([str(path) for path in files]), of_paths, atol=1e-6)
    np.testing.assert_allclose(encoder.encode([path.read_bytes() for path in files]), of_paths, atol=1e-6)


def test_encoded_file_is_the_vector_of_its_pixels(encoder, files, pixels):
    raw = np.asarray(encoder(pixels))
    np.testing.assert_allclose(encoder.encode(files), raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)


def test_no_images_give_no_vectors(encoder, kind):
    assert encoder.encode([]).shape == (0, DIMS[kind])


def test_saved_encoder_encodes_the_same(encoder, pixels, tmp_path):
    encoder.save(tmp_path / "image.keras")
    again = keras.saving.load_model(tmp_path / "image.keras")
    np.testing.assert_allclose(again(pixels), encoder(pixels), atol=1e-5)
    assert (again.size, again.mean, again.scale) == (encoder.size, encoder.mean, encoder.scale)


def test_configuration_round_trips(encoder):
    again = ImageEncoder.from_config(dict(encoder.get_config()))
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in encoder.weights]


def test_half_precision_is_finite(half_precision, kind, pixels):
    found = ImageEncoder.from_scratch(kind, size=32, **SIZES[kind])(pixels)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert np.isfinite(found).all()


def test_broken_file_is_an_error_that_names_it(encoder, files, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "PNG")
    with pytest.raises(DataError, match="image 1 of the list is no JPEG"):
        encoder.encode([files[0], buffer.getvalue()[:40]])
    (tmp_path / "broken.png").write_bytes(buffer.getvalue()[:40])
    with pytest.raises(DataError, match=r"broken\.png is no JPEG"):
        encoder.encode([tmp_path / "broken.png"])
    with pytest.raises(DataError, match=r"missing\.png cannot be read: No such file"):
        encoder.encode([tmp_path / "missing.png"])
    with pytest.raises(DataError, match="image 0 of the list is empty"):
        encoder.encode([b""])
