import math
from pathlib import Path

from PIL import Image

from benchhost.training import curves
from benchhost.training.records import Journal, Meter, read_rows

ROW = {"steps": 10, "norm": 0.5, "rate": 1e-3}


def journal(folder: Path) -> Journal:
    made = Journal(folder)
    made.begin(0.0)
    for step in (10, 20, 30):
        made.row(step=step, seconds=float(step), loss=1 / step, waited=0.1 * step / 10, **ROW)
    made.validated(step=30, seconds=30.0, figures={"psnr_sigma25": 28.5})
    return made


def test_a_row_holds_the_speed_and_the_share_of_waiting_since_the_last_one(tmp_path):
    journal(tmp_path)
    rows = read_rows(tmp_path / "training.csv")
    assert [row["steps_per_second"] for row in rows] == [1.0, 1.0, 1.0]
    assert all(math.isclose(row["wait_share"], 0.01) for row in rows)
    assert read_rows(tmp_path / "validation.csv") == [{"step": 30, "seconds": 30, "psnr_sigma25": 28.5}]


def test_rows_after_a_step_are_cut_and_torn_ones_too(tmp_path):
    made = journal(tmp_path)
    with made.training.open("a") as file:
        file.write("4")
    made.cut(20)
    assert [row["step"] for row in read_rows(made.training)] == [10, 20]
    assert made.validation.read_text().split() == ["step,seconds,psnr_sigma25"]  # the heading stays


def test_the_figure_is_drawn_for_screen_and_print(tmp_path):
    journal(tmp_path)
    written = curves.draw(tmp_path)
    assert [path.name for path in written] == ["curves.png", "curves.pdf"]
    with Image.open(written[0]) as picture:
        assert picture.size == (1500, 540)
        assert len(picture.convert("RGB").getcolors(maxcolors=10**6)) > 20  # lines and text, not an empty sheet
    assert written[1].read_bytes().startswith(b"%PDF")


def test_without_rows_there_is_no_figure(tmp_path):
    assert curves.draw(tmp_path) == []


def test_a_meter_means_what_it_took_in():
    import torch

    meter = Meter()
    assert meter.finite()
    for loss in (1.0, 3.0):
        meter.add(torch.tensor(loss), torch.tensor(0.5))
    steps, means = meter.take()
    assert (steps, means.tolist()) == (2, [2.0, 0.5])
    meter.add(torch.tensor(float("nan")), torch.tensor(0.5))
    assert not meter.finite()
