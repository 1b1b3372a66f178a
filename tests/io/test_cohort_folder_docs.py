"""The data dictionary in docs/reference/cohort-folder.md is the table that the program reads by."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemadose.io.cohort_folder import read_cohort_folder
from hemadose.model.followup import EventKind, Missing
from hemadose.refdata.ctcae_clinical import clinical_terms
from hemadose.refdata.quantities import quantities

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cohort-folder.md"


def part(title):
    """Rows of the table under a heading."""
    lines = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0].splitlines()
    return [x for x in lines if x.startswith("|")][2:]


def test_quantities_are_listed_as_they_are():
    assert part("Quantities") == [
        f"| `{q.name}` | {q.title} | `{q.unit}` | {q.lowest:g} to {q.highest:g} | {', '.join(q.loinc)} |"
        for q in quantities().by_name.values()
    ]


@pytest.mark.parametrize(("title", "words"), [("Kinds of events", EventKind), ("Reasons for gaps", Missing)])
def test_words_are_listed_as_they_are(title, words):
    assert part(title) == [f"| `{w.name.lower()}` | {w.value} |" for w in words]


def test_clinical_terms_are_listed_as_they_are():
    assert part("Clinical terms that are explained") == [
        f"| {t.name} | {', '.join(map(str, t.grades))} | {', '.join(t.synonyms)} | {'compared' if t.seen else 'recalled'} |"
        for t in clinical_terms().terms
    ]


def test_the_example_can_be_read(tmp_path):
    example = PAGE.read_text(encoding="utf-8").split("```")[1].strip()
    for block in example.split("# ")[1:]:
        name, text = block.split("\n", 1)
        (tmp_path / name.strip()).write_text(text)
    (patient,) = read_cohort_folder(tmp_path, quantities=quantities()).patients
    assert patient.fact("cd34_source") == "PBSC"
    assert patient.of("platelets").bound.tolist() == [-1]
    assert [(e.day, e.kind) for e in patient.events] == [
        (-14.0, EventKind.RADIOLIGAND), (0.0, EventKind.GRAFT), (6.0, EventKind.ADVERSE_EVENT),
    ]  # fmt: skip
