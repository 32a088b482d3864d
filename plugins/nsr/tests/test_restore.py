"""Restoration of linear measurements: the start, the hint, the step back to the measurement."""

import dataclasses

import pytest
import torch
from benchhost_nsr.consistency import correct, invert, start
from benchhost_nsr.network import NsrShape
from benchhost_nsr.restore import RHO, Restorer

from benchhost.nets.scale import SIGNED
from benchhost.physics.diagonal import Identity, Mask
from benchhost.training import mixture

MAKERS = {
    "cs": lambda size, random: mixture.scrambled(size, 308, random),
    "mri": lambda size, random: mixture.columns(size, 4, random),
    "inpaint": lambda size, random: mixture.Setup(physics=Mask((1, *size), random.rand(*size) < 0.3)),
}


def measured(task, batch=2, side=32):
    x = torch.rand(batch, 1, side, side, generator=torch.Generator().manual_seed(0))
    return mixture.measure(x, MAKERS[task], seed=0)


@pytest.fixture
def network(small):
    return small.perturbed(dataclasses.replace(small.shape, hints=1), Restorer)


@pytest.mark.parametrize("task", MAKERS)
def test_exact_measurements_are_kept(task, network):
    m = measured(task)
    with torch.no_grad():
        x = network(m.physics, m.y, 0.0, m.scale)
    torch.testing.assert_close(m.physics.A(x), m.y, rtol=1e-3, atol=2e-4)


def test_an_iterative_inverse_comes_nearer_to_the_measurement(network):
    x = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    m = mixture.measure(x, lambda size, _: mixture.views(size, 30), seed=0)
    z = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))

    def misfit(x):
        return float((m.physics.A(x) - m.y).norm())

    assert misfit(correct(m.physics, z, m.y, 0.0, torch.tensor(RHO))) < 0.3 * misfit(z)


@pytest.mark.parametrize("task", ["cs", "inpaint"])
def test_noise_is_weighed_against_the_network_s_error(task):
    m = measured(task)
    y = m.y + 0.1
    z = m.truth + 0.05
    near, far = (correct(m.physics, z, y, 0.1, torch.tensor(rho)) for rho in (1e-3, 10.0))
    torch.testing.assert_close(near, z, rtol=0, atol=1e-3)
    torch.testing.assert_close(far, correct(m.physics, z, y, 0.0, torch.tensor(1.0)), rtol=0, atol=1e-3)


def test_the_weight_of_noise_is_learned(network):
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    network(Identity((1, 16, 16)), x, 0.1).square().sum().backward()
    assert network.rho.grad.abs() > 0


def test_a_noisy_start_is_the_wiener_estimate_of_white_images():
    y = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = start(Identity((1, 4, 4)), y, 0.25)
    torch.testing.assert_close(found, y * 0.5**2 / (0.5**2 + 0.25**2))


def test_an_iterative_noisy_inverse_minimises_what_it_says():
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    A = mixture.measure(x, lambda size, _: mixture.views(size, 20), seed=0).physics
    y = A.A(x)
    found = invert(A, y, 0.5, spread=0.5, steps=60)
    gradient = A.A_adjoint(A.A(found) - y) / 0.5**2 + found / 0.5**2
    assert gradient.norm() < 1e-3 * (A.A_adjoint(y) / 0.5**2).norm()


def test_complex_images_are_two_grey_ones_with_one_operator(network):
    m = measured("mri")
    assert m.truth.shape[1] == 2
    shown = []

    def run(inputs):
        shown.append(inputs)
        return network.net(inputs)

    with torch.no_grad():
        estimate = network(m.physics, m.y, m.sigma, SIGNED, run=run)
    assert estimate.shape == m.truth.shape
    assert shown[0].shape == (4, 2, 32, 32)
    seen = m.physics.A_dagger(m.y)
    torch.testing.assert_close(shown[0][:, 0].view_as(seen), 0.5 + 0.5 * seen)


def test_the_hint_of_inpainting_is_its_mask(network):
    m, shown = measured("inpaint"), []

    def run(inputs):
        shown.append(inputs)
        return network.net(inputs)

    with torch.no_grad():
        network(m.physics, m.y, 0.0, m.scale, run=run)
    torch.testing.assert_close(shown[0][0, 1], m.physics.A(torch.ones(1, 1, 32, 32))[0, 0])


def test_images_in_a_batch_do_not_meet(network):
    m = measured("cs")
    with torch.no_grad():
        both = network(m.physics, m.y, 0.0, m.scale)
        first = network(m.physics, m.y[:1], 0.0, m.scale)
    torch.testing.assert_close(both[:1], first, rtol=1e-4, atol=1e-5)


def test_shapes_without_a_hint_are_refused():
    with pytest.raises(ValueError, match="one channel and one hint at scale 1"):
        Restorer(NsrShape())
