"""Time-activity curves: sums of exponentials, their integral and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import frozen_array, require_finite, require_non_negative
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialCurve:
    """A(t) = sum_i a_i exp(-k_i t), t in seconds after administration, with decay included.

    Attributes
    ----------
    amplitudes_bq : ndarray, shape (terms,)
        May be negative (uptake).
    rates_per_s : ndarray, shape (terms,)
        All positive, never slower than physical decay.

    Examples
    --------
    >>> curve = ExponentialCurve(amplitudes_bq=[5e6], rates_per_s=[np.log(2) / (41 * 3600)])
    >>> round(curve.integral_bq_s() / 3.6e9, 4)
    295.7525
    """

    amplitudes_bq: npt.NDArray[np.float64]
    rates_per_s: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the terms."""
        amplitudes = frozen_array(np.atleast_1d(self.amplitudes_bq), np.float64)
        rates = frozen_array(np.atleast_1d(self.rates_per_s), np.float64)
        if amplitudes.shape != rates.shape or amplitudes.ndim != 1:
            raise QuantityError("a curve has one rate per amplitude")
        if not (np.isfinite(amplitudes).all() and np.isfinite(rates).all()):
            raise QuantityError("a curve has finite terms")
        if (rates <= 0.0).any():
            raise QuantityError("a curve must decay", field="rates_per_s", expected="> 0")
        object.__setattr__(self, "amplitudes_bq", amplitudes)
        object.__setattr__(self, "rates_per_s", rates)

    def activity_bq(self, time_s: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Activity at times, same shape as `time_s`."""
        t = np.asarray(time_s, dtype=np.float64)
        terms = self.amplitudes_bq * np.exp(-np.multiply.outer(t, self.rates_per_s))
        return np.asarray(terms.sum(axis=-1))

    def integral_bq_s(self, *, from_s: float = 0.0) -> float:
        """Time-integrated activity from `from_s` to infinity (analytic tail integral)."""
        return float(np.sum(self.amplitudes_bq / self.rates_per_s * np.exp(-self.rates_per_s * from_s)))

    @property
    def effective_half_life_s(self) -> float:
        """Half-life of the slowest term that contributes (terminal phase)."""
        contributing = np.abs(self.amplitudes_bq) > 1e-9 * np.abs(self.amplitudes_bq).max()
        return float(np.log(2.0) / self.rates_per_s[contributing].min())


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveEnsemble:
    """Curves drawn from the uncertainty of a fit: every quantity can be propagated through it.

    Attributes
    ----------
    amplitudes_bq, rates_per_s : ndarray, shape (draws, terms)
        One exponential curve per draw. Shared (calibration) uncertainty is included.
    """

    amplitudes_bq: npt.NDArray[np.float64]
    rates_per_s: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shapes."""
        amplitudes = frozen_array(self.amplitudes_bq, np.float64)
        rates = frozen_array(self.rates_per_s, np.float64)
        if amplitudes.shape != rates.shape or amplitudes.ndim != 2:
            raise QuantityError("an ensemble has shape (draws, terms)")
        if not (rates > 0.0).all():
            raise QuantityError("every drawn curve must decay")
        object.__setattr__(self, "amplitudes_bq", amplitudes)
        object.__setattr__(self, "rates_per_s", rates)

    @property
    def draws(self) -> int:
        """Number of curves."""
        return int(self.amplitudes_bq.shape[0])

    def integral_bq_s(self, *, from_s: float = 0.0) -> npt.NDArray[np.float64]:
        """Time-integrated activity from `from_s` on, shape (draws,)."""
        terms = self.amplitudes_bq / self.rates_per_s * np.exp(-self.rates_per_s * from_s)
        return np.asarray(terms.sum(axis=1))

    def activity_bq(self, time_s: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Activity at times of shape (n,), result of shape (draws, n)."""
        t = np.atleast_1d(np.asarray(time_s, dtype=np.float64))
        terms = self.amplitudes_bq[:, None, :] * np.exp(-t[None, :, None] * self.rates_per_s[:, None, :])
        return np.asarray(terms.sum(axis=2))


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateFit:
    """One model that was tried on a series.

    Attributes
    ----------
    model : str
        Model id, e.g. ``"mono"``, ``"bi"``, ``"uptake_clearance"``.
    parameters : dict of str to float
        Named with units.
    relative_sds : dict of str to float
        Coefficient of variation of each parameter.
    max_abs_correlation : float
        Largest |r| between two parameters (0 for one parameter).
    aicc : float or None
        Corrected Akaike criterion; None where N <= K + 1.
    weight : float
        Akaike weight among the accepted models (0 if rejected).
    accepted : bool
        Passed the acceptance rules.
    reasons : tuple of str
        Why it was rejected, in plain words.
    tia_bq_s : float
        Its time-integrated activity.
    """

    model: str
    parameters: dict[str, float]
    relative_sds: dict[str, float]
    max_abs_correlation: float
    aicc: float | None
    weight: float
    accepted: bool
    reasons: tuple[str, ...]
    tia_bq_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCurve:
    """The time-activity curve of a region and its integral.

    Attributes
    ----------
    region : str
        Region name.
    model : str
        The chosen model, or ``"average"``.
    curve : ExponentialCurve
        Best curve.
    ensemble : CurveEnsemble
        Its uncertainty, shared part included.
    tia_bq_s, tia_sd_bq_s : float
        Time-integrated activity from 0 to infinity and its standard uncertainty.
    effective_half_life_s : float
        Of the terminal phase.
    extrapolated_fraction : float
        Share of the integral after the last sample.
    reduced_chi_square : float or None
        None when there are no degrees of freedom.
    candidates : tuple of CandidateFit
        Everything that was tried.
    notes : tuple of str
        Doubts in plain words.
    provenance : Provenance or None
        How it was made.
    """

    region: str
    model: str
    curve: ExponentialCurve
    ensemble: CurveEnsemble
    tia_bq_s: float
    tia_sd_bq_s: float
    effective_half_life_s: float
    extrapolated_fraction: float
    reduced_chi_square: float | None
    candidates: tuple[CandidateFit, ...]
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Check the summary numbers."""
        require_finite(f"curve of {self.region}", tia_bq_s=self.tia_bq_s)
        require_non_negative(f"curve of {self.region}", tia_sd_bq_s=self.tia_sd_bq_s)
