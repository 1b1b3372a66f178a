"""S values of a patient from those of a reference phantom: self-dose scaled with mass, cross-dose as it is.

Electrons of self-dose scale with m_ref / m, photons with (m_ref / m)^(2/3). Red marrow takes the absorbed fraction and
the mass that were declared for it. The remainder of the body follows from the whole-body source by taking the named
organs out of it, and scales with the body mass. A region that the phantom lacks (a lesion) keeps its electrons and the
share of photons of an organ of its mass, and exchanges photons with the rest as any tissue of the body does.

References
----------
MIRD Pamphlet 11 (1975), Snyder W S et al. (mass scaling); Coffey J L, Watson E E. Med Phys 6:307 (1979) (remainder).
"""

from __future__ import annotations

from collections.abc import Mapping

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Nuclide, SValue, SValueTable
from hemadose.physics.svalues import MarrowModel, photon_absorbed_fraction
from hemadose.units import KEV_J

RED_MARROW, REMAINDER, TOTAL_BODY = "red_marrow", "remainder", "total_body"


def reference_marrow_fraction(reference: SValueTable, *, electron_energy_kev: float) -> float:
    """Share of the electron energy released in red marrow that a table lets red marrow absorb."""
    s = reference.get(source=RED_MARROW, target=RED_MARROW).electron_gy_per_bq_s
    return s * reference.target_mass_kg[RED_MARROW] / (electron_energy_kev * KEV_J)


def scaled_s_values(
    reference: SValueTable,
    *,
    nuclide: Nuclide,
    organ_masses_kg: Mapping[str, float],
    body_mass_kg: float,
    marrow: MarrowModel,
) -> SValueTable:
    """Make the S values of one patient from a phantom's.

    Parameters
    ----------
    reference : SValueTable
        With sources and targets ``red_marrow`` and ``total_body`` among the organs.
    nuclide : Nuclide
        Of the table.
    organ_masses_kg : Mapping
        Region to the patient's mass; every one is a source and a target.
    body_mass_kg : float
        Whole body of the patient.
    marrow : MarrowModel
        Declared absorbed fraction and mass.

    Returns
    -------
    SValueTable
        Sources: the regions, ``red_marrow``, ``remainder``. Targets: the regions, ``red_marrow``.

    Raises
    ------
    ReferenceDataError
        If the table is of another nuclide or lacks what every patient needs.
    QuantityError
        If a mass is not positive or the organs outweigh the body.
    """
    if reference.nuclide != nuclide.name:
        raise ReferenceDataError("S values of another nuclide", value=reference.nuclide, expected=nuclide.name)
    masses = {**organ_masses_kg, RED_MARROW: marrow.mass_kg}
    bad = [name for name, mass in masses.items() if not mass > 0.0]
    if bad:
        raise QuantityError(f"mass of {', '.join(bad)} must be positive")
    if not sum(masses.values()) < body_mass_kg:
        raise QuantityError(
            "the organs weigh more than the body",
            value=f"{sum(masses.values()):.3g} kg",
            expected=f"< {body_mass_kg:.3g}",
        )
    known = [name for name in masses if name in reference.target_mass_kg]
    values = []
    for target, mass in masses.items():
        for source in masses:
            if source == target:
                values.append(_self(reference, nuclide, target, mass, marrow))
            else:
                values.append(_cross(reference, source, target))
        values.append(_remainder(reference, known, target, body_mass_kg, _marrow_share(reference, nuclide, marrow)))
    return SValueTable(
        name=f"{reference.name}/patient",
        nuclide=nuclide.name,
        values=tuple(values),
        target_mass_kg=masses,
        source_note=f"{reference.source_note}; self-dose scaled to the patient (electrons m^-1, photons m^-2/3)",
        notes=_notes(reference, marrow, [name for name in masses if name not in known]),
    )


def _self(reference: SValueTable, nuclide: Nuclide, target: str, mass_kg: float, marrow: MarrowModel) -> SValue:
    electron_j = nuclide.electron_energy_kev * KEV_J
    if target not in reference.target_mass_kg:
        photon = nuclide.photon_energy_kev * KEV_J * photon_absorbed_fraction(target, mass_kg=mass_kg) / mass_kg
        return SValue(
            source=target, target=target, electron_gy_per_bq_s=electron_j / mass_kg, photon_gy_per_bq_s=photon
        )
    own = reference.get(source=target, target=target)
    ratio = reference.target_mass_kg[target] / mass_kg
    electron = own.electron_gy_per_bq_s * ratio
    if target == RED_MARROW:
        electron = electron_j * marrow.absorbed_fraction / mass_kg
    return SValue(
        source=target,
        target=target,
        electron_gy_per_bq_s=electron,
        photon_gy_per_bq_s=own.photon_gy_per_bq_s * ratio ** (2.0 / 3.0),
        relative_sd=own.relative_sd,
    )


def _cross(reference: SValueTable, source: str, target: str) -> SValue:
    """S between two regions of the phantom; a region it lacks counts as a piece of the whole body, for photons."""
    there = reference.target_mass_kg
    found = reference.get(
        source=source if source in there else TOTAL_BODY, target=target if target in there else TOTAL_BODY
    )
    foreign = source not in there or target not in there
    return SValue(
        source=source,
        target=target,
        electron_gy_per_bq_s=0.0 if foreign else found.electron_gy_per_bq_s,
        photon_gy_per_bq_s=found.photon_gy_per_bq_s,
        relative_sd=found.relative_sd,
    )


def _marrow_share(reference: SValueTable, nuclide: Nuclide, marrow: MarrowModel) -> float:
    """How much of the electron dose that red marrow has from a uniform body comes from marrow itself, Gy/(Bq s).

    At least what the declared fraction says: energy that the self-dose claims cannot come from the remainder again.
    """
    own = reference.get(source=RED_MARROW, target=RED_MARROW).electron_gy_per_bq_s
    declared = nuclide.electron_energy_kev * KEV_J * marrow.absorbed_fraction / reference.target_mass_kg[RED_MARROW]
    return max(own, declared)


def _remainder(
    reference: SValueTable, known: list[str], target: str, body_mass_kg: float, marrow_gy_per_bq_s: float
) -> SValue:
    """S from what is left of the body without the known regions (Coffey and Watson 1979)."""
    masses = reference.target_mass_kg
    body = masses[TOTAL_BODY]
    at = target if target in masses else TOTAL_BODY
    whole = reference.get(source=TOTAL_BODY, target=at)
    electron, photon = whole.electron_gy_per_bq_s * body, whole.photon_gy_per_bq_s * body
    left = body
    for source in known:
        part = reference.get(source=source, target=at)
        weight = masses[source]
        of_marrow = source == target == RED_MARROW
        electron -= (marrow_gy_per_bq_s if of_marrow else part.electron_gy_per_bq_s) * weight
        photon -= part.photon_gy_per_bq_s * weight
        left -= weight
    scale = body / body_mass_kg / left
    return SValue(
        source=REMAINDER,
        target=target,
        electron_gy_per_bq_s=max(electron * scale, 0.0) if target in masses else 0.0,
        photon_gy_per_bq_s=max(photon * scale, 0.0),
        relative_sd=whole.relative_sd,
    )


def _notes(reference: SValueTable, marrow: MarrowModel, foreign: list[str]) -> tuple[str, ...]:
    notes = [
        f"red marrow absorbs {marrow.absorbed_fraction:.2f} of its electron energy ({marrow.rule}); "
        f"with full absorption its self-dose would be {1 / marrow.absorbed_fraction:.2f} times higher",
        f"cross-dose is that of the {reference.name}: distances in the patient differ",
    ]
    if foreign:
        notes.append(
            f"{', '.join(foreign)}: not in the phantom, so electrons are absorbed in place and photons are exchanged "
            "as by any tissue of the body"
        )
    return tuple(notes)
