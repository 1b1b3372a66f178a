"""Red marrow from blood samples: beside the image-based marrow, within it, or in its place where the agent allows it.

Marrow holds what blood holds times a ratio. The ratio may change with time: the samples are then multiplied by it
before the fit. The mass of the marrow cancels in its self-dose, since the activity grows with it and S falls with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemadose.dose import RMECFF, SourceCurve, marrow_to_blood_ratio, scaled, source_from_fits
from hemadose.io.case import Case
from hemadose.io.case_dose import BloodSection
from hemadose.io.tables import number, read_rows
from hemadose.kinetics import DEFAULT_MODELS, FitOptions, fit_series
from hemadose.model import ActivitySample, ActivitySeries, Administration, FittedCurve
from hemadose.physics.svalues import MarrowModel
from hemadose.units import HOUR_S, KBQ, KEV_J


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodMarrow:
    """Red marrow from blood samples.

    Attributes
    ----------
    gy_per_bq : float
        Self-dose per administered activity, electrons only.
    ratio : float
        Marrow-to-sample concentration ratio used; the mean over the integral if it changes with time.
    content : SourceCurve
        Activity that the marrow holds by blood, named ``red_marrow``.
    rule : str
        How the ratio was found, in words.
    notes : tuple of str
        Doubts.
    """

    gy_per_bq: float
    ratio: float
    content: SourceCurve
    rule: str
    notes: tuple[str, ...]


def blood_marrow(case: Case, folder: Path, administration: Administration, marrow: MarrowModel) -> BloodMarrow | None:
    """Fit the blood samples and give what the marrow holds by them, or None without samples.

    Raises
    ------
    InputError
        If the table cannot be used.
    """
    blood = case.marrow.blood
    if blood is None:
        return None
    samples = _samples(folder / blood.samples)
    ratios, rule, notes = _ratios(blood, [s.time_s for s in samples])
    constant = not isinstance(blood.ratio, tuple)
    fit = _fitted(case, samples, [1.0] * len(ratios) if constant else ratios, administration)
    per_ml = source_from_fits("red_marrow", [fit])
    grams = marrow.mass_kg * 1000.0  # one ml of marrow is taken as one gram
    content = scaled(per_ml, grams * (ratios[0] if constant else 1.0), name="red_marrow")
    energy_j = administration.nuclide.electron_energy_kev * KEV_J * marrow.absorbed_fraction
    dose = content.tia_bq_s * energy_j / marrow.mass_kg / administration.administered_activity_bq
    mean = ratios[0]
    if not constant:
        mean = fit.tia_bq_s / _fitted(case, samples, [1.0] * len(ratios), administration).tia_bq_s
    return BloodMarrow(gy_per_bq=dose, ratio=mean, content=content, rule=rule, notes=(*notes, *fit.notes))


def _samples(path: Path) -> tuple[ActivitySample, ...]:
    rows = read_rows(path, required=("time_h", "activity_kBq_per_ml"))
    found = (
        ActivitySample(
            region="blood_per_ml",
            time_s=number(row, "time_h", source=str(path), line=line) * HOUR_S,
            activity_bq=number(row, "activity_kBq_per_ml", source=str(path), line=line) * KBQ,
            method="blood",
        )
        for line, row in enumerate(rows, start=2)
    )
    return tuple(sorted(found, key=lambda s: s.time_s))


def _fitted(
    case: Case, samples: Sequence[ActivitySample], factors: Sequence[float], administration: Administration
) -> FittedCurve:
    k = case.kinetics
    marrow = tuple(
        ActivitySample(region=s.region, time_s=s.time_s, activity_bq=s.activity_bq * f, method=s.method)
        for s, f in zip(samples, factors, strict=True)
    )
    return fit_series(
        ActivitySeries(region="blood_per_ml", samples=marrow),
        nuclide=administration.nuclide,
        options=FitOptions(models=k.models or DEFAULT_MODELS, averaging=k.averaging, draws=k.draws, seed=k.seed),
    )


def _ratios(blood: BloodSection, times_s: Sequence[float]) -> tuple[list[float], str, tuple[str, ...]]:
    """Ratio of marrow to what was counted at each sample, the rule in words, and doubts."""
    counted = blood.counted.replace("_", " ")
    if blood.ratio == "sgouros":
        if blood.counted == "plasma":
            return [RMECFF] * len(times_s), f"marrow to plasma {RMECFF:g} (Sgouros 1993)", ()
        ratio = marrow_to_blood_ratio(haematocrit=blood.haematocrit)
        return [ratio] * len(times_s), f"{RMECFF:g} / (1 - haematocrit {blood.haematocrit:g}) (Sgouros 1993)", ()
    if isinstance(blood.ratio, tuple):
        hours = np.array([p.time_h for p in blood.ratio])
        values = np.array([p.ratio for p in blood.ratio])
        at = np.array(times_s) / HOUR_S
        beyond = int(((at < hours[0]) | (at > hours[-1])).sum())
        notes = (
            (f"{beyond} blood sample(s) lie outside the times of the marrow-to-blood ratio: its end value was taken",)
            if beyond
            else ()
        )
        return [float(v) for v in np.interp(at, hours, values)], f"ratio to {counted} over time, as given", notes
    return [float(blood.ratio)] * len(times_s), f"ratio to {counted} as given", ()
