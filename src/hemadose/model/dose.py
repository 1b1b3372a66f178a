"""S values and absorbed doses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model._checks import frozen_array, require_non_negative
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class SValue:
    """Absorbed dose to a target per decay in a source, split by radiation.

    The split is what mass scaling needs: electrons scale with mass, photons with mass^(2/3).
    """

    source: str
    target: str
    electron_gy_per_bq_s: float
    photon_gy_per_bq_s: float
    relative_sd: float = 0.0

    @property
    def gy_per_bq_s(self) -> float:
        """Sum over radiations."""
        return self.electron_gy_per_bq_s + self.photon_gy_per_bq_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SValueTable:
    """S values of one nuclide in one anatomy.

    Attributes
    ----------
    name : str
        Id, e.g. ``"local-deposition+photon-fractions/patient"``.
    nuclide : str
        E.g. ``"Lu-177"``.
    values : tuple of SValue
        Missing pairs are an error when asked for, never zero.
    target_mass_kg : Mapping[str, float]
        Mass that each target's S values refer to.
    source_note : str
        Method and publication in words, printed in reports.
    notes : tuple of str
        Doubts.
    """

    name: str
    nuclide: str
    values: tuple[SValue, ...]
    target_mass_kg: Mapping[str, float]
    source_note: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the mapping and check the masses."""
        for target, mass in self.target_mass_kg.items():
            if not mass > 0.0:
                raise QuantityError(f"target {target} has no mass", value=f"{mass:g} kg")
        object.__setattr__(self, "target_mass_kg", MappingProxyType(dict(self.target_mass_kg)))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (
            _rebuild_table,
            (
                self.name,
                self.nuclide,
                self.values,
                dict(self.target_mass_kg),
                self.source_note,
                self.notes,
            ),
        )

    def get(self, *, source: str, target: str) -> SValue:
        """Give S(target <- source).

        Raises
        ------
        ReferenceDataError
            If the table does not hold the pair.
        """
        for value in self.values:
            if value.source == source and value.target == target:
                return value
        raise ReferenceDataError(
            f"no S value for {target} <- {source}",
            source=self.name,
            remedy="choose an S-value source that covers this pair",
        )

    def has(self, *, source: str, target: str) -> bool:
        """Tell whether the pair is in the table."""
        return any(v.source == source and v.target == target for v in self.values)


def _rebuild_table(
    name: str,
    nuclide: str,
    values: tuple[SValue, ...],
    target_mass_kg: dict[str, float],
    source_note: str,
    notes: tuple[str, ...],
) -> SValueTable:
    return SValueTable(
        name=name,
        nuclide=nuclide,
        values=values,
        target_mass_kg=target_mass_kg,
        source_note=source_note,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseContribution:
    """Absorbed dose per administered activity that one source gives to a target."""

    source: str
    gy_per_bq: float
    radiation: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganDose:
    """Absorbed dose coefficient of one target.

    Attributes
    ----------
    target : str
        Organ name: ``kidneys``, ``liver``, ``spleen``, ``red_marrow``, ``lesion_1`` ...
    gy_per_bq : float
        Absorbed dose per administered activity.
    gy_per_bq_draws : ndarray, shape (draws,)
        The same for each draw of the uncertainty (fit, calibration, mass, S value); draws
        of all targets of one study are joint, so that ratios and limits can be compared.
    contributions : tuple of DoseContribution
        By source; they add up to `gy_per_bq`.
    mass_kg : float
        Mass the dose refers to.
    method : str
        Named choice, e.g. ``"mird-organ"``, ``"marrow-image"``, ``"marrow-blood"``.
    notes : tuple of str
        Doubts in plain words.
    """

    target: str
    gy_per_bq: float
    gy_per_bq_draws: npt.NDArray[np.float64]
    contributions: tuple[DoseContribution, ...]
    mass_kg: float
    method: str
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Freeze the draws and check the sum of contributions."""
        require_non_negative(f"dose of {self.target}", gy_per_bq=self.gy_per_bq)
        draws = frozen_array(np.atleast_1d(self.gy_per_bq_draws), np.float64)
        if self.contributions:
            total = sum(c.gy_per_bq for c in self.contributions)
            if not np.isclose(total, self.gy_per_bq, rtol=1e-6, atol=1e-30):
                raise QuantityError(
                    f"the contributions to {self.target} do not add up to its dose",
                    value=f"{total:g}",
                    expected=f"{self.gy_per_bq:g}",
                )
        object.__setattr__(self, "gy_per_bq_draws", draws)

    @property
    def sd_gy_per_bq(self) -> float:
        """Standard uncertainty from the draws."""
        return float(np.std(self.gy_per_bq_draws, ddof=1)) if self.draws > 1 else 0.0

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.gy_per_bq_draws.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualDose:
    """Dose coefficient still to be delivered to a target after a given time.

    The marrow dose rate is a sum of exponentials; its tail integral from `from_s` on is the
    dose that grafted stem cells will receive if they are infused then (Braitsch 2025: <= 1 Gy).

    Attributes
    ----------
    target : str
        ``red_marrow``.
    amplitudes_gy_per_bq_s, rates_per_s : ndarray, shape (terms,)
        Dose-rate coefficient terms of the best curve.
    draw_amplitudes_gy_per_bq_s, draw_rates_per_s : ndarray, shape (draws, terms)
        Joint with `OrganDose.gy_per_bq_draws` of the same study.
    differences : tuple of (int, int)
        Ranges of terms that are one source known by subtraction (the remainder of the body): late, when little is left
        of what was subtracted, noise may turn it negative. It then counts as nothing: it never takes dose off.
    """

    target: str
    amplitudes_gy_per_bq_s: npt.NDArray[np.float64]
    rates_per_s: npt.NDArray[np.float64]
    draw_amplitudes_gy_per_bq_s: npt.NDArray[np.float64]
    draw_rates_per_s: npt.NDArray[np.float64]
    differences: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays and check shapes."""
        for name, ndim in (
            ("amplitudes_gy_per_bq_s", 1),
            ("rates_per_s", 1),
            ("draw_amplitudes_gy_per_bq_s", 2),
            ("draw_rates_per_s", 2),
        ):
            array = frozen_array(getattr(self, name), np.float64)
            if array.ndim != ndim:
                raise QuantityError(f"{name} needs {ndim} dimension(s)")
            object.__setattr__(self, name, array)
        if not ((self.rates_per_s > 0.0).all() and (self.draw_rates_per_s > 0.0).all()):
            raise QuantityError("a dose rate must decay", field="rates_per_s")

    def gy_per_bq(self, *, from_s: float) -> float:
        """Dose coefficient from `from_s` after administration to infinity."""
        a, k = self.amplitudes_gy_per_bq_s, self.rates_per_s
        return float(self._summed(a / k * np.exp(-k * from_s)))

    def gy_per_bq_draws(self, *, from_s: float) -> npt.NDArray[np.float64]:
        """The same for every draw, shape (draws,)."""
        a, k = self.draw_amplitudes_gy_per_bq_s, self.draw_rates_per_s
        return np.asarray(self._summed(a / k * np.exp(-k * from_s)))

    def rate_gy_per_bq_s(self, *, at_s: float) -> float:
        """Dose-rate coefficient at a time after administration."""
        a, k = self.amplitudes_gy_per_bq_s, self.rates_per_s
        return float(self._summed(a * np.exp(-k * at_s)))

    def rate_gy_per_bq_s_draws(self, *, at_s: float) -> npt.NDArray[np.float64]:
        """The same for every draw, shape (draws,)."""
        a, k = self.draw_amplitudes_gy_per_bq_s, self.draw_rates_per_s
        return np.asarray(self._summed(a * np.exp(-k * at_s)))

    def _summed(self, terms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum over the last axis; a difference counts if it is positive."""
        total = terms.sum(axis=-1)
        for start, stop in self.differences:
            total = total - np.minimum(terms[..., start:stop].sum(axis=-1), 0.0)
        return np.asarray(total)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDoses:
    """All doses of one study, per administered activity.

    Attributes
    ----------
    organs : tuple of OrganDose
        By target.
    marrow_residual : ResidualDose or None
        The tail of the marrow dose.
    s_value_source : str
        Named S-value source.
    notes : tuple of str
        Doubts that concern all targets.
    """

    organs: tuple[OrganDose, ...]
    marrow_residual: ResidualDose | None
    s_value_source: str
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = field(default=None)

    def organ(self, target: str) -> OrganDose:
        """Give the dose of one target.

        Raises
        ------
        ReferenceDataError
            If the study has no dose for it.
        """
        for dose in self.organs:
            if dose.target == target:
                return dose
        raise ReferenceDataError(
            f"no dose was computed for {target}",
            expected=", ".join(d.target for d in self.organs),
        )
