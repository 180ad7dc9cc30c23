"""axe-core over the page's views, in the light, in the dark and on a phone.

It is not ours to ship: `npm pack axe-core`, unpack it, and name the file:

    PRODUCT_MATCHING_AXE=package/axe.min.js python -m pytest tests/deploy/service/test_accessibility.py
"""

import os
from contextlib import closing

import pytest

AXE = os.environ.get("PRODUCT_MATCHING_AXE", "")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
pytestmark = pytest.mark.skipif(not AXE, reason="PRODUCT_MATCHING_AXE names no axe.min.js")


def search(page, until, key):
    page.fill("#words", "mug")
    page.click("#form .first")
    page.wait_for_selector("#cards .card")


def nothing(page, until, key):
    page.fill("#words", "mug")
    page.click("#form .first")
    page.wait_for_selector("#cards .card")
    page.evaluate("document.getElementById('filters').open = true")
    page.locator("#facets fieldset input[type=number]").first.fill("1000000000")
    page.locator("#facets fieldset input[type=number]").first.press("Enter")


def like(page, until, key):
    search(page, until, key)
    page.locator("#cards .card .acts button").first.click()
    until(page, "!document.getElementById('back').hidden")


def shopper(page, until, key):
    page.click("#to-shopper")
    page.fill("#user", "U00001")
    page.click("#recommend .first")
    page.wait_for_selector("#wanted .card")


def match(page, until, key):
    page.click("#to-match")
    sides = page.locator("#sides .side")
    for side in range(2):
        sides.nth(side).locator("textarea").first.fill("red mug")
    page.click("#match .first")
    until(page, "document.getElementById('verdict').textContent !== ''")


def curate(page, until, key):
    page.click("#to-curate")
    page.fill("#key", key)
    page.click("#curate .first")
    page.wait_for_selector("#both .card")


def mistake(page, until, key):
    page.click("#to-curate")
    page.fill("#key", "nonsense")
    page.click("#curate .first")
    until(page, "document.getElementById('error').textContent !== ''")


@pytest.mark.parametrize("view", [search, nothing, like, shopper, match, curate, mistake])
@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(1280, "light", "en"), (1280, "dark", "zh-CN"), (360, "light", "zh-CN")]
)
def test_no_fault_that_shuts_somebody_out(browser, served, until, view, width, scheme, locale):
    address, key, _ = served
    more = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "locale": locale}
    context = browser.new_context(reduced_motion="reduce", **more)
    with closing(context):
        context.add_init_script(path=AXE)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#facets fieldset", state="attached")  # folded on a phone
        view(page, until, key)
        found = page.evaluate("options => axe.run(document, options)", RULES)
    faults = [
        f"{fault['impact']}: {fault['id']}: {fault['help']}: {[node['html'][:160] for node in fault['nodes'][:3]]}"
        for fault in found["violations"]
    ]
    assert len(found["passes"]) > 20
    assert faults == []
