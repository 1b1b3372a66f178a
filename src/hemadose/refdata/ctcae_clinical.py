"""The packaged table of clinical CTCAE terms: what a grade that a person gave means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.outcome.toxicity.recorded import ClinicalTerm, ClinicalTerms
from hemadose.refdata._toml import check_keys, read_packaged, take

_GRADES = ("1", "2", "3", "4", "5")


@cache
def clinical_terms() -> ClinicalTerms:
    """Give the table (CTCAE 5.0, own wording).

    Raises
    ------
    ReferenceDataError
        If it does not follow its schema, or a name stands twice.

    Examples
    --------
    >>> clinical_terms().find("Pneumonia").name
    'Lung infection'
    """
    return clinical_terms_from_table(read_packaged("outcome", "ctcae-clinical"), source="outcome/ctcae-clinical.toml")


def clinical_terms_from_table(table: Mapping[str, Any], *, source: str) -> ClinicalTerms:
    """Check a table and make the terms.

    Raises
    ------
    ReferenceDataError
        If it does not follow its schema, or a name stands twice.
    """
    check_keys(table, source=source, required=("version", "source", "term"), optional=("notes",))
    terms = tuple(_term(entry, f"{source}, {entry.get('name', '?')}") for entry in table["term"])
    names = [n for t in terms for n in (t.name.lower(), *t.synonyms)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ReferenceDataError("a name of a term stands twice", source=source, field="term", value=", ".join(twice))
    return ClinicalTerms(
        version=take(table, "version", str, source=source),
        source=take(table, "source", str, source=source),
        terms=terms,
    )


def _term(entry: Mapping[str, Any], where: str) -> ClinicalTerm:
    check_keys(entry, source=where, required=("name", "class", "synonyms", "seen", "grades"))
    grades = entry["grades"]
    unknown = [g for g in grades if g not in _GRADES]
    if unknown or not grades:
        raise ReferenceDataError(
            "unknown grade", source=where, field="grades", value=", ".join(unknown), expected=", ".join(_GRADES)
        )
    return ClinicalTerm(
        name=take(entry, "name", str, source=where),
        group=take(entry, "class", str, source=where),
        synonyms=tuple(s.lower() for s in entry["synonyms"]),
        grades=MappingProxyType({int(g): str(words) for g, words in sorted(grades.items())}),
        seen=take(entry, "seen", bool, source=where),
    )
