"""The case-report form: its own example is read, an export in its form is read, nothing it asks for is unknown."""

from __future__ import annotations

import csv
import re
import tomllib
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from hemadose.errors import InputError
from hemadose.io.cohort_folder import read_cohort_folder
from hemadose.io.redcap import read_redcap
from hemadose.model.followup import EventKind, Missing
from hemadose.refdata.comorbidity import comorbidity_index
from hemadose.refdata.quantities import quantities
from hemadose.report.case_report_form import AMOUNTS, HEADER, RECORD, event_codes
from hemadose.simulate.followup import simulate_cohort
from hemadose.workflow.crf import write_case_report_form


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    out = tmp_path_factory.mktemp("crf") / "form"
    return out, write_case_report_form(out)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def questions(form):
    return {row[HEADER[0]]: row for row in table(form[0] / "redcap" / "data_dictionary.csv")}


def test_the_example_folder_is_a_cohort(form):
    cohort = read_cohort_folder(form[0] / "cohort", quantities=quantities())
    (patient,) = cohort.patients
    assert patient.of("creatinine").upper_limit.tolist() == [1.1]
    assert patient.events[0].kind is EventKind.RADIOLIGAND
    assert (patient.fact("activity_GBq"), patient.gaps[-1].reason) == ("12.4", Missing.NOT_REPORTED)
    assert dict(cohort.definitions)["engraftment"] == "CIBMTR"


def test_the_dictionary_follows_the_rules_of_redcap(questions):
    """18 columns; names lower case, at most 26 characters, the first is the record; choices are 'code, label'."""
    assert next(iter(questions)) == RECORD
    for name, row in questions.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,25}", name), name
        assert tuple(row) == HEADER
        assert len(row) == 18
        assert row[HEADER[3]] in ("text", "radio", "dropdown")
        assert (row[HEADER[3]] == "text") == (row[HEADER[5]] == "")
        for choice in filter(None, row[HEADER[5]].split(" | ")):
            assert re.match(r"\d+, .+", choice)
        assert row[HEADER[7]] in ("", "date_ymd", "datetime_ymd", "number", "integer")
        for used in re.findall(r"\[(\w+)\]", row[HEADER[11]]):
            assert used in questions


def test_the_form_asks_for_everything_the_program_knows(questions):
    for q in quantities().by_name.values():
        assert (float(questions[q.name][HEADER[8]]), float(questions[q.name][HEADER[9]])) == (q.lowest, q.highest)
        assert q.unit in questions[q.name][HEADER[4]]
    assert questions["event_kind"][HEADER[5]].count(" | ") == len(EventKind) - 1
    assert all(f"hct_{item.name}" in questions for item in comorbidity_index().items)


def test_the_map_speaks_of_columns_of_the_form_and_of_every_kind(form, questions):
    plan = tomllib.loads((form[0] / "redcap" / "map.toml").read_text())
    named = [*plan["patient"].values(), *plan["facts"].values()]
    named += [e[k] for e in plan["measurement"] for k in ("column", "date", "lower", "upper") if k in e]
    assert set(named) <= set(questions)
    assert {e["kind"] for e in plan["event"]} == {k.name.lower() for k in EventKind}
    assert {e["quantity"] for e in plan["measurement"]} == set(quantities().by_name)


def export(path, patients, questions, zero):
    """Write patients as REDCap would: one line for baseline, one for each sample, one for each event."""
    codes = {kind: code for code, kind in event_codes().items()}
    donors = {label.split(" ")[1]: label.split(",")[0] for label in questions["donor"][HEADER[5]].split(" | ")}
    columns = [RECORD, "redcap_repeat_instrument", "redcap_repeat_instance", *[n for n in questions if n != RECORD]]

    def on(day):
        return (zero + timedelta(days=day)).isoformat()

    lines = []
    for number, p in enumerate(patients, start=1):
        lines.append(
            {
                RECORD: number, "graft_date": zero.isoformat(), "sex": {"female": 1, "male": 2}[p.sex.value],
                "age_years": p.age_years, "diagnosis": p.diagnosis, "donor": donors[p.donor], "centre": p.centre,
                "de_novo": {"yes": 1, "no": 0}[p.fact("de_novo")],
                **{n.lower(): p.fact(n) for n in ("activity_GBq", "kidneys_Gy_per_GBq", "prior_lines")},
            }
        )  # fmt: skip
        days = sorted({float(d) for s in p.series for d in s.day})
        for i, day in enumerate(days, start=1):
            at = datetime(zero.year, zero.month, zero.day, 8) + timedelta(days=day)  # noqa: DTZ001
            line = {
                RECORD: number, "redcap_repeat_instrument": "laboratory", "redcap_repeat_instance": i,
                "lab_date": at.strftime("%Y-%m-%d %H:%M"),
            }  # fmt: skip
            for s in p.series:
                for k in np.flatnonzero(s.day == day):
                    line[s.quantity] = s.value[k]
                    if f"{s.quantity}_uln" in questions and np.isfinite(s.upper_limit[k]):
                        line |= {f"{s.quantity}_lln": s.lower_limit[k], f"{s.quantity}_uln": s.upper_limit[k]}
            lines.append(line)
        for i, e in enumerate(p.events, start=1):
            lines.append(
                {
                    RECORD: number, "redcap_repeat_instrument": "event", "redcap_repeat_instance": i,
                    "event_kind": codes[e.kind], "event_date": on(e.day), "event_term": e.term,
                    "event_until": "" if e.until_day is None else on(e.until_day),
                    "event_grade": "" if e.grade is None else e.grade,
                    "event_amount": "" if e.amount is None else e.amount,
                }
            )  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=columns, restval="")
        writer.writeheader()
        writer.writerows(lines)


def test_an_export_in_this_form_is_read_as_it_was(form, questions, tmp_path):
    patients = simulate_cohort(6, seed=3).patients
    export(tmp_path / "export.csv", patients, questions, date(2025, 3, 31))
    found = read_redcap(tmp_path / "export.csv", form[0] / "redcap" / "map.toml", quantities=quantities())
    assert len(found.patients) == 6
    for given, read in zip(patients, found.patients, strict=True):
        assert (read.sex, read.age_years, read.donor, read.centre) == (
            given.sex, given.age_years, given.donor, given.centre,
        )  # fmt: skip
        for name in ("activity_GBq", "de_novo", "kidneys_Gy_per_GBq", "prior_lines"):
            assert read.fact(name) == given.fact(name)
        assert read.fact("liver_Gy_per_GBq") is None
        assert {s.quantity for s in read.series} == {s.quantity for s in given.series}
        for s in given.series:
            again = read.of(s.quantity)
            assert again.value == pytest.approx(s.value)
            assert again.day == pytest.approx(s.day + 8.0 / 24.0)
            if f"{s.quantity}_uln" in questions:  # limits are asked for where a grade needs them
                assert again.upper_limit == pytest.approx(s.upper_limit)
        whole = [(float(np.floor(e.day)), e.kind, e.term, e.grade, e.amount) for e in given.events]
        assert sorted(map(str, whole)) == sorted(
            str((e.day, e.kind, e.term, e.grade, e.amount)) for e in read.events
        )  # fmt: skip


def test_amounts_have_units_that_the_reader_takes():
    assert all(unit for unit in AMOUNTS.values())
    assert set(AMOUNTS) <= set(EventKind)


def test_the_data_dictionary_names_everything(form):
    rows = table(form[0] / "data_dictionary.csv")
    named = {row["name"] for row in rows}
    assert set(quantities().by_name) <= named
    assert {k.name.lower() for k in EventKind} <= named
    assert {m.name.lower() for m in Missing} <= named
    page = (form[0] / "data_dictionary.md").read_text()
    assert "## Quantity" in page
    assert "| creatinine | Creatinine | mg/dL | 0.05 | 40 |" in page


def test_nothing_is_overwritten(form):
    with pytest.raises(InputError, match="not empty"):
        write_case_report_form(form[0])
