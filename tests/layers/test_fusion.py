import keras
import numpy as np
import pytest

from product_matching.layers import AttentionFusion, GatedFusion, MaskedFusion

FUSIONS = [MaskedFusion, GatedFusion, AttentionFusion]

SUBSETS = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], np.float32)


def draw(count, dim=6, seed=0):
    return list(np.random.default_rng(seed).normal(size=(3, count, dim)).astype(np.float32))


@pytest.fixture(scope="module", params=FUSIONS)
def layer(request):
    return shaken(request.param)


def shaken(cls):
    layer = cls(6, hidden_dim=12)
    layer(draw(1), np.ones((1, 3), np.float32))
    # Far from the start, so that the learned part counts.
    generator = np.random.default_rng(5)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.weights])
    return layer


def weights_of(layer):
    return {weight.path.split("/", 1)[1]: np.asarray(weight.value, float) for weight in layer.weights}


def shown_of(vectors):
    return [vector * SUBSETS[:, m : m + 1] for m, vector in enumerate(vectors)]


def unit(fused):
    lengths = np.linalg.norm(fused, axis=1, keepdims=True)
    return np.divide(fused, lengths, out=np.zeros_like(fused), where=SUBSETS.any(axis=1)[:, None])


def test_length_is_one_unless_nothing_is_there(layer):
    lengths = np.linalg.norm(layer(draw(8), SUBSETS), axis=1)
    np.testing.assert_allclose(lengths, SUBSETS.any(axis=1).astype(float), atol=1e-6)


def test_content_of_a_masked_modality_has_no_influence(layer):
    seen = layer(draw(8), SUBSETS)
    vectors = [
        np.where(SUBSETS[:, m : m + 1] == 1, vector, 1e3 * other)
        for m, (vector, other) in enumerate(zip(draw(8), draw(8, seed=1), strict=True))
    ]
    np.testing.assert_array_equal(layer(vectors, SUBSETS), seen)


def test_masked_is_the_same_as_zeros_with_the_mask_of_absence(layer):
    dropped = [vector * SUBSETS[:, m : m + 1] for m, vector in enumerate(draw(8))]
    np.testing.assert_allclose(layer(draw(8), SUBSETS), layer(dropped, SUBSETS), atol=1e-6)


def test_content_of_a_shown_modality_counts(layer):
    ones = np.ones((4, 3), np.float32)
    seen = np.asarray(layer(draw(4), ones))
    for m in range(3):
        vectors = draw(4)
        vectors[m] = vectors[m] + 1
        assert np.abs(layer(vectors, ones) - seen).max() > 0.01


def test_mlp_equals_the_formula_in_numpy():
    layer = shaken(MaskedFusion)
    vectors, weights = draw(8), weights_of(layer)
    shown = shown_of(vectors)
    hidden = np.concatenate([*shown, SUBSETS], axis=1) @ weights["hidden/kernel"] + weights["hidden/bias"]
    hidden = np.asarray(keras.activations.gelu(hidden))
    fused = sum(shown) + hidden @ weights["out/kernel"] + weights["out/bias"]
    np.testing.assert_allclose(layer(vectors, SUBSETS), unit(fused), atol=1e-5)


def test_gates_equal_the_formula_in_numpy():
    layer = shaken(GatedFusion)
    vectors, weights = draw(8), weights_of(layer)
    shown = shown_of(vectors)
    asked = np.concatenate([*shown, SUBSETS], axis=1) @ weights["gates/kernel"] + weights["gates/bias"]
    gates = 2 / (1 + np.exp(-asked.reshape(8, 3, 6)))
    np.testing.assert_allclose(layer(vectors, SUBSETS), unit((gates * np.stack(shown, 1)).sum(axis=1)), atol=1e-5)


def test_attention_equals_the_formula_in_numpy():
    layer = shaken(AttentionFusion)
    vectors, weights = draw(8), weights_of(layer)
    tokens = np.stack(shown_of(vectors), axis=1).astype(float)
    marked = tokens + weights["kinds"]
    marked = (marked - marked.mean(-1, keepdims=True)) / np.sqrt(marked.var(-1, keepdims=True) + 1e-3)
    marked = marked * weights["norm/gamma"] + weights["norm/beta"]
    query, key, value = (
        np.einsum("bmd,dhk->bhmk", marked, weights[f"attention/{name}/kernel"])
        + weights[f"attention/{name}/bias"][None, :, None, :]
        for name in ("query", "key", "value")
    )
    scores = np.exp(query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])) * SUBSETS[:, None, None, :]
    shares = scores / np.maximum(scores.sum(-1, keepdims=True), 1e-30)
    read = np.einsum("bhmk,hkd->bmd", shares @ value, weights["attention/attention_output/kernel"])
    read = (read + weights["attention/attention_output/bias"]) @ weights["out/kernel"] + weights["out/bias"]
    fused = ((tokens + read) * SUBSETS[..., None]).sum(axis=1)
    np.testing.assert_allclose(layer(vectors, SUBSETS), unit(fused), atol=1e-5)


@pytest.mark.parametrize("cls", FUSIONS)
def test_new_layer_nearly_adds(cls):
    vectors, masks = draw(50, dim=64), np.ones((50, 3), np.float32)
    added = sum(vectors)
    added /= np.linalg.norm(added, axis=1, keepdims=True)
    cosines = np.sum(cls(64)(vectors, masks) * added, axis=1)
    assert cosines.min() > 0.95


def test_boolean_masks_do(layer):
    np.testing.assert_array_equal(layer(draw(8), SUBSETS.astype(bool)), layer(draw(8), SUBSETS))


def test_shape(layer):
    assert layer(draw(4), np.ones((4, 3), np.float32)).shape == (4, 6)
    assert layer.compute_output_shape([(None, 6)] * 3, (None, 3)) == (None, 6)


@pytest.mark.parametrize("cls", FUSIONS)
def test_configuration_round_trips(cls):
    layer = cls(4, hidden_dim=8, dropout=0.3, name="joint")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("cls", FUSIONS)
def test_half_precision_gives_finite_float32(cls, half_precision):
    found = cls(6)([100 * vector for vector in draw(8)], SUBSETS)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), SUBSETS.any(axis=1).astype(float), atol=1e-5)
