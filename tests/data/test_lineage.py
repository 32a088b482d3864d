"""What declared lineage means for training data; unknown is never clean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.data.cards import builtin
from benchhost.data.lineage import Lineage, Statement, judge, overlaps, parse
from benchhost.errors import UsageError


def graph(*texts: str) -> Lineage:
    lineage = Lineage()
    for text in texts:
        lineage.add(parse(text, "card"))
    return lineage


@pytest.mark.parametrize(
    ("trained_on", "tested_on", "expected"),
    [
        (None, "set5", "undeclared"),
        ((), "set5", "clean"),
        (("set5",), "set5", "overlap: trained on set5 itself"),
        (("bsds500_train",), "set5", "clean"),
        (("bsds500_train",), "set12", "clean"),
        (("bsds500_train",), "bsd68", "clean"),
        (("bsds500_train",), "bsd100", "clean"),
        (("bsds500_train",), "embedded-grey", "clean"),
        (("bsds500/test",), "set5", "clean"),
        (("kodak24",), "bsd68", "clean"),
        (("fastmri/knee/train",), "fastmri", "clean"),
        (("a private set",), "set5", "undeclared: nothing is known about 'a private set'"),
        (("bsds500_train", "a private set"), "set5", "undeclared: nothing is known about 'a private set'"),
        (("bsds500_train",), "no such set", "undeclared: nothing is known about 'no such set'"),
    ],
)
def test_verdicts_on_builtin_sets(trained_on, tested_on, expected):
    assert overlaps(trained_on, tested_on) == expected


@pytest.mark.parametrize(
    ("trained_on", "tested_on", "because"),
    [
        ("bsds500", "bsd68", "bsd100 equal-to bsds500/val"),
        ("bsds500/val", "cbsd68", "cbsd68 subset-of bsd100"),
        ("bsd68", "bsd100", "bsd68 equal-to cbsd68: the same photographs in grey"),
        ("bsd100", "bsd68", "cbsd68 subset-of bsd100"),
        ("bsds300", "bsd100", "bsd100 equal-to bsds300/test"),
        ("train400", "set5", "woman_GT is 302003"),
        ("train400", "set12", "04 (starfish) is a 256x256 crop of 12003"),
        ("bsd400", "set12", "04 (starfish)"),
        ("bsds300", "set12", "04 (starfish)"),
        ("set14", "set5", "butterfly_GT is a crop of monarch"),
        ("set5", "set14", "butterfly_GT is a crop of monarch"),
        ("kodak24-500", "kodak24", "its centres"),
        ("kodak24-500", "live1", "paintedhouse = kodim24"),
        ("skimage-grey", "embedded-grey", "reduced"),
        ("fastmri/knee", "fastmri", "fastmri equal-to fastmri/knee/val"),
    ],
)
def test_overlaps_of_builtin_sets_are_found_with_their_reason(trained_on, tested_on, because):
    verdict = overlaps((trained_on,), tested_on)
    assert verdict.startswith("overlap: ")
    assert because in verdict


def test_one_overlap_decides_over_clean_and_unknown_data():
    assert overlaps(("bsds500_train", "a private set", "train400"), "set5").startswith("overlap")


def test_parts_of_one_set_are_undeclared_unless_declared_disjoint():
    facts = ["a subset-of whole", "b subset-of whole"]
    assert str(graph(*facts).judge("a", "b")) == "undeclared: a and b are both parts of whole"
    assert graph(*facts, "a disjoint-from b: by name").judge("a", "b").status == "clean"


def test_disjointness_is_inherited_by_subsets_on_both_sides():
    lineage = graph("x subset-of a", "y equal-to b", "a subset-of whole", "b subset-of whole", "a disjoint-from b")
    assert lineage.judge("x", "y").status == "clean"
    assert lineage.judge("y", "x").status == "clean"


def test_an_overlap_of_larger_sets_is_only_a_possibility_for_their_parts():
    lineage = graph("x subset-of a", "a overlaps b: one picture")
    assert str(lineage.judge("x", "b")) == "undeclared: x and b may share pictures: a overlaps b: one picture"
    assert lineage.judge("a", "b").status == "overlap"


def test_an_overlap_of_parts_is_an_overlap_of_the_larger_sets():
    lineage = graph("x subset-of a", "y subset-of b", "x overlaps y")
    assert lineage.judge("a", "b").status == "overlap"


def test_a_shared_part_is_an_overlap():
    assert graph("x subset-of a", "x subset-of b").judge("a", "b").status == "overlap"


def test_an_overlap_that_is_declared_wins_over_disjointness():
    lineage = graph("a overlaps b", "a disjoint-from b")
    assert lineage.judge("a", "b").status == "overlap"


def test_cycles_of_equal_sets_come_to_an_end():
    lineage = graph("a equal-to b", "b equal-to c", "c equal-to a", "c subset-of a")
    assert lineage.judge("a", "c").status == "overlap"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "subsetof bsd100",
            "No relation 'subsetof' in dataset card card: lineage 'subsetof bsd100'. Did you mean 'subset-of'",
        ),
        ("bsd100", "must read '[dataset] relation dataset[: detail]'"),
        ("a subset-of b c", "must read '[dataset] relation dataset[: detail]'"),
    ],
)
def test_a_statement_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(UsageError) as error:
        parse(text, "card")
    assert words in str(error.value)


def test_a_statement_is_about_its_own_card_unless_it_names_another():
    assert parse("subset-of b: so: it is", "a") == Statement(
        subject="a", relation="subset-of", other="b", detail="so: it is"
    )
    assert str(parse("c overlaps b", "a")) == "c overlaps b"


def test_cards_of_other_plugins_count_when_they_are_given():
    from dataclasses import replace

    mine = replace(builtin()["set5"], name="mine", lineage=("subset-of set5",))
    assert overlaps(("mine",), "set5").startswith("undeclared")
    assert overlaps(("mine",), "set5", {**builtin(), "mine": mine}).startswith("overlap: mine subset-of set5")


names = st.sampled_from("abcdef")
relations = st.sampled_from(["subset-of", "equal-to", "overlaps", "disjoint-from"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, relations, names), max_size=10), names, names)
def test_the_verdict_is_the_same_either_way_round(facts, one, two):
    lineage = graph(*(f"{a} {r} {b}" for a, r, b in facts if a != b))
    assert lineage.judge(one, two).status == lineage.judge(two, one).status


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, relations, names), max_size=10), names, names, names)
def test_training_on_more_never_makes_it_cleaner(facts, one, two, test):
    lineage = graph(*(f"{a} {r} {b}" for a, r, b in facts if a != b))
    order = ["clean", "undeclared", "overlap"]
    alone, both = lineage.judge_all((one,), test), lineage.judge_all((one, two), test)
    assert order.index(both.status) >= order.index(alone.status)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, st.sampled_from(["subset-of", "equal-to"]), names), max_size=8), st.randoms())
def test_sets_that_share_a_picture_in_some_world_are_never_called_clean_by_subsets_alone(facts, random):
    """A world is an assignment of pictures that obeys the facts; where it shares one, the verdict may not be clean."""
    pictures = {name: {f"{name}1"} if random.random() < 0.7 else set() for name in "abcdef"}
    for _ in range(20):
        for a, r, b in facts:
            pictures[b] |= pictures[a]
            if r == "equal-to":
                pictures[a] |= pictures[b]
    lineage = graph(*(f"{a} {r} {b}" for a, r, b in facts if a != b), *(f"{n} subset-of all" for n in "abcdef"))
    for one in "abcdef":
        for two in "abcdef":
            if pictures[one] & pictures[two]:
                assert lineage.judge(one, two).status != "clean"


def test_judge_and_overlaps_agree():
    assert str(judge(("train400",), "set5")) == overlaps(("train400",), "set5")
