"""Integrals that need no fit: one time point, and the trapezoid rule.

References
----------
Haenscheid H. et al., J Nucl Med 2018;59:75. Madsen M. et al., Med Phys 2018;45:2318.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.ensemble import scale_shared, standard_uncertainty
from hemadose.model import ActivitySeries, CurveEnsemble, ExponentialCurve, FittedCurve, Nuclide
from hemadose.provenance import Provenance
from hemadose.units import HOUR_S, LN2

Floats = npt.NDArray[np.float64]


def haenscheid_tia_bq_s(*, activity_bq: float, time_s: float) -> float:
    """Time-integrated activity from one sample, 2 A t / ln 2.

    Exact when the time is one or two effective half-lives; within -11 ... +6 % between
    0.75 and 2.5 of them.

    >>> round(haenscheid_tia_bq_s(activity_bq=0.6, time_s=96.0), 4)
    166.1985
    """
    return 2.0 * activity_bq * time_s / LN2


def madsen_tia_bq_s(*, activity_bq: float, time_s: float, half_life_s: float) -> float:
    """Time-integrated activity from one sample and a population half-life, A exp(kt) / k.

    >>> round(madsen_tia_bq_s(activity_bq=0.6, time_s=96.0, half_life_s=51.0), 4)
    162.7574
    """
    rate = LN2 / half_life_s
    return activity_bq * float(np.exp(rate * time_s)) / rate


def single_time_point(
    series: ActivitySeries,
    *,
    nuclide: Nuclide,
    method: Literal["haenscheid", "madsen"],
    population_half_life_s: float | None = None,
    population_relative_sd: float = 0.25,
    draws: int = 2000,
    seed: int = 20250101,
    shared_normal: Floats | None = None,
) -> FittedCurve:
    """Integrate a curve known at one time only.

    Parameters
    ----------
    series : ActivitySeries
        The last sample is used.
    nuclide : Nuclide
        Physical floor of the half-life.
    method : {"haenscheid", "madsen"}
        Madsen needs `population_half_life_s`.
    population_half_life_s : float, optional
        Effective half-life in the population (median of a log-normal).
    population_relative_sd : float
        Its spread between patients; it makes most of the uncertainty.
    draws, seed, shared_normal
        As in `fit_series`.

    Returns
    -------
    FittedCurve
        With the exponential whose integral the method stands for.

    Raises
    ------
    FitError
        If Madsen's method lacks a population half-life, if that is longer than the physical one,
        or if the activity is zero.

    Notes
    -----
    The curve passes through the sample and has the integral of the method: for Madsen's it decays
    with the population half-life, for Haenscheid's with the time of the sample as half-life, since
    A exp(k t) / k with k = ln 2 / t is 2 A t / ln 2. The half-life of that curve is therefore no
    measurement. The ensemble draws the half-life from the population, log-normal, never longer than
    the physical one.

    Examples
    --------
    >>> from hemadose.model import ActivitySample
    >>> lu = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92,
    ...              photon_energy_kev=35.1)
    >>> one = ActivitySample(region="kidney", time_s=96 * 3600.0, activity_bq=0.6e6, sd_bq=0.03e6)
    >>> fit = single_time_point(ActivitySeries(region="kidney", samples=(one,)), nuclide=lu,
    ...                         method="madsen", population_half_life_s=51 * 3600.0)
    >>> fit.model, round(fit.tia_bq_s / 3.6e9, 4)
    ('madsen', 162.7574)
    """
    sample = series.samples[-1]
    _check(series, nuclide, method, population_half_life_s)
    assumed = population_half_life_s or sample.time_s
    stands_for = sample.time_s if method == "haenscheid" else assumed
    rate = LN2 / stands_for
    curve = ExponentialCurve(
        amplitudes_bq=np.array([sample.activity_bq * np.exp(rate * sample.time_s)]),
        rates_per_s=np.array([rate]),
    )
    rng = np.random.default_rng([seed, 2, crc32(series.region.encode())])
    sigma = np.sqrt(np.log1p(population_relative_sd**2))
    half_lives = assumed * np.exp(sigma * rng.standard_normal(draws))
    half_lives = np.minimum(half_lives, nuclide.half_life_s)
    rates = LN2 / half_lives
    noise = (sample.sd_bq or 0.0) / sample.activity_bq
    activity = sample.activity_bq * np.maximum(1.0 + noise * rng.standard_normal(draws), 0.0)
    ensemble = CurveEnsemble(
        amplitudes_bq=(activity * np.exp(rates * sample.time_s))[:, None],
        rates_per_s=rates[:, None],
    )
    if shared_normal is None:
        shared_normal = np.random.default_rng([seed, 1]).standard_normal(draws)
    ensemble = scale_shared(ensemble, relative_sd=series.shared_relative_sd, normal=shared_normal)
    return _single_result(series, method, curve, ensemble, population_half_life_s)


def _check(series: ActivitySeries, nuclide: Nuclide, method: str, population_half_life_s: float | None) -> None:
    sample = series.samples[-1]
    if sample.activity_bq <= 0.0 or sample.time_s <= 0.0:
        raise FitError(f"{series.region}: a single time point needs activity after injection")
    if method == "madsen" and population_half_life_s is None:
        raise FitError(
            f"{series.region}: Madsen's method needs a population half-life",
            field="population_half_life_h",
        )
    if population_half_life_s is not None and not 0.0 < population_half_life_s <= nuclide.half_life_s:
        raise FitError(
            f"{series.region}: the population half-life must be an effective one",
            field="population_half_life_h",
            value=f"{population_half_life_s / HOUR_S:g} h",
            expected=f"> 0 and <= {nuclide.half_life_s / HOUR_S:.4g} h ({nuclide.name})",
        )


def _single_result(
    series: ActivitySeries,
    method: str,
    curve: ExponentialCurve,
    ensemble: CurveEnsemble,
    population_half_life_s: float | None,
) -> FittedCurve:
    time_s = series.samples[-1].time_s
    tia = curve.integral_bq_s()
    notes = [
        f"{series.region}: one time point only ({time_s / HOUR_S:.0f} h); the integral rests on an assumed half-life"
    ]
    if len(series.samples) > 1:
        notes.append(f"{series.region}: {len(series.samples) - 1} earlier sample(s) were not used, as chosen")
    ratio = time_s / population_half_life_s if population_half_life_s else None
    if method == "haenscheid" and (ratio is None or not 0.75 <= ratio <= 2.5):
        notes.append(
            f"{series.region}: the method holds for samples between 0.75 and 2.5 effective "
            "half-lives; this is " + ("not known here" if ratio is None else f"{ratio:.2f}")
        )
    return FittedCurve(
        region=series.region,
        model=method,
        curve=curve,
        ensemble=ensemble,
        tia_bq_s=tia,
        tia_sd_bq_s=standard_uncertainty(ensemble, about=tia),
        effective_half_life_s=curve.effective_half_life_s,
        extrapolated_fraction=curve.integral_bq_s(from_s=time_s) / tia,
        reduced_chi_square=None,
        candidates=(),
        notes=series.notes + tuple(notes),
        provenance=Provenance(
            step="kinetics.single_time_point",
            parameters={"method": method, "population_half_life_s": population_half_life_s},
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapezoidIntegral:
    """Parts of an integral by the trapezoid rule, in Bq s.

    Attributes
    ----------
    head_bq_s : float
        From injection to the first sample.
    between_bq_s : float
        Between the samples.
    tail_bq_s : float
        After the last sample.
    tail_half_life_s : float
        Half-life of the tail.
    """

    head_bq_s: float
    between_bq_s: float
    tail_bq_s: float
    tail_half_life_s: float

    @property
    def total_bq_s(self) -> float:
        """Sum of the parts."""
        return self.head_bq_s + self.between_bq_s + self.tail_bq_s


def trapezoid(
    series: ActivitySeries,
    *,
    nuclide: Nuclide,
    head: Literal["from_zero", "constant"] = "from_zero",
    tail: Literal["physical", "last_two"] = "physical",
) -> TrapezoidIntegral:
    """Integrate by straight lines; with a physical tail it is a cautious upper estimate.

    Raises
    ------
    FitError
        If fewer than two samples are given, or `last_two` finds no decrease.

    Examples
    --------
    >>> from hemadose.model import ActivitySample
    >>> lu = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92,
    ...              photon_energy_kev=35.1)
    >>> two = tuple(ActivitySample(region="r", time_s=t, activity_bq=a)
    ...     for t, a in ((10.0, 4.0), (20.0, 2.0)))
    >>> parts = trapezoid(ActivitySeries(region="r", samples=two), nuclide=lu, tail="last_two")
    >>> parts.head_bq_s, parts.between_bq_s, round(parts.tail_half_life_s, 9)
    (20.0, 30.0, 10.0)
    """
    t, a = series.times_s, series.activities_bq
    if len(t) < 2:
        raise FitError(f"{series.region}: the trapezoid rule needs two samples")
    half_life = nuclide.half_life_s
    if tail == "last_two":
        if not 0.0 < a[-1] < a[-2]:
            raise FitError(f"{series.region}: the last two samples do not decrease")
        half_life = min(half_life, LN2 * (t[-1] - t[-2]) / float(np.log(a[-2] / a[-1])))
    return TrapezoidIntegral(
        head_bq_s=float(a[0] * t[0] * (0.5 if head == "from_zero" else 1.0)),
        between_bq_s=float(np.sum(np.diff(t) * (a[1:] + a[:-1]) / 2.0)),
        tail_bq_s=float(a[-1] * half_life / LN2),
        tail_half_life_s=float(half_life),
    )


def relative_tia_sd(*, amplitude_relative_sd: float, rate_relative_sd: float, correlation: float) -> float:
    """Relative uncertainty of A/k (Gear 2018, eq. for a mono-exponential).

    >>> round(relative_tia_sd(amplitude_relative_sd=0.06, rate_relative_sd=0.05,
    ...                       correlation=0.5), 7)
    0.0556776
    """
    a, k = amplitude_relative_sd, rate_relative_sd
    return float(np.sqrt(a**2 + k**2 - 2.0 * correlation * a * k))
