"""A radionuclide as dosimetry needs it: how fast it decays and what it gives off."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.units import LN2


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaLine:
    """One photon line: energy in keV and photons per decay."""

    energy_kev: float
    photons_per_decay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuclide:
    """A radionuclide.

    Attributes
    ----------
    name : str
        Element and mass number, e.g. ``"Lu-177"``.
    half_life_s : float
        Physical half-life in seconds.
    electron_energy_kev, photon_energy_kev : float
        Mean energy per decay emitted as electrons (beta, conversion, Auger) and photons.
    gamma_lines : tuple of GammaLine
        The lines that are imaged.
    source : str
        Where the numbers come from.

    Examples
    --------
    >>> lu = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.92,
    ...              photon_energy_kev=35.10)
    >>> round(lu.decay_factor(6.647 * 86400), 12)
    0.5
    """

    name: str
    half_life_s: float
    electron_energy_kev: float
    photon_energy_kev: float
    gamma_lines: tuple[GammaLine, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"nuclide {self.name}", half_life_s=self.half_life_s)
        require_non_negative(
            f"nuclide {self.name}",
            electron_energy_kev=self.electron_energy_kev,
            photon_energy_kev=self.photon_energy_kev,
        )

    @property
    def decay_constant_per_s(self) -> float:
        """Physical decay constant, ln 2 / half-life."""
        return LN2 / self.half_life_s

    def decay_factor(self, elapsed_s: float) -> float:
        """Fraction left after `elapsed_s` (above 1 for a negative time: decay undone)."""
        return float(2.0 ** (-elapsed_s / self.half_life_s))

    def effective_half_life_s(self, *, biological_half_life_s: float) -> float:
        """Effective half-life, 1/T_eff = 1/T_phys + 1/T_biol (MIRD 21 eq. 8)."""
        require_positive("effective half-life", biological_half_life_s=biological_half_life_s)
        return 1.0 / (1.0 / self.half_life_s + 1.0 / biological_half_life_s)

    def biological_half_life_s(self, *, effective_half_life_s: float) -> float:
        """Biological half-life that gives an effective one with this nuclide.

        Raises
        ------
        QuantityError
            If the effective half-life is not shorter than the physical one.
        """
        require_positive("biological half-life", effective_half_life_s=effective_half_life_s)
        rate = 1.0 / effective_half_life_s - 1.0 / self.half_life_s
        if rate <= 0.0:
            raise QuantityError(
                f"an effective half-life cannot reach the physical one of {self.name}",
                value=f"{effective_half_life_s / 3600:.4g} h",
                expected=f"< {self.half_life_s / 3600:.4g} h",
            )
        return 1.0 / rate
