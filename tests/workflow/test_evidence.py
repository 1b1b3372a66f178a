"""The evidence table asked: names by radionuclide, filters, pooling only on request, files."""

import csv
from pathlib import Path
from typing import Any

import pytest

from hemadose.errors import InputError, PlanningError
from hemadose.workflow.evidence import evidence_answer


def test_all_results() -> None:
    answer = evidence_answer()
    assert len(answer["results"]) >= 60
    assert answer["pooled"] is None
    sierra = next(r for r in answer["results"] if r["study"] == "sierra-final" and r["arm"] == "131I-apamistamab")
    assert (sierra["k/n"], sierra["percent"], sierra["low"], sierra["high"]) == ("13/76", 17.1, 9.4, 27.5)


def test_therapy_with_pentixafor_is_pentixather() -> None:
    answer = evidence_answer(agent="177Lu-pentixafor")
    assert all("177Lu-pentixather" in r["agent"] for r in answer["results"])
    assert "read as [177Lu]Lu-pentixather" in answer["notes"][0]


def test_pentixafor_alone_is_the_tracer() -> None:
    answer = evidence_answer(agent="pentixafor")
    assert {r["agent"] for r in answer["results"]} == {"68Ga-pentixafor"}


def test_131i_anti_cd45_is_apamistamab_and_133i_is_refused() -> None:
    assert {r["agent"] for r in evidence_answer(agent="131I-anti-CD45")["results"]} == {"131I-apamistamab"}
    with pytest.raises(PlanningError, match="133I"):
        evidence_answer(agent="133I-anti-CD45")


@pytest.mark.parametrize("wrong", [
    {"agent": "aspirin"}, {"disease": "gout"}, {"year_from": 2090}, {"pool": True},
    {"endpoint": "response", "pool": True}, {"figure": Path("forest.txt")},
])  # fmt: skip
def test_what_cannot_be_answered_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        evidence_answer(**wrong)


def test_pooling_on_request_shows_heterogeneity() -> None:
    """Durable responses of SIERRA are one randomised arm and a crossover group: the same study is not pooled."""
    pooled = evidence_answer(endpoint="overall response", pool=True)["pooled"]
    assert pooled["studies"] == 7
    assert {"tau2", "I2_percent", "Q", "Q_p", "prediction_low"} <= set(pooled)
    assert pooled["low"] < pooled["percent"] < pooled["high"]
    assert any("control arm" in text for text in pooled["left_out"])
    assert any("diseases" in text for text in pooled["notes"])
    with pytest.raises(InputError):
        evidence_answer(endpoint="durable complete response", pool=True)


def test_survival_at_two_times_is_not_pooled() -> None:
    with pytest.raises(InputError):
        evidence_answer(endpoint="overall survival", pool=True)


def test_figure_and_table_are_written(tmp_path: Path) -> None:
    figure, table = tmp_path / "forest.svg", tmp_path / "table.csv"
    answer = evidence_answer(disease="AML", figure=figure, csv=table)
    assert answer["written"] == [str(figure), str(table)]
    assert figure.read_bytes().startswith(b"<?xml")
    again = tmp_path / "again.svg"
    evidence_answer(disease="AML", figure=again)
    assert again.read_bytes() == figure.read_bytes()
    assert len(list(csv.DictReader(table.open(encoding="utf-8")))) == len(answer["results"])
