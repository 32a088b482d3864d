"""The network is the paper's: sizes, parameters, initialisation."""

import pytest
import torch
from benchhost_dip.network import build, count, fixed_input, smallest_side
from benchhost_dip.settings import PAPER, Architecture
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

TINY = Architecture(down=(4, 6), up=(4, 6), skip=(2, 0), inputs=3)


# Counted on the official code, three output channels (inpaint-sparse by hand).
@pytest.mark.parametrize(
    ("notebook", "parameters"),
    [
        ("denoise", 2_217_831),
        ("sr-x4", 2_217_831),
        ("sr-x8", 2_217_831),
        ("inpaint-half", 2_217_831),
        ("inpaint-text", 3_002_627),
        ("inpaint-region", 2_157_955),
        ("inpaint-library", 2_996_467),
        ("jpeg", 572_827),
    ],
)
def test_paper_networks_have_the_official_number_of_parameters(notebook, parameters):
    assert count(PAPER[notebook].architecture, 3) == parameters


@pytest.mark.parametrize(
    ("width", "parameters"),
    [((32,) * 5, 152_133), ((64,) * 5, 572_325), ((16, 32, 64, 64, 64), 383_733)],
)
def test_narrower_networks_have_the_number_of_parameters_measured_on_the_official_code(width, parameters):
    assert count(Architecture(down=width, up=width, skip=(4,) * 5), 1) == parameters


@pytest.mark.parametrize("notebook", PAPER)
def test_the_smallest_image_a_network_takes_is_the_smallest_that_works(notebook):
    a = PAPER[notebook].architecture
    net, side = build(a, 1, Generator().manual_seed(0)), smallest_side(a)
    with torch.no_grad():
        assert net(fixed_input(a, side, side, Generator()), side, side).shape == (1, 1, side, side)
        with pytest.raises((RuntimeError, ValueError)):
            net(fixed_input(a, side - 1, side - 1, Generator()), side - 1, side - 1)


@given(height=st.integers(9, 40), width=st.integers(9, 40))
@settings(max_examples=15, deadline=None)
def test_no_size_is_cropped(height, width):
    z = fixed_input(TINY, height, width, Generator().manual_seed(0))
    assert build(TINY, 2, Generator().manual_seed(0))(z, height, width).shape == (1, 2, height, width)


def test_initialisation_reads_only_the_generator_it_is_given():
    before = torch.random.get_rng_state()
    first, again = (build(TINY, 1, Generator().manual_seed(3)).state_dict() for _ in range(2))
    other = build(TINY, 1, Generator().manual_seed(4)).state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_initial_weights_follow_pytorchs_default_distribution():
    a = PAPER["denoise"].architecture
    ours = build(a, 3, Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torch.nn.Conv2d(132, 128, 3)
    layer = ours.scales[0].up[1]
    assert layer.weight.shape == theirs.weight.shape
    # Extremes of 152,064 uniform draws lie within 1e-3 of the bound; the standard deviation within 1 %.
    torch.testing.assert_close(layer.weight.abs().max(), theirs.weight.abs().max(), rtol=1e-3, atol=0)
    torch.testing.assert_close(layer.weight.std(), theirs.weight.std(), rtol=1e-2, atol=0)
    torch.testing.assert_close(layer.bias.std(), theirs.bias.std(), rtol=0.3, atol=0)  # 128 draws


def test_the_fixed_input_is_uniform_noise_or_pixel_coordinates():
    z = fixed_input(PAPER["denoise"].architecture, 40, 50, Generator().manual_seed(0))
    assert z.shape == (1, 32, 40, 50)
    assert 0 <= z.min() < 0.001
    assert 0.099 < z.max() <= 0.1
    grid = fixed_input(PAPER["inpaint-region"].architecture, 3, 5, Generator())
    assert grid[0, 0, 1].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert grid[0, 1, :, 2].tolist() == [0, 0.5, 1]
