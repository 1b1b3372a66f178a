"""Air kerma and dose equivalent near a point source, from what a nuclide emits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model.emissions import Emissions
from hemadose.units import KEV_J

Floats: TypeAlias = npt.NDArray[np.float64]


def air_kerma_constant_gy_m2(
    emissions: Emissions, *, above_kev: float = 20.0, weight: Callable[[Floats], Floats] | None = None
) -> float:
    """Kerma of air per decay, times the square of the distance from a point, in vacuum: sum y E (mu_en/rho) / 4 pi.

    Parameters
    ----------
    emissions : Emissions
        Of the nuclide; photons only are counted, so bremsstrahlung of beta particles is not in it.
    above_kev : float
        Photons below do not leave a patient.
    weight : callable, optional
        Dose equivalent per kerma at energies in keV, for a constant in Sv instead of Gy.

    Returns
    -------
    float
        Gy m^2 (or Sv m^2) per decay; 0 for a nuclide without such photons.

    Examples
    --------
    >>> from hemadose.refdata.emissions import emissions
    >>> round(air_kerma_constant_gy_m2(emissions("Lu-177")) * 3.6e18, 2)  # uGy/h per GBq at 1 m
    4.28
    """
    from hemadose.physics.matter.media import medium
    from hemadose.physics.matter.photons import photon_table

    lines = sorted(
        (line.energy_kev, line.yield_per_decay)
        for line in emissions.lines
        if line.kind.is_photon and line.energy_kev >= above_kev
    )
    if not lines:
        return 0.0
    energy, per_decay = (np.array(column) for column in zip(*lines, strict=True))
    absorbed_m2_per_kg = 0.1 * photon_table(medium("air"), energy).mass_energy_absorption
    parts = energy * KEV_J * per_decay * absorbed_m2_per_kg / (4.0 * np.pi)
    return float(np.sum(parts if weight is None else parts * weight(energy)))
