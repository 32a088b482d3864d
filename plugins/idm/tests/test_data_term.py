"""The data term: where IDM starts, and how it brings an estimate into line with the measurement."""

import pytest
import torch
from benchhost_idm.data_term import DataTerm
from numpy.random import RandomState

from benchhost.training import mixture

NOISY = {
    "denoise": lambda size, random: mixture.Setup(physics=mixture.Identity((1, *size)), sigma=0.1),
    "inpaint": lambda size, random: mixture.Setup(
        physics=mixture.Mask((1, *size), random.rand(*size) < 0.5), sigma=0.1
    ),
    "ct": lambda size, random: mixture.views(size, 30, 1e-3),
    "sr": lambda size, random: mixture.bicubic(size, 2, sigma=0.01),
}


def truth(size=32, count=2, seed=0):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows", [102, 512])
def test_a_start_from_random_projections_is_an_image_with_noise_of_the_level_that_is_told(rows):
    """m / n of the image arrives; undone, what is left is noise of variance (n / m - 1) times the image's."""
    smooth = torch.nn.functional.interpolate(truth(6, 1), size=(64, 64), mode="bicubic")
    x = 2 * smooth - 1
    x = 0.5 * x / x.square().mean().sqrt()  # as strong as the probe
    setup = mixture.scrambled((64, 64), rows, RandomState(0))
    term = DataTerm(setup.physics, setup.physics.A((x + 1) / 2), 0.0)
    error = (term.start - x).square().mean().sqrt()
    assert float(error) == pytest.approx(term.error, rel=0.1)
    assert term.error == pytest.approx(0.5 * (1024 / rows - 1) ** 0.5, rel=0.1)


def test_denoising_starts_at_the_noisy_image_and_its_level():
    m = mixture.measure(truth(), NOISY["denoise"], 0)
    term = DataTerm(m.physics, m.y, m.sigma)
    torch.testing.assert_close(term.start, 2 * m.y - 1, rtol=0.02, atol=0.02)
    assert term.error == pytest.approx(2 * m.sigma, rel=0.05)


@pytest.mark.parametrize("task", NOISY)
def test_the_noisy_data_step_tends_to_the_exact_one(task):
    m = mixture.measure(truth(), NOISY[task], 0)
    data, exact = DataTerm(m.physics, m.y, 1e-4), DataTerm(m.physics, m.y, 0.0)
    x0 = 2 * truth(seed=9)[..., : m.physics.in_shape[1], : m.physics.in_shape[2]] - 1
    residual = [float((m.physics.A(x) - data.y).norm()) for x in
                (x0, data.correct(x0, torch.tensor([1e-6])), data.correct(x0, torch.tensor([1e2])),
                 exact.correct(x0, torch.tensor([0.1])))]  # fmt: skip
    assert residual[1] == pytest.approx(residual[0], rel=1e-2)  # a sure estimate is left alone
    assert residual[2] == pytest.approx(residual[3], rel=0.1, abs=0.02 * residual[0])
    assert residual[2] < 0.5 * residual[0]


def test_an_operator_s_start_is_measured_once(monkeypatch):
    from benchhost_idm import data_term

    calls = []
    measured = data_term.measured_start
    monkeypatch.setattr(data_term, "measured_start", lambda *a: calls.append(a) or measured(*a))
    monkeypatch.setattr(data_term, "_STARTS", {})
    m = mixture.measure(truth(), lambda size, _: mixture.views(size, 20), 0)
    again = mixture.views((32, 32), 20).physics.to(dtype=torch.float32)  # another object, the same operator
    first, second = DataTerm(m.physics, m.y, 0.0), DataTerm(again, m.y, 0.0)
    assert (len(calls), first.error) == (1, second.error)
    DataTerm(m.physics, m.y, 0.1)
    assert len(calls) == 2
