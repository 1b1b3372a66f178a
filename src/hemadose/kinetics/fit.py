"""Fit a time-activity curve: try the models, choose by AICc, say how sure it is.

The curve is the weighted least-squares optimum of the chosen model. The ensemble holds more than
that: it is drawn from every candidate, in proportion to how well each explains the samples, so that
the stated uncertainty includes the choice of the model.

References
----------
Kletting P. et al., Med Phys 2013 (NUKFIT: acceptance by CV < 50 % and |r| < 0.8, then AICc).
Hardiansyah D. et al., EJNMMI Phys 2021 (function set, Akaike weights).
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.doubts import fit_doubts
from hemadose.kinetics.ensemble import as_curves, evidence_weights, mix, scale_shared, standard_uncertainty
from hemadose.kinetics.models import ModelFunction, model_function
from hemadose.kinetics.options import FitOptions
from hemadose.kinetics.posterior import sample_posterior
from hemadose.kinetics.selection import UNUSABLE, Trial, WeightedSamples, akaike_weights, try_model
from hemadose.model import ActivitySeries, CurveEnsemble, ExponentialCurve, FittedCurve, Nuclide
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]


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
        Standard-normal draws of the uncertainty shared by all regions of a study. By default
        drawn from the seed, the same for every region.

    Returns
    -------
    FittedCurve
        Its `tia_sd_bq_s` is the root mean square distance of the draws from `tia_bq_s`, or the distance
        that holds 95 % of them over 1.96 if larger, so that plus or minus 1.96 of it is a 95 % interval.

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
    samples, notes = _weigh(series, chosen)
    physical = nuclide.decay_constant_per_s
    functions = _functions(series, chosen)
    trials = akaike_weights([try_model(f, samples, physical_rate=physical, options=chosen) for f in functions])
    usable = [t for t in trials if t.rank < UNUSABLE]
    if not usable:
        raise FitError(
            f"no model can be determined from the samples of {series.region}",
            value=f"{len(samples.values)} samples",
            remedy="use a single-time-point method, or add a time point",
        )
    best = min(usable, key=lambda t: t.order)
    curve, name = _curve(trials, best, chosen)
    factor, scale_note = _error_scale(series, best, chosen)
    ensemble = _ensemble(series, samples.widened(factor), trials, physical, chosen)
    if shared_normal is None:
        shared_normal = np.random.default_rng([chosen.seed, 1]).standard_normal(chosen.draws)
    ensemble = scale_shared(ensemble, relative_sd=series.shared_relative_sd, normal=shared_normal)
    tia = curve.integral_bq_s()
    centre = float(np.median(ensemble.integral_bq_s()))
    if abs(centre / tia - 1.0) > 0.05:
        notes.append(
            f"{series.region}: other models that describe the samples as well give an integral "
            f"{abs(centre / tia - 1.0):.0%} {'above' if centre > tia else 'below'} that of the curve (median of all)"
        )
    notes += scale_note + fit_doubts(series, nuclide=nuclide, best=best, curve=curve, options=chosen)
    return FittedCurve(
        region=series.region,
        model=name,
        curve=curve,
        ensemble=ensemble,
        tia_bq_s=tia,
        tia_sd_bq_s=standard_uncertainty(ensemble, about=tia),
        effective_half_life_s=curve.effective_half_life_s,
        extrapolated_fraction=curve.integral_bq_s(from_s=float(series.times_s[-1])) / tia,
        reduced_chi_square=best.solution.chi_square / best.dof if best.dof > 0 else None,
        candidates=tuple(t.candidate for t in trials),
        notes=series.notes + tuple(notes),
        provenance=_provenance(series, nuclide, chosen),
    )


def _weigh(series: ActivitySeries, options: FitOptions) -> tuple[WeightedSamples, list[str]]:
    values = series.activities_bq
    if len(values) < 2:
        raise FitError(
            f"{series.region} has one sample: a curve needs at least two",
            remedy="choose a single-time-point method (haenscheid or madsen) explicitly",
        )
    top = float(values.max())
    if top <= 0.0:
        raise FitError(
            f"{series.region} shows no activity at any time",
            remedy="check the region and the background, or leave the region out with a reason",
        )
    notes: list[str] = []
    assumed = options.assumed_relative_sd * np.maximum(values, 0.02 * top)
    given = series.sds_bq
    if given is None:
        sds = assumed
    else:
        sds = np.where(given > 0.0, given, assumed)
        if (given <= 0.0).any():
            notes.append(
                f"{series.region}: an uncertainty of zero was given for {int((given <= 0.0).sum())} sample(s); "
                f"{options.assumed_relative_sd:.0%} was assumed there"
            )
    return WeightedSamples(times_s=series.times_s, values=values / top, sds=sds / top, scale_bq=top), notes


def _functions(series: ActivitySeries, options: FitOptions) -> list[ModelFunction]:
    """Models that the samples can carry; with a physical tail only, if activity never falls.

    Models with as many parameters as samples are drawn from (up to four), not chosen, unless
    nothing else describes the samples.
    """
    values = series.activities_bq
    names = options.models
    if values[-1] >= values.max():
        names = ("mono", "uptake_physical_tail")
    functions = [model_function(name) for name in dict.fromkeys(names)]
    count = len(values)
    return [f for f in functions if f.parameter_count < count or f.parameter_count == count <= 4]


def _curve(trials: list[Trial], best: Trial, options: FitOptions) -> tuple[ExponentialCurve, str]:
    mixture = [t for t in trials if t.candidate.weight > 0.0 and t.rank == best.rank]
    if not options.averaging or len(mixture) < 2:
        return best.curve, best.function.name
    curve = ExponentialCurve(
        amplitudes_bq=np.concatenate([t.candidate.weight * t.curve.amplitudes_bq for t in mixture]),
        rates_per_s=np.concatenate([t.curve.rates_per_s for t in mixture]),
    )
    return curve, "average"


def _error_scale(series: ActivitySeries, best: Trial, options: FitOptions) -> tuple[float, list[str]]:
    """Factor on the uncertainties: pooled scatter if none were given, Birge ratio for a misfit."""
    chi_square = best.solution.chi_square
    if series.sds_bq is None:
        weight = options.assumed_weight
        factor = float(np.sqrt((weight + chi_square) / (weight + best.dof)))
        return factor, [
            f"{series.region}: no sample uncertainties were given; {options.assumed_relative_sd:.1%} was "
            f"assumed for the fit, and {factor * options.assumed_relative_sd:.1%} for the uncertainty of the "
            "integral, after the scatter about the curve"
        ]
    if not best.fits and options.widen_misfit:
        return float(np.sqrt(max(chi_square / max(best.dof, 1), 1.0))), []
    return 1.0, []


def _ensemble(
    series: ActivitySeries, samples: WeightedSamples, trials: list[Trial], physical: float, options: FitOptions
) -> CurveEnsemble:
    """Draw from all candidates by evidence; each region has its own stream of random numbers."""
    rng = np.random.default_rng([options.seed, 2, crc32(series.region.encode())])
    drawn = [
        sample_posterior(
            t.function,
            t.solution,
            times=samples.times_s,
            values=samples.values,
            sds=samples.sds,
            physical_rate=physical,
            draws=options.draws,
            rng=rng,
        )
        for t in trials
    ]
    return mix(
        [
            as_curves(t.function, d, physical_rate=physical, scale_bq=samples.scale_bq)
            for t, d in zip(trials, drawn, strict=True)
        ],
        weights=evidence_weights([d.log_evidence for d in drawn]),
        rng=rng,
        filler_rate=physical,
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
            "misfit_probability": options.misfit_probability,
            "widen_misfit": options.widen_misfit,
            "draws": options.draws,
            "seed": options.seed,
            "criterion": "AICc = chi2 + 2K + 2K(K+1)/(N-K-1), known error scale",
        },
    )
