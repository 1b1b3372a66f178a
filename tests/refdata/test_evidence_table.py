"""The packaged evidence: facts of the cited papers, and what the schema refuses."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.outcome.evidence import EvidenceLabel, EvidenceRow, Measure, row_of
from hemadose.refdata.evidence import studies, studies_from_table
from hemadose.therapy.activity.naming import normalised_agent


def table(name: str = "cxcr4-therapy") -> dict[str, Any]:
    text = files("hemadose.refdata").joinpath("data", "evidence", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def row(study: str, endpoint: str, arm: str = "") -> EvidenceRow:
    return next(
        row_of(s, r) for s in studies() for r in s.results if (s.id, r.endpoint, r.arm) == (study, endpoint, arm)
    )


def test_the_studies_of_both_papers_are_there() -> None:
    found = {study.id for study in studies()}
    assert len(found) == len(studies()) >= 28
    assert {"denardo-1998", "witzig-2002-randomised", "sierra-final", "bunjes-2001", "maurer-2019", "braitsch-2025",
            "mayerhoefer-2022", "duell-2021"} <= found  # fmt: skip


@pytest.mark.parametrize(("study", "endpoint", "arm", "words"), [
    ("denardo-1998", "complete response", "", "7/21"),
    ("kaminski-2000", "overall response", "", "42/59"),
    ("witzig-2002-refractory", "complete response", "", "8/54"),
    ("vo-2020", "complete response", "", "13/15"),
    ("sierra-final", "durable complete response", "crossed over", "6/44"),
    ("lapa-2017-imaging", "pentixafor shows more than FDG", "", "4/19"),
    ("mayerhoefer-2022", "accuracy", "", "64/66"),
])  # fmt: skip
def test_counts(study: str, endpoint: str, arm: str, words: str) -> None:
    assert row(study, endpoint, arm).count_words == words


def test_printed_intervals_are_exact_ones() -> None:
    judged = [r for s in studies() for r in (row_of(s, x) for x in s.results) if r.printed_interval_agrees is not None]
    assert len(judged) == 2
    assert all(r.printed_interval_agrees for r in judged)


def test_what_is_only_remembered_is_labelled() -> None:
    """The denominators of Kaminski 2001 and Horning 2005 were not seen in a source."""
    assert row("kaminski-2001", "overall response", "131I-tositumomab").label is EvidenceLabel.MEMORY
    assert row("horning-2005", "complete response").label is EvidenceLabel.MEMORY
    assert row("witzig-2002-refractory", "overall response").label is EvidenceLabel.SOURCE


def test_curves_have_no_interval() -> None:
    curves = [row_of(s, r) for s in studies() for r in s.results if r.measure is Measure.CURVE]
    assert len(curves) >= 7
    assert all(r.low is None and r.k is None for r in curves)


def test_every_agent_name_is_the_meant_one() -> None:
    for study in studies():
        for name in study.agents:
            assert normalised_agent(name).notes == (), name


def test_overlap_is_mutual() -> None:
    by_id = {study.id: study for study in studies()}
    assert all(study.id in by_id[other].overlaps for study in studies() for other in study.overlaps)


@pytest.mark.parametrize("spoil", [
    lambda t: t["study"][0].pop("citation"),
    lambda t: t["study"][0].update(colour="red"),
    lambda t: t["study"][0].update(n_label="hearsay"),
    lambda t: t["study"][0]["result"][0].update(role="bystander"),
    lambda t: t["study"][0]["result"][0].pop("label"),
])  # fmt: skip
def test_a_table_off_the_schema_is_refused(spoil: Any) -> None:
    known = table()
    spoil(known)
    with pytest.raises(ReferenceDataError):
        studies_from_table(known, source="test")
