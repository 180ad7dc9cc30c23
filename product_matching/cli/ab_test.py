"""`ab-test`: what the log of an A/B test says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from product_matching.cli.arguments import add_json, column_mapping, named_numbers
from product_matching.cli.output import emit, say, table
from product_matching.errors import ConfigError

ABOUT = """
Analyses the log of an A/B test: a table of user_id, variant, event and value (1 where there is none). A user's
metric is the sum of an event's values, 0 for a user without one: log an event "exposure" for everybody who was
there. Events named before (or before:EVENT) are what users did before the test: with them the variance falls
(CUPED). Each variant is compared with the control: Welch's interval and p for one look at the end, and an
always-valid interval and p (mSPRT) for who looks every day. Without LOG, --effect says how many users a test needs.
With --off-policy, LOG is what one recommender showed, and the answer what another would have earned: a row an event
with its reward, the chance with which it was shown (logged) and with which the other would have shown it (target), and
perhaps what a model expects of both (expected_shown, expected_target). Estimates: IPS, SNIPS, doubly robust.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("ab-test", help="plan an A/B test, or say what its log says", description=ABOUT)
    parser.add_argument("log", type=Path, nargs="?", help="table of events: .csv, .tsv, .jsonl or .parquet")
    parser.add_argument("--control", default="", metavar="VARIANT", help="the old variant (default: the first by name)")
    parser.add_argument(
        "--guardrail",
        action="append",
        default=[],
        metavar="EVENT",
        help="must not fall; ^EVENT must not rise (repeatable)",
    )
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        metavar="VARIANT=WEIGHT",
        help="how users were sent (default: all alike)",
    )
    parser.add_argument(
        "--tau",
        type=float,
        default=0.0,
        help="size of the differences expected, fixed beforehand, for the sequential test",
    )
    parser.add_argument(
        "--column", action="append", default=[], metavar="OURS=THEIRS", help="what a column is called (repeatable)"
    )
    parser.add_argument(
        "--off-policy",
        action="store_true",
        help="LOG has reward, logged and target: what would the target have earned?",
    )
    parser.add_argument(
        "--clip",
        type=float,
        default=0.0,
        metavar="W",
        help="off-policy: the largest weight of an event (default: none)",
    )
    parser.add_argument("--effect", type=float, default=0.0, help="plan: the least difference that matters")
    parser.add_argument("--rate", type=float, default=0.0, help="plan: the present rate of a yes-or-no metric")
    parser.add_argument(
        "--deviation", type=float, default=0.0, help="plan: standard deviation of the metric over users"
    )
    parser.add_argument("--power", type=float, default=0.8, help="plan: how often to find it (default: 0.8)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Plans or analyses."""
    from product_matching.eval.ab import analyse, load_log, sample_size

    if options.log is None:
        if not options.effect:
            raise ConfigError("Name a LOG to analyse, or plan a test: --effect 0.01 --rate 0.05.")
        plan = sample_size(options.effect, deviation=options.deviation, rate=options.rate, power=options.power)
        emit({"plan": plan}, as_json=options.json, text=_plan_text)
        return
    if options.off_policy:
        _off_policy(options)
        return
    if options.tau < 0:
        raise ConfigError(f"--tau is above 0; got {options.tau:g}.")
    log = load_log(options.log, columns=column_mapping(options))
    result = analyse(
        log,
        control=options.control,
        guardrails=tuple(options.guardrail),
        variants=_shares(options.share) or None,
        tau=options.tau,
    )
    if result["warning"]:
        say(f"warning: {result['warning']}")
    emit(result, as_json=options.json, text=result_text)


def _off_policy(options: argparse.Namespace) -> None:
    from product_matching.eval.ab import load_decisions, off_policy

    result = off_policy(**load_decisions(options.log, columns=column_mapping(options)), clip=options.clip)
    if result["warning"]:
        say(f"warning: {result['warning']}")
    emit(result, as_json=options.json, text=off_policy_text)


def off_policy_text(result: dict[str, Any]) -> str:
    """The estimates as a table."""
    names = {"logged": "as it was", "ips": "IPS", "snips": "SNIPS", "dr": "doubly robust"}
    rows = [[said, result[name]["mean"], *result[name]["interval"]] for name, said in names.items() if name in result]
    events = f"{result['events']:,} events, worth {result['effective_events']:,.0f} of the target's"
    return f"{events}; mean weight {result['mean_weight']:.3f}\n\n{table(['', 'reward', 'from', 'to'], rows)}"


def result_text(result: dict[str, Any]) -> str:
    """The tables that a person reads."""
    rows = [
        [
            *(
                f"{event}: {variant}",
                row["control"],
                row["mean"],
                row["difference"],
                *row["interval"],
                row["p_corrected"],
            ),
            *row["always_valid"]["interval"],
        ]
        for event, found in result["metrics"].items()
        for variant, row in found.items()
    ]
    header = ["", result["control"], "mean", "difference", "from", "to", "p", "any time: from", "to"]
    users = ", ".join(f"{name} {count:,}" for name, count in result["users"].items())
    lines = [f"users: {users}; ratio of the variants: p {result['ratio']['p']:.3f}", "", table(header, rows)]
    guards = [
        f"{name} {variant}: {said}" for name, part in result["guardrails"].items() for variant, said in part.items()
    ]
    return "\n".join([*lines, *([f"\nguardrails: {', '.join(guards)}"] if guards else [])])


def _plan_text(result: dict[str, Any]) -> str:
    plan = result["plan"]
    return f"{plan['total']:,} users: {plan['control']:,} with the old variant, {plan['treatment']:,} with the new one"


def _shares(pairs: list[str]) -> dict[str, float]:
    return named_numbers(
        pairs, lambda weight: weight >= 0, "--share takes VARIANT=WEIGHT, a weight of 0 or more, e.g. B=0.1"
    )
