"""Pictures of a report: what the metrics saw, written once, with a stated limit."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from benchhost.report.html import write
from benchhost.report.html.pages import light, pages
from benchhost.report.html.pictures import IN_ALL, PER_PAGE, images_per_page, png
from benchhost.report.synthetic import synthetic

from .conftest import PLAIN

CS = "data/cs-ratio-0.25-embedded-grey.js"
DENOISE = "data/denoise-sigma-25-embedded-grey.js"


def script(path):
    return json.loads(path.read_text(encoding="utf-8").partition("=")[2].rstrip().rstrip(";"))


def pixels(path):
    return np.asarray(Image.open(path), float)


def test_the_psnr_beside_a_picture_is_that_of_its_pixels(real):
    data = script(real / DENOISE)  # its protocol rounds to whole grey levels, as a PNG does
    labels = [method["label"] for method in data["methods"]]
    for row, picture in data["pictures"].items():
        truth = pixels(real / picture["truth"])
        for place, path in picture["methods"].items():
            mse = np.mean((pixels(real / path) - truth) ** 2)
            shown = data["measures"][0]["columns"][int(place)].split(" ")[int(row)]
            assert f"{10 * np.log10(255**2 / mse):.2f}" == shown, labels[int(place)]


def test_a_method_that_failed_has_no_picture_and_the_others_have(real):
    data = script(real / CS)
    labels = [method["label"] for method in data["methods"]]
    shown = [sorted(labels[int(place)] for place in picture["methods"]) for picture in data["pictures"].values()]
    assert shown[1] == ["baseline", "tv:iterations=25"]
    assert shown[0] == shown[2] == ["baseline", "fault-raises:image=2", "tv:iterations=25"]


def test_equal_pictures_are_one_file(real):
    paths = [p for name in (CS, DENOISE) for picture in script(real / name)["pictures"].values()
             for p in (picture["truth"], picture["measured"], *picture["methods"].values())]  # fmt: skip
    assert len(set(paths)) < len(paths)  # the same truth under two tasks; the baseline is what was measured
    assert {path.relative_to(real).as_posix() for path in real.glob("pictures/*/*")} == set(paths)


def test_a_limit_of_images_is_kept_and_stated(run_results, tmp_path):
    results, catalogue = run_results
    write(results, tmp_path, {**PLAIN, "catalogue": catalogue, "images": 1})
    data = script(tmp_path / "html" / CS)
    assert list(data["pictures"]) == ["0"]
    page = (tmp_path / "html" / "pages" / "cs-ratio-0.25-embedded-grey.html").read_text(encoding="utf-8")
    assert "Pictures of the first 1 of 3 images" in page


def test_pages_share_the_pictures_of_a_large_report_evenly():
    few = pages(light(synthetic(datasets=("d",), images=1)))
    many = pages(light(synthetic(tasks={"cs": tuple(f"l={n}" for n in range(60))}, images=1, metrics=("psnr",))))
    assert images_per_page(few) == PER_PAGE
    share = images_per_page(many)
    assert 1 <= share < PER_PAGE
    assert share * len(many) * 5 <= IN_ALL


def test_where_the_data_are_gone_the_report_says_so_and_stands(run_results, tmp_path):
    results, catalogue = run_results
    without = dataclasses.replace(catalogue, datasets={})
    write(results, tmp_path, {**PLAIN, "catalogue": without})
    page = (tmp_path / "html" / "pages" / "cs-ratio-0.25-embedded-grey.html").read_text(encoding="utf-8")
    assert "No picture of" in page
    assert "dataset" in page
    assert 'id="viewer"' not in page


def test_where_nothing_is_stored_the_page_says_so(whole, tmp_path):
    write(whole, tmp_path, PLAIN)
    page = (tmp_path / "html" / "pages" / "cs-ratio-0.1-set-a.html").read_text(encoding="utf-8")
    assert "No reconstruction of this page is stored" in page


def test_results_that_were_moved_still_have_their_pictures(run_results, tmp_path):
    results, catalogue = run_results
    moved = dataclasses.replace(results, run={**results.run, "results": "gone"})
    write(moved, tmp_path / "a", {**PLAIN, "catalogue": catalogue, "images": 1})
    write(moved, tmp_path / "b", {**PLAIN, "catalogue": catalogue, "images": 1, "results": results.run["results"]})
    assert not (tmp_path / "a" / "html" / "pictures").exists()
    assert (tmp_path / "b" / "html" / "pictures").exists()


def test_a_measurement_that_differs_from_the_recorded_one_is_not_passed_off(run_results, tmp_path):
    results, catalogue = run_results
    other = dataclasses.replace(results, frame=results.frame.assign(seed=7))
    write(other, tmp_path, {**PLAIN, "catalogue": catalogue})
    page = (tmp_path / "html" / "pages" / "denoise-sigma-25-embedded-grey.html").read_text(encoding="utf-8")
    assert "could not be made again bit for bit" in page


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3)])
def test_a_picture_is_rounded_to_whole_levels_and_clipped(shape, tmp_path):
    array = np.linspace(-0.2, 1.3, np.prod(shape)).reshape(shape)
    (tmp_path / "a.png").write_bytes(png(array, 0.0, 1.0))
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), np.rint(255 * np.clip(array, 0, 1)))
