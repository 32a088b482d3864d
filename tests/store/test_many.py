"""Many records at once, and questions about many keys: the same answers as one by one."""

from itertools import pairwise

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchhost.execute.record import blank
from benchhost.store import Store, sweeps
from benchhost.store import tables as t

relaxed = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WHAT = st.tuples(st.integers(0, 5), st.sampled_from(["ok", "failed", "time", "score", "traced"]))


def contents(store):
    """Every row of every table that records go to."""
    with store.engine.connect() as connection:
        return [
            sorted(connection.execute(sa.select(table)).all()) for table in (t.attempts, t.cells, t.scores, t.traces)
        ]


def record_of(what, cell, ok, moment):
    record = ok(cell, 20.0 + moment, started_at=f"2024-05-01T12:00:{moment:02d}")
    if what == "failed":
        record = blank(cell) | {"status": "failed", "reason": "no", "started_at": record["started_at"]}
    if what == "traced":
        record["trace"] = {"step": [1], "seconds": [0.1], "metric": ["loss"], "value": [float(moment)]}
    return record | ({"kind": what} if what in ("time", "score") else {})


@relaxed
@given(story=st.lists(WHAT, max_size=12), cuts=st.sets(st.integers(1, 11)))
def test_records_written_together_leave_what_they_leave_one_by_one(story, cuts, tmp_path_factory, cells, ok, metrics):
    folder, drawn = tmp_path_factory.mktemp("two"), cells(6)
    pairs = [(drawn[i], record_of(what, drawn[i], ok, moment)) for moment, (i, what) in enumerate(story)]
    with Store.open(folder / "single") as single, Store.open(folder / "groups") as groups:
        for cell, record in pairs:
            single.add("run", cell, record)
        ends = [0, *sorted(cut for cut in cuts if cut < len(pairs)), len(pairs)]
        for begin, end in pairwise(ends):
            groups.add_all("run", pairs[begin:end])
        assert contents(groups) == contents(single)


def test_a_pass_over_the_tables_answers_as_look_ups_do(tmp_path, cells, ok, metrics, monkeypatch):
    drawn = cells(60)
    with Store.open(tmp_path) as store:
        for number, cell in enumerate(drawn):
            what = ("ok", "failed", "no psnr", "never")[number % 4]
            if what == "failed":
                store.add("run", cell, blank(cell) | {"status": "failed", "reason": "no"})
            elif what != "never":
                scores = {"psnr/255/clip": None if what == "no psnr" else 30.0, "mse/1": 0.1}
                store.add("run", cell, ok(cell, scores=scores))
        asked = drawn[:40]
        answers = []
        for threshold in (1000, 10):  # by look-ups, then by a pass that meets other keys as well
            monkeypatch.setattr(sweeps, "SWEEP_ABOVE", threshold)
            answers.append((store.finished(c.key for c in asked), store.lacking_metrics(asked, metrics=metrics)))
        assert answers[0] == answers[1]
        assert len(answers[0][0]) == 20
        assert set(answers[0][1].values()) == {("psnr/255/clip",)}
