"""The reversible function: gradients of plain autograd, its inverse, and independence of anything outside."""

import pytest
import torch
from benchhost_idm.reversible import Coupling, couple
from torch import nn


class Body(nn.Module):
    """x + tanh(conv(x)) times what it is handed."""

    def __init__(self, channels=4):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.idle = nn.Parameter(torch.zeros(3))  # read by nothing

    def forward(self, x, gate):
        return x + torch.tanh(self.conv(x)) * gate[:, :, None, None]


class Net(nn.Module):
    """A group of couplings between two convolutions, all reading one gate that has a history."""

    def __init__(self, depth, v=0.5, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.before, self.after = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 2, 1)
        self.gate = nn.Linear(1, 4)
        self.bodies = nn.ModuleList(Body() for _ in range(depth))
        self.v = nn.ParameterList(nn.Parameter(torch.full((1,), v)) for _ in range(depth))

    def forward(self, x, keep):
        h, gate = self.before(x), torch.sigmoid(self.gate(x.mean((1, 2, 3))[:, None]))
        group = [
            Coupling(body, v, (gate,), tuple(body.parameters())) for body, v in zip(self.bodies, self.v, strict=True)
        ]
        a, b = couple(group, h, 0.7 * h, keep=keep)
        return self.after(a + 0.3 * b)


def gradients(net, x, keep):
    x = x.clone().requires_grad_()
    loss = net(x, keep).square().mean()
    parameters = list(net.parameters())
    found = torch.autograd.grad(loss, [x, *parameters], allow_unused=True)
    shapes = [x, *parameters]
    return loss.detach(), torch.cat(
        [(torch.zeros_like(t) if g is None else g).flatten() for t, g in zip(shapes, found, strict=True)]
    )


def images(count=3, seed=1):
    return torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("depth", "v"), [(1, 0.5), (2, 0.35), (4, 0.35), (8, 0.5), (11, 0.7)])
def test_gradients_are_those_of_plain_autograd(depth, v):
    net = Net(depth, v)
    loss, plain = gradients(net, images(), "plain")
    same, reversible = gradients(net, images(), "reversible")
    assert same == loss
    assert (reversible - plain).norm() < 1e-4 * plain.norm()
    assert torch.cosine_similarity(reversible, plain, 0) > 0.99999


def test_checkpointing_gives_exact_gradients():
    net = Net(4)
    assert torch.equal(gradients(net, images(), "checkpoint")[1], gradients(net, images(), "plain")[1])


def test_in_double_precision_the_gradients_agree_to_rounding():
    net = Net(6).double()
    plain, reversible = (gradients(net, images().double(), keep)[1] for keep in ("plain", "reversible"))
    assert (reversible - plain).norm() < 1e-12 * plain.norm()


def test_inverse_of_a_random_state():
    net = Net(4, v=0.35)
    gate = torch.rand(3, 4)
    group = [Coupling(body, v, (gate,), ()) for body, v in zip(net.bodies, net.v, strict=True)]
    x1, x2 = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        y1, y2 = couple(group, x1, x2)
        for c in reversed(group):
            y1, y2 = c.inverse(y1, y2)
    assert (y1 - x1).norm() < 1e-4 * x1.norm()
    assert (y2 - x2).norm() < 1e-4 * x2.norm()


def test_two_forwards_before_one_backward():
    net, a, b = Net(4), images(seed=1), images(seed=2)
    both = torch.autograd.grad(
        net(a, "reversible").square().mean() + net(b, "reversible").square().mean(), net.before.weight
    )[0]
    plain = sum(torch.autograd.grad(net(x, "plain").square().mean(), net.before.weight)[0] for x in (a, b))
    torch.testing.assert_close(both, plain, rtol=1e-4, atol=1e-7)


def test_nested_groups_have_the_gradients_of_plain_autograd():
    """Level 1 recomputes a step whose own groups are reversible."""
    inner = Net(3, v=0.4)

    def total(keep):
        net_v = [torch.full((1,), 0.4, requires_grad=True) for _ in range(3)]
        x = images().requires_grad_()
        group = [Coupling(lambda h: inner(h, keep), v, (), tuple(inner.parameters())) for v in net_v]
        a, b = couple(group, x, 0.5 * x, keep=keep)
        loss = (a + 0.2 * b).square().mean()
        wanted = [x, *net_v, inner.before.weight, inner.gate.weight, inner.v[1], inner.bodies[2].conv.weight]
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, wanted)])

    plain, reversible = total("plain"), total("reversible")
    assert (reversible - plain).norm() < 1e-4 * plain.norm()


def test_a_body_in_bfloat16_keeps_float32_states_and_its_precision_in_backward():
    """Without autocast in the backward pass, the recomputed body would be another function than the one inverted."""
    net = Net(8)
    with torch.autocast("cpu", torch.bfloat16):
        loss, plain = gradients(net, images(), "plain")
        x = images().requires_grad_()
        same = net(x, "reversible").square().mean()
    # Outside of autocast, as a trainer calls it.
    found = torch.autograd.grad(same, [x, *net.parameters()], allow_unused=True)
    reversible = torch.cat(
        [
            (torch.zeros_like(t) if g is None else g).flatten()
            for t, g in zip([x, *net.parameters()], found, strict=True)
        ]
    )
    assert same == loss
    # Rounding of single activations to bfloat16 flips after an inversion: 5e-4 at depth 11 in the literature's setting.
    assert (reversible - plain).norm() < 5e-3 * plain.norm()


def test_recomputation_enters_the_autocast_of_the_forward_pass():
    seen = []

    def body(x):
        seen.append(
            (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled())
        )
        return torch.tanh(x)

    x = images().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        a, b = couple([Coupling(body, torch.full((1,), 0.5))], x, x)
    (a + b).sum().backward()
    assert seen == [(True, torch.bfloat16, False)] * 2


def test_a_weight_changed_between_forward_and_backward_is_an_error():
    net = Net(2)
    loss = net(images(), "reversible").square().mean()
    with torch.no_grad():
        net.bodies[0].conv.weight += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_parameters_that_nothing_reads_get_zeros():
    net = Net(2)
    net(images(), "reversible").square().mean().backward()
    assert torch.equal(net.bodies[0].idle.grad, torch.zeros(3))


def test_without_gradients_nothing_is_saved():
    with torch.no_grad():
        assert Net(2)(images(), "reversible").grad_fn is None
