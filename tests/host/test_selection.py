"""The grammar of --tasks and --methods."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchhost.errors import BenchhostError, UsageError
from benchhost.selection import expand_methods, expand_tasks, parse_methods, parse_tasks
from tests.host.toy import make_catalogue


@pytest.fixture
def catalogue():
    return make_catalogue()


def levels(text, catalogue):
    return [chosen.label for chosen in expand_tasks(parse_tasks(text, catalogue), catalogue)]


def methods(text, catalogue, device="cpu"):
    chosen = expand_methods(parse_methods(text, catalogue), catalogue, device=device)
    return [(c.label, c.values["iterations"]) for c in chosen if c.name == "dip"] or [c.label for c in chosen]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cs", ["ratio=0.25"]),
        ("cs:all", ["ratio=0.1", "ratio=0.25", "ratio=0.5"]),
        ("cs:ratio=0.10,0.25", ["ratio=0.1", "ratio=0.25"]),
        ("cs:ratio=0.1,0.25,operator=scrambled", ["ratio=0.1,operator=scrambled", "ratio=0.25,operator=scrambled"]),
        ("cs:operator=block,scrambled", ["ratio=0.25", "ratio=0.25,operator=scrambled"]),
        ("cs:ratio=0.1,jpeg", ["ratio=0.1", "default"]),
        ("jpeg,cs:ratio=0.1,0.5", ["default", "ratio=0.1", "ratio=0.5"]),
        (("cs", "jpeg"), ["ratio=0.25", "default"]),
        ("all", ["ratio=0.25", "default"]),
        ("all:all", ["ratio=0.1", "ratio=0.25", "ratio=0.5", "default"]),
    ],
)
def test_a_task_selection_spans_the_levels_it_says(text, expected, catalogue):
    assert levels(text, catalogue) == expected


def test_presets_apply_first_and_explicit_values_win(catalogue):
    assert methods("dip", catalogue) == [("dip", 600)]
    assert methods("dip", catalogue, device="cuda") == [("dip", 3000)]
    assert methods("dip:preset=paper", catalogue) == [("dip:preset=paper", 3000)]
    assert methods("dip:preset=paper,iterations=5,7", catalogue) == [
        ("dip:preset=paper,iterations=5", 5),
        ("dip:preset=paper,iterations=7", 7),
    ]
    assert methods("dip:preset=paper,fast", catalogue) == [("dip:preset=paper", 3000), ("dip:preset=fast", 600)]


def test_all_is_every_method_installed(catalogue):
    names = [chosen.name for chosen in expand_methods(parse_methods("all", catalogue), catalogue, device="cpu")]
    assert names == list(catalogue.methods)
    with pytest.raises(UsageError, match="'all' takes no settings of a single method: iterations"):
        methods("all:iterations=5", catalogue)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sc", "No task 'sc'. Did you mean 'cs'? Known: cs, jpeg"),
        ("cs:ratoi=0.1,0.2", "No parameter 'ratoi' in task 'cs'. Did you mean 'ratio'?"),
        ("cs:ratio=2", "ratio must lie in 0.001 to 1, got 2"),
        ("cs:medium", "No level 'medium' in task 'cs' (write 'cs:PARAMETER=VALUE' or 'cs:all')."),
        ("cs:ratio0.25", "Did you mean 'ratio=0.25'? Known: ratio=0.1"),
        ("", "empty task selection"),
        ("all:ratio=0.1", "'all' takes no settings of a single task: ratio (name the tasks they are for)"),
        ("=3", "cannot read '=3'"),
    ],
)
def test_a_wrong_task_selection_names_the_nearest_choice(text, words, catalogue):
    with pytest.raises(UsageError) as caught:
        levels(text, catalogue)
    assert words in str(caught.value)


def test_a_word_after_a_methods_colon_names_presets_and_parameters(catalogue):
    with pytest.raises(UsageError, match="No setting 'paper' in method 'dip'.*Did you mean 'preset=paper'.*iterations"):
        methods("dip:paper", catalogue)
    with pytest.raises(UsageError, match="No setting 'all' in method 'dip'"):
        methods("dip:all", catalogue)


def test_an_unknown_preset_names_the_known_ones(catalogue):
    with pytest.raises(UsageError, match="No preset 'papper' in method 'dip'. Did you mean 'paper'"):
        methods("dip:preset=papper", catalogue)


@given(st.text(max_size=40))
def test_any_text_parses_or_gives_a_usage_error(text):
    catalogue = make_catalogue()
    with contextlib.suppress(BenchhostError):
        levels(text, catalogue)
