import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from benchhost_ddnm.params import PriorParams
from benchhost_ddnm.prior import VALIDATED, Prior, denoise
from torch import nn

from benchhost import params as P
from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.plugins import load
from benchhost.types import Item

TINY = PriorParams(widths=(8, 8), down=(1, 1), up=(1, 0), embedding=4)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Teller(nn.Module):
    """Knows the clean images: its noise prediction is exact, plus ``off``."""

    def __init__(self, x0, off=0.0):
        super().__init__()
        self.x0, self.off = x0, off

    def forward(self, x, alpha_bar):
        a = alpha_bar[:, None, None, None]
        return (x - a.sqrt() * self.x0) / (1 - a).sqrt() + self.off

    def denoise(self, x, alpha_bar):
        return self.x0 + 0 * x


def test_the_prior_is_on_offer_and_listing_it_imports_no_torch():
    training = load().training("prior")
    assert training.dataset == "bsds500_train"
    code = "import sys; from benchhost.plugins import load; load().training('prior'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_exact_noise_has_no_loss_and_an_error_in_eps_weighs_one_over_alpha_bar():
    prior, batch = Prior(TINY), torch.rand(16, 1, 8, 8, generator=generator())
    x0 = 2 * batch - 1
    assert prior.loss(Teller(x0), batch, generator(1)) < 1e-3  # float32 at alpha_bar near 4e-5
    levels = prior.noise_levels(16, generator(1))
    expected = (0.01 / levels).mean()
    assert prior.loss(Teller(x0, off=0.1), batch, generator(1)).item() == pytest.approx(expected.item(), rel=0.02)


def test_the_loss_is_that_of_v():
    prior, batch = Prior(TINY), torch.rand(4, 1, 16, 16, generator=generator())
    network = prior.network()
    for parameter in network.parameters():
        parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator(2))
    rng = generator(3)
    levels = prior.noise_levels(4, rng).float()
    eps = torch.randn(batch.shape, generator=rng)
    a, x0 = levels[:, None, None, None], 2 * batch - 1
    v = a.sqrt() * eps - (1 - a).sqrt() * x0
    expected = (network.v(a.sqrt() * x0 + (1 - a).sqrt() * eps, levels) - v).square().mean()
    assert prior.loss(network, batch, generator(3)).item() == pytest.approx(expected.item(), rel=1e-3)


def test_noise_levels_are_stratified_over_the_mixture():
    prior = Prior(PriorParams(focus=0.5, wide=0.25))
    levels = prior.noise_levels(4000, generator())
    sigma = ((1 - levels) / levels).sqrt()
    focus = ((sigma >= 0.06) & (sigma <= 0.8)).double().mean()
    # Half by the focus, a quarter times log(0.8 / 0.06) / log(8 / 0.02) by the wide part, a quarter times the share
    # of the 1000 steps whose sigma lies there.
    steps = prior.schedule.sigma
    inside = ((steps >= 0.06) & (steps <= 0.8)).double().mean()
    expected = 0.5 + 0.25 * math.log(0.8 / 0.06) / math.log(8 / 0.02) + 0.25 * inside
    assert focus.item() == pytest.approx(expected.item(), abs=0.002)  # stratified: no sampling noise to speak of
    assert sigma.max() > 140
    assert 0.009 < sigma.min() < 0.03
    assert ((levels > 0) & (levels < 1)).all()
    few = prior.noise_levels(8, generator())
    assert ((few > 1 / (1 + 0.8**2)) & (few < 1 / (1 + 0.06**2))).sum() >= 4  # every batch holds its share


def test_all_steps_can_be_the_whole_mixture():
    levels = Prior(PriorParams(focus=0.0, wide=0.0)).noise_levels(1000, generator())
    expected = Prior(TINY).schedule.alpha_bar
    torch.testing.assert_close(levels.sort(descending=True).values, expected)


def test_colour_files_become_grey_by_the_rule_of_the_berkeley_sets():
    pixels = np.random.RandomState(0).randint(0, 256, (5, 6, 3)).astype(np.uint8)
    item = Item(dataset="d", name="n", kind="image", array=pixels)
    assert (Prior(TINY).prepare(item) == rgb2gray(pixels)[None]).all()
    colour = Prior(PriorParams(channels=3, widths=(8,), down=(1,), up=(1,))).prepare(item)
    assert colour.shape == (3, 5, 6)
    assert (colour[1] == pixels[..., 1]).all()


def test_what_cannot_be_learned_from_is_refused():
    grey = Item(dataset="d", name="n", kind="image", array=np.zeros((4, 4), np.uint8))
    with pytest.raises(UsageError, match="d: n is grey, a colour prior needs colour images"):
        Prior(PriorParams(channels=3)).prepare(grey)
    with pytest.raises(UsageError, match="cannot learn from 'scans', of kind 'ct'"):
        Prior(TINY).prepare(Item(dataset="scans", name="n", kind="ct", array=np.zeros((4, 4), np.float32)))
    with pytest.raises(UsageError, match="focus and wide are shares of one whole"):
        P.build(PriorParams, {"focus": 0.8, "wide": 0.3}, owner="training 'prior'")


def test_validation_is_the_psnr_of_one_step_denoising_and_repeats_itself():
    images = [torch.full((1, 1, 40, 40), 0.5), torch.full((1, 1, 200, 150), 0.5)]

    class Constant(Teller):
        def denoise(self, x, alpha_bar):
            return torch.full_like(x, 2 * (0.5 + 0.1) - 1)

    figures = Prior(TINY).validate(Constant(None), images)
    assert figures == pytest.approx({f"psnr_sigma{s:g}": 20.0 for s in VALIDATED}, abs=1e-4)

    class Nothing(Teller):
        def denoise(self, x, alpha_bar):
            return x / alpha_bar.sqrt()[:, None, None, None]

    figures = Prior(TINY).validate(Nothing(None), images)
    # Noise that is left as it is: 20 log10(255 / sigma), where clipping does not help yet.
    assert figures["psnr_sigma15"] == pytest.approx(24.61, abs=0.1)
    assert figures == Prior(TINY).validate(Nothing(None), images)


def test_denoise_asks_at_the_level_of_its_image():
    seen = []

    class Listener(Teller):
        def denoise(self, x, alpha_bar):
            seen.append((x, alpha_bar))
            return x

    noisy = torch.rand(2, 1, 8, 8, generator=generator())
    denoise(Listener(None), noisy, 25 / 255)
    x, alpha_bar = seen[0]
    sigma = ((1 - alpha_bar) / alpha_bar).sqrt()
    assert sigma.tolist() == pytest.approx([2 * 25 / 255] * 2, rel=1e-5)
    torch.testing.assert_close(x / alpha_bar.sqrt()[:, None, None, None], 2 * noisy - 1)


def test_a_few_steps_teach_it_to_denoise():
    prior = Prior(PriorParams(widths=(16,), down=(1,), up=(1,), embedding=8, focus=1.0, wide=0.0))
    torch.manual_seed(0)
    network = prior.network()
    rows = torch.linspace(0, 1, 32)
    images = [(0.5 + 0.4 * torch.sin(6 * rows[:, None] + k + 2 * rows))[None, None] for k in range(4)]
    batch = torch.cat(images)
    with torch.no_grad():
        before = prior.validate(network, images)["psnr_sigma50"]
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    rng = generator()
    for _ in range(60):
        optimizer.zero_grad()
        prior.loss(network, batch, rng).backward()
        optimizer.step()
    with torch.no_grad():
        after = prior.validate(network, images)["psnr_sigma50"]
    assert after > before + 3  # dB; 5 or so are seen
