import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.nets import NoiseSchedule, UNet, UNetShape
from benchhost.nets.schedule import alpha_bar_of
from benchhost.nets.unet import NoiseEmbedding, ResidualBlock, channel_norm

SMALL = UNetShape(widths=(8, 12, 16), down=(1, 1, 1), up=(2, 1, 0), embedding=8)


def network(shape=SMALL, seed=0):
    """A network whose every parameter is random: the zeros it starts from would hide most of it."""
    rng = torch.Generator().manual_seed(seed)
    made = UNet(shape)
    for parameter in made.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=rng)
    return made.eval().requires_grad_(False)


def noisy(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=15, deadline=None)
@given(st.integers(9, 41), st.integers(9, 41), st.sampled_from([1, 3]), st.integers(1, 3))
def test_any_size_comes_back_in_its_size(height, width, channels, batch):
    shape = UNetShape(channels=channels, widths=(4, 4), down=(1, 1), up=(1, 0), embedding=4)
    x = noisy(batch, channels, height, width)
    estimate = network(shape)(x, torch.full((batch,), 0.5))
    assert estimate.shape == x.shape
    assert estimate.dtype == torch.float32
    assert estimate.isfinite().all()


@pytest.mark.parametrize("alpha_bar", [1 - 1e-4, 0.5, 4e-5])
def test_noise_and_image_estimates_recompose_the_input(alpha_bar):
    x, level = noisy(2, 1, 16, 16).double(), torch.full((2,), alpha_bar, dtype=torch.float64)
    made = network().double()
    eps, x0 = made(x, level), made.denoise(x, level)
    again = math.sqrt(alpha_bar) * x0 + math.sqrt(1 - alpha_bar) * eps
    torch.testing.assert_close(again, x, rtol=0, atol=1e-12)


def test_an_untrained_network_predicts_v_zero_and_learns_from_there():
    made = UNet(SMALL)
    x, level = noisy(1, 1, 16, 16), torch.tensor([0.36])
    assert (made.v(x, level) == 0).all()
    torch.testing.assert_close(made.denoise(x, level), 0.6 * x)
    made(x, level).square().sum().backward()
    assert made.last.weight.grad.abs().sum() > 0


def test_a_batch_is_its_samples_each_with_its_own_noise_level():
    made, x, levels = network(), noisy(3, 1, 16, 24), torch.tensor([0.9, 0.5, 0.01])
    together = made(x, levels)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], made(x[i : i + 1], levels[i : i + 1]), rtol=1e-4, atol=1e-5)
    assert (made.v(x, levels) - made.v(x, levels.flip(0))).abs().max() > 1e-3


def test_what_lies_far_away_does_not_matter():
    # With group normalisation it would: what was learned on patches would not hold on whole images.
    made, level = network(), torch.tensor([0.5])
    wide = noisy(1, 1, 16, 512)
    other = wide.clone()
    other[..., 400:] = noisy(1, 1, 16, 112, seed=2)
    one, two = made.v(wide, level), made.v(other, level)
    torch.testing.assert_close(one[..., :300], two[..., :300], rtol=0, atol=1e-6)
    assert (one[..., 400:] - two[..., 400:]).abs().max() > 1e-2


def test_padding_is_a_mirror():
    made, x, level = network(), noisy(1, 1, 13, 16), torch.tensor([0.5])
    mirrored = torch.cat([x, x[..., 10:12, :].flip(-2), x[..., 9:10, :]], -2)
    torch.testing.assert_close(made.v(x, level), made.v(mirrored, level)[..., :13, :])


def test_the_default_network_fits_its_limits():
    count = sum(parameter.numel() for parameter in UNet(UNetShape()).parameters())
    assert count <= 4_000_000
    assert 2 * count <= 8_000_000  # bytes in half precision
    assert len(UNetShape().widths) >= 4


def test_every_parameter_gets_a_gradient():
    made = network().requires_grad_(True)
    made(noisy(2, 1, 16, 16), torch.tensor([0.3, 0.8])).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in made.parameters())


def test_channel_norm_agrees_with_numpy():
    x = noisy(2, 6, 3, 5)
    values = x.numpy().astype(np.float64)
    expected = (values - values.mean(1, keepdims=True)) / np.sqrt(values.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(channel_norm(x).numpy(), expected, atol=1e-5)


def test_an_untrained_block_is_the_identity():
    x = noisy(2, 8, 5, 7)
    assert torch.equal(ResidualBlock(8, 4)(x, noisy(2, 4)), x)


def test_neighbouring_noise_levels_are_told_apart():
    phase = []
    embedding = NoiseEmbedding(8)
    embedding.layers.register_forward_pre_hook(lambda module, inputs: phase.append(inputs[0]))
    sigmas = torch.tensor([0.01, 0.1, 2 * 15 / 255, 2 * 25 / 255, 2 * 50 / 255, 3.0, 150.0], dtype=torch.float64)
    embedding(alpha_bar_of(sigmas))
    distances = torch.cdist(phase[0], phase[0]) + 10 * torch.eye(len(sigmas))
    assert distances.min() > 0.5


def test_bf16_autocast_stays_near_float32():
    made, x, level = network(), noisy(2, 1, 32, 32), torch.tensor([0.9, 0.1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = made(x, level)
    full = made(x, level)
    assert half.dtype == torch.float32
    assert (half - full).norm() / full.norm() < 0.03  # bf16 has 8 bits: 0.4 % a rounding, over a dozen layers


@pytest.mark.parametrize("lengths", [((1, 1), (1,)), ((1,), (1, 1))])
def test_a_shape_that_does_not_add_up_is_refused(lengths):
    with pytest.raises(ValueError, match="must be of one length"):
        UNetShape(widths=(8, 8), down=lengths[0], up=lengths[1])


def test_the_schedule_is_that_of_ddpm():
    schedule = NoiseSchedule()
    beta = [1e-4 + (0.02 - 1e-4) * t / 999 for t in range(1000)]
    expected = np.exp(np.cumsum(np.log1p(-np.array(beta))))
    np.testing.assert_allclose(schedule.alpha_bar.numpy(), expected, rtol=1e-12)
    assert schedule.alpha_bar[0].item() == pytest.approx(0.9999)
    assert schedule.alpha_bar[-1].item() == pytest.approx(4.0358e-5, rel=1e-4)


def test_the_step_of_a_noise_level_is_the_nearest_one():
    schedule = NoiseSchedule()
    for step in (0, 1, 100, 998, 999):
        assert schedule.nearest(float(schedule.sigma[step])) == step
    assert schedule.nearest(1e-9) == 0
    assert schedule.nearest(1e9) == 999
    with pytest.raises(ValueError, match="sigma must be positive"):
        schedule.nearest(0.0)
    sigma = 2 * 25 / 255
    near = schedule.sigma[schedule.nearest(sigma)].item()
    assert abs(math.log(near / sigma)) < 0.02  # 2 % of 25 grey levels: half a level


def test_alpha_bar_and_sigma_are_inverse():
    schedule = NoiseSchedule()
    torch.testing.assert_close(alpha_bar_of(schedule.sigma), schedule.alpha_bar)
