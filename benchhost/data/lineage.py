"""Which datasets share pictures, by what their cards declare, and what that means for a method's training data.

A statement reads ``[dataset] relation dataset[: detail]``; without the first name it is about the card's own dataset.
Relations: ``subset-of``, ``equal-to`` (the same pictures, perhaps in grey or cropped), ``overlaps``, ``disjoint-from``.
Names need no card: ``bsds500/train subset-of bsds500``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from benchhost.errors import UsageError, unknown
from benchhost.types import Dataset

RELATIONS = ("subset-of", "equal-to", "overlaps", "disjoint-from")
Status = Literal["clean", "overlap", "undeclared"]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One declared fact about two datasets."""

    subject: str
    relation: str
    other: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.subject} {self.relation} {self.other}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known about training data and a test set; as text ``clean``, ``overlap: ...`` or ``undeclared...``."""

    status: Status
    reason: str = ""

    def __str__(self) -> str:
        return self.status + (f": {self.reason}" if self.reason else "")


@dataclass
class Lineage:
    """The declared relations as a graph.

    names: everything that has a card or stands in a statement.
    """

    names: set[str] = field(default_factory=set)
    above: dict[str, dict[str, Statement]] = field(default_factory=lambda: defaultdict(dict))
    below: dict[str, dict[str, Statement]] = field(default_factory=lambda: defaultdict(dict))
    shared: list[Statement] = field(default_factory=list)
    disjoint: list[Statement] = field(default_factory=list)

    def add(self, statement: Statement) -> None:
        """Take one fact into the graph."""
        one, two = statement.subject, statement.other
        self.names |= {one, two}
        if statement.relation in ("subset-of", "equal-to"):
            self.above[one][two] = self.below[two][one] = statement
        if statement.relation == "equal-to":
            self.above[two][one] = self.below[one][two] = statement
        if statement.relation == "overlaps":
            self.shared.append(statement)
        if statement.relation == "disjoint-from":
            self.disjoint.append(statement)

    def judge(self, trained_on: str, tested_on: str) -> Verdict:
        """Whether the pictures of one dataset may be among those of the other.

        A declared overlap of parts of both is an overlap.  A declared disjointness of sets that hold both is clean.
        Sets that only lie in one larger set, or whose larger sets overlap, may or may not share pictures: undeclared.
        """
        if trained_on == tested_on:
            return Verdict(status="overlap", reason=f"trained on {tested_on} itself")
        for name in (trained_on, tested_on):
            if name not in self.names:
                return Verdict(status="undeclared", reason=f"nothing is known about '{name}'")
        inside_train, inside_test = _reach(trained_on, self.below), _reach(tested_on, self.below)
        around_train, around_test = _reach(trained_on, self.above), _reach(tested_on, self.above)
        for common in inside_train:
            if common in inside_test:
                chain = dict.fromkeys([*inside_test[common], *inside_train[common]])
                return Verdict(status="overlap", reason=_and(chain) or f"both hold {common}")
        for fact, one, two in _both_ways(self.shared):
            if one in inside_train and two in inside_test:
                return Verdict(status="overlap", reason=_and([fact, *inside_test[two], *inside_train[one]]))
        for _, one, two in _both_ways(self.disjoint):
            if one in around_train and two in around_test:
                return Verdict(status="clean")
        for common in around_train:
            if common in around_test:
                return Verdict(status="undeclared", reason=f"{trained_on} and {tested_on} are both parts of {common}")
        for fact, one, two in _both_ways(self.shared):
            near_train, near_test = {*inside_train, *around_train}, {*inside_test, *around_test}
            if one in near_train and two in near_test:
                return Verdict(status="undeclared", reason=f"{trained_on} and {tested_on} may share pictures: {fact}")
        return Verdict(status="clean")

    def judge_all(self, trained_on: tuple[str, ...] | None, tested_on: str) -> Verdict:
        """The worst verdict over all training data: an overlap decides, then whatever is unknown."""
        if trained_on is None:
            return Verdict(status="undeclared")
        verdicts = [self.judge(name, tested_on) for name in trained_on]
        for status in ("overlap", "undeclared"):
            for verdict in verdicts:
                if verdict.status == status:
                    return verdict
        return Verdict(status="clean")


def parse(text: str, subject: str) -> Statement:
    """Read one statement of the card of ``subject``; an unknown relation is refused with the nearest one."""
    head, _, detail = text.partition(":")
    words = head.split()
    if len(words) == 2:
        words.insert(0, subject)
    if len(words) != 3:
        raise UsageError(
            f"dataset card {subject}: lineage '{text}' must read '[dataset] relation dataset[: detail]', "
            f"with a relation of {', '.join(RELATIONS)}"
        )
    if words[1] not in RELATIONS:
        raise unknown("relation", words[1], RELATIONS, where=f"dataset card {subject}: lineage '{text}'")
    return Statement(subject=words[0], relation=words[1], other=words[2], detail=detail.strip())


def lineage_of(datasets: Iterable[Dataset]) -> Lineage:
    """The graph of what these datasets' cards declare."""
    lineage = Lineage()
    for dataset in datasets:
        lineage.names.add(dataset.name)
        for text in dataset.lineage:
            lineage.add(parse(text, dataset.name))
    return lineage


def judge(
    trained_on: tuple[str, ...] | None, dataset_name: str, datasets: Mapping[str, Dataset] | None = None
) -> Verdict:
    """Judge a method's declared training data against one test set.

    trained_on: as in :class:`~benchhost.types.Method`: () for no training, None for undeclared.
    datasets: whose cards to go by; default the built-in ones.
    Any overlap decides; else anything unknown makes it undeclared: unknown is never clean.  Clean means that the cards
    of both are here and declare no shared picture; :mod:`benchhost.data.lookalikes` looks at the pictures themselves.
    """
    lineage = _builtin() if datasets is None else lineage_of(datasets.values())
    return lineage.judge_all(trained_on, dataset_name)


def overlaps(
    trained_on: tuple[str, ...] | None, dataset_name: str, datasets: Mapping[str, Dataset] | None = None
) -> str:
    """:func:`judge` as text: ``"clean"``, ``"overlap: reason"`` or ``"undeclared"`` (with ``": reason"`` if any)."""
    return str(judge(trained_on, dataset_name, datasets))


@cache
def _builtin() -> Lineage:
    from benchhost.data.cards import builtin

    return lineage_of(builtin().values())


def _reach(start: str, edges: Mapping[str, Mapping[str, Statement]]) -> dict[str, tuple[Statement, ...]]:
    """Every name that edges lead to, each with the statements on a shortest way there; ``start`` is among them."""
    found: dict[str, tuple[Statement, ...]] = {start: ()}
    queue = [start]
    for name in queue:
        for following, statement in edges.get(name, {}).items():
            if following not in found:
                found[following] = (*found[name], statement)
                queue.append(following)
    return found


def _both_ways(statements: Iterable[Statement]) -> Iterable[tuple[Statement, str, str]]:
    for statement in statements:
        yield statement, statement.subject, statement.other
        yield statement, statement.other, statement.subject


def _and(statements: Iterable[Statement]) -> str:
    return "; ".join(str(statement) for statement in statements)
