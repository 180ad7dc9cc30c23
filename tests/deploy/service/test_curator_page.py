"""The curator's view in Chromium: by keyboard, on a phone, in the dark."""


def test_pairs_are_judged_by_keyboard_on_a_phone_in_the_dark(browser, served, until, tmp_path):
    address, key, shop = served
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark", locale="en")
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    page.click("#to-curate")
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#both .card")
    assert page.locator("#both img").count() == 2
    page.keyboard.press("y")
    until(page, "!document.getElementById('undo').disabled")
    page.keyboard.press("n")
    until(page, "said.length === 2")
    page.keyboard.press("s")
    until(page, "said.length === 3")
    page.keyboard.press("u")
    until(page, "said.length === 2")
    page.keyboard.press("u")
    until(page, "said.length === 1 && !busy")
    assert [(row["kind"], row["match"]) for row in shop.store.labels()] == [("duplicate", True)]
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.path().read_text().splitlines()[0].startswith("left_id,")
    page.select_option("#kind", "mismatch")
    page.click("#curate .first")
    until(page, "cases.length && cases[0].kind === 'mismatch'")
    assert page.locator("#both img").count() == 1
    page.click("#reject")
    until(page, "said.length === 2")
    assert {(row["kind"], row["match"]) for row in shop.store.labels()} == {("duplicate", True), ("mismatch", False)}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#language")
    assert page.locator("#question").text_content() == "图片与文字相符吗？"
    page.screenshot(path=tmp_path / "curator.png", full_page=True)
    assert wrong == []
    context.close()


def test_a_wrong_key_is_told(browser, served, until):
    page = browser.new_page(locale="en")
    page.goto(served[0])
    page.click("#to-curate")
    page.fill("#key", "nonsense")
    page.click("#curate .first")
    until(page, "document.getElementById('error').textContent.includes('scope write')")
    page.close()


def test_a_mended_word_is_told(browser, served, until):
    page = browser.new_page(locale="en")
    page.goto(served[0])
    page.fill("#words", "stripd mug")
    page.click("#form .first")
    until(page, "/Understood as/.test(document.getElementById('status').textContent)")
    page.close()
