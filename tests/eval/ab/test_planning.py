import numpy as np
import pytest
from scipy import stats

from product_matching.errors import ConfigError
from product_matching.eval.ab import power_of, sample_size


def test_the_textbook_number():
    # 16 σ² / δ² a side (Lehr's rule): 15.7 by the exact quantiles.
    plan = sample_size(0.1, deviation=1.0)
    assert plan["control"] == plan["treatment"] == 1570
    assert plan["total"] == 3140


def test_power_is_that_of_simulated_tests():
    plan, rng = sample_size(0.05, rate=0.3, power=0.8, share=0.3), np.random.default_rng(0)
    old = rng.binomial(plan["control"], 0.30, 4000) / plan["control"]
    new = rng.binomial(plan["treatment"], 0.35, 4000) / plan["treatment"]
    error = np.sqrt(old * (1 - old) / plan["control"] + new * (1 - new) / plan["treatment"])
    found = np.mean(2 * stats.norm.sf(np.abs(new - old) / error) < 0.05)
    assert found == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_size_and_power_agree(share):
    plan = sample_size(-0.02, rate=0.2, power=0.9, share=share)
    assert power_of(plan["total"], -0.02, rate=0.2, share=share) == pytest.approx(0.9, abs=0.002)
    assert power_of(10, 1e-9, deviation=1.0) == pytest.approx(0.05)


def test_unusable_plans():
    for wrong in (
        {"effect": 0},
        {"effect": 0.1},
        {"effect": 0.1, "rate": 0.95},
        {"effect": 1, "deviation": 1, "power": 1},
    ):
        with pytest.raises(ConfigError):
            sample_size(**wrong)
