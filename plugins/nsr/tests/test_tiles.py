"""Tiles: where they lie, and that they give what the whole image gives where gates are constant."""

import dataclasses
import itertools

import pytest
import torch
from benchhost_nsr.cost import FORMS, cost_of, main
from benchhost_nsr.network import NsrShape
from benchhost_nsr.tiles import PAD, STRIDE, TILE, corners_of, tiled


def image(height, width, batch=1):
    return torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("length", [192, 200, 208, 321, 481])
def test_tiles_cover_a_side_without_gaps(length):
    corners = corners_of(length)
    assert corners[0] == 0
    assert corners[-1] + TILE == length + 2 * PAD
    steps = [b - a for a, b in itertools.pairwise(corners)]
    assert set(steps[:-1]) <= {STRIDE}
    assert 0 < steps[-1] <= STRIDE


def test_a_function_of_single_pixels_comes_out_exactly():
    x = image(200, 213, batch=2)
    torch.testing.assert_close(tiled(lambda t: 2 * t + 1, x), 2 * x + 1)


def test_enlarged_tiles_lie_where_they_belong():
    x = image(192, 200)

    def enlarge(t):
        return t.repeat_interleave(3, -1).repeat_interleave(3, -2)

    torch.testing.assert_close(tiled(enlarge, x, scale=3), enlarge(x))


def test_constant_gates_give_the_whole_image_away_from_the_tiles_borders(small):
    """One group has no gates; a network that sees 4 pixels far needs no more than the 4 that are cut off."""
    network = small.perturbed(dataclasses.replace(small.shape, blocks=1, groups=1))
    x = image(192, 224)
    with torch.no_grad():
        whole, parts = network(x), tiled(network, x)
    inner = slice(PAD, -PAD)  # the border is mirrored for tiles and zero for the whole image
    torch.testing.assert_close(parts[..., inner, inner], whole[..., inner, inner], rtol=1e-5, atol=1e-5)


def test_gates_of_tiles_are_their_own(small):
    network, x = small.perturbed(), image(192, 192)
    with torch.no_grad():
        whole, parts = network(x), tiled(network, x)
    assert (whole - parts)[..., 8:-8, 8:-8].abs().max() > 1e-5


def test_images_in_a_batch_do_not_meet(small):
    network, x = small.perturbed(), image(192, 200, batch=2)
    with torch.no_grad():
        both = tiled(network, x)
        alone = torch.cat([tiled(network, part) for part in x.split(1)])
    torch.testing.assert_close(both, alone, rtol=1e-5, atol=1e-5)


def test_small_images_run_whole():
    sizes = []

    def network(x):
        sizes.append(tuple(x.shape[2:]))
        return x

    tiled(network, image(191, 300))
    tiled(network, image(192, 300))
    assert sizes[0] == (191, 300)
    assert set(sizes[1:]) == {(TILE, TILE)}


def test_operations_are_those_of_the_convolutions_and_of_mixing_once_an_image():
    dense, sparse = cost_of(FORMS["dense"]), cost_of(FORMS["k = 4"])
    assert dense.pixel == sparse.pixel == 32 * 9 * 32 * 32 + 2 * 9 * 32
    assert dense.image == 0
    assert sparse.image == 32 * (4 * 16 * 32 + 4 * (32 * 32 * 9 + 32))
    assert sparse.of(10, 20) == 200 * sparse.pixel + sparse.image
    assert sparse.image / sparse.of(48, 48) < 0.002  # what "negligible" means


def test_overlap_of_tiles_is_counted():
    cost = cost_of(NsrShape())
    tiles = len(corners_of(321)) * len(corners_of(481))
    assert cost.of(321, 481, tiles=True) == tiles * (48 * 48 * cost.pixel + cost.image)
    assert 2.2 < cost.of(321, 481, tiles=True) / cost.of(321, 481) < 2.3
    assert cost.of(100, 481, tiles=True) == cost.of(100, 481)


def test_a_network_of_half_the_cost_has_the_parameters_of_the_wide_one():
    wide, sparse = cost_of(FORMS["dense, width 2"]), cost_of(FORMS["k = 2"])
    assert sparse.pixel * 2 == pytest.approx(wide.pixel, rel=0.01)
    assert sparse.parameters == pytest.approx(wide.parameters, rel=0.06)


def test_the_table_of_costs_can_be_printed(capsys):
    main(["--size", "48", "48"])
    assert "1,256,066" in capsys.readouterr().out


def test_super_resolution_is_counted_with_its_way_around():
    assert cost_of(NsrShape(scale=2, groups=1)).pixel == 9 * 32 + 32 * 9 * 32 * 32 + 9 * 32 * 4 + 25 * 4
