"""The search page in Chromium: groups, variety, counts, more results, and what a shopper may want."""

import pytest


@pytest.fixture
def page(browser, served):
    """The page, which must not complain."""
    page, wrong = browser.new_page(locale="en"), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(served[0])
    page.wait_for_selector("#facets fieldset")
    yield page
    assert wrong == []
    page.close()


def ask(page, words):
    page.fill("#words", words)
    page.click("#form .first")
    page.wait_for_selector("#cards .card")


def test_more_results_follow_the_first_ones(page, until):
    ask(page, "mug")
    assert page.locator("#cards .card").count() == 24
    page.click("#next")
    until(page, "document.querySelectorAll('#cards .card').length === 48")
    names = page.eval_on_selector_all("#cards .card dd:first-of-type", "nodes => nodes.map(node => node.textContent)")
    assert len(names) >= 48
    until(page, "/48 (of \\d+ )?products/.test(document.getElementById('status').textContent)")


def test_one_of_each_kind_and_counts_of_what_was_found(page, until, tiny_catalog):
    page.select_option("#group", "kind")
    ask(page, "red")
    kinds = tiny_catalog.table["kind"].nunique()
    until(page, f"document.querySelectorAll('#cards .card').length === {kinds}")
    assert page.locator("#cards .card >> text=/and \\d+ variants?/").count() > 0
    page.select_option("#group", "")
    box = page.locator(f"#facets fieldset[data-attribute=kind] input[value='{tiny_catalog.table['kind'].iloc[0]}']")
    box.check()
    of_kind = int((tiny_catalog.table["kind"] == tiny_catalog.table["kind"].iloc[0]).sum())
    until(page, f"document.querySelectorAll('#cards .card').length === {of_kind}")
    counts = page.eval_on_selector_all(
        "#facets fieldset[data-attribute=colour] .count", "nodes => nodes.map(node => Number(node.textContent))"
    )
    kind = tiny_catalog.table["kind"].iloc[0]
    asked = f"ask('/v1/search', {{text: 'red', k: 1, filters: ['kind={kind}'], facets: ['colour']}})"
    (told,) = page.evaluate(asked)["facets"]
    assert sum(counts) == sum(told["values"].values())


def test_variety_changes_the_list(page, until):
    ask(page, "red mug")
    before = page.inner_text("#cards")
    page.check("#variety")
    until(page, "!/Searching/.test(document.getElementById('status').textContent)")
    assert page.inner_text("#cards") != before


def test_what_somebody_may_want_by_products_had(page, until, tiny_catalog):
    page.click("#to-shopper")
    page.click("#recommend .first")
    until(page, "/Give the id/.test(document.getElementById('status').textContent)")
    page.fill("#had", ", ".join(tiny_catalog.table["product_id"].iloc[:2]))
    page.click("#recommend .first")
    until(page, "document.querySelectorAll('#wanted .card').length > 5")
    assert page.locator("#error").text_content() == ""
