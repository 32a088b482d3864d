"""The network: recurrent, fed by the gradient alone, the same for each image whatever stands beside it."""

import dataclasses

import pytest
import torch
from benchhost_rim.likelihood import Likelihood
from benchhost_rim.network import Rim, RimShape
from numpy.random import RandomState

from benchhost.physics.diagonal import Identity
from benchhost.training import mixture

UNIVERSAL = RimShape(width=8, steps=4)
MRI = RimShape(variant="mri", width=8, steps=4)
PROBLEM = {"universal": "denoise", "mri": "sense"}
shapes = pytest.mark.parametrize("shape", [UNIVERSAL, MRI], ids=lambda shape: shape.variant)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def perturbed(shape, seed=0, size=0.3):
    """A network with weights of a stated generator, so that every part of it matters."""
    network, generator = Rim(shape), rng(seed)
    with torch.no_grad():
        for name, p in network.named_parameters():
            if name != "phi":
                p.copy_(size * torch.randn(p.shape, generator=generator) / max(1, p[0].numel()) ** 0.5)
    return network.requires_grad_(True)


def measured(shape, side=24, count=2, seed=0):
    batch = torch.rand(count, 1, side, side, generator=rng(seed))
    return mixture.measure(batch, mixture.MAKERS[PROBLEM[shape.variant]], seed)


def run(network, m, **options):
    with torch.no_grad():
        return network(m.physics, m.y, m.sigma, scale=m.scale, **options)


@shapes
def test_before_training_every_estimate_is_the_start(shape):
    m, network = measured(shape), Rim(shape)
    likelihood = Likelihood(m.physics, m.y, m.sigma, shape.link, m.scale)
    start = likelihood.image(likelihood.start())
    for estimate in run(network, m):
        torch.testing.assert_close(estimate, start)


@shapes
def test_the_hidden_state_changes_what_the_cell_does(shape):
    m, network = measured(shape), perturbed(shape)
    likelihood = Likelihood(m.physics, m.y, m.sigma, shape.link, m.scale)
    with torch.no_grad():
        eta, state = network.step(likelihood, likelihood.start(), None)
        same, _ = network.step(likelihood, eta, state)
        for number in range(len(state)):
            moved = tuple(
                s + 0.5 * torch.randn(s.shape, generator=rng(number)) if k == number else s for k, s in enumerate(state)
            )
            other, _ = network.step(likelihood, eta, moved)
            assert float((other - same).abs().max()) > 1e-4, number


@shapes
def test_weights_from_state_to_state_get_gradients(shape):
    m, network = measured(shape), perturbed(shape)
    network(m.physics, m.y, m.sigma, scale=m.scale, steps=3)[-1].square().sum().backward()
    recurrent = {n: p.grad for n, p in network.named_parameters() if ".of_state.weight" in n}
    assert len(recurrent) == 2
    for name, gradient in recurrent.items():
        assert float(gradient.abs().max()) > 0, name


@shapes
def test_without_a_hidden_state_a_step_depends_on_the_estimate_alone(shape):
    m, network = measured(shape), perturbed(dataclasses.replace(shape, hidden=False))
    likelihood = Likelihood(m.physics, m.y, m.sigma, shape.link, m.scale)
    with torch.no_grad():
        eta, state = network.step(likelihood, likelihood.start(), None)
        fresh, _ = network.step(likelihood, eta, None)
        carried, _ = network.step(likelihood, eta, state)
    assert torch.equal(fresh, carried)


def test_without_the_estimate_the_cell_sees_the_gradient_alone():
    """Two estimates with one gradient: told the estimate the cell takes another step, without it the same."""
    physics, eta = Identity((1, 16, 16)), torch.rand(1, 1, 16, 16, generator=rng())
    changes = {}
    for told in (True, False):
        network = perturbed(dataclasses.replace(UNIVERSAL, estimate_input=told))
        steps = []
        with torch.no_grad():
            for shift in (0.0, 0.5):
                likelihood = Likelihood(physics, torch.full((1, 1, 16, 16), 0.5), 0.1, "logistic")
                likelihood.gradient = lambda *_: torch.ones(1, 1, 16, 16)
                steps.append(network.step(likelihood, eta + shift, None)[0] - (eta + shift))
        changes[told] = float((steps[0] - steps[1]).abs().max())
    assert changes[False] < 1e-5 < 1e-3 < changes[True]


def test_the_noise_level_is_heard_through_the_gradient_alone():
    """Another sigma, with a residual that makes up for it, is the same step."""
    network, physics = perturbed(UNIVERSAL), Identity((1, 16, 16))
    eta = torch.randn(1, 1, 16, 16, generator=rng())
    likelihood = Likelihood(physics, torch.rand(1, 1, 16, 16, generator=rng(1)), 0.05, "logistic")
    other = Likelihood(physics, torch.rand(1, 1, 16, 16, generator=rng(1)), 0.2, "logistic")
    with torch.no_grad():
        epsilon = float(network.epsilon)
        v = 2 * likelihood.image(eta) - 1
        factor = (other.sigma**2 + epsilon) / (likelihood.sigma**2 + epsilon)
        before, _ = network.step(other, eta, None)
        other.y = v + factor * (likelihood.y - v)
        a, b = (network.step(each, eta, None)[0] for each in (likelihood, other))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert float((before - a).abs().max()) > 1e-3


def test_what_the_operator_does_not_see_of_y_changes_nothing():
    """Numbers at places that were not sampled: the adjoint drops them, so a network fed by gradients cannot know."""
    network = perturbed(MRI)
    m = mixture.measure(
        torch.rand(2, 1, 24, 24, generator=rng()), lambda size, r: mixture.columns(size, 4, r, coils=3), 0
    )
    unsampled = torch.from_numpy(~m.physics.mask)
    assert bool(unsampled.any())
    dirty = dataclasses.replace(m, y=m.y + 100 * unsampled * torch.rand(m.y.shape, generator=rng(1)))
    assert torch.equal(run(network, m), run(network, dirty))


@shapes
def test_an_image_comes_out_as_if_it_were_alone(shape):
    m, network = measured(shape, count=3), perturbed(shape)
    together = run(network, m)
    for number in range(3):
        alone = run(network, dataclasses.replace(m, y=m.y[number : number + 1]))
        torch.testing.assert_close(together[:, number : number + 1], alone, rtol=1e-4, atol=1e-5)


def test_colour_images_are_channels_by_themselves():
    network, y = perturbed(UNIVERSAL), torch.rand(1, 3, 20, 20, generator=rng())
    with torch.no_grad():
        colour = network(Identity((3, 20, 20)), y, 0.1)
        for channel in range(3):
            grey = network(Identity((1, 20, 20)), y[:, channel : channel + 1], 0.1)
            torch.testing.assert_close(colour[:, :, channel : channel + 1], grey, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(17, 22), (8, 9), (5, 3), (1, 1)])
def test_any_size_is_taken(size):
    network = perturbed(UNIVERSAL)
    with torch.no_grad():
        estimates = network(Identity((1, *size)), torch.rand(2, 1, *size, generator=rng()), 0.1)
    assert estimates.shape == (4, 2, 1, *size)
    assert bool(estimates.isfinite().all())


@shapes
def test_many_more_steps_stay_finite_and_repeat(shape):
    m, network = measured(shape), perturbed(shape, size=1.0)
    first = run(network, m, steps=8 * shape.steps)
    assert bool(first.isfinite().all())
    assert torch.equal(first, run(network, m, steps=8 * shape.steps))
    torch.testing.assert_close(first[: shape.steps], run(network, m))


def test_steps_that_are_skipped_are_taken_all_the_same():
    m, network = measured(UNIVERSAL), perturbed(UNIVERSAL)
    estimates = network(m.physics, m.y, m.sigma, scale=m.scale, steps=2, skipped=3)
    torch.testing.assert_close(estimates.detach(), run(network, m, steps=5)[3:])
    estimates.square().sum().backward()
    skipped_gradient = network.cell.enter.weight.grad.clone()
    network.zero_grad()
    network(m.physics, m.y, m.sigma, scale=m.scale, steps=5)[3:].square().sum().backward()
    assert not torch.allclose(skipped_gradient, network.cell.enter.weight.grad)
    assert torch.is_grad_enabled()


def test_the_mri_cell_has_the_published_number_of_weights():
    assert sum(p.numel() for p in Rim(RimShape(variant="mri")).parameters()) == 94_464 + 1  # and epsilon


def test_the_universal_network_is_small():
    assert sum(p.numel() for p in Rim(RimShape()).parameters()) < 600_000


@pytest.mark.parametrize(
    ("values", "words"),
    [({"variant": "colour"}, "universal or mri"), ({"width": 6}, "multiple of 4"), ({"steps": 0}, "at least one step")],
)
def test_impossible_shapes_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        RimShape(**values)


def test_one_network_takes_every_operator():
    network = perturbed(UNIVERSAL)
    for task, maker in mixture.MAKERS.items():
        setup = maker((32, 32), RandomState(0))
        assert setup.physics.in_shape[0] in (1, 2)
        m = mixture.measure(torch.rand(2, 1, 32, 32, generator=rng()), maker, 0)
        estimates = run(network, m, steps=2)
        assert estimates.shape == (2, *m.truth.shape), task
        assert bool(estimates.isfinite().all()), task
