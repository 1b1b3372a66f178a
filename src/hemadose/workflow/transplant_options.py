"""Nuclides to compare, from agents and from numbers, for `hemadose transplant`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hemadose.errors import InputError
from hemadose.model import Nuclide, ResidualDose, Sex
from hemadose.refdata import Agent, agent, nuclide
from hemadose.refdata.agents import Evidence
from hemadose.report.content import PlanReport
from hemadose.therapy.timing.comparison import MarrowOption
from hemadose.therapy.timing.sensitivity import Held
from hemadose.therapy.timing.tail import exponential_residual, translate_residual
from hemadose.units import GBQ, HOUR_S
from hemadose.workflow.compare import RESULT_FILE, read_report
from hemadose.workflow.svalues import stylised_s_values

MARROW = "red_marrow"
USUAL = ("Lu-177", "Y-90", "Re-188", "I-131")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransplantRequest:
    """What `hemadose transplant` is asked.

    Attributes
    ----------
    plan : Path or None
        Result folder of the patient's plan: its marrow curve, draws and organ doses are the measured ones.
    agents : tuple of str
        Packaged agents; the first is the measured one if there is no plan.
    nuclide : str or None
        Measured nuclide, without an agent.
    marrow_gy_per_gbq : float or None
        Instead of the packaged coefficient.
    half_lives_h, shares : tuple of float
        Effective, in the marrow, of the measured nuclide; instead of the packaged one.
    relative_sd, half_life_relative_sd : float
        Of dose per activity and half-life.
    activity_gbq, marrow_dose_gy : float or None
        One of them: the marrow dose that is common to all nuclides.
    compare : tuple of str
        Nuclides beside the agents'.
    own_gy_per_gbq, own_half_life_h : Mapping[str, float]
        By nuclide, instead of translation.
    limits_gy, rate_limits_mgy_h : tuple of float
        On dose and dose rate at infusion.
    confidence : float
        Of the confident day.
    interval_d : float or None
        Planned interval, to be judged.
    last_day : int
        Of the tables.
    family_h : tuple of float
        Half-lives of the curve family; none for seven around the best.
    held : Held
        What the family has in common: the dose, or the dose rate at the start.
    ablative_gy : float or None
        Dose that counts as ablative, for the aplasia interval.
    draws, seed : int
        Of the uncertainty.
    """

    plan: Path | None = None
    agents: tuple[str, ...] = ()
    nuclide: str | None = None
    marrow_gy_per_gbq: float | None = None
    half_lives_h: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    relative_sd: float = 0.0
    half_life_relative_sd: float = 0.0
    activity_gbq: float | None = None
    marrow_dose_gy: float | None = None
    compare: tuple[str, ...] = ()
    own_gy_per_gbq: Mapping[str, float] = field(default_factory=dict)
    own_half_life_h: Mapping[str, float] = field(default_factory=dict)
    limits_gy: tuple[float, ...] = (1.0, 0.05)
    rate_limits_mgy_h: tuple[float, ...] = ()
    confidence: float = 0.95
    interval_d: float | None = None
    last_day: int = 28
    family_h: tuple[float, ...] = ()
    held: Held = Held.DOSE
    ablative_gy: float | None = None
    draws: int = 2000
    seed: int = 20250101


def packaged_agents(request: TransplantRequest) -> tuple[Agent, ...]:
    """Give the agents by name."""
    return tuple(agent(name) for name in request.agents)


def planned(folder: Path) -> PlanReport:
    """Read the plan, once for each state of its file."""
    path = folder / RESULT_FILE
    return _read(folder, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _read(folder: Path, stamp: int) -> PlanReport:
    return read_report(folder)


def _from_plan(request: TransplantRequest) -> MarrowOption:
    assert request.plan is not None
    if request.nuclide is not None or request.marrow_gy_per_gbq is not None or request.half_lives_h:
        raise InputError("the plan brings nuclide, coefficient and half-lives of its own", field="--plan")
    report = planned(request.plan)
    residual = report.doses.marrow_residual
    if residual is None:
        raise InputError("the plan has no marrow curve", field="--plan", remedy="plan with a marrow method")
    return MarrowOption(nuclide=report.administration.nuclide, residual=residual)


def base_option(request: TransplantRequest, notes: list[str]) -> MarrowOption:
    """Make the measured nuclide's marrow curve.

    Raises
    ------
    InputError
        If nuclide, coefficient or half-life is missing.
    """
    if request.plan is not None:
        return _from_plan(request)
    first = packaged_agents(request)[0] if request.agents else None
    if first is None and request.nuclide is None:
        raise InputError("no agent and no nuclide is given", field="--agent, --nuclide")
    found = nuclide(request.nuclide or (first.nuclide if first else ""))
    if first is not None and found.name != nuclide(first.nuclide).name:
        raise InputError(f"{first.id} is labelled with {first.nuclide}", field="--nuclide", value=found.name)
    coefficient, hours = request.marrow_gy_per_gbq, request.half_lives_h
    packaged = None if first is None else first.coefficient(MARROW)
    if coefficient is None and packaged is not None:
        coefficient = packaged.best_gy_per_bq * GBQ
        notes.append(_coefficient_words(first, packaged.source))
    if not hours and first is not None:
        hours = tuple(h for organ, h in first.half_lives_h if organ == MARROW)
    if coefficient is None or not hours:
        missing = "--marrow-Gy-per-GBq" if coefficient is None else "--half-life-h"
        raise InputError(f"the marrow curve of {found.name} is not known", field=missing)
    return MarrowOption(nuclide=found, residual=_tail(request, found, coefficient, hours, request.shares or (1.0,)))


def _coefficient_words(first: Agent | None, source: str) -> str:
    assert first is not None
    found = first.coefficient(MARROW)
    assert found is not None
    spread = ""
    if found.low_gy_per_bq is not None and found.high_gy_per_bq is not None:
        spread = f", range {found.low_gy_per_bq * GBQ:g}-{found.high_gy_per_bq * GBQ:g}"
    sure = "" if found.evidence is Evidence.PUBLICATION else "; not confirmed"
    best = f"{found.best_gy_per_bq * GBQ:g} Gy/GBq"
    return f"{first.id}: marrow {best} ({found.statistic}{spread}; {source}{sure}), not this patient's own"


def _tail(
    request: TransplantRequest, found: Nuclide, coefficient: float, hours: tuple[float, ...], shares: tuple[float, ...]
) -> ResidualDose:
    return exponential_residual(
        gy_per_bq=coefficient / GBQ,
        half_lives_s=tuple(h * HOUR_S for h in hours),
        shares=shares,
        nuclide=found,
        relative_sd=request.relative_sd,
        half_life_relative_sd=request.half_life_relative_sd,
        draws=request.draws,
        seed=request.seed,
    )


def all_options(request: TransplantRequest, base: MarrowOption, notes: list[str]) -> tuple[MarrowOption, ...]:
    """Make every nuclide of the comparison, the measured one first.

    Raises
    ------
    HemadoseError
        For an unknown nuclide, or a half-life longer than the physical one.
    """
    others = {nuclide(a.nuclide).name: a for a in packaged_agents(request)[0 if request.plan else 1 :]}
    names = [*others, *(nuclide(n).name for n in request.compare)]
    if not names:
        names = list(USUAL)
    own_dose = {nuclide(n).name: v for n, v in request.own_gy_per_gbq.items()}
    own_time = {nuclide(n).name: v for n, v in request.own_half_life_h.items()}
    unknown = (set(own_dose) | set(own_time)) - set(names)
    if unknown:
        raise InputError("numbers for a nuclide that is not compared", field="--own", value=", ".join(sorted(unknown)))
    found = [base]
    for name in dict.fromkeys(n for n in names if n != base.nuclide.name):
        found.append(_other(request, base, nuclide(name), others.get(name), own_dose.get(name), own_time.get(name)))
    notes.extend(note for option in found for note in (*option.residual.notes, *option.notes))
    return tuple(found)


def _other(
    request: TransplantRequest,
    base: MarrowOption,
    wanted: Nuclide,
    known: Agent | None,
    own_gy_per_gbq: float | None,
    own_hours: float | None,
) -> MarrowOption:
    ratio = _marrow_ratio(base.nuclide, wanted)
    moved = translate_residual(base.residual, measured=base.nuclide, wanted=wanted, dose_per_decay_ratio=ratio)
    packaged = None if known is None else known.coefficient(MARROW)
    coefficient = own_gy_per_gbq
    if coefficient is None and packaged is not None:
        coefficient = packaged.best_gy_per_bq * GBQ
    if own_hours is not None:
        value = moved.gy_per_bq(from_s=0.0) * GBQ if coefficient is None else coefficient
        tail = _tail(request, wanted, value, (own_hours,), (1.0,))
        words = "half-life given"
    elif coefficient is not None:
        tail, words = _scaled(moved, coefficient / GBQ / moved.gy_per_bq(from_s=0.0)), "biological half-life kept"
    else:
        tail, words = moved, "biological half-life kept"
    if coefficient is None:
        words += f", dose per decay {ratio:.3g} times that of {base.nuclide.name} (stylised adult male, red marrow)"
    elif own_gy_per_gbq is None and known is not None and packaged is not None:
        words += f"; {_coefficient_words(known, packaged.source)}"
    return MarrowOption(nuclide=wanted, residual=tail, notes=(f"{wanted.name}: {words}",))


def _scaled(residual: ResidualDose, factor: float) -> ResidualDose:
    return ResidualDose(
        target=residual.target,
        amplitudes_gy_per_bq_s=residual.amplitudes_gy_per_bq_s * factor,
        rates_per_s=residual.rates_per_s,
        draw_amplitudes_gy_per_bq_s=residual.draw_amplitudes_gy_per_bq_s * factor,
        draw_rates_per_s=residual.draw_rates_per_s,
        differences=residual.differences,
        notes=residual.notes,
    )


def _marrow_ratio(measured: Nuclide, wanted: Nuclide) -> float:
    """Dose to red marrow per decay in red marrow, wanted over measured, in the stylised adult male."""
    own, other = (
        stylised_s_values(n.name, Sex.MALE).get(source=MARROW, target=MARROW).gy_per_bq_s for n in (measured, wanted)
    )
    return other / own
