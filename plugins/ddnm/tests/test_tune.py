import numpy as np
import pytest
from benchhost_ddnm.tune import DATASET, cases, main, validation_crops
from click.testing import CliRunner

from benchhost.errors import UsageError
from benchhost.plugins import load

CATALOGUE = load()


@pytest.fixture(autouse=True)
def data(shared_data, monkeypatch):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))


def test_settings_are_chosen_on_what_the_training_held_out():
    card = CATALOGUE.dataset(DATASET)
    assert card.role == "train"
    items = list(validation_crops(CATALOGUE, 4, 48, "image"))
    names = sorted(ref.name for ref in card.items)[-20:]
    assert [item.name for item in items] == [names[i] for i in (0, 5, 10, 15)]
    assert all(item.array.shape == (48, 48) and item.array.dtype == np.uint8 for item in items)
    (scan,) = validation_crops(CATALOGUE, 1, 48, "mri")
    assert scan.array.dtype == np.float32
    assert scan.array.max() == 1


def test_more_images_than_were_held_out_are_refused():
    with pytest.raises(UsageError, match="there are 20 validation images, not 21"):
        next(validation_crops(CATALOGUE, 21, 48, "image"))
    with pytest.raises(UsageError, match="task 'ct' takes ct, the validation images are photographs"):
        next(cases(CATALOGUE, "ct", 1, 48))


def test_the_table_repeats_itself_and_names_its_best(weights):
    arguments = ["--task", "inpaint:keep=0.5", "--weights", weights, "--steps", "2,3", "--eta", "0,1", "--images", "1"]
    first = CliRunner().invoke(main, [*arguments, "--size", "48"], catch_exceptions=False).output.splitlines()
    assert first[0].startswith("ddnm · inpaint:keep=0.5 · 1 crops of 48 x 48 · baseline ")
    assert first[2] == "| T | eta 0 | eta 1 | CPU s |"
    rows = {line.split(" | ")[0]: line.split(" | ")[1:3] for line in first[4:6]}
    top = max((float(cell), steps, eta) for steps, row in rows.items() for cell, eta in zip(row, "01", strict=True))
    assert first[-1] == f"best: T = {top[1].strip('| ')}, eta = {top[2]}: {top[0]:.2f}"
    again = CliRunner().invoke(main, [*arguments, "--size", "48"], catch_exceptions=False).output.splitlines()
    assert {line.split(" | ")[0]: line.split(" | ")[1:3] for line in again[4:6]} == rows


def test_the_other_method_and_its_parameters_can_be_tuned_too(weights):
    arguments = ["--task", "denoise:sigma=50", "--method", "ddnm_plus", "--set", "form=scalar,precision=fp32"]
    arguments += ["--weights", weights, "--steps", "2", "--eta", "1", "--images", "1", "--size", "48"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.output.startswith("ddnm_plus · denoise:sigma=50 · ")
    wrong = CliRunner().invoke(main, [*arguments, "--set", "form=none"])
    assert isinstance(wrong.exception, UsageError)
