"""Curves into organ and marrow doses, as a case asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hemadose.dose import SourceCurve, organ_doses, remainder, source_from_fits
from hemadose.dose.conventions import Convention, convention_masses, kidney_ratio
from hemadose.dose.marrow_mass import mass_sensitivity
from hemadose.io.case import Case
from hemadose.model import Administration, FittedCurve, StudyDoses, SValueTable
from hemadose.model.convention import ConventionDose
from hemadose.model.marrow import MarrowFindings, MarrowMass
from hemadose.physics.svalues import MarrowModel
from hemadose.provenance import Provenance
from hemadose.refdata.conventions import convention
from hemadose.units import GBQ, GRAM_KG
from hemadose.workflow.blood import BloodMarrow, blood_marrow
from hemadose.workflow.convention_doses import body_mass_kg, convention_doses, table_of
from hemadose.workflow.marrow import MarrowSources, marrow_sources, site_regions
from hemadose.workflow.patient_marrow import marrow_model
from hemadose.workflow.patient_table import case_convention
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.study import case_patient

_KIDNEYS = ("kidney_left", "kidney_right", "kidneys")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseOutcome:
    """Doses of a study and what they rest on.

    Attributes
    ----------
    doses : StudyDoses
        Per administered activity.
    blood : BloodMarrow or None
        Marrow by blood samples, where there are any.
    marrow : MarrowFindings
        Sites and masses; events follow from the prescription.
    conventions : tuple of ConventionDose
        Best estimates by the masses of other programs.
    """

    doses: StudyDoses
    blood: BloodMarrow | None
    marrow: MarrowFindings
    conventions: tuple[ConventionDose, ...]


def dose_study(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    administration: Administration,
    folder: Path,
) -> DoseOutcome:
    """Turn curves into doses, with the marrow by the method that case and agent allow.

    Raises
    ------
    CaseError
        If a mass, a site or a table is missing.
    PlanningError
        If an agent that binds in the marrow has no image-based marrow.
    """
    by_name = {f.region: f for f in fits}
    model, mass_rules = marrow_model(case, administration, folder)
    blood = blood_marrow(case, folder, administration, model)
    marrow = marrow_sources(case, by_name, blood)
    organs, own_masses = _organs(case, quantified, by_name)
    used = case_convention(case)
    masses = _masses(case, used, own_masses)
    table = table_of(case, administration, masses, model, body_kg=body_mass_kg(case, used), folder=folder)
    sources = [*organs, *marrow.sources]
    notes = [*marrow.notes, *_convention_notes(case, used)]
    if "whole_body" in by_name:
        sources.append(remainder(source_from_fits("whole_body", [by_name["whole_body"]]), sources))
    else:
        notes.append("no whole-body activity was measured: cross-dose from the rest of the body is left out")
    doses = _doses(case, sources, table, marrow, masses, administration, tuple(notes))
    others, doubts = convention_doses(
        case, sources, administration, own_masses, marrow_by_mass=marrow.method == "blood", model=model, folder=folder
    )
    return DoseOutcome(
        doses=replace(doses, provenance=_recorded(doses, case, used, model, marrow)),
        blood=blood,
        marrow=_findings(marrow, mass_rules, doses, (*doubts, *_beside(marrow, blood))),
        conventions=others,
    )


def _organs(
    case: Case, quantified: Quantified, by_name: Mapping[str, FittedCurve]
) -> tuple[list[SourceCurve], dict[str, float | None]]:
    """Source curves of organs and lesions with joint draws, and their masses in the patient where known."""
    mass = {s.region: s.mass_kg for s in quantified.series}
    parts = {"kidneys": [n for n in _KIDNEYS if n in by_name]}
    others = (*_KIDNEYS, "whole_body", *site_regions(case))
    parts.update({name: [name] for name in by_name if name not in others})
    sources: list[SourceCurve] = []
    masses: dict[str, float | None] = {}
    for organ, names in parts.items():
        if not names:
            continue
        sources.append(source_from_fits(organ, [by_name[n] for n in names]))
        given = case.dose.organ_masses_g.get(organ)
        found = [mass.get(n) for n in names]
        if given is not None:
            masses[organ] = given * GRAM_KG
        else:
            masses[organ] = None if any(m is None for m in found) else float(sum(m for m in found if m is not None))
    return sources, masses


def _masses(case: Case, used: Convention, own: Mapping[str, float | None]) -> dict[str, float]:
    """Mass that the self-dose of each region refers to; a table that is taken as it stands brings its own."""
    if case.dose.masses == "table":
        return {region: 1.0 if mass is None else mass for region, mass in own.items()}
    return convention_masses(used, sex=case_patient(case).sex, patient_kg=own)


def _doses(
    case: Case,
    sources: list[SourceCurve],
    table: SValueTable,
    marrow: MarrowSources,
    masses: Mapping[str, float],
    administration: Administration,
    notes: tuple[str, ...],
) -> StudyDoses:
    cancels = marrow.method == "blood"  # activity by the gram: the marrow mass does not act on its self-dose
    return organ_doses(
        sources,
        administered_activity_bq=administration.administered_activity_bq,
        s_values=table,
        mass_relative_sd={
            **dict.fromkeys(masses, case.dose.mass_relative_sd),
            "red_marrow": 0.0 if cancels else case.marrow.mass_relative_sd,
        },
        s_value_relative_sd=case.dose.s_value_relative_sd,
        methods={"red_marrow": marrow.label} if marrow.label else {},
        notes=notes,
        seed=case.kinetics.seed,
    )


def _findings(
    marrow: MarrowSources, rules: tuple[MarrowMass, ...], doses: StudyDoses, doubts: tuple[str, ...]
) -> MarrowFindings:
    dose = next((d for d in doses.organs if d.target == "red_marrow"), None)
    masses = rules
    if dose is not None:
        masses = mass_sensitivity(rules, dose=dose, concentration=marrow.method == "blood")
    return MarrowFindings(method=marrow.method, sites=marrow.estimates, masses=masses, notes=doubts)


def _beside(marrow: MarrowSources, blood: BloodMarrow | None) -> list[str]:
    """What blood would say, where the images are used."""
    if blood is None or marrow.method != "image":
        return []
    return [
        f"the blood-based marrow dose is {blood.gy_per_bq * GBQ:.3f} Gy/GBq; for an agent that binds in the marrow it "
        "is no substitute for the image-based one"
    ]


def _convention_notes(case: Case, used: Convention) -> list[str]:
    """What a convention of another program changes, with the difference that kidneys show."""
    if case.dose.masses == "table":
        return ["S values were taken as the table has them: no mass of the patient acts on the doses"]
    if used.name == "hemadose":
        return []
    sex = case_patient(case).sex
    said = [f"convention {used.title}: {used.note}; {used.blood}; no radiation weighting; S values are not theirs"]
    if used.masses == "reference":
        said.append(
            "self-dose refers to reference masses, not to the patient's, and the uncertainty does not count how far "
            'they are apart: dose.masses = "patient" scales it'
        )
        for name in ("olinda-2", "idac-2.1"):
            if name != used.name:
                ratio = kidney_ratio(used, convention(name), sex=sex)
                said.append(f"kidneys: the masses alone make the electron dose {ratio:.2f} times that of {name}")
    return said


def _recorded(doses: StudyDoses, case: Case, used: Convention, model: MarrowModel, marrow: MarrowSources) -> Provenance:
    """Provenance of the doses with every named choice."""
    assert doses.provenance is not None
    parameters = {
        **doses.provenance.parameters,
        "convention": used.name,
        "masses": "table" if case.dose.masses == "table" else used.masses,
        "s_values": case.dose.s_value_file or case.dose.s_values,
        "marrow_method": marrow.method,
        "marrow_mass_kg": model.mass_kg,
        "marrow_mass_rule": model.rule,
        "marrow_absorbed_fraction": model.absorbed_fraction,
        "marrow_sites": ", ".join(e.site.name for e in marrow.estimates),
    }
    return replace(doses.provenance, parameters=parameters)
