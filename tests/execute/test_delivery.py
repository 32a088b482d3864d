"""Records on their way: quick ones together, slow ones at once, none lost, and each charged to its own cell."""

import pytest

from benchhost.execute import delivery
from benchhost.execute.delivery import MOST, Delivery


class Stored:
    """A store that notes what comes together."""

    def __init__(self):
        self.groups = []

    def add_all(self, pairs):
        self.groups.append([cell for cell, _ in pairs])
        return [True] * len(pairs)


def deliver(moments, monkeypatch, end=True):
    clock, store, told = [0.0], Stored(), []
    monkeypatch.setattr(delivery.time, "monotonic", lambda: clock[0])
    post = Delivery(store.add_all, lambda cell, record, kept: told.append(cell))
    for number, moment in enumerate(moments):
        clock[0] = moment
        post.add(number, {})
        assert told == [cell for group in store.groups for cell in group]
    if end:
        post.flush()
    return store.groups, post, clock


def test_a_record_that_comes_alone_is_stored_at_once(monkeypatch):
    groups, _, _ = deliver([1.0, 2.0, 2.2, 9.0], monkeypatch, end=False)
    assert groups == [[0], [1], [2], [3]]


def test_records_that_come_together_share_a_transaction(monkeypatch):
    groups, _, _ = deliver([1.0 + 0.02 * i for i in range(11)], monkeypatch)
    assert groups == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_no_record_waits_longer_than_the_delay(monkeypatch):
    groups, post, clock = deliver([1.0, 1.01], monkeypatch, end=False)
    post.idle()
    assert groups == [[0]]
    clock[0] = 1.0 + delivery.DELAY
    post.idle()
    assert groups == [[0], [1]]


def test_a_transaction_has_an_upper_size(monkeypatch):
    groups, _, _ = deliver([1.0] * (2 * MOST), monkeypatch)
    assert max(map(len, groups)) == MOST


def test_a_crash_among_many_quick_cells_is_that_of_the_cell_in_hand(plan, run):
    """The child holds many cells when it dies, and the parent hears of several at once."""
    cells = plan("fault-segfaults:image=25", limit=40)
    frame = run(cells, workers=1).drop_duplicates("key").set_index("key")
    crashed = [number for number, cell in enumerate(cells) if frame.loc[cell.key, "status"] == "crashed"]
    assert crashed == [24]
    assert (frame["status"] == "ok").sum() == 39


def test_what_was_delivered_is_stored_when_the_observer_raises(plan, run, tmp_path):
    from benchhost.store import Store

    cells = plan("synthetic-pinv", limit=30)
    seen = []

    def observer(cell, record):
        seen.append(cell.key)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(cells, observer=observer, isolation=False, folder=tmp_path)
    with Store.open(tmp_path) as store:
        assert store.finished(seen) == set(seen)


def test_an_interruption_while_records_are_written_loses_none_of_them():
    store, told = Stored(), []

    def interrupted(pairs):
        store.add_all(pairs)
        if len(store.groups) == 1:  # it may come after the transaction as well as before
            raise KeyboardInterrupt
        return [number % 2 == 0 for number, _ in pairs]

    post = Delivery(interrupted, lambda cell, record, kept: told.append((cell, kept)))
    with pytest.raises(KeyboardInterrupt):
        post.add(0, {})
    post.add(1, {})
    post.flush()
    assert store.groups == [[0], [0, 1]]
    assert told == [(0, True), (1, False)]
