"""Typed parameters: parsing, bounds and errors that name thing, place and choice."""

from dataclasses import dataclass
from typing import Literal

import pytest

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.params import param


@dataclass(frozen=True)
class Example:
    ratio: float = param(0.25, doc="a ratio", minimum=0.0, maximum=1.0)
    steps: int = param(10, doc="steps")
    mode: Literal["block", "scrambled"] = param("block", doc="mode")
    weight: float | None = param(None, doc="weight")
    flag: bool = param(False, doc="flag")
    scales: tuple[int, ...] = param((1, 2), doc="scales")


def build(**values: object) -> Example:
    return P.build(Example, values, owner="task 'x'")


def test_text_is_parsed_by_the_annotation():
    made = build(ratio="0.10", steps="20", mode="scrambled", weight="none", flag="yes", scales="1+3")
    assert made == Example(0.1, 20, "scrambled", None, True, (1, 3))


def test_typed_values_pass_and_integers_become_floats():
    assert build(ratio=1, weight=2).ratio == 1.0
    assert isinstance(build(ratio=1).ratio, float)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ratoi": 1}, "No parameter 'ratoi' in task 'x'. Did you mean 'ratio'?"),
        ({"ratio": 1.5}, "task 'x': ratio must lie in 0 to 1, got 1.5"),
        ({"ratio": "nan"}, "ratio must be a number"),
        ({"steps": "1.5"}, "steps must be a whole number, got '1.5'"),
        ({"steps": True}, "steps must be a whole number, got True"),
        ({"mode": "blok"}, "mode must be one of block, scrambled, got blok"),
        ({"flag": "perhaps"}, "flag must be true or false"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(values, words):
    with pytest.raises(UsageError) as caught:
        P.build(Example, values, owner="task 'x'")
    assert words in str(caught.value)


def test_a_missing_required_parameter_is_named():
    @dataclass(frozen=True)
    class Needs:
        path: str = param(doc="a file")

    with pytest.raises(UsageError, match="needs a value for path"):
        P.build(Needs, {}, owner="method 'm'")


def test_content_prefers_what_the_params_say_of_themselves():
    @dataclass(frozen=True)
    class FromFile:
        path: str = param("a.mat", doc="a file")

        def key(self):
            return {"sha256": "abc"}

    assert P.content(FromFile()) == {"sha256": "abc"}
    assert P.content(Example())["scales"] == [1, 2]


def test_values_print_as_they_are_typed():
    assert [P.show(v) for v in (0.1, 25.0, True, None, (1, 2), "x")] == ["0.1", "25", "true", "none", "1+2", "x"]
