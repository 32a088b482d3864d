"""kill -9 of the coordinator at random moments: nothing recorded is lost or computed twice, and nobody is left."""

import time

import pandas as pd

from tests.execute.runs_to_kill import assert_each_computed_once, rounds, table

METHODS = "synthetic-dither,synthetic-landweber:pause=0.01,fault-slow,fault-raises"
LIMIT = 30


def test_killed_and_resumed_a_run_ends_with_the_table_of_one_undisturbed(nursery, plan, run, tmp_path):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    run(plan(METHODS, limit=LIMIT), folder=undisturbed, isolation=False)
    chance, count = rounds(20, "the coordinator")
    struck = 0
    for _ in range(count):
        begun = nursery.start(killed, METHODS, LIMIT)
        begun.lines(chance.randrange(5))  # so many records, then some moment before the next
        time.sleep(chance.uniform(0, 0.2))
        struck += begun.code() is None
        begun.send(9)
        begun.wait()
        assert nursery.gone()
    assert struck == count  # none had ended before it was killed
    assert nursery.start(killed, METHODS, LIMIT).wait() == 0
    pd.testing.assert_frame_equal(table(undisturbed), table(killed), check_exact=True)
    assert_each_computed_once(killed)
