"""The doses of a study beside those by the masses of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hemadose.dose import SourceCurve
from hemadose.dose.conventions import Convention, convention_masses
from hemadose.errors import HemadoseError
from hemadose.io.case import Case
from hemadose.model import Administration, SValueTable
from hemadose.model.convention import ConventionDose
from hemadose.physics.svalues import MarrowModel
from hemadose.refdata.conventions import conventions
from hemadose.workflow.marrow import MARROW_BLOOD
from hemadose.workflow.patient_marrow import marrow_model
from hemadose.workflow.patient_table import case_convention, patient_table
from hemadose.workflow.study import case_patient

_SELF = ("red_marrow", MARROW_BLOOD)


def body_mass_kg(case: Case, used: Convention) -> float:
    """Whole body that the remainder refers to."""
    if used.masses == "reference":
        return used.reference_mass_kg("whole_body", sex=case_patient(case).sex)
    return case.patient.weight_kg


def table_of(
    case: Case,
    administration: Administration,
    masses: Mapping[str, float],
    model: MarrowModel,
    *,
    body_kg: float,
    folder: Path,
) -> SValueTable:
    """Give the patient's table, with blood in the marrow as a source of its own that counts like red marrow."""
    table = patient_table(case, administration, masses, model, body_mass_kg=body_kg, folder=folder)
    blood = tuple(replace(v, source=MARROW_BLOOD) for v in table.values if v.source == "red_marrow")
    return replace(table, values=(*table.values, *blood))


def convention_doses(
    case: Case,
    sources: Sequence[SourceCurve],
    administration: Administration,
    own_masses: Mapping[str, float | None],
    *,
    marrow_by_mass: bool,
    model: MarrowModel,
    folder: Path,
) -> tuple[tuple[ConventionDose, ...], tuple[str, ...]]:
    """Best estimates by every convention that the study allows, and what kept the others out.

    Parameters
    ----------
    case, administration, folder
        The study.
    sources : sequence of SourceCurve
        All sources.
    own_masses : Mapping
        Masses of the patient, None where unknown.
    marrow_by_mass : bool
        Whether the activity of the marrow was found per gram: it then goes with the mass of the convention.
    model : MarrowModel
        Of the study.
    """
    found: list[ConventionDose] = []
    kept_out = []
    chosen = None if case.dose.masses == "table" else case_convention(case)
    for candidate in conventions():
        mine = chosen is not None and candidate.name == chosen.name
        used = chosen if chosen is not None and mine else candidate
        try:
            masses = convention_masses(used, sex=case_patient(case).sex, patient_kg=own_masses)
            there, _ = marrow_model(case, administration, folder, using=used)
            body = body_mass_kg(case, used)
            plain = case.model_copy(update={"dose": case.dose.model_copy(update={"masses": None})})
            table = table_of(plain, administration, masses, there, body_kg=body, folder=folder)
        except HemadoseError as problem:
            kept_out.append(f"no doses by the convention {used.name}: {problem.message}")
            continue
        scale = there.mass_kg / model.mass_kg if marrow_by_mass else 1.0
        found += _best(used.name, sources, table, administration, chosen=mine, marrow_scale=scale)
    return tuple(found), tuple(kept_out)


def _best(
    name: str,
    sources: Sequence[SourceCurve],
    table: SValueTable,
    administration: Administration,
    *,
    chosen: bool,
    marrow_scale: float,
) -> list[ConventionDose]:
    activity = administration.administered_activity_bq
    names = [s.name for s in sources]
    return [
        ConventionDose(
            convention=name,
            target=target,
            mass_kg=mass,
            gy_per_bq=sum(
                s.tia_bq_s
                * (marrow_scale if s.name in _SELF else 1.0)
                * table.get(source=s.name, target=target).gy_per_bq_s
                for s in sources
            )
            / activity,
            chosen=chosen,
        )
        for target, mass in table.target_mass_kg.items()
        if target in names
    ]
