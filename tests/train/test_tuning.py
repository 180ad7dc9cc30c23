import pytest

from product_matching.errors import ConfigError
from product_matching.train import tuning
from product_matching.train.tuning import DEFAULT_SPACE, Trial, read_space, tune

pytestmark = pytest.mark.slow

BEST = 0.3
SPACE = {"train.augment": {"min": 0.0, "max": 1.0}, "train.same_kind": {"values": [1, 4]}}


@pytest.fixture
def fits(monkeypatch):
    """Stands for training: the score is best at an augmentation of .3. Holds the configurations it was given."""
    seen = []

    def fit(model, train, val, config):
        seen.append(config)
        score = 1 - abs(config.train.augment - BEST) - 0.1 * (config.train.same_kind != 4)
        return {"val_mrr": [0.0, score, score / 2]}

    monkeypatch.setattr(tuning, "fit", fit)
    monkeypatch.setattr(tuning, "build_model", lambda config, train: None)
    return seen


def test_the_best_setting_of_a_known_function_is_found(fits, tmp_path):
    told = []
    trials = tune(None, None, tmp_path, preset="tiny", space=SPACE, trials=15, told=lambda *args: told.append(args))
    assert len(trials) == len(fits) == 15
    assert [number for number, _ in told] == list(range(1, 16))
    scores = [trial.score for trial in trials]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(max(trial.score for _, trial in told))
    assert scores[0] > 0.85


def test_an_interrupted_study_goes_on(fits, tmp_path, monkeypatch):
    def stop(number, trial):
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(None, None, tmp_path, preset="tiny", space=SPACE, trials=6, told=stop)
    before = len(fits)
    trials = tune(None, None, tmp_path, preset="tiny", space=SPACE, trials=6)
    assert len(trials) == 6
    assert len(fits) - before <= 4  # the third, which had not been noted down, and the last three
    assert tune(None, None, tmp_path, preset="tiny", space=SPACE, trials=6) == trials
    assert len(tune(None, None, tmp_path, preset="tiny", space=SPACE, trials=8)) == 8


def test_what_all_trials_share_is_kept(fits, tmp_path):
    tune(None, None, tmp_path, preset="tiny", overrides=["train.epochs=7"], space=SPACE, trials=2)
    assert {config.train.epochs for config in fits} == {7}


def test_a_key_that_is_none_fails_before_any_training(fits, tmp_path):
    with pytest.raises(ConfigError, match="augmnt"):
        tune(None, None, tmp_path, preset="tiny", space={"train.augmnt": {"min": 0.0, "max": 1.0}})
    assert not fits


def test_a_real_fit_can_be_tuned(tiny_split, tmp_path):
    small = ["image.size=16", "image.filters=[64]", "image.blocks=[1]", "text.max_tokens=8", "train.epochs=1"]
    trials = tune(*tiny_split[:2], tmp_path, preset="tiny", overrides=small, space=DEFAULT_SPACE, trials=1)
    assert isinstance(trials[0], Trial)
    assert 0 < trials[0].score <= 1
    assert {one.partition("=")[0] for one in trials[0].overrides} == set(DEFAULT_SPACE)


def test_a_space_is_read_from_a_file(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text('"train.augment" = {min = 0.2, max = 1.0}\n"train.batch_size" = {values = [32, 64]}\n')
    assert read_space(file) == {"train.augment": {"min": 0.2, "max": 1.0}, "train.batch_size": {"values": [32, 64]}}


@pytest.mark.parametrize(
    "line", ['"train.augment" = {min = 0.2}', '"train.augment" = 3', "train.augment", "x = {values = [1], min = 0}"]
)
def test_a_range_that_is_none_is_refused(tmp_path, line):
    file = tmp_path / "space.toml"
    file.write_text(line + "\n")
    with pytest.raises(ConfigError, match="space"):
        read_space(file)
