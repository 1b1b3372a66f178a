"""Where the activity goes: a linear compartment model that loses no becquerel.

A central compartment empties with one rate into organs, remaining tissue and urine; every organ
releases to urine with its own biological half-life. Each organ therefore follows
``u K/(K - c) [exp(-c t) - exp(-K t)] exp(-lambda t)`` exactly, and the excreted activity is what is
left over. The bladder is emptied at regular intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import ExponentialCurve, Nuclide
from hemadose.units import HOUR_S, LN2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """One organ.

    Attributes
    ----------
    name : str
        Source region: ``kidneys``, ``liver``, ``spleen``, ``red_marrow``, ``tissue`` ...
    uptake_fraction : float
        Share of the central outflow that it takes up.
    biological_half_life_s : float
        Of its release.
    """

    name: str
    uptake_fraction: float
    biological_half_life_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Biokinetics:
    """A patient's biokinetics of one agent.

    Attributes
    ----------
    nuclide : Nuclide
        Sets physical decay.
    compartments : tuple of Compartment
        Their uptake fractions add up to at most 1; the rest goes to urine at once.
    central_half_life_s : float
        Biological half-life of the central compartment.
    void_interval_s : float
        Between two voids of the bladder.
    """

    nuclide: Nuclide
    compartments: tuple[Compartment, ...]
    central_half_life_s: float
    void_interval_s: float = 4.0 * HOUR_S

    def __post_init__(self) -> None:
        """Check that no more is taken up than is there and that organs outlast the centre."""
        names = [c.name for c in self.compartments]
        if len(set(names)) != len(names):
            raise QuantityError("a compartment is given twice", value=", ".join(names))
        if not (self.central_half_life_s > 0.0 and self.void_interval_s > 0.0):
            raise QuantityError("central half-life and void interval must be positive")
        for compartment in self.compartments:
            if not compartment.biological_half_life_s > self.central_half_life_s:
                raise QuantityError(
                    f"{compartment.name} releases faster than the central compartment feeds it",
                    field="biological_half_life_s",
                    value=f"{compartment.biological_half_life_s / HOUR_S:g} h",
                    expected=f"> {self.central_half_life_s / HOUR_S:g} h",
                )
        total = sum(c.uptake_fraction for c in self.compartments)
        if total > 1.0 + 1e-9 or min((c.uptake_fraction for c in self.compartments), default=0.0) < 0.0:
            raise QuantityError(
                "the organs take up more than was administered",
                value=f"{total:.3f}",
                expected="<= 1",
                remedy="lower a scaling factor or the uptake of the remaining tissue",
            )

    @property
    def _central_rate(self) -> float:
        return LN2 / self.central_half_life_s

    def curve(self, name: str) -> ExponentialCurve:
        """Activity per administered activity in one compartment, decay included."""
        decay, central = self.nuclide.decay_constant_per_s, self._central_rate
        if name == "central":
            return ExponentialCurve(amplitudes_bq=np.array([1.0]), rates_per_s=np.array([central + decay]))
        found = [c for c in self.compartments if c.name == name]
        if not found:
            raise QuantityError(
                f"the biokinetic model has no compartment {name}",
                expected=", ".join(c.name for c in self.compartments),
                remedy="add it with with_compartments(...)",
            )
        release = LN2 / found[0].biological_half_life_s
        amplitude = found[0].uptake_fraction * central / (central - release)
        return ExponentialCurve(
            amplitudes_bq=np.array([amplitude, -amplitude]),
            rates_per_s=np.array([release + decay, central + decay]),
        )

    def fraction(self, name: str, time_s: npt.ArrayLike) -> Floats:
        """Activity per administered activity at times; also of ``bladder`` and ``excreta``."""
        t = np.asarray(time_s, dtype=np.float64)
        decay = np.exp(-self.nuclide.decay_constant_per_s * t)
        if name in ("bladder", "excreta"):
            last_void = np.floor(t / self.void_interval_s) * self.void_interval_s
            voided = self._released(last_void)
            part = self._released(t) - voided if name == "bladder" else voided
            return np.asarray(part * decay)
        return self.curve(name).activity_bq(t)

    def _released(self, time_s: Floats) -> Floats:
        """Cumulative release to urine, decay-corrected."""
        undo = np.exp(self.nuclide.decay_constant_per_s * time_s)
        inside = self.curve("central").activity_bq(time_s)
        for compartment in self.compartments:
            inside = inside + self.curve(compartment.name).activity_bq(time_s)
        return np.asarray(1.0 - inside * undo)

    def tia_h(self, name: str) -> float:
        """Time-integrated activity coefficient in hours, analytically (bladder: void by void)."""
        if name == "bladder":
            return self._bladder_tia_s() / HOUR_S
        return self.curve(name).integral_bq_s() / HOUR_S

    def _bladder_tia_s(self) -> float:
        """Sum the bladder's integral over the intervals between voids.

        After the void at T_n the bladder holds R(T_n) - R(t) with decay undone; R, what is
        retained elsewhere, is a sum of terms w exp(-g t).
        """
        decay, interval = self.nuclide.decay_constant_per_s, self.void_interval_s
        starts = interval * np.arange(math.ceil(40.0 / decay / interval))
        window = -math.expm1(-decay * interval) / decay
        curves = [self.curve(name) for name in ("central", *(c.name for c in self.compartments))]
        total = 0.0
        for curve in curves:
            for weight, rate in zip(curve.amplitudes_bq, curve.rates_per_s, strict=True):
                kept = window + math.expm1(-rate * interval) / rate
                total += float(weight * kept * np.exp(-rate * starts).sum())
        return total

    def with_compartments(self, *extra: Compartment) -> Biokinetics:
        """Give the same kinetics with further organs, e.g. lesions."""
        return replace(self, compartments=(*self.compartments, *extra))

    def scaled(self, **factors: float) -> Biokinetics:
        """Give the same kinetics with uptake multiplied, e.g. ``scaled(kidneys=1.5)``."""
        unknown = set(factors) - {c.name for c in self.compartments}
        if unknown:
            raise QuantityError(f"no compartment {', '.join(sorted(unknown))}")
        changed = tuple(
            replace(c, uptake_fraction=c.uptake_fraction * factors.get(c.name, 1.0)) for c in self.compartments
        )
        return replace(self, compartments=changed)


def pentixather_biokinetics(nuclide: Nuclide) -> Biokinetics:
    """[177Lu]Pentixather in a typical patient.

    Effective half-lives (kidneys 41 h, liver 109 h, spleen 86 h, marrow 92 h) and uptakes that give
    the median dose coefficients 0.91, 0.71, 0.58, 0.47 Gy/GBq in the stylised male (marrow with an
    absorbed fraction of 0.57) after Haenscheid et al. 2022; central clearance (2.5 h) and retention
    in remaining tissue (effective 50 h) are plausible choices of this project. Biological half-lives
    are those of 177Lu data and stay the same for another nuclide.

    >>> lu = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92,
    ...              photon_energy_kev=35.1)
    >>> kinetics = pentixather_biokinetics(lu)
    >>> round(kinetics.tia_h("kidneys"), 2), round(kinetics.tia_h("red_marrow"), 1)
    (3.15, 10.8)
    """
    lutetium_half_life_s = 6.647 * 86400.0

    def biological(effective_h: float) -> float:
        return 1.0 / (1.0 / (effective_h * HOUR_S) - 1.0 / lutetium_half_life_s)

    uptake = (
        ("kidneys", 0.0541, 41.0),
        ("liver", 0.099, 109.0),
        ("spleen", 0.0100, 86.0),
        ("red_marrow", 0.0827, 92.0),
        ("tissue", 0.45, 50.0),
    )
    return Biokinetics(
        nuclide=nuclide,
        compartments=tuple(
            Compartment(name=name, uptake_fraction=fraction, biological_half_life_s=biological(effective))
            for name, fraction, effective in uptake
        ),
        central_half_life_s=2.5 * HOUR_S,
    )
