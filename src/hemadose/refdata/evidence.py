"""The evidence table: published results as packaged, cited data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from hemadose.errors import ReferenceDataError
from hemadose.outcome.evidence.values import EvidenceLabel, EvidenceResult, Measure, Role, Study
from hemadose.refdata._toml import check_keys, packaged_ids, read_packaged, take

_Choice = TypeVar("_Choice", bound=StrEnum)
_LABELS = {"source": EvidenceLabel.SOURCE, "review": EvidenceLabel.REVIEW, "memory": EvidenceLabel.MEMORY}
_MEASURES = {"share": Measure.SHARE, "curve": Measure.CURVE, "accuracy": Measure.ACCURACY}
_STUDY = ("id", "citation", "year", "agents", "disease", "population", "design", "n_label")
_STUDY_OPTIONAL = ("n", "result", "follow_up", "facts", "overlaps", "quality")
_RESULT = ("endpoint", "label")
_RESULT_OPTIONAL = (
    "arm", "role", "measure", "k", "n", "n_label", "percent", "interval", "clusters", "follow_up", "notes",
)  # fmt: skip


@cache
def studies() -> tuple[Study, ...]:
    """Give the whole table, by year.

    Raises
    ------
    ReferenceDataError
        If a table does not follow the schema, or a study names another that is not there.

    Examples
    --------
    >>> [s.n for s in studies() if s.id == "sierra-final"]
    [153]
    """
    found = [
        study
        for name in packaged_ids("evidence")
        for study in studies_from_table(read_packaged("evidence", name), source=f"evidence/{name}.toml")
    ]
    known = [study.id for study in found]
    for study in found:
        lost = [other for other in study.overlaps if other not in known]
        if lost or known.count(study.id) > 1:
            raise ReferenceDataError(
                "a study stands twice or names one that is not there", source=study.id, value=", ".join(lost)
            )
    return tuple(sorted(found, key=lambda s: (s.year, s.id)))


def studies_from_table(table: Mapping[str, Any], *, source: str) -> tuple[Study, ...]:
    """Check one table and make its studies.

    Raises
    ------
    ReferenceDataError
        If it does not follow the schema.
    """
    check_keys(table, source=source, required=("title", "study"))
    return tuple(_study(entry, f"{source} {entry.get('id', '?')}") for entry in table["study"])


def _study(entry: Mapping[str, Any], source: str) -> Study:
    check_keys(entry, source=source, required=_STUDY, optional=_STUDY_OPTIONAL)
    return Study(
        id=take(entry, "id", str, source=source),
        citation=take(entry, "citation", str, source=source),
        year=take(entry, "year", int, source=source),
        agents=tuple(entry["agents"]),
        disease=take(entry, "disease", str, source=source),
        population=take(entry, "population", str, source=source),
        design=take(entry, "design", str, source=source),
        n=entry.get("n"),
        n_label=_choice(_LABELS, entry["n_label"], source),
        results=tuple(_result(r, source) for r in entry.get("result", ())),
        follow_up=take(entry, "follow_up", str, source=source, default=""),
        facts=tuple(entry.get("facts", ())),
        overlaps=tuple(entry.get("overlaps", ())),
        quality=tuple(entry.get("quality", ())),
    )


def _result(entry: Mapping[str, Any], source: str) -> EvidenceResult:
    check_keys(entry, source=source, required=_RESULT, optional=_RESULT_OPTIONAL)
    interval = entry.get("interval")
    return EvidenceResult(
        endpoint=take(entry, "endpoint", str, source=source),
        arm=take(entry, "arm", str, source=source, default=""),
        role=_choice({r.value: r for r in Role}, entry.get("role", "radioligand"), source),
        measure=_choice(_MEASURES, entry.get("measure", "share"), source),
        k=entry.get("k"),
        n=entry.get("n"),
        percent=take(entry, "percent", str, source=source, default=""),
        interval_percent=None if interval is None else (str(interval[0]), str(interval[1])),
        label=_choice(_LABELS, entry["label"], source),
        n_label=_choice(_LABELS, entry.get("n_label", entry["label"]), source),
        clusters=entry.get("clusters"),
        follow_up=take(entry, "follow_up", str, source=source, default=""),
        notes=tuple(entry.get("notes", ())),
    )


def _choice(known: Mapping[str, _Choice], text: str, source: str) -> _Choice:
    if text not in known:
        raise ReferenceDataError("unknown word", source=source, value=text, expected=", ".join(known))
    return known[text]
