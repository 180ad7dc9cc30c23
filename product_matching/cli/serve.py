"""`serve`: the HTTP service and the web page."""

from __future__ import annotations

import argparse
from pathlib import Path

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, say


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("serve", help="answer over HTTP, with a web page to search in")
    parser.add_argument("bundle", help="folder of a bundle with an index")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="folder of the database and the keys (default: beside the bundle)"
    )
    parser.add_argument("--search-needs-key", action="store_true", help="ask for a key to read too, not only to write")
    parser.add_argument("--new-key", metavar="NAME", help="make an API key, print it once, and stop")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=["search", "write", "admin"],
        help="what the new key may do (repeatable; default: write)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serves, or makes a key."""
    from product_matching.bundle import resolve
    from product_matching.deploy.service import Settings, add_key, run_service
    from product_matching.deploy.service.settings import default_state
    from product_matching.errors import ConfigError

    if not 0 <= options.port <= 65535:
        raise ConfigError(f"--port takes a number from 0 to 65535; got {options.port}.")
    state = options.state or default_state(resolve(options.bundle))
    if options.new_key is not None:
        scopes = options.scope or ["write"]
        made = {"name": options.new_key, "scopes": scopes, "key": add_key(state, options.new_key, scopes)}
        emit(made, as_json=options.json, text=lambda result: result["key"])
        say(f"kept as a hash in {state}: this is the only time it is shown. Start the service again to use it.")
        return
    settings = Settings(state, search_needs_key=options.search_needs_key)
    address = f"http://{options.host}:{options.port}/"
    say(f"loading {options.bundle}")

    def loaded() -> None:
        result = {"address": address, "state": str(state)}
        emit(result, as_json=options.json, text=lambda _: f"serving at {address} (stop with Ctrl+C)")

    run_service(options.bundle, settings, host=options.host, port=options.port, loaded=loaded)
