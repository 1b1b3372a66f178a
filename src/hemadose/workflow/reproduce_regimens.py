"""What regimens, body size, names and radionuclides say about the printed conditioning of Braitsch 2025."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hemadose.errors import PlanningError
from hemadose.model import Sex
from hemadose.outcome.papers import PaperInputs, Recomputed
from hemadose.refdata.emissions import emissions
from hemadose.refdata.nuclides import nuclide
from hemadose.refdata.regimens import regimen
from hemadose.therapy.activity.naming import normalised_agent
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, body_surface_m2, ideal_weight_kg
from hemadose.therapy.conditioning.regimen import Regimen

MATCHED_FLU, MATCHED_CY, HAPLO = "cxcr4-tbi-matched-flu", "cxcr4-tbi-matched-cy", "cxcr4-tbi-haplo"
_WINDOWS = ((208.0, 12.0), (113.0, 20.0))


def regimen_quantities(inputs: PaperInputs) -> dict[str, Recomputed]:
    """Recompute what the checklist compares with the packaged regimens.

    Parameters
    ----------
    inputs : PaperInputs
        Printed numbers and the reference adult.

    Returns
    -------
    dict of str to Recomputed
    """
    height, weight = inputs.number("reference_height_cm"), inputs.number("reference_weight_kg")
    surface = body_surface_m2(height_cm=height, weight_kg=weight, rule=SurfaceRule.MOSTELLER)
    dubois = body_surface_m2(height_cm=height, weight_kg=weight, rule=SurfaceRule.DUBOIS)
    flu, cy, haplo = regimen(MATCHED_FLU), regimen(MATCHED_CY), regimen(HAPLO)
    factor = weight / surface
    atg_days = len(cy.atg.days) if cy.atg is not None else 0
    grams = inputs.number("amino_acids_percent") / 100.0 * inputs.number("amino_acids_ml")
    return {
        "body": _of(surface, dubois, ideal_weight_kg(height_cm=height, sex=Sex.MALE)),
        "cyclophosphamide.factor": _of(factor),
        "cyclophosphamide.matched": _per_m2(cy, factor),
        "cyclophosphamide.haplo": _per_m2(haplo, factor),
        "totals.matched": _of(_total(flu, "fludarabine"), _total(cy, "cyclophosphamide")),
        "totals.haplo": _of(_total(haplo, "fludarabine")),
        "atg.total": _of(inputs.number("atg_mud_mg_per_kg") * atg_days),
        "amino_acids": _of(grams, grams / 2.0),
        "regimen.ert_days": _of(*haplo.ert_days),
        "regimen.ward_h": _of(haplo.ward_h),
        "regimen.ptcy_days": _of(*haplo.post_transplant_cyclophosphamide),
        "regimen.immunosuppression_day": _of(
            min(d for item in haplo.items if item.kind == "immunosuppression" for d in item.days),
            note="first day of the parent regimen",
        ),
        "tbi.fractions": _of(*(sum(k for _, k in haplo.tbi.fractions(dose)) for dose in haplo.tbi.permitted_gy)),
        **_photons(),
    }


def isotopes_accepted(text: str, masses: Iterable[int]) -> tuple[int, ...]:
    """Give the mass numbers with which a labelled compound has a name that is accepted.

    Examples
    --------
    >>> isotopes_accepted("I-anti-CD45", range(130, 135))
    (131,)
    """
    found = []
    for mass in masses:
        try:
            normalised_agent(f"{mass}{text}")
        except PlanningError:
            continue
        found.append(mass)
    return tuple(found)


def beta_range_mm(name: str) -> float:
    """Range in water of an electron with the end-point energy of a nuclide, continuous slowing down.

    Parameters
    ----------
    name : str
        Radionuclide.

    Returns
    -------
    float
        In mm.
    """
    return electron_range_mm(max(float(beta.energy_kev[-1]) for beta in emissions(name).betas))


def electron_range_mm(energy_kev: float) -> float:
    """Range in water of an electron, continuous slowing down to 1 keV.

    Parameters
    ----------
    energy_kev : float
        Kinetic energy.

    Returns
    -------
    float
        In mm.
    """
    from hemadose.physics.matter.bremsstrahlung import radiative_stopping
    from hemadose.physics.matter.electrons import collision_stopping
    from hemadose.physics.matter.media import medium

    water = medium("water")
    energy = np.geomspace(1.0, energy_kev, 120)
    stopping = collision_stopping(water, energy) + radiative_stopping(water, energy)
    return float(np.trapezoid(energy / stopping, np.log(energy))) / water.density_g_per_ml * 10.0


def _photons() -> dict[str, Recomputed]:
    lines = {round(line.energy_kev): line.energy_kev for line in nuclide("Lu-177").gamma_lines}
    edges = [e * (1.0 + sign * width / 200.0) for e, width in _WINDOWS for sign in (-1.0, 1.0)]
    return {"lines.lu177": _of(*(lines[round(e)] for e, _ in _WINDOWS)), "windows.lu177": _of(*edges)}


def _per_m2(plan: Regimen, factor: float) -> Recomputed:
    item = next(i for i in plan.items if i.drug == "cyclophosphamide" and i.days[0] < 0)
    amount = item.amount or float("nan")
    reason = "" if item.correction is None else item.correction.corrected
    return _of(amount * factor, note=f"{amount:g} mg/kg as mg/m2 for the reference adult; {reason}")


def _total(plan: Regimen, drug: str) -> float:
    return sum((i.amount or 0.0) * len(i.days) for i in plan.items if i.drug == drug and i.days[0] < 0)


def _of(*values: float, note: str = "") -> Recomputed:
    return Recomputed(values=tuple(float(v) for v in values), note=note)
