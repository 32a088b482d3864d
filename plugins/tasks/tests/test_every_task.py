"""What holds for every task on natural images, at every level."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import benchhost_tasks
import numpy as np
import pytest
import torch
from benchhost_tasks.cs_spec import CS
from benchhost_tasks.deblur_spec import DEBLUR
from benchhost_tasks.denoise_spec import DENOISE
from benchhost_tasks.inpaint_spec import INPAINT
from benchhost_tasks.jpeg_spec import JPEG
from benchhost_tasks.sr_spec import SR

from benchhost import params as P
from benchhost import plan, plugins
from benchhost.errors import UnsuitableImage
from benchhost.types import Item

TASKS = {task.name: task for task in (DENOISE, SR, CS, INPAINT, DEBLUR, JPEG)}
# Beside the standard levels: every switch that changes the operator or the sensor, once.
MORE = {
    "denoise": [{"clip": True}, {"quantise": True}, {"stream": "kair"}],
    "sr": [{"protocol": "rgb"}, {"scale": 8, "boundary": "replicate", "quantise": "uint8"}, {"sigma": 5.0}],
    "cs": [{"operator": "scrambled", "block": 32}, {"colour": "keep", "padding": "ista"}, {"sigma": 2.0}],
    "inpaint": [{"mask": "box"}, {"mask": "box", "place": "random", "sigma": 10.0}],
    "deblur": [
        {"boundary": "valid", "size": 9},
        {"boundary": "zero"},
        {"kernel": "ddnm", "boundary": "zero", "sigma": 0.0},
        {"sensor": "floor_uint8", "stream": "kair", "modcrop": 8},
    ],
    "jpeg": [{"colour": "luma"}, {"subsampling": "4:4:4"}],
}
CASES = [(name, dict(values)) for name, task in TASKS.items() for values in (*task.levels, *MORE[name])]
OPERATOR_WORDS = {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable"}

each_case = pytest.mark.parametrize(("task", "values"), CASES, ids=[f"{n}-{v}" for n, v in CASES])


@each_case
@pytest.mark.parametrize("channels", [1, 3])
def test_a_posed_problem_fits_together(task, values, channels, pose, picture):
    posed = pose(task, picture(43, 50, channels), **values)
    assert posed.y.shape == (1, *posed.physics.out_shape)
    assert posed.truth.shape == (1, *posed.physics.in_shape)
    assert posed.y.dtype == posed.truth.dtype == torch.float32
    assert posed.y.isfinite().all()
    assert json.loads(json.dumps(posed.notes)) == posed.notes
    estimate = posed.physics.baseline(posed.y)
    assert estimate.shape == posed.truth.shape
    view = posed.view(estimate)
    assert view.estimate.shape == view.truth.shape
    assert view.truth.dtype == view.estimate.dtype == np.float64
    assert view.truth.ndim == (2 if posed.truth.shape[1] == 1 else 3)


@each_case
def test_the_truth_scores_perfectly_and_its_levels_are_whole(task, values, pose, picture, score):
    posed = pose(task, picture(43, 50), **values)
    assert score("psnr/255/clip_round", posed.view(posed.truth)) == np.inf
    truth = 255 * posed.view(posed.truth).truth
    np.testing.assert_allclose(truth, np.round(truth), atol=1e-9)


@each_case
def test_the_noise_told_is_the_noise_there(task, values, pose, picture):
    posed = pose(task, picture(99, 99), **values)
    residual = (posed.y.double() - posed.physics.A(posed.truth).double()).flatten()
    if posed.sigma is None:
        assert task == "jpeg"
        assert float(residual.abs().max()) == 0
        return
    seen = residual[posed.physics.A(torch.ones_like(posed.truth)).flatten() != 0] if task == "inpaint" else residual
    clipped = values.get("clip") or values.get("quantise") is True
    error = float((seen - (seen.mean() if values.get("sensor") else 0)).square().mean().sqrt())
    # 2,700 entries at least: 3 standard errors of a deviation are 4 %.  Clipping bends it more, and rounding errors
    # are not quite independent of the image.
    rough = 0.1 if clipped or task == "sr" else 0.05
    assert error == pytest.approx(posed.sigma, rel=rough, abs=1e-6)


@each_case
def test_the_task_offers_what_its_operator_can_do(task, values, pose, picture):
    spec = TASKS[task]
    params = P.build(plugins.resolve(spec.params), values, owner=task)
    offered = plan.offers(spec, params, channels=3)
    physics = pose(task, picture(43, 50, 3), **values).physics
    assert offered & OPERATOR_WORDS == physics.offers()
    assert ("grey" in offered) == (physics.in_shape[0] == 1)


@each_case
def test_measuring_twice_gives_the_same_bits(task, values, pose, picture):
    first, second = (pose(task, picture(43, 50, 3), **values) for _ in range(2))
    assert torch.equal(first.y, second.y)
    assert first.physics.spec_id == second.physics.spec_id


@pytest.mark.parametrize("task", ["denoise", "cs", "inpaint", "deblur"])
def test_another_repeat_draws_anew(task, pose, picture):
    values = {"sigma": 10.0}
    first, second = (pose(task, picture(43, 50), repeat=k, **values) for k in (0, 1))
    assert not torch.equal(first.y, second.y)


@pytest.mark.parametrize("task", TASKS)
def test_global_random_generators_are_left_alone(task, pose, picture):
    np_state, torch_state = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    pose(task, picture(43, 50))
    assert np.array_equal(np.random.get_state()[1], np_state)
    assert torch.equal(torch.random.get_rng_state(), torch_state)


# Every task, every kind of random draw.
FEW = [case for name, task in TASKS.items() for case in ((name, dict(task.levels[0])), (name, dict(MORE[name][0])))]

PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_every_task import FEW, digest_of_measurement
for task, values in FEW:
    print(digest_of_measurement(task, values))
"""


def digest_of_measurement(task: str, values: dict) -> str:
    from benchhost.seeds import Seeds

    spec = TASKS[task]
    i, j = np.mgrid[:43, :50]
    image = (i * j % 256).astype(np.uint8)
    params = P.build(plugins.resolve(spec.params), values, owner=task)
    item = Item(dataset="made", name="up", kind="image", array=image)
    posed = plugins.resolve(spec.target)(params).pose(item, Seeds(task=task, dataset="made", image="up"))
    return hashlib.sha256(posed.y.numpy().tobytes() + posed.physics.spec_id.encode()).hexdigest()


def test_another_process_measures_the_same_bits():
    here = [digest_of_measurement(task, values) for task, values in FEW]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == here


def test_records_and_parameters_import_neither_torch_nor_numpy():
    folder = Path(benchhost_tasks.__file__).parent
    names = [*sorted(f"benchhost_tasks.{file.stem}" for file in folder.glob("*_spec.py")), "benchhost_tasks.plugin"]
    assert len(names) >= 7
    program = f"import sys, {', '.join(names)}; print([m for m in ('torch', 'numpy', 'scipy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("task", TASKS)
def test_default_datasets_and_metrics_exist_and_fit(task, catalogue):
    spec = catalogue.task(task)
    for name in spec.datasets:
        assert catalogue.dataset(name).kind in spec.kinds
        assert catalogue.dataset(name).source != "files"
    for level in spec.levels:
        params = P.build(plugins.resolve(spec.params), level, owner=task)
        for id in plan.task_metrics(spec, params):
            catalogue.metric(id)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "array", [np.zeros((20, 20), np.float32), np.zeros((20, 20, 4), np.uint8), np.zeros(20, np.uint8)]
)
def test_what_is_no_8_bit_image_is_refused_by_name(task, array, pose):
    with pytest.raises(UnsuitableImage, match=r"made/up: an 8-bit image of 1 or 3 channels is needed"):
        pose(task, array)


def test_an_estimate_of_another_shape_is_refused_by_the_view(pose, picture):
    posed = pose("denoise", picture(20, 20))
    with pytest.raises(ValueError, match=r"expected an estimate of shape \(1, 1, 20, 20\), got \(1, 1, 20, 21\)"):
        posed.view(torch.zeros(1, 1, 20, 21))
