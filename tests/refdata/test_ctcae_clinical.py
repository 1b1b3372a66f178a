"""The table of clinical terms: what it holds, and what it refuses."""

from __future__ import annotations

import copy

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.refdata._toml import read_packaged
from hemadose.refdata.ctcae_clinical import clinical_terms, clinical_terms_from_table

# grades that CTCAE 5.0 offers for the term
OFFERED = {
    "Mucositis oral": [1, 2, 3, 4, 5],
    "Febrile neutropenia": [3, 4, 5],
    "Sepsis": [3, 4, 5],
    "Tumor lysis syndrome": [3, 4, 5],
    "Infusion related reaction": [1, 2, 3, 4, 5],
    "Acute kidney injury": [3, 4, 5],
    "Nausea": [1, 2, 3],
}


@pytest.mark.parametrize("name", OFFERED)
def test_grades_of_terms(name):
    assert sorted(clinical_terms().find(name).grades) == OFFERED[name]


@pytest.mark.parametrize(
    ("said", "meant"),
    [("Mucositis", "Mucositis oral"), ("blood-stream infection", "Bacteremia"), ("TLS", "Tumor lysis syndrome"),
     ("pneumocystis jirovecii pneumonia", "Lung infection"), ("AKI", "Acute kidney injury"),
     ("acute respiratory distress syndrome", "Adult respiratory distress syndrome"), ("septic shock", "Sepsis")],
)  # fmt: skip
def test_words_of_the_papers_are_known(said, meant):
    assert clinical_terms().find(said).name == meant


def test_unknown_words_stay_unknown():
    assert clinical_terms().find("itchy nose") is None


def test_every_meaning_is_there_and_recalled_ones_are_marked():
    terms = clinical_terms().terms
    assert all(words.strip() for t in terms for words in t.grades.values())
    assert {t.name for t in terms if t.seen} == {"Mucositis oral", "Febrile neutropenia", "Infusion related reaction"}


@pytest.mark.parametrize("broken", ["twice", "grade", "key"])
def test_a_broken_table_is_refused(broken):
    table = copy.deepcopy(dict(read_packaged("outcome", "ctcae-clinical")))
    if broken == "twice":
        table["term"][0]["synonyms"] = ["sepsis"]
    elif broken == "grade":
        table["term"][0]["grades"] = {"6": "beyond death"}
    else:
        del table["term"][0]["seen"]
    with pytest.raises(ReferenceDataError):
        clinical_terms_from_table(table, source="test")
