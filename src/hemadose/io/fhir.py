"""Follow-up from FHIR R4 bundles: Patient, Observation, MedicationAdministration, Procedure.

Laboratory values are known by LOINC code or name, units are UCUM. Names of people, identifiers and free text are not
read; patients are numbered in the order in which they appear. Day 0 is the first procedure that infuses stem cells,
unless the caller gives it. What is not understood is counted and said, never guessed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.cohort_folder import cohort_from_rows
from hemadose.model.followup import EventKind, FollowUpCohort
from hemadose.outcome.quantities import Quantities

Json = Mapping[str, Any]
# words of procedures and drugs, lower case, in order of search
EVENT_WORDS: tuple[tuple[str, EventKind], ...] = (
    ("donor lymphocyte", EventKind.LYMPHOCYTES),
    ("stem cell boost", EventKind.BOOST),
    ("stem cell", EventKind.GRAFT),
    ("bone marrow transplant", EventKind.GRAFT),
    ("total body irradiation", EventKind.IRRADIATION),
    ("transfusion", EventKind.TRANSFUSION),
    ("dialysis", EventKind.DIALYSIS),
    ("ventilation", EventKind.VENTILATION),
    ("bone marrow biopsy", EventKind.BIOPSY),
    ("pentixather", EventKind.RADIOLIGAND),
    ("ibritumomab", EventKind.RADIOLIGAND),
    ("tositumomab", EventKind.RADIOLIGAND),
    ("apamistamab", EventKind.RADIOLIGAND),
    ("fludarabine", EventKind.CHEMOTHERAPY),
    ("cyclophosphamide", EventKind.CHEMOTHERAPY),
    ("melphalan", EventKind.CHEMOTHERAPY),
    ("treosulfan", EventKind.CHEMOTHERAPY),
    ("busulfan", EventKind.CHEMOTHERAPY),
    ("thiotepa", EventKind.CHEMOTHERAPY),
    ("ciclosporin", EventKind.IMMUNOSUPPRESSION),
    ("cyclosporine", EventKind.IMMUNOSUPPRESSION),
    ("tacrolimus", EventKind.IMMUNOSUPPRESSION),
    ("mycophenol", EventKind.IMMUNOSUPPRESSION),
    ("antithymocyte", EventKind.IMMUNOSUPPRESSION),
    ("filgrastim", EventKind.GROWTH_FACTOR),
)
_DONE = ("completed", "in-progress", "final", "amended", "corrected")


def read_fhir(
    paths: Sequence[Path], *, quantities: Quantities, name: str = "fhir", day_zero_on: Mapping[str, str] | None = None
) -> FollowUpCohort:
    """Read one or more bundles.

    Parameters
    ----------
    paths : sequence of Path
        JSON files, each a Bundle.
    quantities : Quantities
        Names, codes, units and believable ranges.
    name : str
        Of the cohort.
    day_zero_on : Mapping of str to str, optional
        Date of day 0 by the id of the Patient resource, where it is not a procedure in the bundle.

    Returns
    -------
    FollowUpCohort
        Pseudonyms ``P001``, ``P002`` ...

    Raises
    ------
    InputError
        If a file is not a bundle, or a resource refers to a patient who is not in it.
    QuantityError
        If a unit is missing or wrong, or a value not believable.
    TimingError
        If nothing says what day 0 is.
    """
    resources = [r for path in paths for r in _resources(path)]
    people = {r["id"]: f"P{i:03d}" for i, r in enumerate(_of(resources, "Patient"), start=1)}
    if not people:
        raise InputError("the bundle holds no Patient", source=paths[0].name, field="entry.resource")
    unread: Counter[str] = Counter()
    events = [e for r in resources for e in _event(r, people, unread)]
    zeros = {v: day_zero_on[k] for k, v in people.items() if day_zero_on and k in day_zero_on}
    for row in sorted(events, key=lambda e: e["date"]):
        if row["kind"] == EventKind.GRAFT.name.lower():
            zeros.setdefault(row["patient"], row["date"])
    patients = [_person(r, people[r["id"]], zeros) for r in _of(resources, "Patient")]
    measured = [m for r in _of(resources, "Observation") for m in _measurements(r, people, quantities, unread)]
    notes = tuple(f"{count} x {what}: not read" for what, count in sorted(unread.items()))
    return cohort_from_rows(
        enumerate(patients, start=1),
        enumerate(measured, start=1),
        enumerate(events, start=1),
        quantities=quantities,
        name=name,
        title=f"FHIR bundle, {len(people)} patients",
        notes=notes,
        sources=("Patient", "Observation", "MedicationAdministration or Procedure", "gaps"),
    )


def _resources(path: Path) -> list[Json]:
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not JSON", source=path.name, remedy="the file may be truncated") from problem
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InputError("not a FHIR bundle", source=path.name, field="resourceType", expected="Bundle")
    return [entry["resource"] for entry in bundle.get("entry", []) if "resource" in entry]


def _of(resources: Iterable[Json], kind: str) -> list[Json]:
    return [r for r in resources if r.get("resourceType") == kind]


def _subject(resource: Json, people: Mapping[str, str]) -> str:
    reference = str(resource.get("subject", {}).get("reference", "")).split("/")[-1].removeprefix("urn:uuid:")
    if reference not in people:
        raise InputError(
            f"a {resource.get('resourceType')} refers to a patient who is not in the bundle", field="subject.reference"
        )
    return people[reference]


def _person(resource: Json, pseudonym: str, zeros: Mapping[str, str]) -> dict[str, str]:
    sex = resource.get("gender", "")
    return {
        "patient": pseudonym,
        "day_zero_on": zeros.get(pseudonym, ""),
        "born_on": resource.get("birthDate", ""),
        "sex": sex if sex in ("male", "female") else "",
    }


def _labels(concept: Json) -> list[str]:
    """Codes and words of a CodeableConcept."""
    found = [str(c[k]) for c in concept.get("coding", []) for k in ("code", "display") if c.get(k)]
    return [*found, *([concept["text"]] if concept.get("text") else [])]


def _when(resource: Json, stem: str) -> tuple[str, str]:
    """Start and end as local wall-clock text."""
    period = resource.get(f"{stem}Period", {})
    start = resource.get(f"{stem}DateTime") or resource.get(f"{stem}Instant") or period.get("start", "")
    return _local(start), _local(period.get("end", ""))


def _local(text: str) -> str:
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None).isoformat()
    except ValueError:
        return text


def _measurements(
    resource: Json, people: Mapping[str, str], quantities: Quantities, unread: Counter[str]
) -> list[dict[str, str]]:
    """Rows of an observation and its components."""
    if resource.get("status") not in _DONE:
        unread[f"Observation with status {resource.get('status', 'missing')}"] += 1
        return []
    found = []
    for part in (resource, *resource.get("component", [])):
        if part is not resource or "valueQuantity" in part:
            found += _measurement(resource, part, people, quantities, unread)
    if not found and "valueQuantity" not in resource and not resource.get("component"):
        unread["Observation without a quantity"] += 1
    return found


def _measurement(
    resource: Json, part: Json, people: Mapping[str, str], quantities: Quantities, unread: Counter[str]
) -> list[dict[str, str]]:
    value = part.get("valueQuantity")
    labels = _labels(part.get("code", {}))
    quantity = next((q for q in map(quantities.find, labels) if q is not None), None)
    if value is None or quantity is None:
        unread[f"Observation {labels[0] if labels else 'without a code'}"] += 1
        return []
    limits = (part.get("referenceRange") or [{}])[0]
    comparator = {"<": "<", "<=": "<", ">": ">", ">=": ">"}.get(value.get("comparator", ""), "")
    return [
        {
            "patient": _subject(resource, people),
            "date": _when(resource, "effective")[0],
            "quantity": quantity.name,
            "value": comparator + str(value.get("value", "")),
            "unit": str(value.get("code") or value.get("unit") or ""),
            "lower": str(limits.get("low", {}).get("value", "")),
            "upper": str(limits.get("high", {}).get("value", "")),
        }
    ]


def _event(resource: Json, people: Mapping[str, str], unread: Counter[str]) -> list[dict[str, str]]:
    kinds = {"MedicationAdministration": ("medicationCodeableConcept", "effective"), "Procedure": ("code", "performed")}
    kind = resource.get("resourceType", "")
    if kind not in kinds:
        if kind not in ("Patient", "Observation"):
            unread[f"resource {kind}"] += 1
        return []
    if resource.get("status") not in _DONE:
        unread[f"{kind} with status {resource.get('status', 'missing')}"] += 1
        return []
    concept, stem = kinds[kind]
    labels = _labels(resource.get(concept, {}))
    words = " ".join(labels).lower()
    found = next((event for word, event in EVENT_WORDS if word in words), None)
    if found is None and kind == "Procedure":
        unread[f"Procedure {labels[-1] if labels else 'without a code'}"] += 1
        return []
    start, end = _when(resource, stem)
    dose = resource.get("dosage", {}).get("dose", {})
    return [
        {
            "patient": _subject(resource, people),
            "date": start,
            "until_date": end,
            "kind": (found or EventKind.DRUG).name.lower(),
            "term": labels[-1] if labels else "",
            "amount": str(dose.get("value", "")),
            "unit": str(dose.get("code") or dose.get("unit") or "") if dose.get("value") is not None else "",
        }
    ]
