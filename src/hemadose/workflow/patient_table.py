"""S values and red marrow of one patient, by the methods that the case names."""

from __future__ import annotations

from collections.abc import Mapping

from hemadose.io.case import Case
from hemadose.model import Administration, SValueTable
from hemadose.physics.patient_svalues import reference_marrow_fraction, scaled_s_values
from hemadose.physics.svalues import MarrowModel, patient_s_values
from hemadose.refdata.reference_masses import reference_masses_kg
from hemadose.units import GRAM_KG
from hemadose.workflow.study import case_patient
from hemadose.workflow.svalues import stylised_s_values


def patient_table(
    case: Case, administration: Administration, masses: Mapping[str, float], marrow: MarrowModel
) -> SValueTable:
    """S values by the method the case names."""
    nuclide, weight = administration.nuclide, case.patient.weight_kg
    if case.dose.s_values == "local-electrons":
        return patient_s_values(nuclide=nuclide, organ_masses_kg=masses, body_mass_kg=weight, marrow=marrow)
    reference = stylised_s_values(nuclide.name, case_patient(case).sex)
    return scaled_s_values(reference, nuclide=nuclide, organ_masses_kg=masses, body_mass_kg=weight, marrow=marrow)


def marrow_model(case: Case, administration: Administration) -> MarrowModel:
    """Mass of the patient's red marrow and the share of its electron energy that it absorbs, as the case names them."""
    m = case.marrow
    sex = case_patient(case).sex
    if m.absorbed_fraction == "skeletal-model":
        fraction = reference_marrow_fraction(
            stylised_s_values(administration.nuclide.name, sex),
            electron_energy_kev=administration.nuclide.electron_energy_kev,
        )
        origin = "absorbed fraction of the skeletal model, "
    else:
        fraction, origin = float(m.absorbed_fraction), ""
    if m.mass_g is not None:
        return MarrowModel(
            absorbed_fraction=fraction, mass_kg=m.mass_g * GRAM_KG, rule=f"{origin}mass given in the case"
        )
    reference = reference_masses_kg(m.reference, sex=sex)
    scaled = reference["red_marrow"] * case.patient.weight_kg / reference["whole_body"]
    return MarrowModel(
        absorbed_fraction=fraction,
        mass_kg=scaled,
        rule=f"{origin}mass {scaled * 1000:.0f} g: {m.reference} reference scaled with body mass",
    )
