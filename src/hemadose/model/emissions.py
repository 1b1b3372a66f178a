"""What one decay gives off: lines and continuous beta spectra, as transport needs them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive


class LineKind(Enum):
    """Where a line of fixed energy comes from."""

    GAMMA = "gamma"
    X_RAY = "x-ray"
    ANNIHILATION = "annihilation"
    CONVERSION = "conversion electron"
    AUGER = "Auger electron"
    ALPHA = "alpha"

    @property
    def is_photon(self) -> bool:
        """Whether the line is one of photons."""
        return self in (LineKind.GAMMA, LineKind.X_RAY, LineKind.ANNIHILATION)

    @property
    def is_electron(self) -> bool:
        """Whether the line is one of electrons."""
        return self in (LineKind.CONVERSION, LineKind.AUGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionLine:
    """Particles of one energy: keV and number per decay."""

    kind: LineKind
    energy_kev: float
    yield_per_decay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaSpectrum:
    """A continuous spectrum of electrons or positrons.

    Attributes
    ----------
    charge : int
        -1 for electrons, +1 for positrons.
    energy_kev : array (n,)
        Increasing, from 0 to the end point.
    density_per_kev : array (n,)
        Particles per decay and keV; between the energies it runs linearly.
    """

    charge: int
    energy_kev: npt.NDArray[np.float64]
    density_per_kev: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the spectrum and lock its arrays."""
        energy, density = self.energy_kev, self.density_per_kev
        if self.charge not in (-1, 1):
            raise QuantityError("a beta particle has charge -1 or +1", field="charge", value=str(self.charge))
        if energy.ndim != 1 or energy.shape != density.shape or energy.size < 2:
            raise QuantityError("energies and densities of a beta spectrum must pair up", value=str(energy.shape))
        if not (np.all(np.diff(energy) > 0.0) and energy[0] >= 0.0 and np.all(density >= 0.0)):
            raise QuantityError("a beta spectrum needs rising energies and no negative density")
        if not np.trapezoid(density, energy) > 0.0:
            raise QuantityError("a beta spectrum without particles")
        energy.setflags(write=False)
        density.setflags(write=False)

    @property
    def yield_per_decay(self) -> float:
        """Particles per decay."""
        return float(np.trapezoid(self.density_per_kev, self.energy_kev))

    @property
    def energy_per_decay_kev(self) -> float:
        """Energy of all its particles per decay, in keV (exact for a density that runs linearly)."""
        e, p = self.energy_kev, self.density_per_kev
        low, high, step = e[:-1], e[1:], np.diff(e)
        return float(np.sum(step / 6.0 * (p[:-1] * (2.0 * low + high) + p[1:] * (low + 2.0 * high))))

    @property
    def mean_energy_kev(self) -> float:
        """Mean energy of one particle in keV."""
        return self.energy_per_decay_kev / self.yield_per_decay


@dataclass(frozen=True, slots=True, kw_only=True)
class Emissions:
    """Everything that one decay of a nuclide (or of a chain) gives off.

    Attributes
    ----------
    nuclide : str
        Name; a chain in equilibrium is named by its parent.
    half_life_s : float
        Physical half-life of the parent.
    lines : tuple of EmissionLine
        Photons, conversion and Auger electrons, alpha particles.
    betas : tuple of BetaSpectrum
        Electrons and positrons with continuous spectra.
    source : str
        Where the data come from.
    notes : tuple of str
        What is left out, e.g. daughters.

    Examples
    --------
    >>> line = EmissionLine(kind=LineKind.GAMMA, energy_kev=100.0, yield_per_decay=0.5)
    >>> one = Emissions(nuclide="X-1", half_life_s=10.0, lines=(line,), betas=(), source="example")
    >>> one.photon_energy_kev, one.electron_energy_kev
    (50.0, 0.0)
    """

    nuclide: str
    half_life_s: float
    lines: tuple[EmissionLine, ...]
    betas: tuple[BetaSpectrum, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"nuclide {self.nuclide}", half_life_s=self.half_life_s)
        for line in self.lines:
            if not (line.energy_kev > 0.0 and line.yield_per_decay >= 0.0):
                raise QuantityError(
                    f"a line of {self.nuclide} needs a positive energy and no negative yield",
                    value=f"{line.energy_kev:g} keV, {line.yield_per_decay:g} per decay",
                )

    def line_energy_kev(self, *kinds: LineKind) -> float:
        """Energy per decay of the lines of some kinds, in keV."""
        return float(sum(line.energy_kev * line.yield_per_decay for line in self.lines if line.kind in kinds))

    @property
    def beta_energy_kev(self) -> float:
        """Energy per decay of beta electrons and positrons, in keV."""
        return float(sum(b.energy_per_decay_kev for b in self.betas))

    @property
    def electron_energy_kev(self) -> float:
        """Energy per decay of beta particles, conversion and Auger electrons, in keV."""
        return self.beta_energy_kev + self.line_energy_kev(LineKind.CONVERSION, LineKind.AUGER)

    @property
    def photon_energy_kev(self) -> float:
        """Energy per decay of gamma, X and annihilation photons, in keV."""
        return self.line_energy_kev(LineKind.GAMMA, LineKind.X_RAY, LineKind.ANNIHILATION)

    @property
    def alpha_energy_kev(self) -> float:
        """Energy per decay of alpha particles (without recoil nuclei), in keV."""
        return self.line_energy_kev(LineKind.ALPHA)
