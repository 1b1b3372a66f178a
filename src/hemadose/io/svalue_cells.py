"""S values as a file gives them: checked against the energy of a decay, split into electrons and photons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hemadose.errors import InputError, QuantityError
from hemadose.model.dose import SValue
from hemadose.model.emissions import Emissions
from hemadose.units import KEV_J

MOST_KEV_PER_DECAY = 60_000.0
"""No chain used in therapy gives off as much: more absorbed energy means a wrong unit or mass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of a file, in Gy/(Bq s); the parts are None if only the sum is known."""

    source: str
    target: str
    total: float
    electron: float | None = None
    photon: float | None = None
    relative_sd: float = 0.0


def check_cells(path: Path, cells: Sequence[Cell], masses: Mapping[str, float], emissions: Emissions | None) -> None:
    """Refuse repeated pairs and energies that cannot be.

    Parameters
    ----------
    path : Path
        For the error.
    cells : sequence of Cell
        Of one nuclide.
    masses : Mapping
        Target to kg; targets without one are not checked.
    emissions : Emissions or None
        Without them only energies beyond any decay are refused.

    Raises
    ------
    InputError
        If a pair is repeated or unnamed.
    QuantityError
        If a target absorbs more than is given off, or of its own charged particles less than 5 %.
    """
    seen = set()
    for cell in cells:
        pair = f"{cell.target} <- {cell.source}"
        if not (cell.source and cell.target) or pair in seen:
            raise InputError("a pair of regions is repeated or unnamed", source=str(path), value=pair)
        seen.add(pair)
        if cell.target not in masses:
            continue
        absorbed = cell.total * masses[cell.target] / KEV_J
        most, least = MOST_KEV_PER_DECAY, 0.0
        if emissions is not None:
            charged = emissions.electron_energy_kev + emissions.alpha_energy_kev
            most = 1.05 * (charged + emissions.photon_energy_kev)
            least = 0.05 * charged if cell.source == cell.target else 0.0
        if not least <= absorbed <= most:
            raise QuantityError(
                f"the S value of {pair} means an impossible absorbed energy",
                source=str(path),
                field="unit",
                value=f"{absorbed:.3g} keV per decay in {masses[cell.target]:g} kg",
                expected=f"{least:.3g} to {most:.4g} keV",
                remedy="check unit, mass and nuclide",
            )


def split_cell(cell: Cell, masses: Mapping[str, float], emissions: Emissions | None) -> SValue:
    """Give the S value with its parts; a sum goes to electrons (self-dose, as far as they can) or photons."""
    electron, photon = cell.electron, cell.photon
    if electron is None or photon is None:
        electron = cell.total if cell.source == cell.target else 0.0
        if emissions is not None and cell.target in masses:
            charged = emissions.electron_energy_kev + emissions.alpha_energy_kev
            electron = min(electron, charged * KEV_J / masses[cell.target])
        photon = cell.total - electron
    return SValue(
        source=cell.source,
        target=cell.target,
        electron_gy_per_bq_s=electron,
        photon_gy_per_bq_s=photon,
        relative_sd=cell.relative_sd,
    )


def cell_notes(cells: Sequence[Cell], masses: Mapping[str, float], emissions: Emissions | None) -> tuple[str, ...]:
    """Say how sums were split and which targets have no mass."""
    notes = []
    if any(cell.electron is None for cell in cells):
        rule = "as far as the electron energy goes" if emissions is not None else "wholly"
        notes.append(
            f"the table gives sums over radiations: for scaling to a patient's masses self-dose is put down to "
            f"electrons {rule} and cross-dose to photons"
        )
    bare = sorted({cell.target for cell in cells} - set(masses))
    if bare:
        notes.append(f"no mass is known of {', '.join(bare)}: their S values cannot be scaled to a patient")
    return tuple(notes)
