"""Specific absorbed fractions: what share of a particle's energy a kilogram of target absorbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model._checks import frozen_array, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]
Pair: TypeAlias = tuple[str, str]


class Radiation(StrEnum):
    """What a table of absorbed fractions is for."""

    PHOTON = "photon"
    ELECTRON = "electron"
    ALPHA = "alpha"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificAbsorbedFractions:
    """Absorbed fraction per target mass by energy, for one radiation in one anatomy.

    Attributes
    ----------
    radiation : Radiation
        Photons, electrons or alpha particles.
    energies_kev : ndarray, shape (n,)
        Rising, above zero.
    saf_per_kg : Mapping[(source, target), ndarray of shape (n,)]
        Missing pairs are an error when asked for, never zero.
    target_mass_kg : Mapping[str, float]
        Mass that the fractions of a target refer to; may be empty if the file does not say.
    source_note : str
        Method and publication in words.
    relative_sd : Mapping[(source, target), ndarray of shape (n,)]
        Statistical standard uncertainty by energy, relative; empty if unknown.
    notes : tuple of str
        Doubts.

    Examples
    --------
    >>> table = SpecificAbsorbedFractions(
    ...     radiation=Radiation.PHOTON, energies_kev=np.array([10.0, 100.0, 1000.0]),
    ...     saf_per_kg={("liver", "kidneys"): np.array([0.0, 0.02, 0.03])},
    ...     target_mass_kg={"kidneys": 0.31}, source_note="example")
    >>> float(table.interpolate(source="liver", target="kidneys", energy_kev=100.0))
    0.02
    """

    radiation: Radiation
    energies_kev: Floats
    saf_per_kg: Mapping[Pair, Floats]
    target_mass_kg: Mapping[str, float]
    source_note: str
    relative_sd: Mapping[Pair, Floats] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers and lock them."""
        energies = frozen_array(self.energies_kev, np.float64)
        if energies.ndim != 1 or energies.size < 2 or not (energies[0] > 0.0 and np.all(np.diff(energies) > 0.0)):
            raise QuantityError(
                "a table of absorbed fractions needs two or more rising energies above zero",
                field="energies_kev",
                value=str(energies.tolist()),
            )
        for target, mass in self.target_mass_kg.items():
            require_positive(f"target {target}", mass_kg=mass)
        stray = set(self.relative_sd) - set(self.saf_per_kg)
        if stray:
            raise QuantityError("an uncertainty without its absorbed fraction", value=str(sorted(stray)[0]))
        object.__setattr__(self, "radiation", Radiation(self.radiation))
        object.__setattr__(self, "energies_kev", energies)
        object.__setattr__(self, "target_mass_kg", MappingProxyType(dict(self.target_mass_kg)))
        for name in ("saf_per_kg", "relative_sd"):
            object.__setattr__(self, name, _locked(getattr(self, name), size=energies.size, what=name))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (
            _rebuild,
            (
                {
                    "radiation": self.radiation,
                    "energies_kev": self.energies_kev,
                    "saf_per_kg": dict(self.saf_per_kg),
                    "target_mass_kg": dict(self.target_mass_kg),
                    "source_note": self.source_note,
                    "relative_sd": dict(self.relative_sd),
                    "notes": self.notes,
                },
            ),
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Source regions in the order of the table."""
        return tuple(dict.fromkeys(source for source, _ in self.saf_per_kg))

    @property
    def targets(self) -> tuple[str, ...]:
        """Target regions in the order of the table."""
        return tuple(dict.fromkeys(target for _, target in self.saf_per_kg))

    def get(self, *, source: str, target: str) -> Floats:
        """Give the absorbed fractions of one pair at the energies of the table.

        Raises
        ------
        ReferenceDataError
            If the table does not hold the pair.
        """
        found = self.saf_per_kg.get((source, target))
        if found is None:
            raise ReferenceDataError(
                f"no {self.radiation} absorbed fraction for {target} <- {source}",
                source=self.source_note,
                expected=f"sources {_some(self.sources)}; targets {_some(self.targets)}",
            )
        return found

    def stacked(self, pairs: Iterable[Pair]) -> Floats:
        """Absorbed fractions of several (source, target) pairs, shape (pairs, n)."""
        return np.stack([self.get(source=source, target=target) for source, target in pairs])

    def stacked_sd(self, pairs: Iterable[Pair]) -> Floats:
        """Relative standard uncertainties of several pairs, shape (pairs, n); 0 where unknown."""
        none = np.zeros(self.energies_kev.size)
        return np.stack([self.relative_sd.get(pair, none) for pair in pairs])

    def interpolate(self, *, source: str, target: str, energy_kev: npt.ArrayLike) -> Floats:
        """Absorbed fraction at other energies: a shape-preserving cubic in the logarithm of the energy.

        The cubic of Fritsch and Carlson keeps to the values at the energies of the table, never
        overshoots them and so never falls below zero.

        Parameters
        ----------
        source, target : str
            The pair.
        energy_kev : array_like
            Within the energies of the table.

        Raises
        ------
        ReferenceDataError
            If the table lacks the pair or an energy lies outside.

        References
        ----------
        ICRP Publication 133 (2016), piecewise cubic Hermite interpolation of absorbed fractions;
        Fritsch F N, Carlson R E. SIAM J Numer Anal 17:238 (1980).
        """
        from scipy.interpolate import PchipInterpolator

        values = self.get(source=source, target=target)
        energy = np.asarray(energy_kev, dtype=np.float64)
        low, high = float(self.energies_kev[0]), float(self.energies_kev[-1])
        outside = ~((energy >= low) & (energy <= high))
        if outside.any():
            raise ReferenceDataError(
                f"the {self.radiation} absorbed fractions do not reach this energy",
                source=self.source_note,
                value=f"{float(energy[outside].flat[0]) if energy.ndim else float(energy):g} keV",
                expected=f"{low:g} to {high:g} keV",
                remedy="take a table that covers it; fractions are not extrapolated",
            )
        return np.asarray(PchipInterpolator(np.log(self.energies_kev), values)(np.log(energy)))


def _locked(table: Mapping[Pair, Floats], *, size: int, what: str) -> Mapping[Pair, Floats]:
    locked = {}
    for (source, target), values in table.items():
        array = frozen_array(values, np.float64)
        if array.shape != (size,):
            raise QuantityError(
                f"{target} <- {source} does not have one number for each energy",
                field=what,
                value=str(array.shape),
                expected=str((size,)),
            )
        if not (np.isfinite(array).all() and (array >= 0.0).all()):
            raise QuantityError(f"{target} <- {source} holds a negative or infinite number", field=what)
        locked[(source, target)] = array
    return MappingProxyType(locked)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")


def _rebuild(fields: dict[str, Any]) -> SpecificAbsorbedFractions:
    return SpecificAbsorbedFractions(**fields)
