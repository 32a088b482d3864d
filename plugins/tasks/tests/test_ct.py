"""Sparse-view CT: normalisation, geometry, noise and what a method is told."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from benchhost_tasks.ct import MU_MAX, attenuation
from benchhost_tasks.ct_spec import CT, CtParams

from benchhost import params as P
from benchhost import plan
from benchhost.data.phantoms import phantom
from benchhost.errors import UnsuitableImage, UsageError
from benchhost.types import Item

CASES = [
    {"views": 20},
    {"views": 9, "angles": "centred", "arc": 120.0},
    {"views": 20, "angles": "lodopab", "bins": 61, "det_pitch": 0.95},
    {"views": 20, "noise": "gaussian", "sigma": 0.05},
    {"views": 20, "noise": "poisson"},
    {"views": 20, "simulate_size": 100},
]
OPERATOR_WORDS = {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable"}
each_case = pytest.mark.parametrize("values", CASES, ids=str)


def body(height=40, width=40, dtype=np.float32):
    """A section in Hounsfield units."""
    image = 2000 * phantom("ellipses-ct", max(height, width), 2)[:height, :width] - 1000
    return Item(dataset="made", name="body", kind="ct", array=image.astype(dtype))


@each_case
@pytest.mark.parametrize("size", [(40, 40), (37, 44)])
def test_a_posed_problem_fits_together(values, size, pose):
    posed = pose("ct", body(*size), **values)
    assert posed.y.shape == (1, *posed.physics.out_shape)
    assert posed.truth.shape == (1, 1, *size)
    assert posed.y.dtype == posed.truth.dtype == torch.float32
    assert json.loads(json.dumps(posed.notes)) == posed.notes
    view = posed.view(posed.physics.baseline(posed.y))
    assert view.estimate.shape == view.truth.shape == size
    assert view.estimate.dtype == view.truth.dtype == np.float64
    assert 0 <= view.truth.min() < view.truth.max() <= 1
    np.testing.assert_allclose(posed.view(posed.truth).estimate, view.truth, atol=1e-7)


@each_case
def test_the_task_offers_what_operator_and_noise_are(values, pose):
    params = P.build(CtParams, values, owner="ct")
    offered = plan.offers(CT, params, channels=1)
    posed = pose("ct", body(), **values)
    assert offered & OPERATOR_WORDS == posed.physics.offers()
    assert "grey" in offered
    assert ("awgn" in offered) == ("sigma" in offered) == (posed.sigma is not None)


def test_hounsfield_units_become_lodopabs_attenuation():
    values = np.array([[-1024, -1000, 0, 1000, 3071, 4000]], np.float32).repeat(8, 0).repeat(2, 1)[:, ::2]
    item = Item(dataset="d", name="n", kind="ct", array=np.pad(values, ((0, 0), (0, 2)), mode="edge"))
    image, clipped = attenuation(item)
    np.testing.assert_allclose(image[0, :5], [0, 0.02 / MU_MAX, 20 / MU_MAX, 39.98 / MU_MAX, 1], atol=1e-6)
    assert image.max() == 1
    assert clipped == pytest.approx(4 / 8)  # below air, and above 3071 HU (three columns of 4000)


def test_exact_data_are_the_operators_own(pose):
    posed = pose("ct", body(), views=20)
    assert posed.sigma == 0
    torch.testing.assert_close(posed.y, posed.physics.A(posed.truth), rtol=1e-5, atol=1e-6)
    assert posed.notes["scale"] == posed.physics.scale
    assert posed.notes["bins"] == math.ceil(40 * math.sqrt(2))


def test_gaussian_noise_has_the_level_told(pose):
    posed = pose("ct", body(96, 96), views=60, noise="gaussian", sigma=0.02)
    clean = posed.physics.A(posed.truth)
    assert posed.sigma == pytest.approx(0.02 * float(clean.max()), rel=1e-4)
    # 8,160 entries: three standard errors of a deviation are 2.4 %
    assert float((posed.y - clean).std()) == pytest.approx(posed.sigma, rel=0.025)
    assert posed.notes["noise_std"] == pytest.approx(posed.sigma, rel=0.025)


def test_counted_photons_have_the_variance_of_the_beer_lambert_law(pose):
    posed = pose("ct", body(96, 96), views=60, noise="poisson", photons=4096.0)
    assert posed.sigma is None
    clean = posed.physics.A(posed.truth).double()
    metres = 0.26 / 96 / posed.physics.scale
    # ln of a Poisson count of mean m has variance 1/m, to first order
    spread = torch.exp(MU_MAX * metres * clean / 2) / math.sqrt(4096) / MU_MAX / metres
    ratio = (posed.y.double() - clean) / spread
    assert float(ratio.std()) == pytest.approx(1, rel=0.05)
    assert float(ratio.mean()) == pytest.approx(0, abs=0.08)


def test_a_wider_field_of_view_absorbs_more_and_is_noisier(pose):
    narrow, wide = (pose("ct", body(), noise="poisson", field_of_view=metres) for metres in (0.1, 0.4))
    assert wide.notes["noise_std"] > narrow.notes["noise_std"]


def test_a_finer_grid_measures_the_same_object_but_not_the_same_numbers(pose):
    item = body(64, 64)
    own = pose("ct", item, views=30)
    fine = pose("ct", item, views=30, simulate_size=256)
    gap = float((fine.y - own.y).norm() / own.y.norm())
    assert 1e-3 < gap < 0.05
    assert torch.equal(fine.truth, own.truth)
    assert fine.physics.spec_id == own.physics.spec_id


def test_another_repeat_counts_other_photons(pose):
    first, again, other = (pose("ct", body(), noise="poisson", repeat=k) for k in (0, 0, 1))
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.y, other.y)


def test_levels_and_metrics_exist_and_more_views_help(pose, score, catalogue):
    assert CT.levels[CT.default_level] == {"views": 60}
    values = []
    for level in CT.levels:
        posed = pose("ct", body(64, 64), **level)
        views = [posed.view(f(posed.y)) for f in (posed.physics.baseline, posed.physics.A_dagger)]
        values.append([score(id, view) for view in views for id in CT.metrics if id != "consistency/l2"])
    assert np.isfinite(values).all()
    fbp = [row[0] for row in values]
    assert fbp == sorted(fbp)
    assert all(row[3] > row[0] for row in values[:2])  # CGLS beats FBP where views are few


def test_real_slices_of_the_standard_set(items, pose, score):
    item = next(item for item in items("ct_slices") if item.array.shape == (128, 128))
    posed = pose("ct", item, views=60)
    view = posed.view(posed.physics.baseline(posed.y))
    assert score("psnr/gtrange", view) > 25
    assert posed.notes["clipped_pixels"] < 0.6


def test_keys_hold_the_parameters_of_the_noise_that_is_there():
    assert CtParams(sigma=0.5, photons=7.0).key() == CtParams().key()
    assert CtParams(noise="gaussian", sigma=0.5).key() != CtParams(noise="gaussian").key()
    assert CtParams(noise="poisson", sigma=0.5).key() == CtParams(noise="poisson").key()
    assert CtParams(noise="poisson", photons=7.0).key() != CtParams(noise="poisson").key()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"angles": "lodopab"}, "1000 views cannot be thinned to 60; 50 is possible"),
        ({"angles": "lodopab", "views": 50, "arc": 90.0}, "lie on 180 degrees, not 90"),
        ({"angles": "fan"}, "angles must be one of linspace, centred, lodopab"),
        ({"views": 0}, "views must lie in 1 to 2000"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(values, words):
    with pytest.raises(UsageError, match=words):
        P.build(CtParams, values, owner="task 'ct'")


def test_slices_that_do_not_fit_are_refused_by_name(pose):
    with pytest.raises(UnsuitableImage, match=r"made/body: a float32 slice .* got int16 \(40, 40\)"):
        pose("ct", body(dtype=np.int16))
    with pytest.raises(ValueError, match=r"expected an estimate of shape \(1, 1, 40, 40\)"):
        pose("ct", body()).view(torch.zeros(1, 1, 40, 41))


PROGRAM = """
import hashlib
from benchhost.data.phantoms import phantom
from benchhost.seeds import Seeds
from benchhost.types import Item
from benchhost_tasks.ct import Ct
from benchhost_tasks.ct_spec import CtParams
item = Item(dataset="d", name="i", kind="ct", array=2000 * phantom("ellipses-ct", 40, 0) - 1000)
for values in ({"noise": "gaussian"}, {"noise": "poisson", "simulate_size": 80}):
    posed = Ct(CtParams(views=20, **values)).pose(item, Seeds(task="ct", dataset="d", image="i"))
    for tensor in (posed.y, posed.physics.baseline(posed.y), posed.physics.A_dagger(posed.y)):
        print(hashlib.sha256(tensor.numpy().tobytes()).hexdigest())
    print(posed.physics.spec_id)
"""


def test_another_process_measures_and_reconstructs_the_same_bits(capsys):
    there = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    exec(PROGRAM, {})
    assert there == capsys.readouterr().out
    assert len(there.split()) == 8
