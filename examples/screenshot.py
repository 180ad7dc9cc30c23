"""Photographs a report or the service's page with the system's Chromium: `pip install playwright`, no other download.

The pictures of the README are those of the sample shop:

    product-matching demo --out /tmp/demo
    python examples/screenshot.py /tmp/demo/1/report/index.html examples/report.png
    product-matching serve /tmp/demo &
    python examples/screenshot.py http://127.0.0.1:8000/ examples/page.png --search "blue striped mug"
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Writes one PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", help="report/index.html of a bundle, or the address of a service")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--search", default="", metavar="WORDS", help="on the service's page, look for this first")
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--whole", action="store_true", help="the whole page, not the first screen alone")
    options = parser.parse_args()
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        parser.error(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            color_scheme="dark" if options.dark else "light",
        )
        page.goto(options.page if "://" in options.page else Path(options.page).resolve().as_uri())
        if options.search:
            page.wait_for_selector("#facets fieldset")
            page.fill("#words", options.search)
            page.click("#form .first")
            page.wait_for_selector("#cards .card")
        # Pictures below the fold load when they come into sight.
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        # From outside: the policy of the service's page lets no string be run inside.
        while not page.evaluate("[...document.images].every(image => image.complete)"):
            page.wait_for_timeout(50)
        page.screenshot(path=str(options.out), full_page=options.whole)
        browser.close()


if __name__ == "__main__":
    main()
