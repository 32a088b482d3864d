"""Two runs on one store at the same time, on SQLite and on PostgreSQL: no cell is lost, none computed twice."""

import pandas as pd

from benchhost.store import Store
from tests.execute.runs_to_kill import assert_each_computed_once, table

METHODS = "synthetic-dither,fault-slow,fault-raises"
LIMIT = 12


def test_two_runs_of_the_same_cells_share_them(nursery, plan, run, tmp_path, place):
    undisturbed = tmp_path / "undisturbed"
    run(plan(METHODS, limit=LIMIT), folder=undisturbed, isolation=False)
    pair = [nursery.start(tmp_path / "both", METHODS, LIMIT, BENCHHOST_TEST_STORE=str(place), BENCHHOST_SLOW="0.3",
                          BENCHHOST_TEST_WORKERS="1") for _ in range(2)]  # fmt: skip
    assert [each.wait() for each in pair] == [0, 0]
    told = [each.lines(10_000) for each in pair]
    assert [len(lines) for lines in told] == [3 * LIMIT] * 2  # each hears of every cell, whoever computed it
    pd.testing.assert_frame_equal(table(undisturbed), table(place), check_exact=True)
    with Store.open(place) as store:
        tries = store.attempts()
        assert (tries.groupby("key").size() == 1).all()  # nor was a failure tried by both
        assert len(tries) == 3 * LIMIT
        assert tries["run_id"].nunique() == 2  # both did their share
        assert store.runs()["status"].tolist() == ["finished", "finished"]
        for run_id in store.runs()["run_id"]:
            assert not (store.frame(run_id)["status"] == "pending").any()


def test_one_of_two_runs_is_killed_and_the_other_finishes_its_cells(nursery, plan, run, tmp_path, place):
    undisturbed = tmp_path / "undisturbed"
    run(plan(METHODS, limit=LIMIT), folder=undisturbed, isolation=False)
    settings = {"BENCHHOST_TEST_STORE": str(place), "BENCHHOST_SLOW": "0.3", "BENCHHOST_TEST_WORKERS": "1"}
    one, two = (nursery.start(tmp_path / "both", METHODS, LIMIT, **settings) for _ in range(2))
    one.lines(LIMIT + 2)
    one.send(9)
    assert two.wait() == 0
    pd.testing.assert_frame_equal(table(undisturbed), table(place), check_exact=True)
    assert_each_computed_once(place)
