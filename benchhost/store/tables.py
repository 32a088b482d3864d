"""The tables of the store: one module, tidy and long, the same on SQLite and PostgreSQL."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = 2

metadata = MetaData()


def _seal() -> Column:
    """A checksum of the row's other columns; see :mod:`benchhost.store.seals`."""
    return Column("seal", String(16), nullable=False)


meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("id", String(40), primary_key=True),  # content hash: runs in one environment share a row
    Column("facts", Text, nullable=False),
    _seal(),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),  # order of beginning, whatever the clocks said
    Column("started_at", String(40), nullable=False),
    Column("finished_at", String(40)),
    Column("status", String(20), nullable=False),  # running, finished, interrupted
    Column("seconds", Float),
    Column("cells", Integer, nullable=False),
    Column("command", Text),
    Column("environment", String(40)),
    Column("facts", Text, nullable=False),
    _seal(),
)

# What the cells of a run have in common is written once per batch, not once per cell: a run of 100,000 cells
# stays in the tens of megabytes, and planning the same run again costs seconds.
run_batches = Table(
    "run_batches",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("batch", Integer, primary_key=True, autoincrement=False),
    Column("task", Text, nullable=False),
    Column("task_params", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("method", Text, nullable=False),
    Column("method_params", Text, nullable=False),
    Column("method_label", Text, nullable=False),
    Column("metrics", Text, nullable=False),  # JSON list of ids, primary first
    Column("skip", Text, nullable=False),
    Column("trained_on_test", Boolean),
    _seal(),
)

run_cells = Table(
    "run_cells",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("batch", Integer, nullable=False),
    Column("image", Text, nullable=False),
    Column("measurement_key", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    _seal(),
    Index("ix_run_cells_key", "key"),
)

# The latest ok record of a key, or its last one where none is ok.
cells = Table(
    "cells",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("measurement_key", String(64), nullable=False),
    Column("run_id", String(40), nullable=False),  # the run that made this record
    Column("attempt", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("seconds", Float),
    Column("setup_seconds", Float),
    Column("timing_valid", Boolean),
    Column("load1", Float),
    Column("peak", Float),
    Column("peak_rss_mb", Float),
    Column("peak_vram_mb", Float),
    Column("threads", Integer),
    Column("device", Text),
    Column("y_digest", String(64)),
    Column("physics_id", String(64)),
    Column("notes", Text),
    Column("artifact", Text),
    Column("started_at", String(40)),
    Column("finished_at", String(40)),
    _seal(),
)

# Every try, also those that failed, and every timing or scoring pass over a finished cell.
attempts = Table(
    "attempts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("run_id", String(40), nullable=False),
    Column("kind", String(10), nullable=False),  # run, time, score
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("seconds", Float),
    Column("exception_type", Text),
    Column("exception_message", Text),
    Column("traceback", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("started_at", String(40)),
    Column("finished_at", String(40)),
    _seal(),
    Index("ix_attempts_run", "run_id", "status"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("metric", String(200), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("higher_is_better", Boolean, nullable=False),
    Column("unit", Text, nullable=False),
    Column("decimals", Integer, nullable=False),
    _seal(),
)

scores = Table(
    "scores",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("metric", String(200), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("value", Float),  # NULL: unavailable, and ``reason`` says why
    Column("reason", Text, nullable=False),
    _seal(),
)

# One row a cell, its iterates as JSON columns: a thousand rows a cell would be most of the store.
traces = Table(
    "traces",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("rows", Text, nullable=False),
    _seal(),
)

# Who is computing what at this moment.  A claim goes when its cell is recorded.
claims = Table(
    "claims",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("run_id", String(40), nullable=False),
    Index("ix_claims_run", "run_id"),
)

# Signs of life of the processes that run cells: a counter, because the clocks of two machines never agree.
coordinators = Table(
    "coordinators",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("beat", Integer, nullable=False),
    Column("process", Text, nullable=False),  # where it lives, so that its own machine can tell at once that it died
)
