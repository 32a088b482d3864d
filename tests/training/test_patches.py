import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchhost.errors import UsageError
from benchhost.training.patches import Crop, Feed, Images, Patches, dihedral, load_images


def coded(height=20, width=30):
    """An image whose pixel says where it is: row * 32 + column + image offset."""
    rows, columns = np.mgrid[:height, :width]
    return (rows * 32 + columns).astype(np.float32)[None]


@pytest.fixture
def smoother(catalogue):
    from smoother import Smoother

    return Smoother(None)


def test_a_batch_is_a_pure_function_of_seed_step_and_rank():
    images = [coded(), coded() + 1000]

    def drawn(seed, step, rank):
        return Patches(images, [Crop(8, 4)], seed=seed, rank=rank).draw(step)

    assert torch.equal(drawn(1, 5, 0), drawn(1, 5, 0))
    for other in ((2, 5, 0), (1, 6, 0), (1, 5, 1)):
        assert not torch.equal(drawn(1, 5, 0), drawn(*other))


def test_the_loss_draws_from_a_stream_of_its_own():
    patches = Patches([coded()], [Crop(8, 1)], seed=3)
    streams = [
        torch.rand(4, generator=Patches([coded()], [Crop(8, 1)], seed=s).generator(t))
        for s, t in ((3, 0), (3, 1), (4, 0))
    ]
    assert torch.equal(torch.rand(4, generator=patches.generator(0)), streams[0])
    assert len({tuple(stream.tolist()) for stream in streams}) == 3


def test_the_eight_symmetries_are_all_different_and_keep_the_pixels():
    patch = np.arange(16).reshape(1, 4, 4)
    turned = {dihedral(patch, which).tobytes() for which in range(8)}
    assert len(turned) == 8
    assert all(sorted(dihedral(patch, which).ravel()) == list(range(16)) for which in range(8))
    assert (dihedral(patch, 0) == patch).all()


def test_every_patch_is_a_turned_window_of_an_image_and_reaches_its_corners():
    patches = Patches([coded()], [Crop(6, 64)], seed=0)
    corners = set()
    for patch in torch.cat([patches.draw(step) for step in range(20)])[:, 0].numpy():
        top, left = divmod(int(patch.min()), 32)
        window = coded()[:, top : top + 6, left : left + 6]
        assert any((dihedral(window, which)[0] == patch).all() for which in range(8))
        corners.add((top, left))
    assert {(0, 0), (14, 24)} <= corners  # 1280 draws over 15 x 25 places: each is missed with probability 3 %
    assert len(corners) > 300


def test_crops_take_turns():
    patches = Patches([coded()], [Crop.parse("8x3"), Crop.parse("16x1")], seed=0)
    assert [tuple(patches.draw(step).shape) for step in range(3)] == [(3, 1, 8, 8), (1, 1, 16, 16), (3, 1, 8, 8)]


def test_bytes_become_unit_range_and_floats_stay():
    white = np.full((1, 9, 9), 255, np.uint8)
    assert Patches([white], [Crop(4, 1)], seed=0).draw(0).unique().tolist() == [1.0]
    assert Patches([white * np.float32(3)], [Crop(4, 1)], seed=0).draw(0).unique().tolist() == [765.0]


@pytest.mark.parametrize("text", ["64", "64x", "x16", "0x4", "64x0", "64*16", "-8x4"])
def test_a_crop_that_cannot_be_read_is_named(text):
    with pytest.raises(UsageError, match=r"is no crop: write PATCHxBATCH, as in 64x16"):
        Crop.parse(text)


def test_a_patch_larger_than_an_image_is_refused():
    with pytest.raises(UsageError, match="patches of 21 pixels do not fit into a training image with a side of 20"):
        Patches([coded()], [Crop(21, 1)], seed=0)


def test_the_last_images_by_name_are_held_out(catalogue, smoother):
    dataset = catalogue.dataset("waves")
    shuffled = replace(dataset, items=dataset.items[::-1])
    images = load_images(shuffled, smoother, held_out=3)
    assert images.held_out_names == ("09", "10", "11")
    assert images.train_names == tuple(f"{i:02d}" for i in range(9))
    assert not {a.tobytes() for a in images.train} & {a.tobytes() for a in images.held_out}


@pytest.mark.parametrize("count", [0, 12, 13])
def test_some_images_must_be_held_out_and_some_left(catalogue, smoother, count):
    with pytest.raises(UsageError, match=f"cannot hold back {count} of the 12 items"):
        load_images(catalogue.dataset("waves"), smoother, held_out=count)


def test_a_test_set_is_never_trained_on(catalogue, smoother):
    with pytest.raises(UsageError, match="dataset 'exam' is a test set: it is never trained on"):
        load_images(catalogue.dataset("exam"), smoother, held_out=3)


def test_what_a_training_prepares_is_checked(catalogue, smoother):
    smoother.prepare = lambda item: item.array.astype(np.float64)[None]
    with pytest.raises(UsageError, match=r"waves: 00: prepared as float64 \(1, 24, 32\)"):
        load_images(catalogue.dataset("waves"), smoother, held_out=3)


def test_the_feed_gives_the_batches_in_order_and_from_any_step():
    patches = Patches([coded()], [Crop(8, 2)], seed=0)
    feed = Feed(patches, first=7, device=torch.device("cpu"))
    assert all(torch.equal(next(feed), patches.draw(step)) for step in (7, 8, 9))
    feed.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_the_feed_knows_how_long_it_kept_the_training_waiting():
    class Slow(Patches):
        def draw(self, step):
            time.sleep(0.1)
            return super().draw(step)

    feed = Feed(Slow([coded()], [Crop(8, 2)], seed=0), first=0, device=torch.device("cpu"))
    for _ in range(3):
        next(feed)
    waited = feed.waited
    assert waited > 0.25  # three cuts of 0.1 s with nothing done meanwhile
    time.sleep(0.3)  # a step that takes longer than the cut
    next(feed)
    feed.close()
    assert feed.waited - waited < 0.05


def test_cutting_a_batch_costs_under_five_percent_of_the_fastest_step_measured_for_it():
    # The prior's batch of 16 patches of 64 x 64 took 0.28 s of one core at best to train on.
    images = [np.zeros((1, 321, 481), np.uint8)] * 20
    patches = Patches(images, [Crop(64, 16)], seed=0)
    patches.draw(0)
    times = []
    for step in range(20):
        start = time.thread_time()
        patches.draw(step)
        times.append(time.thread_time() - start)
    assert sorted(times)[10] < 0.05 * 0.28


def test_images_are_kept_as_bytes(catalogue, smoother):
    images = load_images(catalogue.dataset("waves"), smoother, held_out=3)
    assert isinstance(images, Images)
    assert {array.dtype for array in images.train + images.held_out} == {np.dtype(np.uint8)}
