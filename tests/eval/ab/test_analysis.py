import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from product_matching.cli.main import main
from product_matching.errors import DataError
from product_matching.eval.ab import analyse, load_log
from product_matching.eval.ab.analysis import cuped


def simulated(users=600, effect=0.5, seed=0):
    """A log, and each user's spending before and after; spending before foretells most of that after."""
    rng = np.random.default_rng(seed)
    variant = np.where(np.arange(users) % 2, "新", "alt")
    before = rng.normal(10, 2, users)
    after = before + rng.normal(0, 1, users) + effect * (variant == "新")
    ids = [f"u{i}" for i in range(users)]
    rows = [pd.DataFrame({"user_id": ids, "variant": variant, "event": "exposure", "value": 1.0})]
    rows += [pd.DataFrame({"user_id": ids, "variant": variant, "event": "spent", "value": after / 2})] * 2
    log = pd.concat(rows, ignore_index=True)
    known = pd.DataFrame({"user_id": ids, "variant": variant, "event": "before:spent", "value": before})
    return log, known, before, after, variant


def test_the_numbers_are_those_of_scipy():
    log, _, _, after, variant = simulated()
    found = analyse(log, control="alt")
    row = found["metrics"]["spent"]["新"]
    test = stats.ttest_ind(after[variant == "新"], after[variant == "alt"], equal_var=False)
    assert row["p"] == pytest.approx(test.pvalue)
    assert row["interval"] == pytest.approx(list(test.confidence_interval()))
    assert row["difference"] == pytest.approx(after[variant == "新"].mean() - after[variant == "alt"].mean())
    assert row["cuped"] == 0
    assert found["users"] == {"alt": 300, "新": 300}
    assert list(found["metrics"]) == ["spent"]


def test_cuped_narrows_the_interval_by_the_correlation():
    log, known, before, after, _ = simulated()
    plain = analyse(log, control="alt")["metrics"]["spent"]["新"]
    row = analyse(pd.concat([log, known]), control="alt")["metrics"]["spent"]["新"]
    share = np.corrcoef(before, after)[0, 1] ** 2
    assert row["cuped"] == pytest.approx(share)
    widths = [np.ptp(one["interval"]) for one in (row, plain)]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(1 - share), abs=0.05)
    assert row["interval"][0] < 0.5 < row["interval"][1]


def test_cuped_keeps_the_mean_and_is_right_on_average():
    values, before = np.array([1.0, 2, 4, 7]), np.array([1.0, 1, 3, 5])
    adjusted, _ = cuped(values, before)
    assert adjusted.mean() == pytest.approx(values.mean())
    assert np.cov(adjusted, before)[0, 1] == pytest.approx(0)
    differences = []
    for seed in range(60):
        log, known, *_ = simulated(users=100, seed=seed)
        differences.append(analyse(pd.concat([log, known]), control="alt")["metrics"]["spent"]["新"]["difference"])
    assert np.mean(differences) == pytest.approx(0.5, abs=0.1)


def test_users_without_an_event_count_as_nothing():
    log = pd.DataFrame({
        "user_id": list("abcdef"), "variant": list("AAABBB"), "event": ["exposure"] * 6, "value": 1.0
    })  # fmt: skip
    bought = pd.DataFrame({"user_id": ["d", "d", "e"], "variant": "B", "event": "buy", "value": [1.0, 1.0, 1.0]})
    row = analyse(pd.concat([log, bought]))["metrics"]["buy"]["B"]
    assert (row["control"], row["mean"], row["lift"]) == (0.0, 1.0, None)


def test_guardrails_and_ratio():
    log, *_ = simulated(effect=2.0)
    found = analyse(log, control="alt", guardrails=("spent", "^spent"))
    assert found["guardrails"]["spent"] == {"新": "broken"}
    assert analyse(log, control="alt", guardrails=("spent",))["guardrails"]["spent"] == {"新": "held"}
    few = log[(log["variant"] == "alt") | log["user_id"].isin([f"u{i}" for i in range(300)])]
    assert "trust nothing" in analyse(few, control="alt")["warning"]


def test_unusable_logs(tmp_path):
    log, *_ = simulated(users=10)
    with pytest.raises(DataError, match="Did you mean 'alt'"):
        analyse(log, control="al")
    with pytest.raises(DataError, match="two variants"):
        analyse(log[log["variant"] == "alt"])
    path = tmp_path / "log.csv"
    for text, message in {
        "user_id,variant\nu,A\n": "column 'event'",
        "user_id,variant,event,value\nu,A,buy,many\n": "'many' is not a number",
        "user_id,variant,event\nu,A,buy\nu,B,buy\n": "saw two variants, such as 'u'",
        "user_id,variant,event\n,A,buy\n": "must not be empty",
    }.items():
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            load_log(path)


def test_the_command(tmp_path, capsys):
    log, known, *_ = simulated(users=200)
    pd.concat([log, known]).to_csv(tmp_path / "log.csv", index=False)
    assert main(["ab-test", str(tmp_path / "log.csv"), "--control", "alt", "--guardrail", "spent", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["spent"]["新"]["difference"] == pytest.approx(0.5, abs=0.5)
    assert main(["ab-test", str(tmp_path / "log.csv"), "--control", "alt"]) == 0
    assert "spent: 新" in capsys.readouterr().out
    assert main(["ab-test", "--effect", "0.1", "--deviation", "1"]) == 0
    assert capsys.readouterr().out.startswith("3,140 users")
    assert main(["ab-test"]) == 2
    assert main(["ab-test", str(tmp_path / "log.csv"), "--share", "B"]) == 2
