"""A network that begins at another one's weights."""

import pytest
import torch
from benchhost_nsr.growth import grown
from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.restore import Restorer

SMALL = {"blocks": 2, "features": 8, "cardinality": 4}


def network(cls=Nsr, seed=0, **shape):
    torch.manual_seed(seed)
    return cls(NsrShape(**{**SMALL, **shape}))


def begun(target, source):
    target.load_state_dict(grown(target.state_dict(), target.shape, source.state_dict(), source.shape))
    return target


def image(side=24):
    return torch.rand(2, 1, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_grown_network_computes_nearly_what_the_dense_one_did():
    dense, random = network(groups=1), network(groups=4, seed=1)
    before = (random(image()) - dense(image())).std()
    sparse = begun(random, dense)
    assert (sparse(image()) - dense(image())).std() < 0.2 * before


def test_groups_differ_so_that_gates_learn():
    sparse = begun(network(groups=4, seed=1), network(groups=1))
    kernels = sparse.first.direction.detach().unflatten(1, (4, -1))
    moved = (kernels[:, 1:] - kernels[:, :1]).flatten(3).norm(dim=3) / kernels[:, :1].flatten(3).norm(dim=3)
    assert 0.05 < float(moved.min()) < float(moved.max()) < 0.3
    (sparse(image()) - image()).square().mean().backward()
    assert float(sparse.first.gate_weight.grad.abs().max()) > 0


@torch.no_grad()
def test_the_same_network_begins_where_the_other_ended():
    source = network(groups=2)
    target = begun(network(groups=2, seed=1), source)
    torch.testing.assert_close(target(image()), source(image()))


@torch.no_grad()
def test_another_scale_keeps_the_blocks_and_begins_its_tail_anew():
    source, target = network(groups=2, scale=2), network(groups=2, scale=3, seed=1)
    fresh = target.tail.direction.clone()
    begun(target, source)
    torch.testing.assert_close(target.first.direction, source.first.direction)
    torch.testing.assert_close(target.first.gate_weight, source.first.gate_weight)
    torch.testing.assert_close(target.tail.direction, fresh)


@torch.no_grad()
def test_a_restorer_begins_as_the_denoiser_and_does_not_listen_to_its_hint():
    source = network(groups=1)
    target = begun(network(Restorer, seed=1, groups=1, hints=1), source)
    x = image()
    for hint in (torch.zeros_like(x), torch.rand_like(x)):
        torch.testing.assert_close(target.net(torch.cat([x, hint], 1)), source(x))


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"blocks": 3}, "blocks 3, not 2"),
        ({"features": 16}, "features 16, not 8"),
        ({"groups": 4}, "groups 4, not 2"),
        ({"cardinality": 2}, "cardinality 2, not 4"),
        ({"gate": "sigmoid"}, "gate sigmoid, not softmax"),
        ({"groups": 1, "gate": "sigmoid"}, "groups 1, not 2"),
    ],
)
def test_weights_that_cannot_be_grown_are_refused(other, complaint):
    with pytest.raises(ValueError, match=complaint):
        begun(network(groups=2), network(**{"groups": 2, **other}))


def test_weights_that_lack_a_tensor_are_refused():
    source, target = network(groups=1), network(groups=2)
    tensors = {name: t for name, t in source.state_dict().items() if name != "first.gain"}
    with pytest.raises(ValueError, match=r"lack 'first\.gain'"):
        grown(target.state_dict(), target.shape, tensors, source.shape)
