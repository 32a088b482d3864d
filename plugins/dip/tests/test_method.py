"""What a reconstruction promises: reproducible, private to its image, bounded in time, honest about what it selects."""

import time

import numpy as np
import pytest
import torch
from benchhost_dip import method as module
from benchhost_dip.method import Dip
from benchhost_dip.params import DipParams
from benchhost_dip.plugin import benchhost_methods
from torch import Generator

from benchhost.errors import UsageError
from benchhost.params import build
from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.fourier import SingleCoilFourier
from benchhost.physics.jpeg import Jpeg
from benchhost.types import Problem

RECORD = next(iter(benchhost_methods()))


def picture(height=32, width=32):
    """A disc, a bar and a slope, in [0, 1]: (1, 1, H, W)."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    image = 0.3 + 0.2 * columns
    image[(rows**2 + columns**2) < 0.3] = 0.8
    image[(rows > 0.4) & (rows < 0.7)] = 0.1
    return image[None, None]


def noisy(x, sigma, seed=0):
    return x + sigma * torch.randn(x.shape, generator=Generator().manual_seed(seed))


def pose(y, physics=None, *, seed=0, sigma=0.1, **more):
    physics = physics or Identity(tuple(y.shape[1:]))
    return Problem(
        y=y,
        physics=physics,
        sigma=sigma,
        image_shape=physics.in_shape,
        rng=Generator().manual_seed(seed),
        task="denoise",
        **more,
    )


def dip(**values):
    return Dip(build(DipParams, {"iterations": 20, **values}, owner="method 'dip'"))


def psnr(estimate, truth):
    return float(-10 * torch.log10((estimate - truth).square().mean()))


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_image():
    y = noisy(picture(), 0.1)
    first, again = (dip().reconstruct(pose(y)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, dip().reconstruct(pose(y, seed=1)))


def test_global_randomness_is_neither_read_nor_moved():
    y = noisy(picture(), 0.1)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = dip().reconstruct(pose(y))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first, dip().reconstruct(pose(y)))


def test_one_instance_keeps_nothing_from_one_image_to_the_next(monkeypatch):
    starts = []
    made = module.build

    def watched(*args):
        net = made(*args)
        starts.append([p.detach().clone() for p in net.parameters()])
        return net

    monkeypatch.setattr(module, "build", watched)
    method, other = dip(), noisy(1 - picture(), 0.1, seed=5)
    alone = dip().reconstruct(pose(other, seed=7))
    method.reconstruct(pose(noisy(picture(), 0.1), seed=6))
    after = method.reconstruct(pose(other, seed=7))
    assert torch.equal(alone, after)
    same_seed, another_seed = (starts[0], starts[2]), (starts[1], starts[2])
    assert all(torch.equal(a, b) for a, b in zip(*same_seed, strict=True))
    assert not torch.equal(another_seed[0][0], another_seed[1][0])


def test_an_estimate_does_not_depend_on_its_place_in_the_batch():
    y = torch.cat([noisy(picture(), 0.1), noisy(1 - picture(), 0.1, seed=1)])
    both, swapped = dip().reconstruct(pose(y)), dip().reconstruct(pose(y.flip(0)))
    assert torch.equal(both.flip(0), swapped)
    assert torch.equal(both[:1], dip().reconstruct(pose(y[:1])))


def test_the_measurement_is_left_as_it_was():
    y = noisy(picture(), 0.1)
    copy = y.clone()
    dip(seeds=2).reconstruct(pose(y))
    assert torch.equal(y, copy)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (21, 16)])
@pytest.mark.parametrize("recipe", ["fast", "paper"])
def test_any_image_size_comes_back_in_full(recipe, size):
    problem = pose(noisy(picture(*size), 0.1))
    assert dip(recipe=recipe, iterations=2).reconstruct(problem).shape == (1, 1, *size)


def problems():
    """One small problem of each kind: name, truth, problem."""
    x, rng = picture(), np.random.RandomState(0)
    colour = torch.cat([x, 1 - x, 0.5 * x], 1)
    complex_image = torch.cat([3 * x, -2 * x], 1)
    mask = rng.rand(32, 32) < 0.5
    block = BlockCS((1, 32, 32), 8, sensing(gaussian_rows(64, 24)))
    fourier = SingleCoilFourier(rng.rand(32) < 0.6, (32, 32))
    jpeg = Jpeg((1, 32, 32), 10)

    def exact(physics, truth, **more):
        return pose(physics.A(truth), physics, sigma=more.pop("sigma", 0.0), **more)

    yield "denoise", x, pose(noisy(x, 0.1))
    yield "denoise-colour", colour, pose(noisy(colour, 0.1))
    yield "inpaint", colour, exact(Mask((3, 32, 32), mask), colour)
    yield "cs", x, exact(block, x)
    yield "mri", complex_image, exact(fourier, complex_image, complex_image=True, value_range=None)
    yield "jpeg", x, exact(jpeg, x, sigma=None)
    yield "attenuation", 40 * x, exact(Identity((1, 32, 32)), 40 * x, value_range=None)


@pytest.mark.parametrize(("name", "truth", "problem"), [pytest.param(*p, id=p[0]) for p in problems()])
def test_every_kind_of_problem_is_fitted(name, truth, problem):
    estimate = dip(iterations=100).reconstruct(problem)
    assert estimate.shape == truth.shape
    assert estimate.isfinite().all()
    spread = float(truth.std())
    # Half the truth's own spread: a constant image would be at 1, an output of the wrong scale far above it.
    assert float((estimate - truth).square().mean().sqrt()) < 0.5 * spread


def test_exact_measurements_are_explained_exactly():
    truth = picture()
    block = BlockCS((1, 32, 32), 8, sensing(gaussian_rows(64, 24)))
    y = block.A(truth)
    projected, plain = (dip(consistent=on).reconstruct(pose(y, block, sigma=0.0)) for on in (True, False))
    assert float((block.A(projected) - y).abs().max()) < 1e-5  # float32 sums over 64 pixels
    assert float((block.A(plain) - y).abs().max()) > 1e-2
    assert psnr(projected, truth) > psnr(plain, truth)


def test_noisy_measurements_are_not_explained_exactly():
    y = noisy(picture(), 0.1)
    assert float((dip().reconstruct(pose(y)) - y).abs().max()) > 0.1


def test_bounded_images_stay_in_their_range():
    estimate = dip().reconstruct(pose(noisy(picture(), 0.5), sigma=0.5))
    assert 0 <= estimate.min() <= estimate.max() <= 1


class TenthsOfASecond:
    """A clock that moves by 0.1 s each time it is read, whatever the load of the machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


def test_the_deadline_ends_the_run_with_the_average_so_far(monkeypatch):
    clock, seen = TenthsOfASecond(), []
    monkeypatch.setattr(module, "time", clock)
    y = noisy(picture(), 0.02)
    problem = pose(y, sigma=0.0, deadline=5.0, trace=lambda step, x, **_: seen.append((step, x.clone())))
    estimate = dip(iterations=1_000_000, consistent=False).reconstruct(problem)
    assert 4.7 < clock.now < 5.0  # as late as the length of one more step allows
    assert seen[-1][0] == 40
    assert psnr(estimate, seen[-1][1]) > 25  # some steps on from the last traced average
    assert psnr(estimate, y) > psnr(seen[0][1], y)


def test_a_deadline_is_shared_by_the_seeds(monkeypatch):
    clock, seen = TenthsOfASecond(), []
    monkeypatch.setattr(module, "time", clock)
    problem = pose(noisy(picture(), 0.1), sigma=0.0, deadline=9.0, trace=lambda step, x, **_: seen.append(step))
    dip(iterations=100_000, seeds=2).reconstruct(problem)
    assert seen == [20, 40, 100_020, 100_040]  # steps of the second run are numbered after the first's limit
    assert clock.now < 9.0


def test_a_deadline_that_has_passed_still_gives_an_estimate():
    estimate = dip(iterations=1000).reconstruct(pose(noisy(picture(), 0.1), deadline=time.monotonic() - 1))
    assert estimate.isfinite().all()


def test_several_seeds_return_their_mean():
    y = noisy(picture(), 0.1)
    problem = pose(y)
    seeds = [int(torch.randint(2**62, (), generator=problem.rng)) for _ in range(2)]
    params = build(DipParams, {"iterations": 20}, owner="dip")
    runs = [module.Run(pose(y), 0, seed, params, before=None, number=0).fit(None) for seed in seeds]
    both = dip(iterations=20, seeds=2).reconstruct(pose(y))
    torch.testing.assert_close(both, (runs[0] + runs[1]) / 2)


def test_traced_iterates_are_what_would_be_returned():
    seen = {}
    problem = pose(noisy(picture(), 0.1), sigma=0.0, trace=lambda step, x, **_: seen.update({step: x.clone()}))
    estimate = dip(iterations=40).reconstruct(problem)
    assert list(seen) == [20, 40]
    assert torch.equal(seen[40], estimate)


def test_the_average_of_outputs_beats_the_last_output_on_a_noisy_image():
    x = picture()
    y = noisy(x, 0.1)
    averaged, last = (
        psnr(dip(iterations=160, stop="none", tv=0.0, ema=ema).reconstruct(pose(y)), x) for ema in (0.99, 0.0)
    )
    assert averaged > last + 0.3


def test_noise_is_fitted_more_slowly_than_a_picture():
    def residual(target):
        seen = []
        problem = pose(target, sigma=0.0, trace=lambda step, x, residual, **_: seen.append(residual))
        dip(iterations=40, stop="none", tv=0.0, input_noise=0.0, learning_rate=0.01).reconstruct(problem)
        return seen[-1] / float(target.var())

    x = picture()
    white = 0.5 + float(x.std()) * torch.randn(x.shape, generator=Generator().manual_seed(0))
    shuffled = x.flatten()[torch.randperm(x.numel(), generator=Generator().manual_seed(0))].reshape(x.shape)
    natural = residual(x)
    # The paper's figure 2: an untrained hourglass resists noise, and as much the shuffled picture.
    assert residual(white) > 4 * natural
    assert residual(shuffled) > 4 * natural


def test_known_noise_stops_the_run_before_its_limit():
    x, steps = picture(), []
    problem = pose(noisy(x, 0.2), sigma=0.2, trace=lambda step, estimate, **_: steps.append(step))
    dip(iterations=2000).reconstruct(problem)
    assert steps[-1] < 1500


def test_a_fit_that_breaks_down_goes_back_to_the_last_check():
    net = torch.nn.Linear(2, 1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    checkpoint = module._Checkpoint(net, optimiser, 5.0)
    for step in (1, 50):
        optimiser.zero_grad()
        net(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        assert not checkpoint.restored(step, 1.0)
    saved = {k: v.clone() for k, v in net.state_dict().items()}
    moment = optimiser.state[net.weight]["exp_avg"].clone()
    with torch.no_grad():
        net.weight.fill_(9.0)
        optimiser.state[net.weight]["exp_avg"].fill_(9.0)
    assert not checkpoint.restored(60, 3.0)  # 4.8 dB
    assert checkpoint.restored(61, 3.3)  # 5.2 dB
    assert all(torch.equal(v, saved[k]) for k, v in net.state_dict().items())
    assert torch.equal(optimiser.state[net.weight]["exp_avg"], moment)
    assert checkpoint.restored(62, float("nan"))


def test_a_measurement_that_is_not_finite_is_an_error_not_an_image():
    with pytest.raises(FloatingPointError, match="finite"):
        dip(iterations=3).reconstruct(pose(torch.full((1, 1, 32, 32), float("nan"))))


def test_the_discrepancy_rule_is_refused_without_a_noise_level():
    with pytest.raises(UsageError, match="stop=discrepancy needs a noise level"):
        dip(stop="discrepancy").reconstruct(pose(picture(), sigma=None))


def test_quick_settings_take_about_a_second():
    method = Dip(build(DipParams, RECORD.quick, owner="dip"))
    start = time.process_time()
    method.reconstruct(pose(noisy(picture(), 0.1)))
    assert time.process_time() - start < 10  # about one second on a quiet core


def test_double_precision_problems_come_back_in_double_precision():
    assert dip(iterations=2).reconstruct(pose(noisy(picture(), 0.1).double())).dtype == torch.float64
