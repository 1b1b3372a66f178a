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
from hemadose.therapy.conditioning.regimen import CourseOrder, DoseUnit, Evidence


def text_of(*parts: str) -> str:
    return files("hemadose.refdata").joinpath("data", *parts).read_text(encoding="utf-8")


def test_donors_are_covered_once_or_by_alternatives() -> None:
    figure_1 = [r for r in regimens() if r.id.startswith("cxcr4-")]
    for donor in (Donor.MATCHED_RELATED, Donor.MATCHED_UNRELATED):
        offered = [r for r in figure_1 if donor in r.donors]
        assert len(offered) == 2
        assert offered[0].alternatives == (offered[1].id,)
        assert offered[1].alternatives == (offered[0].id,)
    for donor in (Donor.HAPLOIDENTICAL, Donor.MISMATCHED_UNRELATED):
        assert [r.id for r in figure_1 if donor in r.donors] == ["cxcr4-tbi-haplo"]


def test_reduced_intensity_has_chemotherapy_first_and_no_published_day_of_endoradiotherapy() -> None:
    lighter = [r for r in regimens() if not r.id.startswith("cxcr4-")]
    assert {r.id: r.intensity for r in lighter} == {"nma-flu-tbi2": "nonmyeloablative", "ric-haplo-ptcy": "reduced"}
    for r in lighter:
        assert r.ert_days == ()
        assert r.order is CourseOrder.CHEMOTHERAPY_FIRST
        assert r.tbi.permitted_gy == (2.0,)
        assert max(r.days_of("fludarabine")) < r.tbi.days[0]


def test_parent_haploidentical_regimen_as_the_library_prints_it() -> None:
    # srl.org.nz 496571000210107: Flu 30 d-6..-2, Cy 14.5 mg/kg d-6,-5, TBI 2 Gy d-1, PTCy 50 mg/kg d+3,+4,
    # mesna 50 mg/kg, MMF 15 mg/kg three times a day d+5..35
    r = regimen("ric-haplo-ptcy")
    printed = {(i.title, i.days, i.amount, i.unit, i.times_per_day) for i in r.items if i.amount is not None}
    assert printed == {
        ("Fludarabine", (-6, -5, -4, -3, -2), 30.0, DoseUnit.MG_PER_M2, 1),
        ("Cyclophosphamide", (-6, -5), 14.5, DoseUnit.MG_PER_KG, 1),
        ("Post-transplant cyclophosphamide", (3, 4), 50.0, DoseUnit.MG_PER_KG, 1),
        ("Mesna", (3, 4), 50.0, DoseUnit.MG_PER_KG, 1),
        ("Mycophenolate mofetil", (5, 35), 15.0, DoseUnit.MG_PER_KG, 3),
    }
    assert r.tbi.days == (-1,)
    assert r.donors == (Donor.HAPLOIDENTICAL,)


def test_days_that_were_not_read_are_marked() -> None:
    # the abstract of Nakamae 2010 prints 90 mg/m2 and 2 Gy without days
    light = regimen("nma-flu-tbi2")
    assert all(item.evidence is Evidence.UNVERIFIED for item in light.items)
    assert light.items[0].amount_of_all_days == 90.0
    assert all(i.evidence is Evidence.PUBLICATION for i in regimen("ric-haplo-ptcy").items)


@pytest.mark.parametrize(
    ("id", "drug", "total"),
    [
        ("cxcr4-tbi-matched-flu", "fludarabine", 120.0),  # Blood 2005;106:3314: 120 mg/m2 and 8 Gy
        ("cxcr4-tbi-matched-cy", "cyclophosphamide", 120.0),  # Cy120/TBI
        ("cxcr4-tbi-haplo", "fludarabine", 150.0),
        ("cxcr4-tbi-haplo", "cyclophosphamide", 129.0),  # 2 x 14.5 + 2 x 50 mg/kg
    ],
)
def test_totals(id: str, drug: str, total: float) -> None:
    assert sum(i.amount_of_all_days or 0.0 for i in regimen(id).items if i.drug == drug) == total


def test_a_total_that_the_days_do_not_give_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = text_of("regimens", "cxcr4-tbi-matched-cy.toml")
    own.write_text(text.replace("amount = 60.0", "amount = 120.0"), encoding="utf-8")
    with pytest.raises(PlanningError, match="do not add up"):
        read_regimen(own)


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
        ({"order": "at once"}, "unknown word"),
        ({"ert_days": [-14.5]}, "whole numbers"),
        ({"ert_days": -14}, "whole numbers"),
        ({"donors": "HID"}, "wrong type"),
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
