"""The report in a browser: it sorts, filters, compares and zooms, and asks for nothing outside its folder."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchhost.report.html import write
from benchhost.report.synthetic import synthetic

from .conftest import EVIL, EVIL_IMAGE, PLAIN

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
TOP = ("index.html", "leaderboard.html", "figures.html", "failures.html", "provenance.html", "downloads.html")
CS = "pages/cs-ratio-0.25-embedded-grey.html"


def transforms(page):
    """Of both pictures, once the frame is drawn that a change asked for."""
    return page.session.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() =>"
        " done([...document.querySelectorAll('.pan')].map((e) => e.style.transform))))"
    )


def split(page):
    return float(page.run("return document.getElementById('v-split').value"))


def drag(page, start, end):
    """Press, move and release the mouse at places of the window."""
    for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        page.session.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def stage_centre(page):
    page.run("document.getElementById('viewer').scrollIntoView()")
    x, y, width, height = page.run(
        "const b = document.getElementById('v-stage').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
    )
    return x + width / 2, y + height / 2


def picture(page, selector):
    """An element as it is drawn: (H, W, 3), 0 to 255."""
    data = base64.b64decode(page.find(selector).screenshot_as_base64)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)


@pytest.mark.parametrize("name", [*TOP, CS])
def test_a_page_loads_without_complaint_and_only_from_its_folder(visit, real, name):
    page = visit(real, name)
    assert page.complaints() == []
    asked = page.requests()
    assert asked
    assert [url for url in asked if not url.startswith(real.as_uri())] == []


def test_the_overview_shows_failures_before_results_and_leads_to_the_pages(visit, real):
    page = visit(real, "index.html")
    assert page.texts("h2")[0] == "What did not work"
    assert page.texts(".failures .why") == ["ValueError: the step size must be positive"]
    page.find(f"a[href='{CS}']").click()
    assert page.texts("h1") == ["cs ratio=0.25 · embedded-grey"]
    assert page.complaints() == []


def test_the_leaderboard_sorts_both_ways_and_back(visit, real):
    page = visit(real, "leaderboard.html")
    heads = page.texts("#leaderboard thead th")
    place = next(n for n, head in enumerate(heads, 1) if head.startswith("PSNR"))
    column = f"#leaderboard tbody tr > :nth-child({place})"
    before = page.texts(column)

    def sorted_by_click():
        page.find(f"#leaderboard thead th:nth-child({place}) button").click()
        return [float(text.split()[0]) for text in page.texts(column) if text[0].isdigit()]

    best_first = sorted_by_click()
    assert len(best_first) == 6
    assert best_first == sorted(best_first, reverse=True)
    assert page.find("th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert sorted_by_click() == sorted(best_first)
    sorted_by_click()
    assert page.texts(column) == before


def test_the_leaderboard_filters_by_words_method_and_holes(visit, real):
    page = visit(real, "leaderboard.html")
    assert page.texts("#leaderboard-count") == ["6 rows"]
    page.find("#find").send_keys("denoise tv")
    assert page.texts("#leaderboard-count") == ["1 of 6 rows"]
    page.find("#find").clear()
    page.choose("#find", "")
    page.choose("#method", "baseline")
    assert page.texts("#leaderboard tbody th") == ["baseline", "baseline"]
    page.choose("#method", "")
    page.find("#holes").click()
    assert set(page.texts("#leaderboard tbody th")) == {"fault-raises:image=2"}


def test_the_table_of_images_sorts_filters_and_shows_other_measures(visit, real):
    page = visit(real, CS)
    names = page.texts("#per-image tbody th")
    assert len(names) == 3
    page.find("#per-image thead th:nth-child(3) button").click()
    values = [float(text) for text in page.texts("#per-image tbody td:nth-child(3)")]
    assert values == sorted(values, reverse=True)
    page.find("#find").send_keys(names[0])
    assert page.texts("#per-image tbody th") == [names[0]]
    page.find("#find").clear()
    page.choose("#find", "")
    measures = page.texts("#measure option")
    page.choose("#measure", str(measures.index("SSIM ↑")))
    assert all(len(text) == 6 for text in page.texts("#per-image tbody td:nth-child(3)"))
    page.find("#holes").click()
    assert len(page.texts("#per-image tbody tr")) == 1
    assert page.find("#per-image .hole").get_attribute("title") == "ValueError: the step size must be positive"


@pytest.mark.parametrize("name", ["leaderboard.html", CS])
def test_a_reloaded_page_begins_unfiltered(visit, real, name):
    page = visit(real, name)
    page.find("#holes").click()
    page.reload()
    assert not page.find("#holes").is_selected()
    assert page.find("#holes").get_attribute("autocomplete") == "off"


def test_an_image_of_the_table_opens_in_the_comparison_with_its_values(visit, real):
    page = visit(real, CS)
    button = page.session.find_elements("css selector", "#per-image tbody button")[1]
    name = button.text
    button.click()
    assert page.run("return document.getElementById('v-image').selectedOptions[0].text") == name
    assert page.run("return document.activeElement.id") == "v-stage"
    row = page.texts("#per-image tbody tr:nth-child(2) td")
    assert page.texts("#v-tag-right") == [f"tv:iterations=25 {row[1]} dB"]
    page.drawn()
    assert page.run("return [...document.querySelectorAll('.shown')].every((e) => e.complete && e.naturalWidth > 0)")


def test_the_slider_uncovers_the_right_picture_by_keyboard_and_by_mouse(visit, real):
    page = visit(real, CS)
    x, y = stage_centre(page)
    clip = "return document.getElementById('v-layer-right').style.clipPath"
    assert "50%" in page.run(clip)
    page.find("#v-split").send_keys("\ue014" * 4)  # right arrow
    assert split(page) == 52
    assert "52%" in page.run(clip)
    drag(page, (x + 24, y), (x + 300, y))
    assert split(page) > 70
    page.find("#v-stage").send_keys(",,")
    assert "%" in page.run(clip)


def test_both_pictures_zoom_and_move_together(visit, real):
    page = visit(real, CS)
    x, y = stage_centre(page)
    start = transforms(page)
    page.find("#v-in").click()
    left, right = transforms(page)
    assert left == right != start[0]
    drag(page, (x - 200, y), (x - 120, y + 40))
    moved = transforms(page)
    assert moved[0] == moved[1] != left
    wheel = {"type": "mouseWheel", "x": x + 50, "y": y, "deltaX": 0, "deltaY": -200, "modifiers": 2}
    page.session.execute_cdp_cmd("Input.dispatchMouseEvent", wheel)
    zoomed = transforms(page)
    assert zoomed[0] == zoomed[1] != moved[0]
    page.find("#v-fit").click()
    assert transforms(page) == start


def test_the_comparison_works_from_the_keyboard(visit, real):
    page = visit(real, CS)
    stage = page.find("#v-stage")
    shown = "return document.getElementById('v-{}').selectedOptions[0].text"
    first = page.run(shown.format("image"))
    stage.send_keys("n")
    assert page.run(shown.format("image")) != first
    stage.send_keys("p")
    assert page.run(shown.format("image")) == first
    stage.send_keys("1")
    assert page.run(shown.format("right")) == "baseline"
    stage.send_keys("x")
    assert page.run(shown.format("left")) == "baseline"
    stage.send_keys("d")
    assert page.find("#v-side").get_attribute("aria-pressed") == "true"
    stage.send_keys("++")
    scaled = transforms(page)
    stage.send_keys("\ue012")  # left arrow
    assert transforms(page)[0] == transforms(page)[1] != scaled[0]
    stage.send_keys("0")
    assert transforms(page)[0].startswith("scale(1)")
    assert page.complaints() == []


def test_the_error_map_is_black_where_there_is_no_error_and_bright_where_there_is(visit, real):
    page = visit(real, CS)
    page.choose("#v-left", "truth")
    page.choose("#v-right", "0")
    page.find("#v-side").click()
    page.find("#v-error").click()
    page.drawn()
    assert picture(page, "#v-layer-left .pan").mean() < 8
    assert picture(page, "#v-layer-right .pan").mean() > 60


def test_names_and_reasons_that_are_markup_stay_text(visit, evil):
    (name,) = [path.name for path in (evil / "pages").iterdir()]
    for place in (*TOP, f"pages/{name}"):
        page = visit(evil, place)
        assert page.complaints() == []
        scripts = page.run("return [...document.scripts].map((s) => s.getAttribute('src'))")
        assert all(scripts)
        assert page.run("return document.querySelectorAll('[onerror], main b > *, h1 b').length") == 0
    assert EVIL in page.texts("table.summary tbody th")
    assert EVIL_IMAGE in page.texts("#per-image tbody th")
    assert "</script><script>alert(3)</script>" in page.texts(".failures .why")[0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_fault(visit, real, dark):
    found = {}
    for name in (*TOP, CS):
        page = visit(real, name, dark=dark)
        if name == CS:
            page.run("document.querySelectorAll('details').forEach((e) => (e.open = true))")
            page.find("#v-error").click()
        page.run(AXE.read_text(encoding="utf-8"))
        violations = page.session.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations.map((v) =>"
            " `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3)}`)), (e) => done([String(e)]))"
        )
        if violations:
            found[name] = violations
    assert found == {}


def test_no_page_is_wider_than_a_telephone(visit, real):
    for name in (*TOP, CS):
        page = visit(real, name, width=390)
        assert page.run("return document.documentElement.scrollWidth") <= 390, name


def test_long_names_stay_in_their_column_on_a_telephone(visit, real):
    page = visit(real, "leaderboard.html", width=390)
    heads = "return [...document.querySelectorAll('#leaderboard tbody th')].map((e) => e.scrollWidth - e.clientWidth)"
    assert set(page.run(heads)) == {0}


def test_five_thousand_images_are_sorted_and_filtered_at_once(visit, tmp_path):
    results = synthetic(
        tasks={"cs": ("ratio=0.1",)}, datasets=("many",), images=5000, methods=("a", "b"), metrics=("psnr",)
    )
    write(results, tmp_path, PLAIN)
    page = visit(tmp_path / "html", "pages/cs-ratio-0.1-many.html")
    assert page.texts("#images-count") == ["5000 images"]
    assert len(page.texts("#per-image tbody tr")) == 50
    took = page.run(
        "const begin = performance.now();"
        "document.querySelector('#per-image thead th:nth-child(2) button').click();"
        "document.body.offsetHeight; return performance.now() - begin"
    )
    assert took < 1000  # milliseconds; about 30 on an idle core
    shown = [float(text) for text in page.texts("#per-image tbody td:nth-child(2)")]
    assert shown == sorted(shown, reverse=True)
    page.find("#images-pager [aria-label='Last page']").click()
    assert page.texts("#images-pager .where") == ["4951–5000 of 5000"]
    page.find("#find").send_keys("image4999")
    assert page.texts("#per-image tbody th") == ["image4999"]
