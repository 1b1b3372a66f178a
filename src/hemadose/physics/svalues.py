"""S values from local electrons and published photon absorbed fractions.

Electrons deposit their energy where they are released; of the photon energy an organ keeps a
published absorbed fraction that grows with the cube root of its mass. Cross-dose is the photon
energy of the remaining body spread evenly over it. A cross-check of the tables by transport, and a choice for
regions of which nothing but the mass is known (case key ``dose.s_values = "local-electrons"``); for 177Lu
photons give 2-8 % of the dose of a source organ, so its error is small there, and larger for nuclides with strong
photons (131I), which the table says. Red marrow is spread over the skeleton, so it keeps of its own photons no more
than any tissue of the body does.

Against the published OLINDA/EXM 2 values of the adult male (177Lu): remainder to kidneys 1.15 times, organs
to red marrow 0.8 to 0.95 times, liver to kidneys 0.25 times, spleen to kidneys 0.11 times, and remainder to red
marrow 0.32 times, since electrons of activity in trabecular bone reach marrow there.

References
----------
Absorbed fractions of 177Lu photons: derived from published OLINDA/EXM 2 S values of the adult male
(kidneys 0.064, liver 0.171, spleen 0.054, total body 0.381) and ICRP 107 energies.
Mass scaling: electrons with m^-1, photons with m^-2/3 (MIRD 11, Snyder).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Nuclide, SValue, SValueTable
from hemadose.units import KEV_J

_PHOTON_FRACTION = {
    "kidneys": (0.064, 0.310),
    "liver": (0.171, 1.800),
    "spleen": (0.054, 0.150),
    "whole_body": (0.381, 73.0),
}
"""Target -> absorbed fraction of 177Lu photon energy and the mass (kg) it belongs to."""

SOURCE_NOTE = (
    "electrons absorbed locally; photon absorbed fractions derived from published OLINDA/EXM 2 "
    "S values for Lu-177, scaled with mass^(1/3); cross-dose as the photons of the body, evenly spread"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowModel:
    """How red marrow absorbs its own electrons: a declared choice.

    Attributes
    ----------
    absorbed_fraction : float
        Share of the electron energy released in marrow that marrow absorbs. Organ tables imply
        about 0.57 for 177Lu; voxel methods silently use 1.
    mass_kg : float
        Red-marrow mass of the patient.
    rule : str
        Where mass and fraction come from, in words.
    """

    absorbed_fraction: float
    mass_kg: float
    rule: str

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0.0 < self.absorbed_fraction <= 1.0:
            raise QuantityError(
                "the absorbed fraction of red marrow lies between 0 and 1",
                field="absorbed_fraction",
                value=f"{self.absorbed_fraction:g}",
            )
        if not 0.05 <= self.mass_kg <= 4.0:
            raise QuantityError(
                "implausible red-marrow mass",
                field="mass_kg",
                value=f"{self.mass_kg:g} kg",
                expected="0.05-4",
            )


def photon_absorbed_fraction(target: str, *, mass_kg: float) -> float:
    """Absorbed fraction of photons from a target itself, at its own mass.

    Organs without a published value take that of the spleen at equal mass: for like shapes the
    fraction depends on size alone.

    >>> round(photon_absorbed_fraction("kidneys", mass_kg=0.310), 3)
    0.064
    """
    fraction, reference_kg = _PHOTON_FRACTION.get(target, _PHOTON_FRACTION["spleen"])
    return float(min(fraction * (mass_kg / reference_kg) ** (1.0 / 3.0), 1.0))


def patient_s_values(
    *,
    nuclide: Nuclide,
    organ_masses_kg: Mapping[str, float],
    body_mass_kg: float,
    marrow: MarrowModel,
) -> SValueTable:
    """Make the S values of one patient.

    Parameters
    ----------
    nuclide : Nuclide
        Mean energies per decay.
    organ_masses_kg : Mapping
        Target to mass; every one is also a source. ``red_marrow`` comes from `marrow`.
    body_mass_kg : float
        Whole body.
    marrow : MarrowModel
        Declared absorbed fraction and mass.

    Returns
    -------
    SValueTable
        Sources: the organs, ``red_marrow``, ``remainder``. Targets: the organs, ``red_marrow``.

    Raises
    ------
    QuantityError
        If a mass is not positive or the organs outweigh the body.
    """
    masses = {**organ_masses_kg, "red_marrow": marrow.mass_kg}
    bad = [name for name, mass in masses.items() if not mass > 0.0]
    if bad:
        raise QuantityError(f"mass of {', '.join(bad)} must be positive")
    if not sum(masses.values()) < body_mass_kg:
        raise QuantityError(
            "the organs weigh more than the body",
            value=f"{sum(masses.values()):.3g} kg",
            expected=f"< {body_mass_kg:.3g} kg",
        )
    electron_j = nuclide.electron_energy_kev * KEV_J
    photon_j = nuclide.photon_energy_kev * KEV_J
    body_photon = photon_j * photon_absorbed_fraction("whole_body", mass_kg=body_mass_kg) / body_mass_kg
    values = []
    for target, mass in masses.items():
        for source in (*masses, "remainder"):
            own = source == target
            fraction = marrow.absorbed_fraction if target == "red_marrow" else 1.0
            self_photon = photon_j * photon_absorbed_fraction(target, mass_kg=mass) / mass
            if target == "red_marrow":
                self_photon = body_photon
            values.append(
                SValue(
                    source=source,
                    target=target,
                    electron_gy_per_bq_s=electron_j * fraction / mass if own else 0.0,
                    photon_gy_per_bq_s=self_photon if own else body_photon,
                )
            )
    return SValueTable(
        name="local-electrons+published-photons/patient",
        nuclide=nuclide.name,
        values=tuple(values),
        target_mass_kg=masses,
        source_note=SOURCE_NOTE,
        notes=_notes(nuclide, marrow),
    )


def _notes(nuclide: Nuclide, marrow: MarrowModel) -> tuple[str, ...]:
    notes = [
        f"red marrow absorbs {marrow.absorbed_fraction:.2f} of its electron energy ({marrow.rule}); "
        f"with full absorption its self-dose would be {1 / marrow.absorbed_fraction:.2f} times higher"
    ]
    if nuclide.photon_energy_kev > 1.0:
        notes.append(
            "cross-dose between organs is that of photons spread evenly over the body: neighbouring organs get more "
            "(liver to kidneys about 4 times, for 177Lu below 1 % of the kidney dose), and red marrow about 3 times "
            "more from a remainder of the body that is also in bone"
        )
    share = nuclide.photon_energy_kev / (nuclide.electron_energy_kev + nuclide.photon_energy_kev)
    if share > 0.3:
        notes.append(
            f"{nuclide.name} gives {share:.0%} of its energy as photons: absorbed fractions of 177Lu "
            "and evenly spread cross-dose are a rough approximation for it"
        )
    return tuple(notes)


def scale_to_mass(table: SValueTable, *, target: str, mass_kg: float) -> SValueTable:
    """Scale the self-dose of one target to a patient's mass; cross-dose stays.

    Electrons scale with m_ref/m, photons with (m_ref/m)^(2/3).

    Raises
    ------
    QuantityError
        If the mass is not positive.
    ReferenceDataError
        If the table has no such target.
    """
    if not mass_kg > 0.0:
        raise QuantityError(f"mass of {target} must be positive", value=f"{mass_kg:g} kg")
    if target not in table.target_mass_kg:
        raise ReferenceDataError(
            f"no target {target} to scale", source=table.name, expected=", ".join(table.target_mass_kg)
        )
    ratio = table.target_mass_kg[target] / mass_kg
    values = tuple(
        replace(
            v,
            electron_gy_per_bq_s=v.electron_gy_per_bq_s * ratio,
            photon_gy_per_bq_s=v.photon_gy_per_bq_s * ratio ** (2.0 / 3.0),
        )
        if v.source == target and v.target == target
        else v
        for v in table.values
    )
    return replace(table, values=values, target_mass_kg={**table.target_mass_kg, target: mass_kg})


def absorbed_energy_kev(*, s_gy_per_bq_s: float, mass_kg: float) -> float:
    """Energy absorbed per decay that an S value means, in keV.

    >>> round(absorbed_energy_kev(s_gy_per_bq_s=7.76e-14, mass_kg=0.310), 1)
    150.1
    """
    return s_gy_per_bq_s * mass_kg / KEV_J


def remainder_s_value(
    *,
    total_body_gy_per_bq_s: float,
    total_body_kg: float,
    sources: Mapping[str, tuple[float, float]],
    remainder_kg: float | None = None,
) -> float:
    """S of a target from the remainder of the body (Coffey & Watson 1979).

    S(T<-RB) = [S(T<-TB) m_TB - sum_h S(T<-h) m_h] / m_RB

    Parameters
    ----------
    total_body_gy_per_bq_s, total_body_kg : float
        S(T<-TB) and the mass of the body.
    sources : Mapping
        Source to (S(T<-source), its mass in kg), the target itself included.
    remainder_kg : float, optional
        Mass of the remainder; body less sources if not given.

    Raises
    ------
    QuantityError
        If nothing of the body remains.
    """
    left = total_body_kg - sum(mass for _, mass in sources.values()) if remainder_kg is None else remainder_kg
    if not left > 0.0:
        raise QuantityError("no body remains beside the sources", value=f"{left:g} kg", expected="> 0")
    taken = sum(s * mass for s, mass in sources.values())
    return (total_body_gy_per_bq_s * total_body_kg - taken) / left
