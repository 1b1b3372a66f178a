"""Packaged regimens: corrections on record, and what the schema refuses."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hemadose.errors import PlanningError, ReferenceDataError
from hemadose.model import Donor
from hemadose.refdata import cohort, read_regimen, regimen, regimens
from hemadose.refdata.cohorts import cohort_from_table
from hemadose.refdata.regimens import regimen_from_table
from hemadose.therapy.regimen import DoseUnit


def text_of(*parts: str) -> str:
    return files("hemadose.refdata").joinpath("data", *parts).read_text(encoding="utf-8")


def test_donors_are_covered_once_or_by_alternatives() -> None:
    for donor in (Donor.MATCHED_RELATED, Donor.MATCHED_UNRELATED):
        offered = [r for r in regimens() if donor in r.donors]
        assert len(offered) == 2
        assert offered[0].alternatives == (offered[1].id,)
        assert offered[1].alternatives == (offered[0].id,)
    for donor in (Donor.HAPLOIDENTICAL, Donor.MISMATCHED_UNRELATED):
        assert [r.id for r in regimens() if donor in r.donors] == ["cxcr4-tbi-haplo"]


def test_corrections_keep_the_printed_text() -> None:
    # Braitsch 2025: "cyclophosphamide 60mg/m2 d-5 and d-4", "cyclophosphamide 14.5 mg/m2 d-6 to d-5"
    found = {i.correction.printed: i for r in regimens() for i in r.items if i.correction}
    assert set(found) == {"60mg/m2 d-5 and d-4", "14.5 mg/m2 d-6 to d-5"}
    assert all(item.unit is DoseUnit.MG_PER_KG for item in found.values())
    assert all(item.correction and item.correction.reason for item in found.values())


def test_the_printed_unit_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = text_of("regimens", "cxcr4-tbi-matched-cy.toml")
    own.write_text(text.replace('unit = "mg/kg"', 'unit = "mg/m2"'), encoding="utf-8")
    with pytest.raises(PlanningError, match="dosed per kilogram"):
        read_regimen(own)
    own.write_text(text, encoding="utf-8")
    assert read_regimen(own) == regimen("cxcr4-tbi-matched-cy")
    with pytest.raises(ReferenceDataError, match="cannot be read"):
        read_regimen(tmp_path / "absent.toml")


def test_atg_is_without_product_and_by_donor() -> None:
    plan = regimen("cxcr4-tbi-matched-flu").atg
    assert plan is not None
    assert dict(plan.printed_mg_per_kg) == {Donor.MATCHED_RELATED: 5.0, Donor.MATCHED_UNRELATED: 10.0}
    assert regimen("cxcr4-tbi-haplo").atg is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "schema"),
        ({"donors": ["SIBLING"]}, "unknown donor"),
        ({"ward_h": "two days"}, "wrong type"),
        ({"item": [{"drug": "x", "title": "X", "kind": "chemotherapy", "days": [-2], "source": "s", "amount": 1.0, "unit": "g"}]}, "unknown unit"),
        ({"item": [{"drug": "x", "title": "X", "kind": "chemotherapy", "days": [-2]}]}, "schema"),
    ],
)  # fmt: skip
def test_the_schema_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ReferenceDataError, match=message):
        regimen_from_table({**tomllib.loads(text_of("regimens", "cxcr4-tbi-haplo.toml")), **change}, source="test")


def test_unknown_regimen() -> None:
    with pytest.raises(ReferenceDataError, match="cxcr4-tbi-haplo"):
        regimen("flamsa")


def test_cohort_is_as_printed() -> None:
    table = cohort("braitsch-2025")
    assert len(table.patients) == 7
    assert [p.method for p in table.patients] == ["planar"] * 6 + ["spect"]  # asterisk in Table 2: patient 7 only
    assert [round(v * 1e9, 2) for v in table.column("liver", "post")] == [0.20, 0.36, 0.32, 0.36]
    assert [p[0] for p in table.pairs("kidneys")] == ["P1", "P2", "P4", "P6"]
    with pytest.raises(ReferenceDataError, match="braitsch-2025"):
        cohort("buck-2023")


def test_cohort_schema_refuses_an_unknown_unit() -> None:
    table = tomllib.loads(text_of("cohorts", "braitsch-2025.toml"))
    table["statement"][0]["unit"] = "GV/GBq"  # as the printed table head was read by a machine
    with pytest.raises(ReferenceDataError, match="unknown unit"):
        cohort_from_table(table, source="test")
