"""What the wiring saves, measured; and that the measures measure."""

import torch
from benchhost_idm.memory import measure
from benchhost_idm.network import IdmShape

from benchhost.nets import UNetShape
from benchhost.testing.memory import PeakLive, saved_bytes

UNET = UNetShape(widths=(16, 32, 16), down=(1, 1, 1), up=(2, 1, 0), embedding=8)


def by_way(steps):
    ways = ("plain autograd", "reversible both", "checkpointed steps")
    return {m.way: m for m in measure(IdmShape(unet=UNET, steps=steps), size=64, batch=2, ways=ways)}


def test_memory_is_a_quarter_of_plain_autograd_and_does_not_grow_with_the_steps():
    three, six = by_way(3), by_way(6)
    both = three["reversible both"]
    assert both.peak_mb < 0.25 * three["plain autograd"].peak_mb
    assert six["reversible both"].peak_mb < 1.1 * both.peak_mb
    assert six["plain autograd"].peak_mb > 1.9 * three["plain autograd"].peak_mb
    assert both.saved_mb < 0.05 * three["plain autograd"].saved_mb
    for found in (*three.values(), *six.values()):
        assert found.gradient_error < 1e-4, found.way
        assert found.cosine > 0.99999, found.way


def test_peak_live_counts_what_is_alive_at_once():
    kilo = torch.ones(1000)  # 4000 bytes each
    with PeakLive() as peak:
        a = kilo * 2
        b = a + 1
        del a
        c = b[:10]  # a view: no bytes of its own
        d = b * 2
        b.add_(1)
        del b, c
    assert peak.peak == 8000
    assert peak.live == 4000
    del d
    assert peak.live == 0


def test_tensors_there_before_are_left_out_even_when_written_to():
    x = torch.ones(1000)
    with PeakLive().before([x]) as peak:
        x.add_(1)
    assert peak.peak == 0


def test_saved_bytes_count_each_storage_once_and_no_parameter():
    w = torch.ones(1000, requires_grad=True)
    x = torch.ones(1000)
    with saved_bytes([w]) as saved:
        _ = (w * x) * x
    assert saved.bytes == 4000
