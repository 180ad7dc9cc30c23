import keras
import numpy as np
import pytest

from product_matching.config import OptimizerConfig, load_config
from product_matching.model import build_model
from product_matching.optimizer import WarmupSchedule, build_optimizer, scale_learning_rate

PEAK, STEPS = 0.5, 1000


def rate(step, **options):
    return float(WarmupSchedule(PEAK, STEPS, **options)(step))


@pytest.mark.parametrize("decay", ["cosine", "linear", "constant"])
def test_rate_rises_in_a_line_from_the_first_step(decay):
    # 100 steps of warm-up, and step 0 learns already.
    assert rate(0, decay=decay) == pytest.approx(PEAK / 100)
    assert rate(49, decay=decay) == pytest.approx(PEAK / 2)
    assert rate(99, decay=decay) == pytest.approx(PEAK)


@pytest.mark.parametrize(
    ("decay", "share", "factor"),
    [
        ("cosine", 0.0, 1.0),
        ("cosine", 1 / 3, 0.75),  # (1 + cos 60°) / 2
        ("cosine", 0.5, 0.5),
        ("cosine", 1.0, 0.0),
        ("linear", 0.25, 0.75),
        ("linear", 0.5, 0.5),
        ("linear", 1.0, 0.0),
        ("constant", 0.5, 1.0),
        ("constant", 1.0, 1.0),
    ],
)
def test_rate_after_the_warm_up(decay, share, factor):
    assert rate(100 + 900 * share, decay=decay) == pytest.approx(PEAK * factor, abs=1e-6)


def test_rate_after_the_end_stays_at_the_end():
    assert rate(5000, decay="linear") == rate(5000, decay="cosine") == 0
    assert rate(5000, decay="constant") == PEAK


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_short_run_still_learns(steps):
    rates = [float(WarmupSchedule(PEAK, steps)(step)) for step in range(steps)]
    assert min(rates) > 0
    assert rates[0] == PEAK


def test_no_warm_up_starts_at_the_peak():
    assert rate(0, warmup=0) == PEAK


def test_schedule_round_trips():
    schedule = WarmupSchedule(0.1, 50, warmup=0.2, decay="linear")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == schedule.get_config()
    assert [float(again(step)) for step in (0, 9, 30)] == [float(schedule(step)) for step in (0, 9, 30)]


def zero_step(model, **options):
    """Shares of each variable that a step without gradient leaves; the rate is 0.1 and the decay 0.5."""
    config = OptimizerConfig(learning_rate=0.1, weight_decay=0.5, schedule="constant", warmup=0.0, **options)
    optimizer = build_optimizer(config, steps=10)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 2.0))
    gradients = [np.zeros(variable.shape, np.float32) for variable in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    return {variable.path: float(np.mean(variable)) / 2 for variable in model.trainable_variables}


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_kernels_decay_and_norms_biases_and_embeddings_do_not(name, tiny_split):
    model = build_model(load_config("tiny"), tiny_split[0].take(np.arange(4)))
    left = zero_step(model, name=name)
    spared = {path for path, share in left.items() if share == 1}
    decayed = {path for path, share in left.items() if share == pytest.approx(0.95)}
    assert spared | decayed == set(left)
    assert all(path.endswith("kernel") for path in decayed)
    last = {path.rsplit("/", 1)[1] for path in spared}
    assert last == {"bias", "gamma", "beta", "embeddings", "log_temperature"}


def test_adam_decays_nothing():
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    assert set(zero_step(model, name="adam").values()) == {1.0}


@pytest.mark.parametrize(("clip", "length"), [(1.0, 1.0), (0.25, 0.25), (0.0, 5.0)])
def test_gradient_is_clipped_to_the_global_norm(clip, length):
    config = OptimizerConfig(
        name="sgd", learning_rate=1.0, weight_decay=0, schedule="constant", warmup=0, clip_norm=clip
    )
    optimizer = build_optimizer(config, steps=10)
    variables = [keras.Variable(np.zeros(1)), keras.Variable(np.zeros(1))]
    optimizer.apply([np.float32([3]), np.float32([4])], variables)
    moved = np.array([float(np.asarray(variable)[0]) for variable in variables])
    np.testing.assert_allclose(moved, -length * np.array([0.6, 0.8]), rtol=1e-5)


def test_small_gradient_is_left_alone():
    config = OptimizerConfig(name="sgd", learning_rate=1.0, weight_decay=0, schedule="constant", warmup=0)
    variable = keras.Variable(np.zeros(1))
    build_optimizer(config, steps=10).apply([np.float32([0.5])], [variable])
    assert float(np.asarray(variable)[0]) == pytest.approx(-0.5)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_optimizer_round_trips(name):
    optimizer = build_optimizer(OptimizerConfig(name=name, learning_rate=0.01), steps=20)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


def test_defaults_do():
    assert isinstance(build_optimizer(), keras.optimizers.AdamW)


def test_unknown_optimizer_offers_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'sgd'"):
        build_optimizer(OptimizerConfig(name="sgdd"))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_slow_variables_move_by_the_factor(name):
    """The same gradients, step by step: what is slowed down ends at a tenth of the way."""
    config = OptimizerConfig(name=name, weight_decay=0.0, schedule="constant", clip_norm=0.0)
    optimizer = build_optimizer(config, steps=10)
    slow, fast = keras.Variable([1.0, 1.0]), keras.Variable([1.0, 1.0])
    scale_learning_rate(optimizer, [slow], 0.1)
    for gradient in ([1.0, -2.0], [0.5, 0.1], [0.2, 0.2]):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)] * 2, [slow, fast])
    moved = [np.asarray(variable) - 1 for variable in (slow, fast)]
    assert abs(moved[1]).min() > 1e-6
    np.testing.assert_allclose(moved[0], 0.1 * moved[1], rtol=1e-3)
