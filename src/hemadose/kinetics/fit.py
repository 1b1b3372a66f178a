"""Fit a time-activity curve: try the models, choose by AICc, say how sure it is.

References
----------
Kletting P. et al., Med Phys 2013 (NUKFIT: acceptance by CV < 50 % and |r| < 0.8, then AICc).
Hardiansyah D. et al., EJNMMI Phys 2021 (function set, Akaike weights).
Gear J. et al., EJNMMI 2018 (propagation of fit covariance).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.ensemble import draw_curves, mix, scale_shared
from hemadose.kinetics.leastsquares import Solution, solve
from hemadose.kinetics.models import DEFAULT_MODELS, ModelFunction, model_function
from hemadose.model import (
    ActivitySeries,
    CandidateFit,
    CurveEnsemble,
    ExponentialCurve,
    FittedCurve,
    Nuclide,
)
from hemadose.provenance import Provenance
from hemadose.units import HOUR_S

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """Named choices of a fit.

    Attributes
    ----------
    models : tuple of str
        Candidates, ids of `hemadose.kinetics.models.MODELS`.
    averaging : bool
        Average the candidates by Akaike weight instead of taking the best.
    assumed_relative_sd : float
        Relative standard uncertainty of every sample when none is given.
    max_relative_sd, max_abs_correlation : float
        Acceptance rules on parameters (NUKFIT: 0.5 and 0.8).
    misfit_probability : float
        A model whose chi-square has a smaller tail probability does not describe the data.
    draws, seed : int
        Size and seed of the ensemble.
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    averaging: bool = False
    assumed_relative_sd: float = 0.05
    max_relative_sd: float = 0.5
    max_abs_correlation: float = 0.8
    misfit_probability: float = 0.01
    draws: int = 2000
    seed: int = 20250101


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    function: ModelFunction
    solution: Solution
    candidate: CandidateFit
    curve: ExponentialCurve
    fits: bool
    dof: int

    @property
    def rank(self) -> int:
        """Order of preference: 0 best (see `_choose`)."""
        if self.solution.degenerate:
            return 9
        guarded = self.candidate.aicc is None
        if self.fits:
            return (2 if guarded else 0) + (0 if self.candidate.accepted else 1)
        return 5 if guarded else 4


def fit_series(
    series: ActivitySeries,
    *,
    nuclide: Nuclide,
    options: FitOptions | None = None,
    shared_normal: Floats | None = None,
) -> FittedCurve:
    """Fit the samples of one region.

    Parameters
    ----------
    series : ActivitySeries
        At least two samples; with one, choose `single_time_point`.
    nuclide : Nuclide
        Sets the physical floor: no rate is slower than decay.
    options : FitOptions, optional
        Named choices.
    shared_normal : ndarray, shape (draws,), optional
        Standard-normal draws of the uncertainty shared by all regions of a study.

    Returns
    -------
    FittedCurve

    Raises
    ------
    FitError
        For one sample, no activity at all, or no model that can be determined.

    Examples
    --------
    >>> from hemadose.model import ActivitySample
    >>> lu = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92,
    ...              photon_energy_kev=35.1)
    >>> samples = tuple(ActivitySample(region="kidney", time_s=3600 * t, activity_bq=a * 1e6)
    ...     for t, a in zip([1, 4, 24, 48, 168], [4.91618, 4.673059, 3.332402, 2.22098, 0.292066]))
    >>> fit = fit_series(ActivitySeries(region="kidney", samples=samples), nuclide=lu)
    >>> fit.model, round(fit.tia_bq_s / 3.6e9, 2), round(fit.effective_half_life_s / 3600, 2)
    ('mono', 295.75, 41.0)
    """
    chosen = options or FitOptions()
    values, sds, notes = _weights(series, chosen)
    trials = [
        _try(model_function(name), series, values, sds, nuclide, chosen)
        for name in chosen.models
        if model_function(name).parameter_count < len(values) or name == "mono"
    ]
    usable = [t for t in trials if t.rank < 9]
    if not usable:
        raise FitError(
            f"no model can be determined from the samples of {series.region}",
            value=f"{len(values)} samples",
            remedy="use hemadose fit --single-time-point, or add a time point",
        )
    weighted = _akaike_weights(trials)
    best = min(weighted, key=_order)
    mixture = [best]
    if chosen.averaging:
        mixture = [t for t in weighted if t.candidate.weight > 0.0 and t.rank == best.rank] or [best]
    return _summarise(series, nuclide, chosen, weighted, mixture, best, notes, shared_normal)


def _weights(series: ActivitySeries, options: FitOptions) -> tuple[Floats, Floats, list[str]]:
    values = series.activities_bq
    if len(values) < 2:
        raise FitError(
            f"{series.region} has one sample: a curve needs at least two",
            remedy="choose a single-time-point method (haenscheid or madsen) explicitly",
        )
    if values.max() <= 0.0:
        raise FitError(f"{series.region} shows no activity at any time")
    notes: list[str] = []
    given = series.sds_bq
    if given is None:
        notes.append(f"no sample uncertainties were given: {options.assumed_relative_sd:.0%} assumed")
        sds = options.assumed_relative_sd * np.maximum(values, 0.02 * values.max())
    else:
        sds = np.maximum(given, 1e-6 * values.max())
    return values, np.asarray(sds), notes


def _try(
    function: ModelFunction,
    series: ActivitySeries,
    values: Floats,
    sds: Floats,
    nuclide: Nuclide,
    options: FitOptions,
) -> _Trial:
    from scipy.stats import chi2

    scale = float(values.max())
    times = series.times_s
    physical = nuclide.decay_constant_per_s
    solution = solve(function, times=times, values=values / scale, sds=sds / scale, physical_rate=physical)
    n, k = len(values), function.parameter_count
    dof = n - k
    aicc = solution.chi_square + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else None
    fits = dof == 0 or float(chi2.sf(solution.chi_square, dof)) >= options.misfit_probability
    terms = function.term_rates(solution.rates, physical_rate=physical)
    curve = ExponentialCurve(
        amplitudes_bq=scale * (solution.amplitudes @ np.asarray(function.mixing)),
        rates_per_s=terms,
    )
    candidate = _candidate(function, solution, options, scale, aicc, curve)
    return _Trial(function=function, solution=solution, candidate=candidate, curve=curve, fits=fits, dof=dof)


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
    with np.errstate(invalid="ignore"):
        correlation = solution.covariance / np.outer(sds, sds)
    off = np.abs(correlation[~np.eye(len(best), dtype=bool)])
    largest = float(off.max()) if off.size and np.isfinite(off).all() else float(off.size > 0)
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
    if correlation >= options.max_abs_correlation:
        reasons.append(
            f"two parameters are correlated, |r| = {correlation:.2f} (limit {options.max_abs_correlation:g})"
        )
    if aicc is None:
        reasons.append("AICc is not defined: too few samples for this model (N <= K + 1)")
    return reasons


def _order(trial: _Trial) -> tuple[int, float, int]:
    score = trial.candidate.aicc
    if score is None:
        score = trial.solution.chi_square + 2 * trial.function.parameter_count
    return trial.rank, score, trial.function.parameter_count


def _akaike_weights(trials: list[_Trial]) -> list[_Trial]:
    eligible = [t for t in trials if t.candidate.aicc is not None and t.rank < 9]
    if not eligible:
        return trials
    top = min(t.rank for t in eligible)
    eligible = [t for t in eligible if t.rank == top]
    scores = np.array([t.candidate.aicc for t in eligible], dtype=np.float64)
    raw = np.exp(-0.5 * (scores - scores.min()))
    weights = {id(t): float(w) for t, w in zip(eligible, raw / raw.sum(), strict=True)}
    return [replace(t, candidate=replace(t.candidate, weight=weights.get(id(t), 0.0))) for t in trials]


def _summarise(
    series: ActivitySeries,
    nuclide: Nuclide,
    options: FitOptions,
    trials: list[_Trial],
    mixture: list[_Trial],
    best: _Trial,
    notes: list[str],
    shared_normal: Floats | None,
) -> FittedCurve:
    weights = np.array([t.candidate.weight for t in mixture])
    weights = weights / weights.sum() if len(mixture) > 1 else np.ones(1)
    reduced = best.solution.chi_square / best.dof if best.dof > 0 else None
    ensemble = _ensemble(series, nuclide, options, trials, best)
    rng = np.random.default_rng([options.seed, 1])
    normal = shared_normal if shared_normal is not None else rng.standard_normal(options.draws)
    ensemble = scale_shared(ensemble, relative_sd=series.shared_relative_sd, normal=normal)
    curve = _average(mixture, weights)
    tia = curve.integral_bq_s()
    after = curve.integral_bq_s(from_s=float(series.times_s[-1])) / tia
    notes = notes + _notes(series, nuclide, best, curve, after, reduced, options)
    return FittedCurve(
        region=series.region,
        model=best.function.name if len(mixture) == 1 else "average",
        curve=curve,
        ensemble=ensemble,
        tia_bq_s=tia,
        tia_sd_bq_s=_standard_uncertainty(ensemble, tia),
        effective_half_life_s=best.curve.effective_half_life_s,
        extrapolated_fraction=after,
        reduced_chi_square=reduced,
        candidates=tuple(t.candidate for t in trials),
        notes=series.notes + tuple(notes),
        provenance=_provenance(series, nuclide, options),
    )


def _provenance(series: ActivitySeries, nuclide: Nuclide, options: FitOptions) -> Provenance:
    return Provenance(
        step="kinetics.fit_series",
        parameters={
            "nuclide": nuclide.name,
            "models": ", ".join(options.models),
            "averaging": options.averaging,
            "assumed_relative_sd": options.assumed_relative_sd if series.sds_bq is None else None,
            "max_relative_sd": options.max_relative_sd,
            "max_abs_correlation": options.max_abs_correlation,
            "draws": options.draws,
            "seed": options.seed,
            "criterion": "AICc = chi2 + 2K + 2K(K+1)/(N-K-1), known error scale",
        },
    )


def _average(mixture: list[_Trial], weights: Floats) -> ExponentialCurve:
    if len(mixture) == 1:
        return mixture[0].curve
    return ExponentialCurve(
        amplitudes_bq=np.concatenate(
            [w * t.curve.amplitudes_bq for w, t in zip(weights, mixture, strict=True)]
        ),
        rates_per_s=np.concatenate([t.curve.rates_per_s for t in mixture]),
    )


def _ensemble(
    series: ActivitySeries,
    nuclide: Nuclide,
    options: FitOptions,
    trials: list[_Trial],
    best: _Trial,
) -> CurveEnsemble:
    """Draw from every model that describes the data, weighted by AIC, the chosen one included.

    So the uncertainty holds the choice of the model even where one model gives the curve.
    """
    plausible = [t for t in trials if t.rank < 9 and t.fits] if best.fits else [best]
    scores = np.array([t.solution.chi_square + 2 * t.function.parameter_count for t in plausible])
    weights = np.exp(-0.5 * (scores - scores.min()))
    reduced = best.solution.chi_square / best.dof if best.dof > 0 else 1.0
    inflate = 1.0 if best.fits else float(np.sqrt(max(reduced, 1.0)))
    rng = np.random.default_rng(options.seed)
    scale = float(series.activities_bq.max())
    drawn = [
        draw_curves(
            t.function,
            t.solution,
            nuclide=nuclide,
            scale_bq=scale,
            inflate=inflate,
            draws=options.draws,
            rng=rng,
        )
        for t in plausible
    ]
    return mix(
        drawn,
        weights=weights / weights.sum(),
        rng=rng,
        filler_rate=nuclide.decay_constant_per_s,
    )


def _standard_uncertainty(ensemble: CurveEnsemble, tia_bq_s: float) -> float:
    """Half-width about the best estimate that holds 68.27 % of the draws."""
    return float(np.quantile(np.abs(ensemble.integral_bq_s() - tia_bq_s), 0.6827))


def _notes(
    series: ActivitySeries,
    nuclide: Nuclide,
    best: _Trial,
    curve: ExponentialCurve,
    after: float,
    reduced: float | None,
    options: FitOptions,
) -> list[str]:
    name, found = series.region, []
    last_h = series.times_s[-1] / HOUR_S
    half_life_h = curve.effective_half_life_s / HOUR_S
    if after > 0.2:
        found.append(f"{name}: {after:.0%} of the integral is extrapolated beyond {last_h:.0f} h")
    first_s = float(series.times_s[0])
    before = 1.0 - curve.integral_bq_s(from_s=first_s) / curve.integral_bq_s()
    if before > 0.15:
        found.append(
            f"{name}: {before:.0%} of the integral lies before the first sample "
            f"({first_s / HOUR_S:.0f} h), where the model is not observed"
        )
    if half_life_h > last_h:
        found.append(f"{name}: the effective half-life ({half_life_h:.0f} h) is longer than the observation")
    if best.solution.at_floor:
        found.append(f"{name}: the slowest phase decays as slowly as {nuclide.name} itself (physical floor)")
    if not best.fits:
        found.append(
            f"{name}: no model describes the samples within their uncertainty (reduced "
            f"chi-square {reduced:.1f}); the uncertainty was widened accordingly"
        )
    if best.candidate.aicc is None:
        found.append(
            f"{name}: too few samples to choose between models by AICc; the simplest that "
            "describes them was taken"
        )
    if not best.candidate.accepted:
        broken = "; ".join(r for r in best.candidate.reasons if not r.startswith("AICc"))
        found.append(f"{name}: the fit breaks an acceptance rule: {broken}")
    values = series.activities_bq
    if values[-1] >= values.max() and len(values) > 1:
        found.append(f"{name}: activity still rises at the last sample; clearance is not observed")
    return found
