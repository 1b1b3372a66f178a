"""The answer of `hemadose sampling`: when to measure, and what leaving a time out costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.kinetics.population import (
    PopulationPrior,
    SampleSet,
    ScheduleQuality,
    expected_relative_sd,
    fit_cohort,
    preposterior,
    recommend_times,
    reduce_schedule,
)
from hemadose.units import HOUR_S, LN2

_WIDEST_SPREAD = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """What `hemadose sampling` is asked; times in hours, spreads relative.

    Attributes
    ----------
    nuclide : str
        Physical half-life.
    half_life_h, spread : float or None
        Effective half-life in the population and its relative standard deviation between patients.
    uptake_half_life_h : float or None
        Of an uptake phase.
    cohort : Path or None
        CSV of patient, time_h, value[, sd] instead.
    form : str
        Form of curve for the cohort.
    error : float
        Relative error of one sample.
    samples : int
        Times to choose.
    candidates_h, fixed_h, reduce_h : tuple of float
        Possible times; times that are measured anyway; a schedule to thin out.
    simulate : int
        Patients to simulate with the best schedule; 0 for none.
    """

    nuclide: str
    half_life_h: float | None = None
    spread: float | None = None
    uptake_half_life_h: float | None = None
    cohort: Path | None = None
    form: str = "mono"
    error: float = 0.1
    samples: int = 2
    candidates_h: tuple[float, ...] = ()
    fixed_h: tuple[float, ...] = ()
    reduce_h: tuple[float, ...] = ()
    simulate: int = 0
    prior_out: Path | None = None
    region: str = ""
    amplitude: str = ""


DEFAULT_CANDIDATES_H = (1.0, 2.0, 4.0, 6.0, *(24.0 * day + hour for day in range(1, 8) for hour in (-3.0, 0.0, 3.0)))
"""Working hours of the day of administration and the seven after it."""


def sampling_answer(request: SamplingRequest) -> dict[str, Any]:
    """Recommend sampling times, and say what each schedule is expected to give.

    Raises
    ------
    InputError
        If the population is not given, or given twice.
    """
    prior, notes = _population(request)
    candidates = request.candidates_h or DEFAULT_CANDIDATES_H
    best = recommend_times(
        prior,
        samples=request.samples,
        candidates_s=[h * HOUR_S for h in candidates],
        fixed_s=[h * HOUR_S for h in request.fixed_h],
    )
    reduced: tuple[ScheduleQuality, ...] = ()
    if request.reduce_h:
        reduced = reduce_schedule(prior, [h * HOUR_S for h in request.reduce_h])
    answer = {
        "population": _facts(prior),
        "without_samples_rel_sd": expected_relative_sd(prior, []),
        "recommended": [_row(quality) for quality in best],
        "reduced": [_row(quality) for quality in reduced],
        "simulated": _simulated(prior, best[0], request.simulate),
        "notes": notes,
        "written": [] if request.prior_out is None else [_write_prior(prior, request, request.prior_out)],
    }
    return answer


def _write_prior(prior: PopulationPrior, request: SamplingRequest, path: Path) -> str:
    """Keep the population as a prior that a case file can name."""
    from hemadose.io.population_prior import StoredPrior, write_population_priors

    if not request.region or request.amplitude not in ("fraction", "Bq"):
        raise InputError(
            "a prior belongs to a region, and its values to a unit", field="--region, --amplitude",
            value=f"{request.region or 'none'}, {request.amplitude or 'none'}",
            expected="e.g. kidney, and fraction (of the administered activity) or Bq",
        )  # fmt: skip
    stored = StoredPrior(prior=prior, per_administered=request.amplitude == "fraction")
    write_population_priors({request.region: stored}, path, nuclide=request.nuclide)
    return str(path)


def _population(request: SamplingRequest) -> tuple[PopulationPrior, list[str]]:
    from hemadose.refdata.nuclides import nuclide as packaged_nuclide

    physical = packaged_nuclide(request.nuclide).half_life_s
    if (request.cohort is None) == (request.half_life_h is None):
        raise InputError(
            "one population is needed", field="--half-life-h", remedy="give --half-life-h and --spread, or --cohort"
        )
    if request.cohort is not None:
        found = fit_cohort(
            _read_cohort(request.cohort),
            form=request.form,
            physical_rate_per_s=LN2 / physical,
            source=request.cohort.name,
        )
        return found.prior, [*found.notes, "uncertainties of the samples to come: the error that the cohort shows"]
    assert request.half_life_h is not None
    if request.spread is None:
        raise InputError("a half-life without spread is no population", field="--spread", remedy="e.g. --spread 0.25")
    if not 0.0 < request.spread <= _WIDEST_SPREAD:
        raise InputError(
            "the spread is relative", field="--spread", value=f"{request.spread:g}",
            expected=f"above 0, at most {_WIDEST_SPREAD:g}", remedy="write 25 % as 0.25",
        )  # fmt: skip
    prior = PopulationPrior.from_half_lives(
        physical_half_life_s=physical,
        effective_half_life_s=HOUR_S * request.half_life_h,
        half_life_relative_sd=request.spread,
        uptake_half_life_s=None if request.uptake_half_life_h is None else HOUR_S * request.uptake_half_life_h,
        relative_sd=request.error,
    )
    notes = ["the amplitude is taken as hardly known before the samples (relative spread 1)"]
    if request.uptake_half_life_h is None:
        notes.append("without an uptake phase early samples look better than they are: give --uptake-half-life-h")
    return prior, notes


def _read_cohort(path: Path) -> list[SampleSet]:
    from hemadose.io.tables import number, read_rows

    rows = read_rows(path, required=("patient", "time_h", "value"))
    with_sd = [bool(row.get("sd")) for row in rows]
    if any(with_sd) and not all(with_sd):
        raise InputError("some samples have an uncertainty and some have none", source=str(path), field="sd")
    patients: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        time_h, value = (number(row, column, source=str(path), line=line) for column in ("time_h", "value"))
        sd = number(row, "sd", source=str(path), line=line) if with_sd[0] else float("nan")
        patients[row["patient"]].append((time_h * HOUR_S, value, sd))
    sets = []
    for samples in patients.values():
        table = np.array(sorted(samples))
        sets.append(
            SampleSet(times_s=table[:, 0], values=table[:, 1], sds=table[:, 2] if with_sd and with_sd[0] else None)
        )
    return sets


def _facts(prior: PopulationPrior) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    _, rates = prior.form.terms(prior.drawn(4000, rng=rng), physical_rate=prior.physical_rate_per_s)
    half_lives = LN2 / rates.min(axis=-1) / HOUR_S
    return {
        "form": prior.form.name,
        "formula": prior.form.formula,
        "subjects": prior.subjects,
        "source": prior.source,
        "error_of_one_sample": prior.relative_sd,
        "effective_half_life_h": float(np.median(half_lives)),
        "effective_half_life_95_h": [float(q) for q in np.quantile(half_lives, (0.025, 0.975))],
    }


def _row(quality: ScheduleQuality) -> dict[str, Any]:
    return {"times_h": [t / HOUR_S for t in quality.times_s], "rel_sd": quality.relative_sd}


def _simulated(prior: PopulationPrior, best: ScheduleQuality, patients: int) -> dict[str, Any] | None:
    if patients == 0:
        return None
    if patients < 50:
        raise InputError("too few patients to simulate", field="--simulate", value=str(patients), expected="0 or >= 50")
    told = preposterior(prior, best.times_s, patients=patients)
    return {
        "patients": told.patients,
        "bias": told.bias,
        "relative_rmse": told.relative_rmse,
        "coverage_95": told.coverage,
        "over_10_percent": told.over_10_percent,
    }
