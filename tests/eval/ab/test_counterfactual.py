import doctest
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from product_matching.cli.main import main
from product_matching.errors import ConfigError, DataError
from product_matching.eval.ab import counterfactual, off_policy, softmax_chances
from product_matching.recommendation import load_interactions
from product_matching.recommendation.bandit_simulation import shop_of

WEIGHTS = {"kind": 1.0, "colour": 0.7}


@pytest.fixture(scope="module")
def shop(tiny_shop):
    """(contexts, true chances of a click) of the sample shop."""
    interactions = load_interactions(tiny_shop.interactions)
    table = pd.read_csv(tiny_shop.catalog, dtype=str, keep_default_na=False).set_index("product_id")
    attributes = {name: table.loc[interactions.products, name].tolist() for name in WEIGHTS}
    return shop_of(interactions, attributes, weights=list(WEIGHTS.values()))


def visit(shop, rng, events, candidates=8):
    """Visits with a policy that shows at random, a little better than evenly, and a target that knows more."""
    contexts, truth = shop
    users = rng.integers(len(truth), size=events)
    offered = rng.integers(truth.shape[1], size=(events, candidates))
    chance, seen = truth[users[:, None], offered], contexts[users[:, None], offered]
    old = softmax_chances(seen[..., 1], temperature=0.5)
    new = softmax_chances(seen[..., :2].sum(axis=-1), temperature=0.1)
    shown = (rng.random(events)[:, None] > old.cumsum(axis=1)).sum(axis=1).clip(max=candidates - 1)
    each = np.arange(events)
    reward = (rng.random(events) < chance[each, shown]).astype(float)
    return seen, old, new, shown, reward, float((new * chance).sum(axis=1).mean())


def test_estimates_hold_the_truth_of_the_sample_shop_as_often_as_they_say(shop):
    rng, held, widths = np.random.default_rng(0), {"ips": 0, "snips": 0, "dr": 0}, {"ips": [], "dr": []}
    for _ in range(200):
        seen, old, new, shown, reward, truth = visit(shop, rng, 1000)
        each = np.arange(1000)
        # The reward's model learns from events of another day.
        other, _, _, their, their_reward, _ = visit(shop, rng, 1000)
        model = LinearRegression().fit(other[each, their], their_reward)
        expected = model.predict(seen.reshape(-1, seen.shape[-1])).reshape(old.shape)
        found = off_policy(
            reward,
            old[each, shown],
            new[each, shown],
            expected_shown=expected[each, shown],
            expected_target=(new * expected).sum(axis=1),
        )
        for name in held:
            low, high = found[name]["interval"]
            held[name] += low <= truth <= high
        for name in widths:
            widths[name].append(np.ptp(found[name]["interval"]))
    # 190 are expected; three standard deviations of so many runs are nine: 181 to 199.
    assert all(181 <= count <= 199 for count in held.values()), held
    assert np.mean(widths["dr"]) < np.mean(widths["ips"])


def test_counted_by_hand():
    found = off_policy([1, 0, 1, 0], [0.5, 0.5, 0.25, 0.25], [1.0, 0.0, 0.5, 0.0])
    # Weights 2, 0, 2, 0.
    assert found["ips"]["mean"] == pytest.approx((2 + 2) / 4)
    assert found["snips"]["mean"] == pytest.approx(4 / 4)
    assert (found["effective_events"], found["mean_weight"]) == (2.0, 1.0)
    assert "trust nothing" in found["warning"]
    clipped = off_policy([1, 0, 1, 0], [0.5, 0.5, 0.25, 0.25], [1.0, 0.0, 0.5, 0.0], clip=1.5)
    assert clipped["ips"]["mean"] == pytest.approx(3 / 4)


@given(st.integers(0, 1000))
def test_the_logging_policy_is_worth_what_it_earned(seed):
    rng = np.random.default_rng(seed)
    reward, chance = rng.random(50), rng.uniform(0.1, 1, 50)
    found = off_policy(reward, chance, chance, expected_shown=np.zeros(50), expected_target=np.zeros(50))
    for name in ("ips", "snips", "dr"):
        assert found[name]["mean"] == pytest.approx(reward.mean())
        assert found[name]["interval"] == pytest.approx(found["logged"]["interval"])


def test_unusable_input_is_named():
    with pytest.raises(DataError, match="logged ones above 0"):
        off_policy([1.0], [0.0], [1.0])
    with pytest.raises(DataError, match="as long as"):
        off_policy([1.0, 0.0], [1.0], [1.0])
    with pytest.raises(ConfigError, match="both or neither"):
        off_policy([1.0], [1.0], [1.0], expected_shown=[1.0])
    with pytest.raises(ConfigError, match="temperature"):
        softmax_chances([[1.0]], temperature=0)


def test_example():
    assert doctest.testmod(counterfactual).failed == 0


def test_the_command_tells_what_the_function_finds(tmp_path, capsys):
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"reward": rng.integers(0, 2, 500), "logged": rng.uniform(0.2, 1, 500), "p": rng.random(500)})
    log.to_csv(tmp_path / "log.csv", index=False)
    command = ["ab-test", str(tmp_path / "log.csv"), "--off-policy", "--column", "target=p", "--clip", "3"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = off_policy(log["reward"], log["logged"], log["p"], clip=3)
    for name in ("logged", "ips", "snips"):
        assert [told[name]["mean"], *told[name]["interval"]] == pytest.approx(
            [found[name]["mean"], *found[name]["interval"]]
        )
    assert main(command) == 0
    assert "SNIPS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [("reward,logged\n1,0.5\n", "column 'target'"), ("reward,logged,target\n1,half,1\n", "'half' is not a number")],
)
def test_a_log_that_cannot_be_used(tmp_path, capsys, text, message):
    (tmp_path / "log.csv").write_text(text, encoding="utf-8")
    assert main(["ab-test", str(tmp_path / "log.csv"), "--off-policy"]) == 2
    assert message in capsys.readouterr().err
