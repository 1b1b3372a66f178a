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
    """Gather the notes of every value in a report; a doubt that travels on is told once, where it arose."""
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
    stage_of: dict[str, str] = {}
    owners_of: dict[str, list[str]] = {}
    for stage, owner, texts in noted:
        for text in texts:
            plain = text.strip().removeprefix(f"{owner}: ")
            stage_of.setdefault(plain, stage)
            owners = owners_of.setdefault(plain, [])
            if owner and owner not in owners:
                owners.append(owner)
    return tuple(
        Doubt(
            stage=stage,
            about=", ".join(names.label(owner) for owner in sorted(owners_of[text], key=names.rank)),
            text=_tidy(text),
        )
        for text, stage in stage_of.items()
    )


def _tidy(text: str) -> str:
    """Capital at the start, full stop at the end."""
    closed = text if text.endswith((".", "!", "?")) else text + "."
    return names.sentence(closed)
