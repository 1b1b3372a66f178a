"""Agents of a tandem, from packaged coefficients or from the plan of the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hemadose.errors import InputError, PlanningError
from hemadose.model import ExponentialCurve, FittedCurve, LimitKind
from hemadose.refdata import agent, nuclide
from hemadose.refdata.agents import Coefficient, Evidence
from hemadose.report.content import PlanReport
from hemadose.report.names import regions_of
from hemadose.therapy.tandem.totals import MARROW, Kinetics, OrganShare, TandemAgent
from hemadose.units import GBQ, HOUR_S, LN2
from hemadose.workflow.compare import read_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """One administration as it is asked for: agent id or folder of a plan, GBq, day from the transplant."""

    name: str
    activity_gbq: float
    day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Numbers over the packaged ones, by agent and organ.

    Attributes
    ----------
    half_life_h : Mapping[(str, str), float]
        Effective.
    gy_per_gbq : Mapping[(str, str), float]
        Of the patient.
    """

    half_life_h: Mapping[tuple[str, str], float] = field(default_factory=dict)
    gy_per_gbq: Mapping[tuple[str, str], float] = field(default_factory=dict)


def parse_giving(text: str, *, option: str) -> Giving:
    """Read ``agent=activity@day``.

    Raises
    ------
    InputError
        If it is not of that form.

    Examples
    --------
    >>> parse_giving("lu177-pentixather=12.4@-15", option="--agent")
    Giving(name='lu177-pentixather', activity_gbq=12.4, day=-15.0)
    """
    name, _, rest = text.rpartition("=")
    activity, _, day = rest.partition("@")
    try:
        return Giving(name=name.strip(), activity_gbq=float(activity), day=float(day))
    except ValueError as problem:
        raise InputError(
            "agent=GBq@day is expected", field=option, value=text, expected="lu177-pentixather=12.4@-15"
        ) from problem


def packaged_agent(giving: Giving, overrides: Overrides, notes: list[str]) -> TandemAgent:
    """Make an administration from the packaged coefficients and those given over them.

    Raises
    ------
    HemadoseError
        For an unknown agent, or numbers for an organ that cannot be.
    """
    found = agent(giving.name)
    nuc = nuclide(found.nuclide)
    hours = dict(found.half_lives_h)
    own_gy = {organ: v for (name, organ), v in overrides.gy_per_gbq.items() if name == found.id}
    own_h = {organ: v for (name, organ), v in overrides.half_life_h.items() if name == found.id}
    organs: dict[str, OrganShare] = {c.target: _published(c) for c in found.coefficients}
    for organ, value in own_gy.items():
        base = OrganShare(
            best_gy_per_bq=value / GBQ,
            low_gy_per_bq=value / GBQ,
            high_gy_per_bq=value / GBQ,
            half_lives_s=(nuc.half_life_s,),
            source="given",
        )
        organs[organ] = base
    lost = set(own_h) - set(organs)
    if lost:
        raise InputError(
            f"a half-life for an organ of {found.id} without a coefficient", field="--half-life", value=", ".join(lost)
        )
    organs = {organ: _with_kinetics(o, organ, hours, own_h, nuc.half_life_s) for organ, o in organs.items()}
    if not organs:
        raise PlanningError(
            f"no dose coefficient is packaged for {found.id}", field="--coefficient", remedy="give those of the patient"
        )
    _tell(found.id, organs, notes)
    if found.notes:
        notes.append(f"{found.id}: {len(found.notes)} remarks belong to its coefficients: see hemadose agents")
    return TandemAgent(name=found.id, nuclide=nuc, activity_bq=giving.activity_gbq * GBQ, day=giving.day, organs=organs)


def _published(found: Coefficient) -> OrganShare:
    best, low, high, words = found.best_gy_per_bq, found.low_gy_per_bq, found.high_gy_per_bq, ""
    if low is not None and high is not None:
        words = "range" if found.n is None else f"range of {found.n}"
    elif found.sd_gy_per_bq is not None:
        low, high, words = max(best - found.sd_gy_per_bq, 0.0), best + found.sd_gy_per_bq, "one standard deviation"
    return OrganShare(
        best_gy_per_bq=best,
        low_gy_per_bq=best if low is None else low,
        high_gy_per_bq=best if high is None else high,
        half_lives_s=(1.0,),
        kinetics=Kinetics.PHYSICAL,
        range_words=words,
        source=f"{found.statistic}; {found.source}",
        confirmed=found.evidence is Evidence.PUBLICATION,
    )


def _with_kinetics(
    share: OrganShare, organ: str, published: Mapping[str, float], given: Mapping[str, float], physical_s: float
) -> OrganShare:
    if organ in given:
        return replace(share, half_lives_s=(given[organ] * HOUR_S,), kinetics=Kinetics.GIVEN)
    if organ in published:
        return replace(share, half_lives_s=(published[organ] * HOUR_S,), kinetics=Kinetics.PUBLISHED)
    return replace(share, half_lives_s=(physical_s,), kinetics=Kinetics.PHYSICAL)


def _tell(name: str, organs: Mapping[str, OrganShare], notes: list[str]) -> None:
    bare = [o for o, s in organs.items() if s.kinetics is Kinetics.PHYSICAL]
    if bare:
        notes.append(
            f"{name}: no half-life known in {', '.join(bare)}; decay alone is taken, so BED there is too low and what "
            "comes after the transplant too high (give --half-life)"
        )
    unsure = [o for o, s in organs.items() if not s.confirmed]
    if unsure:
        notes.append(f"{name}: coefficients of {', '.join(unsure)} are not confirmed in a publication that was read")
    alone = [o for o, s in organs.items() if not s.range_words and s.source != "given"]
    if alone:
        notes.append(f"{name}: no range is published for {', '.join(alone)}; the interval is too narrow")


def planned_agent(giving: Giving, notes: list[str]) -> TandemAgent:
    """Make an administration from the result folder of a plan: doses with their draws, curves of the organs.

    Raises
    ------
    CaseError
        If there is no result.
    PlanningError
        If it holds no organ with a curve.
    """
    report: PlanReport = read_report(Path(giving.name))
    nuc = report.administration.nuclide
    organs = {}
    for dose in report.doses.organs:
        shape = _shape(report, dose.target)
        if shape is None:
            notes.append(f"plan: {dose.target} has no curve of its own and is left out")
            continue
        low, high = (float(q) for q in np.quantile(dose.gy_per_bq_draws, (0.025, 0.975)))
        organs[dose.target] = OrganShare(
            best_gy_per_bq=dose.gy_per_bq,
            low_gy_per_bq=min(low, dose.gy_per_bq),
            high_gy_per_bq=max(high, dose.gy_per_bq),
            half_lives_s=tuple(min(float(LN2 / k), nuc.half_life_s) for k in shape.rates_per_s),
            shares=tuple(float(a) for a in shape.amplitudes_bq),
            kinetics=Kinetics.MEASURED,
            range_words="95 % of the draws",
            source="plan of the patient",
            residual=report.doses.marrow_residual if dose.target == MARROW else None,
        )
    if not organs:
        raise PlanningError("the plan holds no organ with a curve", field="--plan", value=giving.name)
    name = f"{report.administration.agent} (plan)"
    return TandemAgent(name=name, nuclide=nuc, activity_bq=giving.activity_gbq * GBQ, day=giving.day, organs=organs)


def _shape(report: PlanReport, target: str) -> ExponentialCurve | None:
    """Curve of a dose target: its own region's, or the marrow's dose rate."""
    if target == MARROW and report.doses.marrow_residual is not None:
        tail = report.doses.marrow_residual
        return ExponentialCurve(amplitudes_bq=tail.amplitudes_gy_per_bq_s, rates_per_s=tail.rates_per_s)
    fits: dict[str, FittedCurve] = {fit.region: fit for fit in report.fits}
    for regions in regions_of(target):
        if all(region in fits for region in regions):
            curves = [fits[region].curve for region in regions]
            return ExponentialCurve(
                amplitudes_bq=np.concatenate([c.amplitudes_bq for c in curves]),
                rates_per_s=np.concatenate([c.rates_per_s for c in curves]),
            )
    return None


def packaged_limits(names: tuple[str, ...]) -> dict[LimitKind, dict[str, float]]:
    """Give the smallest packaged limit of each organ over several agents, by kind."""
    found: dict[LimitKind, dict[str, float]] = {LimitKind.TOTAL_DOSE: {}, LimitKind.RESIDUAL_DOSE: {}}
    for limit in (x for name in names for x in agent(name).limits if x.kind in found):
        known = found[limit.kind]
        known[limit.target] = min(limit.value, known.get(limit.target, limit.value))
    return found
