"""The data dictionary: what the tables of a cohort may hold, made from the code that reads them."""

from __future__ import annotations

from hemadose.model.followup import EventKind, Missing
from hemadose.outcome.quantities import Quantities
from hemadose.report.case_report_form import AMOUNTS, FACTS

TABLES = {
    "patients.csv": {
        "patient": "name within the study, never an identifier; required",
        "day_zero_on": "date of day 0, only if other tables hold dates",
        "sex": "male or female",
        "age_years": "on day 0",
        "diagnosis": "text",
        "donor": "MRD, MUD, MMUD, HID, AUTO, or the study's own words",
        "centre": "name or code",
        "day_zero": "what day 0 is; infusion of stem cells if empty",
    },
    "measurements.csv": {
        "patient": "as in patients.csv; required",
        "day": "from day 0; or a column date",
        "quantity": "name, synonym or LOINC code of the table of quantities; required",
        "value": "number; <x and >x are kept as bounds; required",
        "unit": "UCUM; required, 1 for a ratio",
        "lower": "reference limit of the laboratory, in the unit of the value",
        "upper": "reference limit of the laboratory, in the unit of the value",
        "site": "place, lesion or tissue, where one applies",
    },
    "events.csv": {
        "patient": "as in patients.csv; required",
        "day": "from day 0; or a column date",
        "kind": "kind of event; required",
        "term": "drug, product, CTCAE term, agent, category of response, cause of death",
        "grade": "CTCAE grade as recorded, 0 to 5",
        "until_day": "end, where it lasts; or until_date",
        "amount": "dose or activity",
        "unit": "UCUM; required with an amount",
        "detail": "free text without identifiers",
    },
    "gaps.csv": {
        "patient": "as in patients.csv; required",
        "field": "what is missing: a column, fact or quantity; required",
        "reason": "reason of the table of reasons; required",
        "note": "text",
    },
}
EXAMPLES = {
    "patients.csv": {
        "patient": "P01", "sex": "female", "age_years": "54", "diagnosis": "AML", "donor": "MUD", "centre": "A",
        "day_zero": "infusion of stem cells", "de_novo": "yes", "activity_GBq": "12.4", "kidneys_Gy_per_GBq": "1.59",
    },
    "measurements.csv": {
        "patient": "P01", "day": "-15", "quantity": "creatinine", "value": "0.8", "unit": "mg/dL", "lower": "0.5",
        "upper": "1.1",
    },
    "events.csv": {
        "patient": "P01", "day": "-14", "kind": "radioligand", "term": "lu177-pentixather", "amount": "12.4",
        "unit": "GBq",
    },
    "gaps.csv": {"patient": "P01", "field": "mrd", "reason": "not_reported", "note": "example line"},
}  # fmt: skip


def dictionary_entries(quantities: Quantities) -> list[dict[str, str]]:
    """Give one row for each column, quantity, fact, kind of event and reason of absence."""
    rows = [
        _entry(f"column of {table}", column, said)
        for table, columns in TABLES.items()
        for column, said in columns.items()
    ]
    rows += [
        _entry("quantity", q.name, q.title, q.unit, q.lowest, q.highest, " ".join(q.loinc), ", ".join(q.synonyms))
        for q in quantities.by_name.values()
    ]
    rows += [_entry("fact of a patient", name, said, "", low, high) for name, said, low, high in FACTS]
    rows += [
        _entry("kind of event", k.name.lower(), k.value, AMOUNTS.get(k, ""), note="unit of the amount in the form")
        if k in AMOUNTS
        else _entry("kind of event", k.name.lower(), k.value)
        for k in EventKind
    ]
    rows += [_entry("reason of absence", m.name.lower(), m.value) for m in Missing]
    return rows


def dictionary_markdown(quantities: Quantities) -> str:
    """Give the data dictionary as a page."""
    lines = [
        "# Data dictionary of a cohort", "",
        "Values outside the believable range are refused: nearly always a wrong unit. Other UCUM units of the same "
        "kind are converted. An empty cell is a gap, never a zero.",
    ]  # fmt: skip
    kinds = list(dict.fromkeys(row["kind"] for row in dictionary_entries(quantities)))
    for kind in kinds:
        rows = [row for row in dictionary_entries(quantities) if row["kind"] == kind]
        used = [c for c in rows[0] if c != "kind" and any(row[c] for row in rows)]
        lines += ["", f"## {kind.capitalize()}", "", "| " + " | ".join(used) + " |", "|" + "---|" * len(used)]
        lines += ["| " + " | ".join(row[c].replace("|", "/") for c in used) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _entry(
    kind: str,
    name: str,
    meaning: str,
    unit: str = "",
    lowest: float | None = None,
    highest: float | None = None,
    loinc: str = "",
    synonyms: str = "",
    note: str = "",
) -> dict[str, str]:
    return {
        "kind": kind, "name": name, "meaning": meaning, "unit": unit,
        "lowest": "" if lowest is None else f"{lowest:g}", "highest": "" if highest is None else f"{highest:g}",
        "loinc": loinc, "synonyms": synonyms, "note": note,
    }  # fmt: skip
