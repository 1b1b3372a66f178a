"""Publications as packaged checklists: what is printed, where, and what is compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.model.followup import Missing
from hemadose.outcome.papers.values import Basis, Claim, Finding, Paper, PaperInputs, PaperRow, Summary
from hemadose.refdata._toml import check_keys, packaged_ids, read_packaged, take

_BASES = {"paper": Basis.PAPER, "primary": Basis.PRIMARY, "derived": Basis.DERIVED}
_STATED = {f.value: f for f in (Finding.RULE, Finding.FIGURE, Finding.NOT_RECOVERABLE, Finding.UNVERIFIED)}
_MISSING = {
    "not reported": Missing.NOT_REPORTED,
    "not linkable": Missing.NOT_LINKABLE,
    "illegible": Missing.ILLEGIBLE,
    "supplement only": Missing.SUPPLEMENT_ONLY,
}
_CLAIM_OPTIONAL = ("printed", "quantity", "unit", "basis", "because", "stated", "where", "missing", "note")
_SUMMARY = ("unit", "n", "centre_kind", "centre", "low", "high", "source")


def paper_ids() -> tuple[str, ...]:
    """Give the ids of all packaged publications."""
    return packaged_ids("papers")


@cache
def paper(id: str) -> Paper:
    """Give one packaged publication.

    Raises
    ------
    ReferenceDataError
        If there is none of that id, or its table does not follow the schema.

    Examples
    --------
    >>> len(paper("braitsch-2025").rows)
    38
    """
    return paper_from_table(read_packaged("papers", id), source=f"papers/{id}.toml")


def paper_from_table(table: Mapping[str, Any], *, source: str) -> Paper:
    """Check a table and make the publication.

    Raises
    ------
    ReferenceDataError
        If the table does not follow the schema, or a row stands twice.
    """
    required = ("id", "title", "citation", "licence", "number", "summary", "row")
    check_keys(table, source=source, required=required, optional=("notes",))
    rows = tuple(_row(entry, source) for entry in table["row"])
    ids = [row.id for row in rows]
    if len(set(ids)) != len(ids):
        raise ReferenceDataError("a row stands twice", source=source, value=", ".join(ids))
    return Paper(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        citation=take(table, "citation", str, source=source),
        licence=take(table, "licence", str, source=source),
        rows=rows,
        inputs=_inputs(table, source),
        notes=tuple(table.get("notes", ())),
    )


def _inputs(table: Mapping[str, Any], source: str) -> PaperInputs:
    numbers, sources = {}, {}
    for name, entry in table["number"].items():
        check_keys(entry, source=f"{source} {name}", required=("value", "source"))
        value = entry["value"]
        numbers[name] = tuple(float(v) for v in (value if isinstance(value, list) else [value]))
        sources[name] = take(entry, "source", str, source=f"{source} {name}")
    summaries = {}
    for name, entry in table["summary"].items():
        check_keys(entry, source=f"{source} {name}", required=_SUMMARY, optional=("sd", "whole"))
        summaries[name] = Summary(name=name, **entry)
    return PaperInputs(
        numbers=MappingProxyType(numbers), summaries=MappingProxyType(summaries), sources=MappingProxyType(sources)
    )


def _row(entry: Mapping[str, Any], source: str) -> PaperRow:
    here = f"{source} {entry.get('id', '?')}"
    check_keys(entry, source=here, required=("id", "what", "claim"))
    return PaperRow(
        id=take(entry, "id", str, source=here),
        what=take(entry, "what", str, source=here),
        claims=tuple(_claim(claim, here) for claim in entry["claim"]),
    )


def _claim(entry: Mapping[str, Any], source: str) -> Claim:
    check_keys(entry, source=source, required=("what",), optional=_CLAIM_OPTIONAL)
    words = {name: take(entry, name, str, source=source, default="") for name in _CLAIM_OPTIONAL}
    for name, known in (("basis", _BASES), ("stated", _STATED), ("missing", _MISSING)):
        if words[name] and words[name] not in known:
            raise ReferenceDataError(
                "unknown word", source=source, field=name, value=words[name], expected=", ".join(known)
            )
    return Claim(
        what=take(entry, "what", str, source=source),
        printed=words["printed"],
        quantity=words["quantity"],
        unit=words["unit"],
        basis=_BASES[words["basis"] or "paper"],
        because=words["because"],
        stated=_STATED[words["stated"]] if words["stated"] else None,
        where=words["where"],
        missing=_MISSING[words["missing"]] if words["missing"] else None,
        note=words["note"],
    )
