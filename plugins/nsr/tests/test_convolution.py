"""The sparse convolution: what it computes, whichever way it is computed."""

import pytest
import torch
import torch.nn.functional as F
from benchhost_nsr.convolution import Kernels, fastest

WAYS = ("grouped", "matmul", "dense")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def kernels(groups=4, cardinality=8, inputs=6, outputs=16, gate="softmax", **rest):
    made = Kernels(2, inputs, outputs, groups=groups, cardinality=cardinality, gate=gate, gain=1.5, **rest)
    with torch.no_grad():
        for seed, p in enumerate(made.parameters()):
            p.copy_(torch.randn(p.shape, generator=rng(seed)))
    return made


def images(batch=3, channels=6, size=(7, 9)):
    return torch.randn(batch, channels, *size, generator=rng(9))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("groups", "cardinality", "gate"), [(4, 8, "softmax"), (2, 1, "softmax"), (3, 16, "sigmoid")])
def test_every_way_is_the_paper_s_sum_of_convolutions_image_by_image(way, groups, cardinality, gate):
    made = kernels(groups, cardinality, gate=gate)
    layer = made.layers()[1]
    h = images()
    part = made.outputs // cardinality
    expected = torch.zeros(3, 16, 7, 9)
    for b, image in enumerate(h):
        logits = (layer.gate_weight @ image.mean((1, 2)) + layer.gate_bias).view(groups, cardinality)
        gamma = logits.softmax(0) if gate == "softmax" else logits.sigmoid()
        for c in range(16):
            for k in range(groups):
                filter_, bias = layer.weight[k * 16 + c], layer.bias[k * 16 + c]
                expected[b, c] += gamma[k, c // part] * (F.conv2d(image[None], filter_[None], padding=1)[0, 0] + bias)
    torch.testing.assert_close(made.convolve(h, layer, way), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_is_what_its_images_are_one_by_one(way):
    made = kernels()
    layer, h = made.layers()[0], images()
    alone = torch.cat([made.convolve(image[None], layer, "grouped") for image in h])
    torch.testing.assert_close(made.convolve(h, layer, way), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_the_same_every_way_and_reach_gates_gains_and_directions(way):
    def gradients(chosen):
        made = kernels()
        made.convolve(images(), made.layers()[0], chosen).square().sum().backward()
        return {name: p.grad[0] for name, p in made.named_parameters()}

    expected, found = gradients("grouped"), gradients(way)
    assert set(found) == {"direction", "gain", "bias", "gate_weight", "gate_bias"}
    for name, gradient in found.items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-3, msg=name)


def test_one_group_is_a_weight_normalised_convolution():
    made = kernels(groups=1)
    assert not made.gated
    plain = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv2d(6, 16, 3, padding=1))
    with torch.no_grad():
        plain.parametrizations.weight.original0.copy_(made.gain[1][:, None, None, None])
        plain.parametrizations.weight.original1.copy_(made.direction[1])
        plain.bias.copy_(made.bias[1])
    torch.testing.assert_close(made.convolve(images(), made.layers()[1], "grouped"), plain(images()))


def test_a_softmax_sums_to_one_over_the_groups_and_a_sigmoid_does_not():
    h = images()
    for gate in ("softmax", "sigmoid"):
        made = kernels(gate=gate)
        gamma = made.gates(h, made.layers()[0])
        assert gamma.shape == (3, 4, 8)
        sums = gamma.sum(1)
        assert bool(torch.allclose(sums, torch.ones(3, 8))) == (gate == "softmax")


def test_groups_are_the_slowest_index_then_parts_of_the_channels():
    made = kernels(groups=2, cardinality=4)
    layer = made.layers()[0]
    gamma = torch.zeros(1, 2, 4)
    gamma[0, 0, :3] = 1
    gamma[0, 1, 3] = 1
    mixed, bias = made.mixed(layer, gamma)
    assert torch.equal(mixed[0, :12], layer.weight[:12])
    assert torch.equal(mixed[0, 12:], layer.weight[16 + 12 :])
    assert torch.equal(bias[0], torch.cat([layer.bias[:12], layer.bias[28:]]))


def test_gates_stay_in_float32_where_images_are_bfloat16():
    made = kernels()
    h = images().bfloat16()
    assert made.gates(h, made.layers()[0]).dtype == torch.float32
    assert made.convolve(h, made.layers()[0], "grouped").dtype == torch.bfloat16


def test_the_way_follows_device_batch_and_groups():
    assert fastest("cpu", 16, 4) == "grouped"
    assert fastest("cuda", 16, 4) == "dense"
    assert fastest("cuda", 16, 16) == "matmul"
    assert fastest("cuda", 1, 4) == "grouped"


def test_channels_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="cardinality 5 does not divide 16 channels"):
        kernels(cardinality=5)
