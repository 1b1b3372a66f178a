"""Verdicts follow from numbers: none can be written down beforehand."""

from typing import Any

import pytest

from hemadose.errors import InputError
from hemadose.model.followup import Missing
from hemadose.outcome.papers import (
    Claim,
    Finding,
    Paper,
    PaperInputs,
    PaperRow,
    Recomputed,
    judge,
    printed_numbers,
)


def verdict(claim: Claim, *values: float) -> tuple[Finding, str]:
    paper = Paper(
        id="p", title="t", citation="c", licence="l", rows=(PaperRow(id="A01", what="w", claims=(claim,)),),
        inputs=PaperInputs(numbers={}, summaries={}, sources={}),
    )  # fmt: skip
    (line,) = judge(paper, {"q": Recomputed(values=values)}).lines
    return line.finding, line.recomputed


def claim(**known: Any) -> Claim:
    return Claim(**{"what": "x", "quantity": "q", **known})


def test_numbers_of_a_text() -> None:
    assert printed_numbers("0.610 (0.432 to 0.862)") == ("0.610", "0.432", "0.862")
    assert printed_numbers("6/7 of P5, 177Lu-x, -0.52") == ("6", "7", "-0.52")


def test_reproduced_differs_and_error() -> None:
    assert verdict(claim(printed="0.21"), 0.2142) == (Finding.REPRODUCED, "0.21")
    assert verdict(claim(printed="0.12"), 0.2142) == (Finding.DIFFERS, "0.2142")
    assert verdict(claim(printed="0.12", because="copied"), 0.2142) == (Finding.ERROR, "0.2142")


def test_a_reason_does_not_make_a_right_number_wrong() -> None:
    assert verdict(claim(printed="0.21", because="copied"), 0.2142)[0] is Finding.REPRODUCED


def test_one_wrong_number_of_several_is_enough() -> None:
    assert verdict(claim(printed="2/7 (3.7 to 71.0)"), 2, 7, 3.67, 70.96) == (Finding.REPRODUCED, "2/7 (3.7 to 71.0)")
    assert verdict(claim(printed="2/7 (3.7 to 71.0)"), 2, 7, 3.67, 71.2) == (Finding.DIFFERS, "2/7 (3.7 to 71.2)")


def test_nothing_is_reproduced_by_a_missing_number() -> None:
    assert verdict(claim(printed="80"), float("nan")) == (Finding.DIFFERS, "none")


def test_other_numbers_of_values_are_refused() -> None:
    with pytest.raises(InputError):
        verdict(claim(printed="6/7"), 6.0)


def test_an_unknown_quantity_is_refused() -> None:
    with pytest.raises(InputError):
        verdict(claim(printed="6", quantity="other"), 6.0)


@pytest.mark.parametrize("wrong", [
    {"printed": "1", "stated": Finding.RULE, "where": "a:b"},
    {"quantity": "", "stated": None},
    {"printed": ""},
    {"quantity": "", "stated": Finding.REPRODUCED},
    {"quantity": "", "stated": Finding.ERROR},
    {"quantity": "", "stated": Finding.RULE},
    {"quantity": "", "stated": Finding.NOT_RECOVERABLE},
])  # fmt: skip
def test_claims_without_what_they_need_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        claim(**wrong)


def test_the_reason_of_a_gap_is_said() -> None:
    gap = Claim(what="x", stated=Finding.NOT_RECOVERABLE, missing=Missing.SUPPLEMENT_ONLY)
    paper = Paper(
        id="p", title="t", citation="c", licence="l", rows=(PaperRow(id="A01", what="w", claims=(gap,)),),
        inputs=PaperInputs(numbers={}, summaries={}, sources={}),
    )  # fmt: skip
    assert judge(paper, {}).lines[0].note == "in a supplement that was not at hand"


def test_a_row_without_claims_is_refused() -> None:
    with pytest.raises(InputError):
        PaperRow(id="A01", what="w", claims=())


def test_inputs_are_asked_by_name_and_kind() -> None:
    inputs = PaperInputs(numbers={"a": (1.0,), "b": (1.0, 2.0), "c": (1.5,)}, summaries={}, sources={})
    assert (inputs.count("a"), inputs.values("b")) == (1, (1.0, 2.0))
    for ask in (lambda: inputs.number("b"), lambda: inputs.count("c"), lambda: inputs.values("z"),
                lambda: inputs.summary("z")):  # fmt: skip
        with pytest.raises(InputError):
            ask()
