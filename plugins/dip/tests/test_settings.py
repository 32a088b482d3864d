"""Recipes: what the notebooks say, what is chosen by the task, what a parameter overrides."""

import subprocess
import sys

import pytest
from benchhost_dip.params import NOTEBOOKS, DipParams
from benchhost_dip.plugin import benchhost_methods
from benchhost_dip.settings import FAST, PAPER, resolve

from benchhost.errors import UsageError
from benchhost.params import build

RECORD = next(iter(benchhost_methods()))


def settings(task="denoise", *, sigma=0.1, size=(1, 128, 128), task_params=(), bfloat16=False, **values):
    params = build(DipParams, values, owner="method 'dip'")
    return resolve(params, task=task, task_params=dict(task_params), image_shape=size, sigma=sigma, bfloat16=bfloat16)


def test_declaring_the_method_imports_no_torch():
    imports = "benchhost_dip.plugin, benchhost_dip.params, benchhost_dip.settings"
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_presets_and_quick_values_are_legal_parameters():
    for values in (RECORD.quick, *RECORD.presets.values()):
        build(DipParams, values, owner="method 'dip'")
    assert set(RECORD.default_preset.values()) <= set(RECORD.presets)


def test_every_notebook_can_be_asked_for():
    assert set(NOTEBOOKS) == set(PAPER)
    for notebook in NOTEBOOKS:
        assert settings(recipe="paper", notebook=notebook).architecture == PAPER[notebook].architecture


# Table of the official notebooks: iterations, learning rate, input noise, average.
@pytest.mark.parametrize(
    ("notebook", "iterations", "rate", "noise", "ema"),
    [
        ("denoise", 3000, 0.01, 1 / 30, 0.99),
        ("jpeg", 2400, 0.01, 1 / 30, 0.99),
        ("sr-x4", 2000, 0.01, 0.03, 0.0),
        ("sr-x8", 4000, 0.01, 0.05, 0.0),
        ("inpaint-text", 6001, 0.01, 0.03, 0.0),
        ("inpaint-region", 5001, 0.01, 0.03, 0.0),
        ("inpaint-library", 3001, 0.01, 0.0, 0.0),
        ("inpaint-half", 11000, 0.001, 0.03, 0.0),
        ("inpaint-sparse", 1000, 0.01, 0.0, 0.0),
    ],
)
def test_the_paper_recipe_has_the_notebooks_numbers(notebook, iterations, rate, noise, ema):
    s = PAPER[notebook]
    assert (s.iterations, s.learning_rate, s.input_noise, s.ema) == (iterations, rate, noise, ema)
    assert (s.tv, s.filtered, s.consistent, s.ramp, s.warmup) == (0, False, False, 0, 0)


@pytest.mark.parametrize(
    ("task", "task_params", "notebook"),
    [
        ("denoise", {}, "denoise"),
        ("jpeg", {}, "jpeg"),
        ("sr", {"scale": 4}, "sr-x4"),
        ("sr", {"scale": 8}, "sr-x8"),
        ("inpaint", {"keep": 0.5, "mask": "random"}, "inpaint-half"),
        ("inpaint", {"keep": 0.02, "mask": "random"}, "inpaint-sparse"),
        ("inpaint", {"keep": 0.5, "mask": "box"}, "inpaint-region"),
        ("ct", {}, "ct"),
        ("cs", {}, "denoise"),
        ("somebody-elses", {}, "denoise"),
    ],
)
def test_the_task_chooses_the_notebook(task, task_params, notebook):
    chosen = settings(task, recipe="paper", task_params=task_params, sigma=0.0)
    assert chosen.architecture == PAPER[notebook].architecture
    assert chosen.iterations == PAPER[notebook].iterations


def test_strong_noise_takes_the_notebooks_stronger_input_noise():
    assert settings(recipe="paper", sigma=50 / 255).input_noise == 1 / 20
    assert settings(recipe="paper", sigma=25 / 255).input_noise == 1 / 30


def test_the_fast_recipe_shakes_its_input_in_proportion_to_the_noise():
    assert settings(sigma=0.2).input_noise == pytest.approx(2 * settings(sigma=0.1).input_noise)
    assert settings("ct", sigma=1e-4).input_noise == settings("ct", sigma=0.0).input_noise  # its y has units of its own


def test_known_noise_means_discrepancy_and_exact_or_unknown_noise_does_not():
    assert settings(sigma=0.1).stop == "discrepancy"
    assert settings(sigma=0.0).stop == settings(sigma=None).stop == "none"
    assert settings(sigma=0.1, stop="variance").stop == "variance"
    with pytest.raises(UsageError, match="noise level above zero"):
        settings(sigma=0.0, stop="discrepancy")


@pytest.mark.parametrize("recipe", ["fast", "paper"])
def test_parameters_win_over_the_recipe(recipe):
    given = {"iterations": 7, "learning_rate": 0.5, "input_noise": 0.25, "ema": 0.5, "tv": 0.125, "consistent": True}
    chosen = settings("cs", recipe=recipe, **given)
    assert {name: getattr(chosen, name) for name in given} == given


def test_larger_images_get_more_steps_up_to_a_limit():
    at = {side: settings(size=(1, side, side)).iterations for side in (64, 128, 256, 1024)}
    assert at[64] == at[128] == FAST["denoise"].iterations
    assert at[256] == 2 * at[128]
    assert at[1024] == 2.5 * at[128]


def test_small_images_get_fewer_scales():
    depths = {side: len(settings("sr", size=(1, side, side)).architecture.down) for side in (16, 32, 64, 128, 256)}
    assert depths == {16: 1, 32: 2, 64: 3, 128: 4, 256: 4}


def test_low_precision_is_for_the_fast_recipe_where_the_processor_has_it():
    assert settings(bfloat16=True).low_precision
    assert not settings(bfloat16=False).low_precision
    assert not settings(bfloat16=True, recipe="paper").low_precision
    assert not settings(bfloat16=True, precision="float32").low_precision
    assert settings(bfloat16=False, precision="bfloat16").low_precision
