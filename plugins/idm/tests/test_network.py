"""The wired network: near the prior at the start, told of the measurement, invertible, consistent."""

import pytest
import torch
from benchhost_idm.data_term import DataTerm
from benchhost_idm.memory import perturbed
from benchhost_idm.network import HIGHEST_V, Canvas, IdmShape, Injector, Share, lowest_share
from benchhost_idm.unrolled import STRIDE, Idm, Kept

from benchhost.nets import UNet, UNetShape
from benchhost.training import mixture

UNET = UNetShape(widths=(16, 32, 16), down=(1, 1, 1), up=(2, 1, 0), embedding=8)
SHAPE = IdmShape(unet=UNET)
PLAIN = Kept(steps="plain", blocks="plain")


def truth(size=32, count=2, seed=0):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


def problem(maker="cs", size=32, seed=3):
    return mixture.measure(truth(size), mixture.MAKERS[maker], seed)


def loss_and_gradient(shape, kept, m):
    network = perturbed(shape, kept)
    loss = (network(m.physics, m.y, m.sigma, scale=m.scale) - m.truth).abs().mean()
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in network.named_parameters()}


def flat(gradients):
    return torch.cat([g.flatten() for g in gradients.values()]).double()


@pytest.mark.parametrize("kept", [Kept(), Kept(blocks="plain"), Kept(steps="plain")], ids=["both", "steps", "blocks"])
def test_gradients_are_those_of_plain_autograd(kept):
    m = problem()
    loss, plain = loss_and_gradient(SHAPE, PLAIN, m)
    same, reversible = loss_and_gradient(SHAPE, kept, m)
    assert abs(same - loss) < 1e-6
    plain, reversible = flat(plain), flat(reversible)
    assert (reversible - plain).norm() < 1e-4 * plain.norm()
    assert torch.cosine_similarity(reversible, plain, 0) > 0.99999


def test_gradients_of_the_shipped_depth_are_those_of_plain_autograd():
    m = problem()
    plain, reversible = (flat(loss_and_gradient(IdmShape(), kept, m)[1]) for kept in (PLAIN, Kept()))
    assert (reversible - plain).norm() < 1e-4 * plain.norm()
    assert torch.cosine_similarity(reversible, plain, 0) > 0.99999


@pytest.mark.parametrize("task", mixture.MAKERS)
def test_every_parameter_gets_a_gradient(task):
    """DistributedDataParallel waits for all of them."""
    _, gradients = loss_and_gradient(SHAPE, Kept(), problem(task))
    assert [name for name, g in gradients.items() if g is None] == []


LEARNED = [
    "injectors.0.0.write.weight",
    "alpha",
    "v.0.raw",
    "w_start",
    "w_end",
    "net.down.0.v.0.raw",
    "net.up.0.split",
    "net.up.0.merge",
    "net.noise.layers.0.weight",
]


@pytest.mark.parametrize("part", LEARNED)
def test_what_the_paper_learns_is_learned(part):
    _, gradients = loss_and_gradient(SHAPE, Kept(), problem())
    assert gradients[part].abs().max() > 0


def test_half_precision_bodies_keep_float32_states():
    m = problem()
    with torch.autocast("cpu", torch.bfloat16):
        loss, plain = loss_and_gradient(SHAPE, PLAIN, m)
    with torch.autocast("cpu", torch.bfloat16):
        network = perturbed(SHAPE, Kept())
        estimate = network(m.physics, m.y, m.sigma)
        same = (estimate - m.truth).abs().mean()
    same.backward()  # outside of autocast, as the trainer does
    reversible = flat({name: p.grad for name, p in network.named_parameters()})
    assert estimate.dtype == torch.float32
    assert abs(same.detach() - loss) < 1e-6
    # An activation rounds the other way here and there once it is recomputed from an inverted state.
    assert (reversible - flat(plain)).norm() < 2e-2 * flat(plain).norm()


def test_a_step_of_the_wiring_is_undone_by_its_inverse():
    network, m = perturbed(SHAPE, PLAIN), problem()
    data = Canvas(DataTerm(m.physics, m.y, m.sigma), UNET.multiple)
    x, h = torch.randn(2, *data.start.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        v = network.v[0]()
        x_after, h_after = (1 - v) * network.step(3, data, x) + v * h, x
        h_again = (x_after - (1 - v) * network.step(3, data, h_after)) / v
    assert (h_again - h).norm() < 1e-4 * h.norm()


def test_the_wired_network_begins_near_the_prior():
    """In groups of one block exactly: what the coupling takes from a residual is put into the block's convolution."""
    torch.manual_seed(0)
    prior = UNet(UNET)
    with torch.no_grad():
        for p in prior.parameters():
            p += 0.05 * torch.randn_like(p)
    network = Idm(SHAPE)
    network.net.start_from(prior)
    m = problem("denoise")
    data = Canvas(DataTerm(m.physics, m.y, m.sigma), UNET.multiple)
    x, alpha_bar = torch.randn(2, 1, 32, 32), torch.tensor([0.4])
    with torch.no_grad():
        wired = network.net(x, alpha_bar, data, network.injectors[0], "plain")
        pretrained = prior.v(x, alpha_bar)
        fresh = Idm(SHAPE).net(x, alpha_bar, data, network.injectors[0], "plain")
    assert (wired - pretrained).norm() < 0.1 * pretrained.norm()
    assert (fresh - pretrained).norm() > 0.5 * pretrained.norm()


def test_with_single_blocks_the_wired_network_begins_as_the_prior():
    torch.manual_seed(0)
    single = UNetShape(widths=(16, 32), down=(1, 1), up=(1, 0), embedding=8)
    prior = UNet(single)
    with torch.no_grad():
        for p in prior.parameters():
            p += 0.05 * torch.randn_like(p)
    network = Idm(IdmShape(unet=single))
    network.net.start_from(prior)
    m = problem("denoise")
    data = Canvas(DataTerm(m.physics, m.y, m.sigma), single.multiple)
    x, alpha_bar = torch.randn(2, 1, 32, 32), torch.tensor([0.4])
    with torch.no_grad():
        torch.testing.assert_close(
            network.net(x, alpha_bar, data, network.injectors[0], "plain"), prior.v(x, alpha_bar), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(("depth", "lowest"), [(1, 0.1), (3, 0.1), (4, 0.157), (6, 0.29), (40, 0.8)])
def test_v_cannot_vanish_and_is_larger_in_longer_groups(depth, lowest):
    """Rounding errors grow as 1 / v a module: 6e-8 to at most 1e-4, as far as v may go."""
    share = Share(depth)
    assert lowest_share(depth) == pytest.approx(lowest, abs=5e-3)
    assert 6e-8 / lowest_share(depth) ** depth < 1.01e-4 or lowest_share(depth) == 0.8
    assert float(share().detach()) == pytest.approx(lowest_share(depth) + 0.05, abs=1e-5)
    for raw, bound in ((-1e6, lowest_share(depth)), (1e6, HIGHEST_V)):
        share.raw.data.fill_(raw)
        assert float(share().detach()) == pytest.approx(bound)


def test_an_injector_writes_the_measured_part_of_what_it_reads():
    m = problem("inpaint")
    data = Canvas(DataTerm(m.physics, m.y, 0.0), 2)
    injector = Injector(4, 0, 1)
    with torch.no_grad():
        injector.read.weight.fill_(1.0)
        injector.read.bias.zero_()
        injector.write.weight.copy_(torch.tensor([[0.0], [1.0], [0.0]]).reshape(1, 3, 1, 1))
        f = torch.randn(2, 1, 32, 32)
        features = torch.nn.functional.pixel_unshuffle(f, 2)
        written = torch.nn.functional.pixel_shuffle(injector(features, data) - features, 2)
    torch.testing.assert_close(written, m.physics.A_dagger(m.physics.A(f)))


def test_the_start_is_the_scaled_pseudo_inverse():
    network, m = Idm(SHAPE), problem()
    data = Canvas(DataTerm(m.physics, m.y, 0.0), UNET.multiple)
    seen = 2 * m.physics.A_dagger(m.y) - m.physics.A_dagger(m.physics.A(torch.ones(2, *m.physics.in_shape)))
    torch.testing.assert_close(data.leave(data.seen), seen)
    ratio = data.term.start / data.term.seen
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio.mean())))
    scaled = data.term.start / (1 + data.term.error**2) ** 0.5
    torch.testing.assert_close(data.leave(network._start(data, None)).detach(), scaled)


def test_the_schedule_falls_from_the_error_of_the_start():
    bars = Idm(SHAPE).alpha_bars(0.8).detach()
    sigma = ((1 - bars) / bars).sqrt()
    torch.testing.assert_close(sigma, torch.tensor([0.0, 0.8 * STRIDE**2, 0.8 * STRIDE, 0.8]))


@pytest.mark.parametrize("task", ["cs", "sr", "inpaint", "mri"])
def test_the_last_data_step_makes_exact_measurements_consistent(task):
    m = problem(task)
    if m.sigma:
        m = mixture.measure(truth(), lambda size, random: mixture.bicubic(size, 2), 0)
    for consistent, bound in ((True, 1e-5), (False, None)):
        network = perturbed(IdmShape(unet=UNET, consistent=consistent), PLAIN)
        with torch.no_grad():
            residual = m.physics.A(network(m.physics, m.y, 0.0, scale=m.scale)) - m.y
        relative = float(residual.norm() / m.y.norm())
        assert relative < bound if consistent else relative > 1e-3


def test_autocast_leaves_the_measurement_and_the_data_steps_alone():
    """In bfloat16 a product with A would be off by 0.2 %."""
    m, network = problem(), perturbed(SHAPE, PLAIN)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        estimate = network(m.physics, m.y, 0.0)
    assert (m.physics.A(estimate) - m.y).norm() < 1e-5 * m.y.norm()


@pytest.mark.parametrize("size", [(8, 8), (33, 47), (64, 20)])
def test_any_size_comes_back_as_it_was(size):
    x = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    physics = mixture.Identity((1, *size))
    with torch.no_grad():
        assert perturbed(SHAPE, PLAIN)(physics, x, 0.1).shape == x.shape


def test_an_estimate_does_not_depend_on_its_batch():
    network, m = perturbed(SHAPE, PLAIN), problem("deblur")
    with torch.no_grad():
        together = network(m.physics, m.y, m.sigma)
        alone = torch.cat([network(m.physics, y[None], m.sigma) for y in m.y])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_channels_are_done_one_by_one():
    network = perturbed(SHAPE, PLAIN)
    y = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together = network(mixture.Identity((3, 32, 32)), y, 0.1)
        single = network(mixture.Identity((1, 32, 32)), y[:, 1:2], 0.1)
    # The start's noise level is measured on as many channels as there are, which moves it by a thousandth.
    torch.testing.assert_close(together[:, 1:2], single, rtol=0, atol=5e-3)


def test_a_start_from_noise_differs_by_its_generator_alone():
    network, m = perturbed(IdmShape(unet=UNET, start="noise"), PLAIN), problem()
    with torch.no_grad():
        a, b, c = (network(m.physics, m.y, 0.0, rng=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_unwired_it_is_plain_ddnm_with_a_learned_network():
    """Against a second writing of the steps, in the paper's terms, with x_0 and eps from the network."""
    network, m = perturbed(IdmShape(unet=UNET, wired=False, consistent=False, injected=0), PLAIN), problem()
    A, y = m.physics, 2 * m.y - m.physics.A(torch.ones(2, *m.physics.in_shape))
    data = Canvas(DataTerm(A, m.y, 0.0), UNET.multiple)
    bars = [1.0, *(1 / (1 + (data.term.error * STRIDE**k) ** 2) for k in (2, 1, 0))]
    with torch.no_grad():
        x = bars[3] ** 0.5 * data.term.start
        for t in (3, 2, 1):
            v = data.leave(network.net(data.enter(x), torch.tensor([bars[t]]), data, [], "plain"))
            eps = bars[t] ** 0.5 * v + (1 - bars[t]) ** 0.5 * x
            x0 = (x - (1 - bars[t]) ** 0.5 * eps) / bars[t] ** 0.5
            x0 = x0 - A.A_dagger(A.A(x0) - y)
            x = bars[t - 1] ** 0.5 * x0 + (1 - bars[t - 1]) ** 0.5 * eps
        torch.testing.assert_close(network(A, m.y, 0.0), (x + 1) / 2, rtol=1e-4, atol=1e-4)


def test_an_injector_needs_features_that_fill_whole_pixels():
    with pytest.raises(ValueError, match="multiples of 16"):
        IdmShape(unet=UNetShape(widths=(16, 24), down=(1, 1), up=(1, 0)))
    with pytest.raises(ValueError, match="5 scales"):
        IdmShape(unet=UNET, injected=5)


def test_one_pass_without_steps_sees_the_measurement_through_its_pseudo_inverse_alone():
    shape = IdmShape(unet=UNET, steps=0, injected=0)
    m = problem()
    _, gradients = loss_and_gradient(shape, Kept(), m)
    assert [name for name, g in gradients.items() if g is None] == []
    network = perturbed(shape, PLAIN).requires_grad_(False)
    estimate = network(m.physics, m.y, m.sigma, scale=m.scale)
    residual = m.physics.A(estimate) - m.y
    assert residual.norm() > 0.01 * m.y.norm()  # no data step, so it is not consistent
    torch.testing.assert_close(network(m.physics, m.y, m.sigma, scale=m.scale), estimate)


@pytest.mark.parametrize("wrong", [{"injected": 2}, {"injected": 0, "start": "noise"}])
def test_one_pass_without_steps_refuses_what_belongs_to_steps(wrong):
    with pytest.raises(ValueError, match="injected=0, start=pinv"):
        IdmShape(unet=UNET, steps=0, **wrong)
