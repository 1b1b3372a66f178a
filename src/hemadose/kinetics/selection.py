"""Try the models and rank them: acceptance rules first, then AICc.

References
----------
Kletting P. et al., Med Phys 2013 (NUKFIT: acceptance by CV < 50 % and |r| < 0.8, then AICc).
Hardiansyah D. et al., EJNMMI Phys 2021 (function set, Akaike weights).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.kinetics.leastsquares import Solution, solve
from hemadose.kinetics.models import ModelFunction
from hemadose.kinetics.options import FitOptions
from hemadose.model import CandidateFit, ExponentialCurve
from hemadose.units import HOUR_S

Floats = npt.NDArray[np.float64]

UNUSABLE = 9
"""Rank of a model that the samples do not determine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedSamples:
    """Samples as the fit sees them: relative to the largest one.

    Attributes
    ----------
    times_s, values, sds : ndarray, shape (n,)
        Times, activities and standard uncertainties over `scale_bq`.
    scale_bq : float
        Largest activity.
    """

    times_s: Floats
    values: Floats
    sds: Floats
    scale_bq: float

    def widened(self, factor: float) -> WeightedSamples:
        """Give the same samples with all uncertainties multiplied."""
        return replace(self, sds=self.sds * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One model fitted to one series.

    Attributes
    ----------
    function, solution, candidate, curve
        The model, its optimum, its summary and its curve.
    fits : bool
        It describes the samples within their uncertainty.
    dof : int
        Degrees of freedom, samples minus parameters.
    """

    function: ModelFunction
    solution: Solution
    candidate: CandidateFit
    curve: ExponentialCurve
    fits: bool
    dof: int

    @property
    def rank(self) -> int:
        """Order of preference, 0 best.

        A model that describes the samples, has an AICc and passes the acceptance rules comes
        first (0), then without acceptance (1), then without AICc (2, 3), then models that do not
        describe the samples (4, 5). Models that interpolate the samples (no degree of freedom)
        never come before 3.
        """
        if self.solution.degenerate:
            return UNUSABLE
        guarded = self.candidate.aicc is None
        if self.fits:
            accepted = self.candidate.accepted and self.dof > 0
            return (2 if guarded else 0) + (0 if accepted else 1)
        return 5 if guarded else 4

    @property
    def order(self) -> tuple[int, float, int]:
        """Sort key: rank, criterion, number of parameters."""
        count = self.function.parameter_count
        score = self.candidate.aicc
        return self.rank, self.solution.chi_square + 2 * count if score is None else score, count


def try_model(function: ModelFunction, samples: WeightedSamples, *, physical_rate: float, options: FitOptions) -> Trial:
    """Fit one model and judge it.

    AICc = chi-square + 2K + 2K(K+1)/(N-K-1), where K counts the fitted parameters (the error
    scale is taken as known and not counted); it is undefined for N <= K + 1.
    """
    from scipy.special import chdtrc

    solution = solve(
        function, times=samples.times_s, values=samples.values, sds=samples.sds, physical_rate=physical_rate
    )
    n, k = len(samples.values), function.parameter_count
    dof = n - k
    aicc = solution.chi_square + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else None
    fits = dof == 0 or float(chdtrc(dof, solution.chi_square)) >= options.misfit_probability
    curve = ExponentialCurve(
        amplitudes_bq=samples.scale_bq * (solution.amplitudes @ np.asarray(function.mixing)),
        rates_per_s=function.term_rates(solution.rates, physical_rate=physical_rate),
    )
    candidate = _candidate(function, solution, options, samples.scale_bq, aicc, curve)
    return Trial(function=function, solution=solution, candidate=candidate, curve=curve, fits=fits, dof=dof)


def akaike_weights(trials: list[Trial]) -> list[Trial]:
    """Give Akaike weights to the models of the best rank that has an AICc."""
    eligible = [t for t in trials if t.candidate.aicc is not None and t.rank < UNUSABLE]
    if not eligible:
        return trials
    top = min(t.rank for t in eligible)
    eligible = [t for t in eligible if t.rank == top]
    scores = np.array([t.candidate.aicc for t in eligible], dtype=np.float64)
    raw = np.exp(-0.5 * (scores - scores.min()))
    weights = {id(t): float(w) for t, w in zip(eligible, raw / raw.sum(), strict=True)}
    return [replace(t, candidate=replace(t.candidate, weight=weights.get(id(t), 0.0))) for t in trials]


def _candidate(
    function: ModelFunction,
    solution: Solution,
    options: FitOptions,
    scale: float,
    aicc: float | None,
    curve: ExponentialCurve,
) -> CandidateFit:
    best = np.concatenate([solution.amplitudes, solution.rates])
    names = [f"{n}_MBq" for n in function.amplitude_names]
    shown = list(solution.amplitudes * scale / 1e6)
    names += [n.replace("rate", "half_life") + "_h" for n in function.rate_names]
    shown += list(np.log(2.0) / solution.rates / HOUR_S)
    sds = np.sqrt(np.maximum(np.diag(solution.covariance), 0.0))
    relative = np.where(best > 0.0, sds / np.where(best > 0.0, best, 1.0), np.inf)
    largest = _largest_correlation(solution.covariance)
    reasons = _reasons(solution, relative, largest, names, aicc, options)
    return CandidateFit(
        model=function.name,
        parameters=dict(zip(names, map(float, shown), strict=True)),
        relative_sds=dict(zip(names, map(float, relative), strict=True)),
        max_abs_correlation=largest,
        aicc=aicc,
        weight=0.0,
        accepted=not [r for r in reasons if not r.startswith("AICc")],
        reasons=tuple(reasons),
        tia_bq_s=curve.integral_bq_s(),
    )


def _largest_correlation(covariance: Floats) -> float:
    sds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if not np.isfinite(covariance).all() or (sds == 0.0).any():
        return 1.0
    correlation = np.abs(covariance / np.outer(sds, sds))
    return float(min(correlation[~np.eye(len(sds), dtype=bool)].max(), 1.0))


def _reasons(
    solution: Solution,
    relative: Floats,
    correlation: float,
    names: list[str],
    aicc: float | None,
    options: FitOptions,
) -> list[str]:
    if solution.degenerate:
        return ["reduces to a simpler model: a term vanished or two rates coincide"]
    reasons = [
        f"{name} is uncertain by {100 * sd:.0f} % (limit {100 * options.max_relative_sd:.0f} %)"
        for name, sd in zip(names, relative, strict=True)
        if sd >= options.max_relative_sd
    ]
    if len(names) > 2 and correlation >= options.max_abs_correlation:
        reasons.append(
            f"two parameters are correlated, |r| = {correlation:.2f} (limit {options.max_abs_correlation:g})"
        )
    if aicc is None:
        reasons.append("AICc is not defined: too few samples for this model (N <= K + 1)")
    return reasons
