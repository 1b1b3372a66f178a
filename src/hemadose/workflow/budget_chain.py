"""How doses answer to the measured curves, found by asking: every curve is raised a little and the doses taken again.

The dose stage is linear in its curves. Its own answers, source by source, give the response of every target to every
region, whatever the case chose (remainder, marrow method, S values), so that the budget cannot drift from the plan. In
the same way a mass that is raised tells how the self-dose follows an outline, and draws of curves that are held fixed
tell what else the dose stage varies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import ActivitySeries, CurveEnsemble, ExponentialCurve, FittedCurve, OrganDose, StudyDoses

Floats = npt.NDArray[np.float64]

REMAINDER = "remainder"
OWN_SOURCES = {"red_marrow": ("red_marrow", "marrow_blood")}
"""Sources that lie in a target under another name; elsewhere a target is its own source."""
_STEP = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """Gy/Bq per Bq s of every region.

    Attributes
    ----------
    regions, targets : tuple of str
        Names.
    own, cross : ndarray, shape (targets, regions)
        From the target's own source, and from all others.
    difference : dict of str to ndarray, shape (regions,)
        By target: what comes by way of a source known by subtraction (part of `cross`).
    fixed : ndarray, shape (targets,)
        Gy/Bq that does not follow any curve.
    """

    regions: tuple[str, ...]
    targets: tuple[str, ...]
    own: Floats
    cross: Floats
    difference: dict[str, Floats]
    fixed: Floats


def responses(doses_of: Callable[[tuple[FittedCurve, ...]], StudyDoses], fits: Sequence[FittedCurve]) -> Responses:
    """Ask the dose stage how it answers to each curve.

    Parameters
    ----------
    doses_of : callable
        Doses of a study from its curves.
    fits : sequence of FittedCurve
        As planned.

    Returns
    -------
    Responses

    Raises
    ------
    QuantityError
        If the doses do not follow the curves linearly.
    """
    best = doses_of(tuple(fits))
    integrals = np.array([f.curve.integral_bq_s() for f in fits])
    shape = (len(best.organs), len(fits))
    own, cross, rest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    before = [by_source(organ) for organ in best.organs]
    for column, fit in enumerate(fits):
        raised = doses_of((*fits[:column], _raised(fit), *fits[column + 1 :]))
        for row, organ in enumerate(best.organs):
            for source, dose in by_source(raised.organ(organ.target)).items():
                change = (dose - before[row].get(source, 0.0)) / (_STEP * integrals[column])
                (own if is_own(source, organ.target) else cross)[row, column] += change
                if source == REMAINDER:
                    rest[row, column] += change
    totals = np.array([o.gy_per_bq for o in best.organs])
    fixed = totals - (own + cross) @ integrals
    fixed = np.where(np.abs(fixed) <= 1e-7 * totals, 0.0, fixed)
    if (fixed < 0.0).any():
        bad = ", ".join(best.organs[k].target for k in np.flatnonzero(fixed < 0.0))
        raise QuantityError(f"the dose of {bad} does not follow its curves linearly")
    targets = tuple(o.target for o in best.organs)
    return Responses(
        regions=tuple(f.region for f in fits),
        targets=targets,
        own=own,
        cross=cross,
        difference=dict(zip(targets, rest, strict=True)),
        fixed=fixed,
    )


def mass_following(
    doses_of: Callable[[tuple[ActivitySeries, ...]], StudyDoses], series: Sequence[ActivitySeries]
) -> Floats:
    """Ask how self-doses follow the mass of each region: -d ln dose / d ln mass, shape (targets, regions).

    Zero where the mass of a target does not come from the outline (given, or that of a reference).
    """
    best = doses_of(tuple(series))
    before = np.array([_own(organ) for organ in best.organs])
    found = np.zeros((len(before), len(series)))
    for column, one in enumerate(series):
        if one.mass_kg is None:
            continue
        heavier = replace(one, mass_kg=one.mass_kg * (1.0 + _STEP))
        after = doses_of((*series[:column], heavier, *series[column + 1 :]))
        change = np.array([_own(after.organ(o.target)) for o in best.organs]) / np.maximum(before, 1e-300)
        found[:, column] = np.where(before > 0.0, -np.log(np.where(before > 0.0, change, 1.0)) / np.log1p(_STEP), 0.0)
    return np.where(np.abs(found) > 1e-6, found, 0.0)


def held(fits: Sequence[FittedCurve], *, draws: int) -> tuple[FittedCurve, ...]:
    """Give curves whose draws are all alike: what still varies in their doses is not of the curves."""
    return tuple(
        replace(
            fit,
            ensemble=CurveEnsemble(
                amplitudes_bq=np.repeat(fit.curve.amplitudes_bq[None], draws, axis=0),
                rates_per_s=np.repeat(fit.curve.rates_per_s[None], draws, axis=0),
            ),
        )
        for fit in fits
    )


def relative_spread(doses: StudyDoses) -> dict[str, float]:
    """Spread of each target's self-dose among draws, as the relative standard deviation of a log-normal factor."""
    found = {}
    for organ in doses.organs:
        own = _own(organ)
        drawn = organ.gy_per_bq_draws - (organ.gy_per_bq - own)
        usable = own > 0.0 and bool((drawn > 0.0).all()) and float(np.ptp(drawn)) > 1e-9 * own
        found[organ.target] = float(np.sqrt(np.expm1(np.var(np.log(drawn), ddof=1)))) if usable else 0.0
    return found


def by_source(organ: OrganDose) -> dict[str, float]:
    """Gy/Bq of a target by source."""
    found: dict[str, float] = {}
    for part in organ.contributions:
        found[part.source] = found.get(part.source, 0.0) + part.gy_per_bq
    return found


def is_own(source: str, target: str) -> bool:
    """Tell whether a source lies in the target, so that its mass acts on the dose."""
    return source in OWN_SOURCES.get(target, (target,))


def _own(organ: OrganDose) -> float:
    return sum(dose for source, dose in by_source(organ).items() if is_own(source, organ.target))


def _raised(fit: FittedCurve) -> FittedCurve:
    curve = ExponentialCurve(amplitudes_bq=(1.0 + _STEP) * fit.curve.amplitudes_bq, rates_per_s=fit.curve.rates_per_s)
    return replace(fit, curve=curve, tia_bq_s=curve.integral_bq_s())
