"""The page in a browser: pictures load, nothing goes wrong, nothing sticks out, day and night."""

import pytest

from product_matching.eval import best_and_worst, embed_catalog, examine, judge, summarise, write_report
from product_matching.eval.confusion import confusions
from product_matching.eval.page import Subject

pytestmark = pytest.mark.slow

SIZES = {"phone": (360, 740), "desk": (1280, 900)}
CONTRAST = """element => {
  const numbers = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = colour => numbers(colour).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(document.body).backgroundColor].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.fixture(scope="module")
def page_file(trained, tmp_path_factory):
    model, train, _, part = trained
    views = embed_catalog(model, part)
    judgement = judge(model, part, views=views)
    searched = judgement.searched["text_to_image"]
    metrics = {"split": "test", **summarise(judgement, part), **examine(judgement, part, train=train)}
    metrics["confusions"] = confusions(part, judgement.rows, searched.first)
    folder = tmp_path_factory.mktemp("report") / "report"
    subject = Subject(part, views, judgement, {"history": {"loss": [3.0, 2.0]}}, "tiny/1")
    write_report(folder, metrics, best_and_worst(part, views, searched=searched), subject)
    return folder / "index.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_page_in_chromium(browser, page_file, size, scheme):
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url[:80]))
    page.goto(page_file.as_uri())
    # Pictures below the fold load when they come into sight.
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert said == []
    assert page.evaluate("document.images.length") > 20
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # WCAG asks for 4.5 of text.
    for selector in ("body", ".soft", "nav a", "th"):
        assert page.eval_on_selector(selector, CONTRAST) >= 4.5, selector
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    page.close()
