"""The evidence table: exact intervals against published ones, honest gaps, and what may not be pooled."""

from typing import Any

import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.evidence import (
    EvidenceLabel,
    EvidenceResult,
    Measure,
    Role,
    Study,
    evidence_rows,
    pool_rows,
    poolable,
    row_of,
)

SOURCE, REVIEW, MEMORY = EvidenceLabel.SOURCE, EvidenceLabel.REVIEW, EvidenceLabel.MEMORY


def result(**known: Any) -> EvidenceResult:
    return EvidenceResult(**{"endpoint": "overall response", "label": SOURCE, "n_label": SOURCE, **known})


def study(id: str, *results: EvidenceResult, **known: Any) -> Study:
    plain = {
        "citation": f"{id} et al.", "year": 2020, "agents": ("177Lu-pentixather",), "disease": "AML",
        "population": "relapsed", "design": "series", "n": None, "n_label": SOURCE,
    }  # fmt: skip
    return Study(id=id, results=results, **{**plain, **known})


def test_sierra_interval_is_the_published_one() -> None:
    """Gyurkocza, J Clin Oncol 2025;43:201: 13 of 76, 17.1 % (9.4-27.5), and 0 of 77 (0-4.7)."""
    rows = [row_of(study("s"), result(k=k, n=n, percent=p, interval_percent=i)) for k, n, p, i in (
        (13, 76, "17.1", ("9.4", "27.5")), (0, 77, "0", ("0", "4.7")))]  # fmt: skip
    assert [row.printed_interval_agrees for row in rows] == [True, True]


def test_a_wrong_printed_interval_is_seen() -> None:
    row = row_of(study("s"), result(k=13, n=76, percent="17.1", interval_percent=("8.6", "25.6")))
    assert row.printed_interval_agrees is False


def test_a_count_is_deduced_from_the_percentage() -> None:
    row = row_of(study("s"), result(n=54, percent="74"))
    assert (row.k, row.count_words) == (40, "40/54")
    assert "not independent" in row.notes[0]


def test_several_counts_widen_the_interval() -> None:
    """87 % of 208 is 180 or 181: the interval covers both."""
    row = row_of(study("s"), result(n=208, percent="87"))
    low, high = (row_of(study("s"), result(k=k, n=208)) for k in (180, 181))
    assert (row.k, row.count_words) == (None, "180-181/208")
    assert (row.low, row.high) == (low.low, high.high)


def test_an_impossible_percentage_has_no_interval() -> None:
    row = row_of(study("s"), result(n=73, percent="80"))
    assert (row.k, row.low, row.high) == (None, None, None)
    assert "58 of 73" in row.notes[0]


def test_a_curve_has_no_count() -> None:
    row = row_of(study("s"), result(n=58, percent="41", measure=Measure.CURVE))
    assert (row.k, row.low) == (None, None)
    with pytest.raises(InputError):
        result(k=24, n=58, measure=Measure.CURVE)


def test_a_misprinted_percentage_is_noted() -> None:
    assert "17.46" in row_of(study("s"), result(k=11, n=63, percent="17.4")).notes[0]
    assert row_of(study("s"), result(k=11, n=63, percent="17.5")).notes == ()


def test_the_weaker_label_counts_where_the_denominator_is_used() -> None:
    assert row_of(study("s"), result(n=40, percent="65", label=REVIEW, n_label=MEMORY)).label is MEMORY
    assert row_of(study("s"), result(percent="65", label=REVIEW, n_label=MEMORY)).label is REVIEW


@pytest.mark.parametrize("wrong", [{"k": 8, "n": 7}, {"k": 3}, {"percent": "many", "n": 9}])
def test_impossible_results_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuantityError):
        result(**wrong)


def test_a_result_without_number_is_refused() -> None:
    with pytest.raises(InputError):
        result(n=7)


def test_filters_and_whole_names() -> None:
    known = (
        study("a", result(k=1, n=2), result(endpoint="durable response", k=1, n=2), year=2001),
        study("b", result(endpoint="response", k=1, n=2), disease="DLBCL", agents=("90Y-ibritumomab tiuxetan",)),
    )
    assert len(evidence_rows(known)) == 3
    assert [r.result.endpoint for r in evidence_rows(known, endpoint="response")] == ["response"]
    assert len(evidence_rows(known, endpoint="respons")) == 3
    assert {r.study.id for r in evidence_rows(known, agent="IBRITUMOMAB")} == {"b"}
    assert {r.study.id for r in evidence_rows(known, disease="relapsed")} == {"a", "b"}
    assert {r.study.id for r in evidence_rows(known, year_from=2002)} == {"b"}
    assert evidence_rows(known, disease="myeloma") == ()


def test_pooling_equal_shares_gives_that_share() -> None:
    rows = [row_of(study(id), result(k=30, n=60)) for id in "abc"]
    pooled = pool_rows(rows)
    assert pooled.estimate == pytest.approx(0.5)
    assert (pooled.i2, pooled.k) == (0.0, 3)


def test_different_endpoints_and_times_are_never_pooled() -> None:
    one = row_of(study("a"), result(k=3, n=9))
    other = row_of(study("b"), result(endpoint="overall survival", k=3, n=9))
    late = row_of(study("b"), result(k=3, n=9, follow_up="24 months"))
    for second in (other, late):
        with pytest.raises(InputError, match="one endpoint"):
            pool_rows([one, second])


def test_controls_open_counts_and_shared_patients_are_not_pooled() -> None:
    one = row_of(study("a"), result(k=3, n=9))
    control = row_of(study("b"), result(k=3, n=9, role=Role.CONTROL))
    uncounted = row_of(study("c"), result(percent="40"))
    same = row_of(study("d", overlaps=("a",)), result(k=3, n=4))
    for second in (control, uncounted, same):
        with pytest.raises(InputError):
            pool_rows([one, second])
    kept, reasons = poolable([one, control, uncounted, same])
    assert [row.study.id for row in kept] == ["a"]
    assert len(reasons) == 3
    assert any(text == "d: shares patients, or may, with a" for text in reasons)


def test_a_mixture_of_agents_is_said() -> None:
    rows = [
        row_of(study("a", agents=("131I-Lym-1",), disease="NHL"), result(k=3, n=9, label=REVIEW)),
        row_of(study("b"), result(k=4, n=9)),
    ]
    notes = " ".join(pool_rows(rows).notes)
    assert "2 agents" in notes
    assert "2 diseases" in notes
    assert "not read in the source: a" in notes
