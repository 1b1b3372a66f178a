"""A FHIR bundle becomes a follow-up without names, identifiers or dates."""

from __future__ import annotations

import copy
import json

import pytest

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.io.fhir import read_fhir
from hemadose.model.followup import EventKind
from hemadose.refdata.quantities import quantities

LOINC = "http://loinc.org"


def observation(code, value, unit, when, **more):
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/abc-123"},
        "code": {"coding": [{"system": LOINC, "code": code}]}, "effectiveDateTime": when,
        "valueQuantity": {"value": value, "code": unit, "system": "http://unitsofmeasure.org"}, **more,
    }  # fmt: skip


def procedure(text, when, kind="Procedure", **more):
    concept = "code" if kind == "Procedure" else "medicationCodeableConcept"
    stem = "performed" if kind == "Procedure" else "effective"
    return {
        "resourceType": kind, "status": "completed", "subject": {"reference": "Patient/abc-123"},
        concept: {"text": text}, f"{stem}DateTime": when, **more,
    }  # fmt: skip


def bundle():
    person = {
        "resourceType": "Patient", "id": "abc-123", "name": [{"family": "Mustermann"}], "gender": "female",
        "birthDate": "1975-03-31", "identifier": [{"value": "4711"}],
    }  # fmt: skip
    limits = {"referenceRange": [{"low": {"value": 44.0}, "high": {"value": 97.0}}]}
    return [
        person,
        observation("14682-9", 132.6, "umol/L", "2025-04-10T08:00:00+02:00", **limits),
        observation("777-3", 12, "10*3/uL", "2025-04-10"),
        observation("99999-9", 1.0, "mg/dL", "2025-04-10"),
        {**observation("718-7", 9.0, "g/dL", "2025-04-10"), "status": "entered-in-error"},
        procedure("Allogeneic peripheral blood stem cell transplantation", "2025-03-31T10:00:00Z"),
        procedure("Transfusion of platelets", "2025-04-05"),
        procedure("Shoulder X-ray", "2025-04-05"),
        procedure(
            "Fludarabine", "2025-03-26", "MedicationAdministration", dosage={"dose": {"value": 57.8, "code": "mg"}}
        ),
        procedure("Paracetamol", "2025-03-26", "MedicationAdministration"),
        {"resourceType": "Encounter", "id": "x"},
    ]


def read(tmp_path, resources):
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}))
    return read_fhir([path], quantities=quantities())


def test_values_events_and_what_was_not_read(tmp_path):
    cohort = read(tmp_path, bundle())
    patient = cohort.patient("P001")
    creatinine = patient.of("creatinine")
    assert creatinine.value[0] == pytest.approx(1.5, rel=1e-3)
    assert creatinine.upper_limit[0] == pytest.approx(1.097, rel=1e-3)
    assert creatinine.day[0] == pytest.approx(10.0, abs=0.2)
    assert patient.of("haemoglobin") is None
    assert [e.kind for e in patient.events] == [
        EventKind.CHEMOTHERAPY, EventKind.DRUG, EventKind.GRAFT, EventKind.TRANSFUSION,
    ]  # fmt: skip
    assert patient.events[0].amount == 57.8
    assert patient.age_years == pytest.approx(50.0, abs=0.01)
    said = " ".join(cohort.notes)
    for word in ("99999-9", "entered-in-error", "Shoulder", "Encounter"):
        assert word in said


def test_no_name_identifier_or_date_gets_through(tmp_path):
    write_cohort_folder(read(tmp_path, bundle()), tmp_path / "out")
    text = "".join(p.read_text() for p in (tmp_path / "out").iterdir())
    for secret in ("Mustermann", "4711", "abc-123", "2025", "1975"):
        assert secret not in text


def test_a_graft_or_a_given_date_is_day_zero(tmp_path):
    without = [r for r in bundle() if "stem cell" not in json.dumps(r)]
    with pytest.raises(TimingError, match="no day 0"):
        read(tmp_path, without)
    path = tmp_path / "bundle.json"
    found = read_fhir([path], quantities=quantities(), day_zero_on={"abc-123": "2025-04-01"})
    assert found.patient("P001").of("platelets").day.tolist() == [9.0]


def test_bad_resources_are_refused(tmp_path):
    stranger = copy.deepcopy(bundle())
    stranger[1]["subject"]["reference"] = "Patient/other"
    with pytest.raises(InputError, match="not in the bundle"):
        read(tmp_path, stranger)
    wrong = copy.deepcopy(bundle())
    wrong[1]["valueQuantity"]["code"] = "mg/dL"
    with pytest.raises(QuantityError, match="not believable"):
        read(tmp_path, wrong)
    unitless = copy.deepcopy(bundle())
    del unitless[1]["valueQuantity"]["code"]
    with pytest.raises(QuantityError, match="no unit"):
        read(tmp_path, unitless)
    (tmp_path / "cut.json").write_text('{"resourceType": "Bundle", "entry": [')
    with pytest.raises(InputError, match="not JSON"):
        read_fhir([tmp_path / "cut.json"], quantities=quantities())
    (tmp_path / "other.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(InputError, match="not a FHIR bundle"):
        read_fhir([tmp_path / "other.json"], quantities=quantities())
