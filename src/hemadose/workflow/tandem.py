"""The answer of `hemadose tandem`: agents in sequence with total body irradiation, organ by organ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hemadose.dose.radiobiology import Evidence, Fractions, Repair, TissueResponse
from hemadose.errors import InputError
from hemadose.model import LimitKind
from hemadose.refdata.radiobiology import tissue_experience, tissue_organs, tissue_response
from hemadose.therapy.tandem.tbi import TbiScheme
from hemadose.therapy.tandem.totals import (
    MARROW,
    OrganTotal,
    TandemAgent,
    days_before_tbi,
    organ_totals,
    require_order,
)
from hemadose.units import DAY_S, GBQ, HOUR_S
from hemadose.workflow.biology import INSTANT_NOTE, tissue_facts
from hemadose.workflow.tandem_agents import Giving, Overrides, packaged_agent, packaged_limits, planned_agent

UNKNOWN = (
    "limits were set for one therapy alone; what organs bear of several agents and total body irradiation together "
    "is not known. The physical sum and BED are shown beside each other; neither is a proof of safety"
)
QUANTITIES = ("agents", "dose", "bed", "eqd2", "residual")


@dataclass(frozen=True, slots=True, kw_only=True)
class TandemRequest:
    """What `hemadose tandem` is asked.

    Attributes
    ----------
    agents, plans : tuple of Giving
        From packaged coefficients, and from result folders.
    overrides : Overrides
        The patient's own numbers.
    tbi : TbiScheme or None
        Total body irradiation.
    limits : Mapping[(str, str), float]
        By quantity (one of `QUANTITIES`) and organ, in Gy; over the packaged ones.
    days_before_tbi : float
        From the last agent to TBI, at least.
    alpha_beta_gy, repair_h : Mapping[str, float]
        By organ, instead of the packaged ones.
    """

    agents: tuple[Giving, ...] = ()
    plans: tuple[Giving, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    tbi: TbiScheme | None = None
    limits: Mapping[tuple[str, str], float] = field(default_factory=dict)
    days_before_tbi: float = 5.0
    alpha_beta_gy: Mapping[str, float] = field(default_factory=dict)
    repair_h: Mapping[str, float] = field(default_factory=dict)


def tandem_answer(request: TandemRequest, *, figure: Path | None = None) -> dict[str, Any]:
    """Sum agents and irradiation in every organ and check limits on the sums.

    Parameters
    ----------
    request : TandemRequest
        Agents, irradiation, limits.
    figure : Path, optional
        PNG, SVG or PDF to draw.

    Returns
    -------
    dict
        Agents, organs, limits with verdicts, notes. A verdict is None where an agent's coefficient is missing.

    Raises
    ------
    HemadoseError
        For an unknown agent, or days out of order.
    """
    if figure is not None:
        from hemadose.workflow.figure_files import require_figure_ending

        require_figure_ending(figure, option="--figure")
    notes = [UNKNOWN]
    agents = [packaged_agent(g, request.overrides, notes) for g in request.agents]
    agents += [planned_agent(g, notes) for g in request.plans]
    require_order(agents, request.tbi)
    tissues = _tissues(request)
    totals = organ_totals(agents, tbi=request.tbi, tissues=tissues)
    limits, unjudged = _limits(request, totals, notes)
    rows = [_organ_row(total, tissues.get(total.organ)) for total in totals]
    _doubts(request, totals, tissues, notes)
    verdicts = [_verdict(total, quantity, value) for total, quantity, value in limits]
    interval = None if request.tbi is None else days_before_tbi(agents, request.tbi)
    in_time = interval is None or interval >= request.days_before_tbi - 1e-9
    return {
        "agents": [_agent_row(a) for a in agents],
        "tbi": None if request.tbi is None else _tbi_row(request.tbi),
        "organs": rows,
        "limits": verdicts,
        "days_before_tbi": None
        if interval is None
        else {"is": interval, "least": request.days_before_tbi, "kept": in_time},
        "limits_kept": in_time and all(v["kept"] is True for v in verdicts) and not unjudged,
        "figure": None if figure is None else _draw(totals, limits, figure),
        "notes": list(dict.fromkeys(notes)),
    }


def _tissues(request: TandemRequest) -> dict[str, TissueResponse]:
    found = {organ: tissue_response(organ) for organ in tissue_organs()}
    for organ in {*request.alpha_beta_gy, *request.repair_h} - set(found):
        if organ not in request.alpha_beta_gy or organ not in request.repair_h:
            raise InputError(f"{organ} needs both numbers", field="--alpha-beta, --repair-h", value=organ)
        repair = Repair(half_lives_s=(request.repair_h[organ] * HOUR_S,))
        found[organ] = TissueResponse(organ=organ, alpha_beta_gy=request.alpha_beta_gy[organ], repair=repair)
    for organ, value in request.alpha_beta_gy.items():
        found[organ] = replace(
            found[organ],
            alpha_beta_gy=value,
            alpha_beta_range_gy=None,
            alpha_beta_source="given",
            alpha_beta_evidence=Evidence.USER,
        )
    for organ, hours in request.repair_h.items():
        found[organ] = replace(
            found[organ],
            repair=Repair(half_lives_s=(hours * HOUR_S,)),
            repair_range_s=None,
            repair_source="given",
            repair_evidence=Evidence.USER,
        )
    return found


def _limits(
    request: TandemRequest, totals: tuple[OrganTotal, ...], notes: list[str]
) -> tuple[list[tuple[OrganTotal, str, float]], bool]:
    """Limits on known organs, and whether a packaged one had to be left out."""
    known = {total.organ: total for total in totals}
    packaged = packaged_limits(tuple(g.name for g in request.agents))
    wanted = {("agents", organ): value for organ, value in packaged[LimitKind.TOTAL_DOSE].items()}
    wanted |= {("residual", organ): value for organ, value in packaged[LimitKind.RESIDUAL_DOSE].items()}
    if wanted:
        notes.append(
            "packaged limits are those of one agent alone; here they are put to the sum of all agents, without TBI"
        )
    unknown = [key for key in wanted if key[1] not in known]
    for key in unknown:
        notes.append(f"{key[1]}: the packaged limit of {wanted.pop(key):g} Gy cannot be judged")
    wanted |= dict(request.limits)
    found = []
    for (quantity, organ), value in wanted.items():
        if organ not in known or (quantity in ("bed", "eqd2") and known[organ].effect is None):
            raise InputError(
                f"a limit on {quantity} of {organ} cannot be judged",
                field="limit",
                value=organ,
                expected=", ".join(known),
                remedy="give a coefficient, and --alpha-beta-Gy with --repair-h for BED",
            )
        if not value > 0.0:
            raise InputError("a limit must be positive", field=f"{quantity} of {organ}", value=f"{value:g}")
        found.append((known[organ], quantity, value))
    return found, bool(unknown)


def _values(total: OrganTotal, quantity: str) -> tuple[float, ...]:
    return {
        "agents": total.radionuclide_gy,
        "dose": total.dose_gy,
        "bed": total.bed_gy or (),
        "eqd2": total.eqd2_gy or (),
        "residual": total.residual_gy,
    }[quantity]


def _verdict(total: OrganTotal, quantity: str, limit: float) -> dict[str, Any]:
    best, low, high = _values(total, quantity)
    kept = False if best > limit else (None if total.missing else True)
    return {
        "organ": total.organ,
        "quantity": quantity,
        "limit_Gy": limit,
        "Gy": best,
        "low_Gy": low,
        "high_Gy": high,
        "kept": kept,
        "kept_at_high": high <= limit and not total.missing,
        "without": list(total.missing),
    }


def _organ_row(total: OrganTotal, tissue: TissueResponse | None) -> dict[str, Any]:
    def edges(values: tuple[float, ...] | None) -> dict[str, float] | None:
        return None if values is None else dict(zip(("Gy", "low_Gy", "high_Gy"), values, strict=True))

    effect = total.effect
    return {
        "organ": total.organ,
        "without": list(total.missing),
        "agents": edges(total.radionuclide_gy),
        "dose": edges(total.dose_gy),
        "residual": edges(total.residual_gy),
        "bed": edges(total.bed_gy),
        "eqd2": edges(total.eqd2_gy),
        "components": [
            {
                "name": component.name,
                "dose_Gy": component.dose_gy,
                "bed_Gy": None if effect is None else float(effect.own_bed_gy[i]),
                "from_day": (component.times_s[0] if isinstance(component, Fractions) else component.start_s) / DAY_S,
            }
            for i, component in enumerate(total.components)
        ],
        "bed_between_components_Gy": None if effect is None else effect.between_bed_gy,
        "tissue": None if tissue is None else tissue_facts(tissue),
        "experience": [
            {"quantity": e.quantity, "Gy": [e.low_gy, e.high_gy], "setting": e.setting, "source": e.source}
            for e in (tissue_experience(total.organ) if tissue is not None else ())
        ],
    }


def _doubts(
    request: TandemRequest, totals: tuple[OrganTotal, ...], tissues: Mapping[str, TissueResponse], notes: list[str]
) -> None:
    for total in totals:
        if total.missing:
            notes.append(f"{total.organ}: no coefficient of {', '.join(total.missing)}; every sum is too low")
    bare = [t.organ for t in totals if t.organ not in tissues]
    if bare:
        notes.append(
            f"no alpha/beta is known for {', '.join(bare)}: physical dose only (give --alpha-beta and --repair-h)"
        )
    if request.tbi is not None:
        notes.append(INSTANT_NOTE)
    notes.extend(note for t in totals if t.organ in tissues for note in tissues[t.organ].notes)
    if any(t.organ == MARROW for t in totals) and request.tbi is not None:
        notes.append("the marrow's residual dose counts the agents only; TBI is over before the transplant")


def _agent_row(agent: TandemAgent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "nuclide": agent.nuclide.name,
        "activity_GBq": agent.activity_bq / GBQ,
        "day": agent.day,
        "organs": [
            {
                "organ": organ,
                "Gy_per_GBq": share.best_gy_per_bq * GBQ,
                "low": share.low_gy_per_bq * GBQ,
                "high": share.high_gy_per_bq * GBQ,
                "range": share.range_words,
                "half_life_h": [t / HOUR_S for t in share.half_lives_s],
                "kinetics": share.kinetics.value,
                "source": share.source,
                "confirmed": share.confirmed,
            }
            for organ, share in agent.organs.items()
        ],
    }


def _tbi_row(tbi: TbiScheme) -> dict[str, Any]:
    return {
        "fraction_Gy": tbi.fraction_gy,
        "fractions": tbi.fractions,
        "dose_Gy": tbi.fraction_gy * tbi.fractions,
        "days": [float(t) / DAY_S for t in tbi.times_s()],
        "factors": dict(tbi.factors),
    }


def _draw(totals: tuple[OrganTotal, ...], limits: list[tuple[OrganTotal, str, float]], path: Path) -> str:
    from hemadose.io.files import write_bytes_atomic
    from hemadose.report.figures.tandem import tandem_figure
    from hemadose.workflow.figure_files import figure_bytes

    doses: dict[str, dict[str, float]] = {}
    for total, quantity, value in limits:
        doses.setdefault(total.organ, {})[quantity] = value
    write_bytes_atomic(path, figure_bytes(tandem_figure(totals, limits_gy=doses), path))
    return str(path)
