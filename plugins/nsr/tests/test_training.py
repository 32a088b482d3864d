"""Training NSR: what each lesson shows the network, and what is exported."""

import numpy as np
import pytest
import torch
from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.params import RESTORED, NsrTrainingParams
from benchhost_nsr.training import NsrTraining

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets.scale import UNIT
from benchhost.physics.jpeg import Jpeg
from benchhost.training import mixture
from benchhost.types import Item

TINY = {"blocks": "2", "features": "8", "groups": "2", "cardinality": "4", "images": "2"}


def training(**values):
    return NsrTraining(P.build(NsrTrainingParams, {**TINY, **values}, owner="training 'nsr'"))


def rng(seed=7):
    return torch.Generator().manual_seed(seed)


def batch(count=2, side=48):
    return torch.rand(count, 1, side, side, generator=rng(0))


class Seen:
    """A network that keeps what it is shown and returns zeros."""

    def __init__(self, scale=1):
        self.scale, self.inputs = scale, []

    def __call__(self, x):
        self.inputs.append(x)
        return torch.zeros(len(x), 1, *(self.scale * n for n in x.shape[2:]))


def parameters(**shape):
    return sum(p.numel() for p in Nsr(NsrShape(**shape)).parameters())


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ({"groups": 1, "width": 2}, 593_538),
        ({"groups": 2}, 628_354),
        ({"groups": 2, "width": 2}, 1_236_610),
        ({}, 1_256_066),
        # The authors' k = 1 carries gates that do nothing; a sigmoid's gates act, so they are built.
        ({"groups": 1, "gate": "sigmoid"}, 314_498),
        ({"groups": 1}, 314_498 - 32 * 16 * 33),
        ({"channels": 3, "features": 64, "scale": 2}, 4_877_812),
        ({"channels": 3, "features": 64, "scale": 3}, 4_887_637),
        ({"channels": 3, "features": 64, "scale": 4}, 4_901_392),
        ({"channels": 3, "features": 64, "scale": 2, "groups": 1}, 1_193_460),
    ],
)
def test_networks_have_the_authors_number_of_parameters(shape, count):
    assert parameters(**shape) == count


def test_a_network_that_changes_nothing_returns_its_input():
    network = Nsr(NsrShape(blocks=2, features=8, groups=2, cardinality=4))
    with torch.no_grad():
        network.tail.gain.zero_()
        torch.testing.assert_close(network(batch()), batch())


def test_denoising_shows_noise_of_a_level_for_each_patch():
    seen = Seen()
    training().loss(seen, batch(64), rng())
    levels = 255 * (seen.inputs[0] - batch(64)).std((1, 2, 3))
    assert 0 < levels.min() < 10
    assert 45 < levels.max() < 58
    assert 22 < levels.mean() < 33


def test_jpeg_shows_qualities_from_10_to_40():
    seen = Seen()
    training(tasks="jpeg").loss(seen, batch(32), rng())
    coarse, fine = (Jpeg((1, 48, 48), q).A(batch(32)) for q in (10, 40))
    error, worst, least = ((x - batch(32)).square().mean((1, 2, 3)) for x in (seen.inputs[0], coarse, fine))
    assert bool((error <= worst * 1.02).all())
    assert bool((error >= least * 0.98).all())
    assert error.std() > 0.1 * error.mean()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_shows_the_protocol_s_downsampling_and_sometimes_its_rounding(scale):
    seen = Seen(scale)
    training(tasks="sr", scale=str(scale)).loss(seen, batch(32), rng())
    exact = mixture.BicubicDownsampling((1, 48, 48), scale).A(batch(32))
    (shown,) = seen.inputs
    same = [torch.equal(a, b) for a, b in zip(shown, exact, strict=True)]
    assert 16 <= sum(same) < 32
    assert float((shown - exact).abs().max()) <= 0.5 / 255 + 1e-6


def test_restoration_shows_a_mixture_of_its_tasks_and_full_precision():
    made, shown = training(tasks="restore"), []

    def network(physics, y, sigma, scale=UNIT):
        shown.append((physics, y))
        return torch.zeros(1, *physics.in_shape)

    with torch.autocast("cpu", torch.bfloat16):
        for seed in range(20):
            made.loss(network, batch(1), rng(seed))
    assert len({type(physics) for physics, _ in shown}) >= 4
    assert {y.dtype for _, y in shown} == {torch.float32}


@pytest.mark.parametrize("task", ["denoise", "jpeg", "sr", "restore"])
def test_the_loss_follows_from_its_generator(task):
    made = training(tasks=task)
    network = made.network()
    with torch.no_grad():
        a, b, c = (made.loss(network, batch(), rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("task", ["denoise", "jpeg", "sr", "cs", "inpaint"])
def test_a_few_steps_lower_the_loss(task):
    torch_state = torch.random.get_rng_state()
    made = training(tasks=task)
    network = made.network()
    torch.random.set_rng_state(torch_state)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    smooth = torch.nn.functional.interpolate(batch(4, 8), size=(32, 32), mode="bicubic")

    def judged():
        with torch.no_grad():
            return np.mean([made.loss(network, smooth, rng(1000 + s)) for s in range(4)])

    before = judged()
    for step in range(20):
        optimizer.zero_grad()
        made.loss(network, smooth, rng(step)).backward()
        optimizer.step()
    assert judged() < 0.8 * before


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("denoise", {"psnr_denoise_15", "psnr_denoise_25", "psnr_denoise_50"}),
        ("jpeg", {"psnr_jpeg_10", "psnr_jpeg_20", "psnr_jpeg_30", "psnr_jpeg_40"}),
        ("sr", {"psnr_sr_2"}),
        ("mri", {"psnr_mri_20", "psnr_mri_columns_4"}),
    ],
)
def test_validation_is_repeatable(task, names):
    made = training(tasks=task)
    network = made.network()
    images = [torch.rand(1, 1, 200, 210, generator=rng(s)) for s in range(3)]
    with torch.no_grad():
        a, b = made.validate(network, images), made.validate(network, images[:2])
    assert a == b
    assert set(a) == names


def test_tasks_with_networks_of_their_own_do_not_mix():
    with pytest.raises(UsageError, match="task denoise is trained alone; together go cs, mri, ct, inpaint, deblur"):
        training(tasks="denoise+cs")
    assert training(tasks="restore").params.learned == RESTORED
    assert training(tasks="mri+cs").params.learned == ("cs", "mri")


def test_how_it_is_computed_does_not_make_it_another_training():
    assert P.content(NsrTrainingParams(convolution="matmul")) == P.content(NsrTrainingParams())
    assert P.content(NsrTrainingParams(scale=3)) == P.content(NsrTrainingParams())
    assert P.content(NsrTrainingParams(tasks=("sr",), scale=3)) != P.content(NsrTrainingParams(tasks=("sr",)))
    assert P.content(NsrTrainingParams(groups=2)) != P.content(NsrTrainingParams())
    assert training(convolution="matmul").network().way == "matmul"


def test_a_cardinality_that_does_not_divide_is_refused():
    with pytest.raises(UsageError, match="cardinality 5 does not divide 8 features"):
        training(cardinality="5")


def test_photographs_are_grey_and_those_of_super_resolution_luma():
    colour = np.full((4, 4, 3), 255, np.uint8)
    item = {"dataset": "d", "name": "n"}
    assert training().prepare(Item(kind="image", array=colour, **item)).tolist() == [[[255] * 4] * 4]
    luma = training(tasks="sr").prepare(Item(kind="image", array=colour, **item))
    assert (luma.dtype, luma.tolist()) == (np.uint8, [[[235] * 4] * 4])
    with pytest.raises(UsageError, match="of kind 'mri'"):
        training().prepare(Item(kind="mri", array=np.zeros((4, 4), np.float32), **item))
