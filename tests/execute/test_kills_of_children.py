"""kill -9 of children and of the fork server at random moments: a row says so, and the next run makes it good."""

import time

import pandas as pd
import psutil
import pytest

from benchhost.store import Store
from tests.execute.runs_to_kill import assert_each_computed_once, rounds, table

METHODS = "synthetic-dither,synthetic-landweber:pause=0.01,fault-slow"
LIMIT = 30


@pytest.fixture(scope="module")
def undisturbed(plan, catalogue, tmp_path_factory):
    """The table of a run that nobody kills."""
    from benchhost import execute

    folder = tmp_path_factory.mktemp("undisturbed")
    cells = plan(METHODS, limit=LIMIT)
    options = execute.Options(results=folder, isolation=False)
    with Store.open(folder) as store:
        run_id = store.begin_run({"command": "test"}, cells, metrics=catalogue.metrics, environment={})
        execute.execute(cells, store=store, run_id=run_id, options=options, catalogue=catalogue)
    return table(folder)


def test_killed_children_cost_the_cell_in_hand_and_no_other(nursery, undisturbed, tmp_path):
    chance, count = rounds(20, "children")
    struck = 0
    while struck < count:
        begun = nursery.start(tmp_path, METHODS, LIMIT)
        while struck < count and begun.code() is None:
            begun.lines(chance.randrange(1, 4))
            time.sleep(chance.uniform(0, 0.1))
            children = begun.descendants()[1:]  # the first is the fork server
            if children:
                try:
                    chance.choice(children).kill()
                except psutil.NoSuchProcess:
                    continue
                struck += 1
        assert begun.wait() == 0  # the run itself never fails
        with Store.open(tmp_path) as store:
            tries = store.attempts(store.run()["run_id"])
        assert set(tries["status"]) <= {"ok", "crashed"}
        reasons = tries[tries["status"] == "crashed"]["reason"]
        assert reasons.str.contains("SIGKILL").all(), reasons.tolist()
        if struck < count:  # all cells are there: begin anew
            _forget(tmp_path)
    assert nursery.start(tmp_path, METHODS, LIMIT).wait() == 0
    pd.testing.assert_frame_equal(undisturbed, table(tmp_path), check_exact=True)
    assert_each_computed_once(tmp_path)
    assert nursery.gone()


def test_a_killed_fork_server_costs_nothing_and_neither_does_the_run_that_is_killed_after_it(
    nursery, undisturbed, tmp_path
):
    """Without its server a run starts children the slow way; half of the runs are killed while they do."""
    chance, count = rounds(10, "the fork server, and of the run soon after")
    for number in range(count // 2):
        begun = nursery.start(tmp_path, METHODS, LIMIT)
        begun.lines(chance.randrange(1, 4))
        time.sleep(chance.uniform(0, 0.1))
        (server, *_) = begun.descendants()
        server.kill()
        if number % 2:
            begun.lines(1)
        time.sleep(chance.uniform(0, 0.3))
        assert begun.code() is None
        begun.send(9)
        begun.wait()
        assert nursery.gone()
    assert nursery.start(tmp_path, METHODS, LIMIT).wait() == 0
    with Store.open(tmp_path) as store:
        assert set(store.attempts()["status"]) == {"ok"}
    pd.testing.assert_frame_equal(undisturbed, table(tmp_path), check_exact=True)
    assert_each_computed_once(tmp_path)


def _forget(folder):
    for file in folder.glob("benchhost.sqlite*"):
        file.unlink()
