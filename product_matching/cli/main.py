"""Parses the command line, runs a command, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from product_matching._version import __version__
from product_matching.cli import (
    ab_test,
    compress,
    consume,
    convert,
    demo,
    doctor,
    embed,
    evaluate,
    evaluate_recommendation,
    index,
    link,
    match,
    recommend,
    search,
    serve,
    train,
    train_pairs,
    train_recommender,
    tune,
    validate,
)
from product_matching.cli.output import complain
from product_matching.errors import ProductMatchingError

COMMANDS = (demo, validate, train, evaluate, compress, convert, embed, index, search, match, train_pairs, link)
COMMANDS += (tune, train_recommender, recommend, evaluate_recommendation, ab_test, serve, consume, doctor)
USERS_MISTAKE, OUR_MISTAKE, INTERRUPTED = 2, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `product-matching`.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Returns:
        0 done, 2 the user's mistake (one line on standard error), 1 ours (a traceback).
    """
    options = build_parser().parse_args(arguments)
    _quiet_libraries()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        options.run(options)
    except ProductMatchingError as error:
        complain(str(error))
        return USERS_MISTAKE
    except KeyboardInterrupt:
        complain("interrupted; nothing half-written is left")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 0
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; loads nothing heavy."""
    parser = argparse.ArgumentParser(
        prog="product-matching",
        description="Match product images with product texts: train, measure, index, search.",
        epilog="First time? Try: product-matching demo",
    )
    parser.add_argument("--version", action="version", version=f"product-matching {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _quiet_libraries() -> None:
    # TensorFlow greets on standard error when it is imported; what matters comes as an exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
