"""All notes of a study, grouped by stage, each doubt once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hemadose.report import names
from hemadose.report.content import PlanReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One doubt and what it concerns.

    Attributes
    ----------
    stage : str
        ``"Study"``, ``"Activities"``, ``"Curves"``, ``"Doses"`` or ``"Prescription"``.
    about : str
        Regions or organs in words, ``""`` where it concerns the whole stage.
    text : str
        The doubt in plain words.
    """

    stage: str
    about: str
    text: str


def collect_doubts(report: PlanReport) -> tuple[Doubt, ...]:
    """Gather the notes of every value in a report; equal texts of one stage are joined."""
    residual = report.doses.marrow_residual
    prescription = report.prescription
    noted: list[tuple[str, str, Iterable[str]]] = [("Study", "", report.notes)]
    noted += [("Activities", series.region, series.notes) for series in report.series]
    noted += [("Curves", fit.region, fit.notes) for fit in report.fits]
    noted += [("Doses", "", report.doses.notes)]
    noted += [("Doses", organ.target, organ.notes) for organ in report.doses.organs]
    if residual is not None:
        noted.append(("Doses", residual.target, residual.notes))
    if prescription is not None:
        noted.append(("Prescription", "", prescription.notes))
    grouped: dict[tuple[str, str], list[str]] = {}
    for stage, owner, texts in noted:
        for text in texts:
            owners = grouped.setdefault((stage, text.strip()), [])
            if owner and owner not in owners:
                owners.append(owner)
    return tuple(
        Doubt(
            stage=stage,
            about=", ".join(names.label(owner) for owner in sorted(owners, key=names.rank)),
            text=_tidy(text),
        )
        for (stage, text), owners in grouped.items()
    )


def _tidy(text: str) -> str:
    """Capital at the start, full stop at the end."""
    closed = text if text.endswith((".", "!", "?")) else text + "."
    return names.sentence(closed)
