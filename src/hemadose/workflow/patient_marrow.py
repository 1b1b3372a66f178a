"""The red marrow of one patient: its mass by the rule that the case names, and the electron energy that it absorbs."""

from __future__ import annotations

from pathlib import Path

from hemadose.dose.conventions import Convention
from hemadose.dose.marrow_mass import BodyMasses, Spongiosa, chosen_mass, marrow_masses
from hemadose.errors import ReferenceDataError
from hemadose.imaging.pet.suv import lean_body_mass_janmahasatian_kg
from hemadose.io.case import Case
from hemadose.model import Administration, Sex
from hemadose.model.marrow import MarrowMass
from hemadose.physics.patient_svalues import reference_marrow_fraction
from hemadose.physics.svalues import MarrowModel
from hemadose.refdata.reference_masses import reference_masses_kg
from hemadose.units import GRAM_KG
from hemadose.workflow.patient_table import RED_MARROW, case_convention, reference_table
from hemadose.workflow.study import case_patient

REFERENCE_HEIGHT_CM = {Sex.MALE: 176.0, Sex.FEMALE: 163.0}
"""Of the reference adults of ICRP 89, for their lean body mass."""


def marrow_model(
    case: Case, administration: Administration, folder: Path, *, using: Convention | None = None
) -> tuple[MarrowModel, tuple[MarrowMass, ...]]:
    """Mass of the patient's red marrow, the share of its electron energy that it absorbs, and every other mass rule.

    Parameters
    ----------
    case, administration, folder
        The study.
    using : Convention, optional
        Instead of the convention of the case.

    Raises
    ------
    QuantityError
        If the mass rule that the case names needs data that are not there.
    """
    m, sex = case.marrow, case_patient(case).sex
    chosen = using or case_convention(case)
    fraction, origin = _marrow_fraction(case, administration, folder)
    masses = case_marrow_masses(case)
    if using is None and case.dose.masses == "table":
        table = reference_table(case, administration, folder)
        if RED_MARROW not in table.target_mass_kg:
            raise ReferenceDataError("no mass is known of red_marrow", source=table.name)
        return _model(fraction, table.target_mass_kg[RED_MARROW], f"{origin}mass of the table"), masses
    if chosen.masses == "reference" and m.mass_g is None and m.mass_rule is None:
        mass = chosen.reference_mass_kg(RED_MARROW, sex=sex)
        return _model(fraction, mass, f"{origin}mass {mass * 1000:.0f} g: convention {chosen.name}"), masses
    found = chosen_mass(masses, rule=m.mass_rule)
    if found.rule == "given":
        return _model(fraction, found.mass_kg, f"{origin}mass given in the case"), masses
    words = found.source if found.rule != "body-mass" else f"{m.reference} reference scaled with body mass"
    return _model(fraction, found.mass_kg, f"{origin}mass {found.mass_kg * 1000:.0f} g: {words}"), masses


def _model(fraction: float, mass_kg: float, rule: str) -> MarrowModel:
    return MarrowModel(absorbed_fraction=fraction, mass_kg=mass_kg, rule=rule)


def _marrow_fraction(case: Case, administration: Administration, folder: Path) -> tuple[float, str]:
    if case.marrow.absorbed_fraction != "skeletal-model":
        return float(case.marrow.absorbed_fraction), ""
    fraction = reference_marrow_fraction(
        reference_table(case, administration, folder), electron_energy_kev=administration.nuclide.electron_energy_kev
    )
    origin = "skeletal model" if case.dose.s_value_file is None else "table of S values"
    return min(fraction, 1.0), f"absorbed fraction of the {origin}, "


def case_marrow_masses(case: Case) -> tuple[MarrowMass, ...]:
    """Red-marrow mass by every rule that the data of the case allow."""
    m, patient = case.marrow, case_patient(case)
    reference = reference_masses_kg(m.reference, sex=patient.sex)
    height = REFERENCE_HEIGHT_CM[patient.sex]
    body = BodyMasses(
        body_kg=patient.weight_kg,
        reference_body_kg=reference["whole_body"],
        lean_kg=lean_body_mass_janmahasatian_kg(
            height_cm=patient.height_cm, weight_kg=patient.weight_kg, sex=patient.sex
        ),
        reference_lean_kg=lean_body_mass_janmahasatian_kg(
            height_cm=height, weight_kg=reference["whole_body"], sex=patient.sex
        ),
    )
    spongiosa = (
        None
        if m.spongiosa is None
        else Spongiosa(
            volume_ml=m.spongiosa.volume_ml,
            marrow_volume_fraction=m.spongiosa.marrow_volume_fraction,
            cellularity=m.spongiosa.cellularity,
        )
    )
    return marrow_masses(
        reference_kg=reference[RED_MARROW],
        reference_name=m.reference,
        body=body,
        spongiosa=spongiosa,
        given_kg=None if m.mass_g is None else m.mass_g * GRAM_KG,
    )
