"""The activity of any agent for one patient: its rules, refusals and limits, the window they leave, and the syringe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hemadose.errors import PlanningError, QuantityError
from hemadose.model.agent import Agent, AgentRole, Evidence
from hemadose.refdata.agents import find_agent
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.bounds import ActivityProposal, Bound, Constraint
from hemadose.therapy.activity.coefficients import DosePerActivity, oddity, patient_coefficient, published_coefficient
from hemadose.therapy.activity.constraints import propose_activity
from hemadose.therapy.activity.refusals import Findings, RefusalOutcome, Verdict, judge_refusals
from hemadose.therapy.activity.rules import (
    RESIDUAL_MARROW,
    RuledConstraints,
    RuleInputs,
    constraints_from_rules,
    rules_of_setting,
)
from hemadose.therapy.activity.syringe import syringe_plan
from hemadose.therapy.activity.whole_body import REFERENCE_DOSE_GY, WholeBodyClearance, whole_body_clearance
from hemadose.therapy.conditioning.anthropometry import body_surface_m2, check_body
from hemadose.units import DAY_S, GBQ, HOUR_S, MBQ
from hemadose.workflow.activity_answer import activity_answer
from hemadose.workflow.activity_request import ActivityRequest

_PLAUSIBLE = {"weight": (20.0, 350.0, "kg"), "height": (100.0, 250.0, "cm")}


def plan_activity(request: ActivityRequest) -> dict[str, Any]:
    """Propose, or refuse, the activity of an agent.

    Returns
    -------
    dict
        See `hemadose.workflow.activity_answer.activity_answer`; ``refused``, ``feasible`` and ``violated`` say how it
        ended.

    Raises
    ------
    HemadoseError
        For what is missing or makes no sense. A refusal, a broken limit or an empty window is an answer.
    """
    agent = find_agent(request.agent, request.own_agents)
    setting = _setting(agent, request.setting)
    _check_sizes(request)
    if request.weight_kg is not None and request.height_cm is not None:
        check_body(height_cm=request.height_cm, weight_kg=request.weight_kg)
    clearance = _clearance(request, agent)
    findings = _findings(request, clearance)
    refusals = judge_refusals(agent.refusals, findings, setting=setting)
    notes = [*(clearance.notes if clearance else ()), *_refusal_notes(refusals)]
    coefficients = _coefficients(request, agent, clearance)
    notes += _oddities(coefficients, agent)
    if request.activity_hours is not None and not request.activity_hours.effective_mass_known:
        notes.append(
            "no table of maximum effective masses (--effective-mass): in obesity this is above the label's activity"
        )
    if any(r.verdict is Verdict.REFUSED for r in refusals):
        return activity_answer(
            agent,
            setting,
            refusals,
            None,
            coefficients,
            notes,
            clearance=clearance,
            activity_hours=request.activity_hours,
        )
    ruled = constraints_from_rules(rules_of_setting(agent.rules, setting), _inputs(request, coefficients))
    proposal = _proposal(request, ruled, coefficients, agent)
    notes += [*ruled.notes, *proposal.notes]
    syringe = None
    if proposal.activity_bq is not None and request.calibrated_at and request.administered_at:
        syringe = syringe_plan(
            proposal.activity_bq,
            nuclide=nuclide(agent.nuclide),
            calibrated_at=request.calibrated_at,
            administered_at=request.administered_at,
            residual_fraction=request.residual_percent / 100.0,
            concentration_bq_per_ml=None
            if request.concentration_mbq_per_ml is None
            else request.concentration_mbq_per_ml * MBQ,
            vial_volume_ml=request.vial_volume_ml,
        )
        notes += syringe.notes
    return activity_answer(
        agent,
        setting,
        refusals,
        proposal,
        coefficients,
        notes,
        clearance=clearance,
        activity_hours=request.activity_hours,
        syringe=syringe,
    )


def _setting(agent: Agent, wanted: str | None) -> str:
    if agent.role is not AgentRole.THERAPY:
        raise PlanningError(
            f"{agent.title} is a diagnostic: it has no therapy activity",
            field="agent",
            remedy="hemadose agents lists all",
        )
    known = [s.id for s in agent.settings]
    if wanted is None:
        return known[0] if known else ""
    if wanted not in known:
        raise PlanningError(
            "no such setting", field="setting", value=wanted, expected=", ".join(known) or "none: leave it out"
        )
    return wanted


def _check_sizes(request: ActivityRequest) -> None:
    for name, value in (("weight", request.weight_kg), ("height", request.height_cm)):
        low, high, unit = _PLAUSIBLE[name]
        if value is not None and not low <= value <= high:
            raise PlanningError(
                f"implausible {name}", field=name, value=f"{value:g}", expected=f"{low:g}-{high:g} {unit}"
            )


def _clearance(request: ActivityRequest, agent: Agent) -> WholeBodyClearance | None:
    if not request.counts:
        return None
    times, counts = zip(*request.counts, strict=True)
    return whole_body_clearance(times, counts, nuclide=nuclide(agent.nuclide))


def _findings(request: ActivityRequest, clearance: WholeBodyClearance | None) -> Findings:
    share = request.marrow_involvement_percent
    if share is not None and 0.0 < share < 1.0:
        raise QuantityError(
            "marrow involvement is given in percent",
            field="marrow involvement",
            value=f"{share:g}",
            remedy="25 % is 25",
        )
    return Findings(
        platelets_e9_per_l=request.platelets_e9_per_l,
        marrow_involvement=None if share is None else share / 100.0,
        altered_biodistribution=request.altered_biodistribution,
        residence_time_s=None if clearance is None else clearance.residence_time_s,
        graft_confirmed=request.graft_confirmed,
        patient_gy_per_bq={k: v / GBQ for k, v in request.coefficients_gy_per_gbq.items()},
    )


def _refusal_notes(refusals: Sequence[RefusalOutcome]) -> list[str]:
    notes = []
    for r in refusals:
        if r.verdict is Verdict.NOT_JUDGED:
            notes.append(f"not judged: {r.rule.text} ({r.reason})")
        if r.verdict is Verdict.REFUSED and r.rule.evidence is Evidence.UNVERIFIED:
            notes.append(f"{r.rule.code}: the rule is unverified ({r.rule.source})")
    return notes


def _coefficients(
    request: ActivityRequest, agent: Agent, clearance: WholeBodyClearance | None
) -> dict[str, DosePerActivity]:
    found = {}
    if request.use_published:
        for c in reversed(agent.coefficients):
            found[c.target] = published_coefficient(c)
    for target, value in request.coefficients_gy_per_gbq.items():
        found[target] = patient_coefficient(target, value / GBQ, relative_sd=request.relative_sd)
    if clearance is not None:
        if request.activity_hours is None:
            raise PlanningError(
                "whole-body counts need the activity hours", field="weight", remedy="give the body weight"
            )
        one = request.activity_hours.activity_bq(residence_time_s=clearance.residence_time_s, dose_gy=REFERENCE_DOSE_GY)
        found["whole_body"] = patient_coefficient("whole_body", REFERENCE_DOSE_GY / one)
    marrow = found.get("red_marrow")
    if marrow is not None and request.marrow_half_life_h is not None and request.days_to_transplant is not None:
        left = 0.5 ** (request.days_to_transplant * DAY_S / (_half_life(request, agent) * HOUR_S))
        found[RESIDUAL_MARROW] = marrow.part(left, target=RESIDUAL_MARROW)
    return found


def _oddities(coefficients: Mapping[str, DosePerActivity], agent: Agent) -> list[str]:
    said = []
    for target, own in coefficients.items():
        published = agent.coefficient(target)
        if own.of_patient and published is not None:
            said.append(oddity(own, published))
    return [text for text in said if text]


def _half_life(request: ActivityRequest, agent: Agent) -> float:
    hours, physical = request.marrow_half_life_h or 0.0, nuclide(agent.nuclide).half_life_s / HOUR_S
    if not 0.0 < hours <= physical:
        raise PlanningError(
            "an effective half-life lies between 0 and the physical one",
            field="marrow half-life",
            value=f"{hours:g} h",
            expected=f"<= {physical:.4g} h",
        )
    if request.days_to_transplant is not None and request.days_to_transplant < 0.0:
        raise PlanningError("stem cells are not infused before the therapy", field="days to transplant")
    return hours


def _inputs(request: ActivityRequest, coefficients: Mapping[str, DosePerActivity]) -> RuleInputs:
    surface = None
    if request.weight_kg is not None and request.height_cm is not None:
        surface = body_surface_m2(height_cm=request.height_cm, weight_kg=request.weight_kg, rule=request.surface_rule)
    return RuleInputs(
        weight_kg=request.weight_kg,
        surface_m2=surface,
        platelets_e9_per_l=request.platelets_e9_per_l,
        level_gy=request.level_gy,
        residual_known=RESIDUAL_MARROW in coefficients,
        replaced_targets=frozenset(request.limits_gy),
        accept_unverified=request.accept_unverified,
    )


def _proposal(
    request: ActivityRequest, ruled: RuledConstraints, coefficients: Mapping[str, DosePerActivity], agent: Agent
) -> ActivityProposal:
    constraints = [*ruled.constraints]
    for bound, side, given in (
        (Bound.MAX_DOSE, "at most", request.limits_gy),
        (Bound.MIN_DOSE, "at least", request.minimums_gy),
    ):
        for organ, value in given.items():
            name = f"{organ.replace('_', ' ')} {side} {value:g} Gy (given)"
            constraints.append(Constraint(name=name, bound=bound, value=value, target=organ, source="given"))
    if request.cap_mbq is not None:
        constraints.append(
            Constraint(name="cap (given)", bound=Bound.MAX_ACTIVITY, value=request.cap_mbq * MBQ, source="given")
        )
    missing = sorted({c.target for c in constraints if c.target and c.target not in coefficients})
    if missing:
        raise PlanningError(
            f"no dose coefficient for {', '.join(missing).replace('_', ' ')}",
            field="coefficient",
            remedy=_remedy(missing, agent),
        )
    return propose_activity(
        constraints,
        coefficients,
        step_bq=request.rounding_mbq * MBQ,
        aim=request.aim,
        available_bq=[a * MBQ for a in request.available_mbq],
        chosen_bq=None if request.chosen_mbq is None else request.chosen_mbq * MBQ,
        max_probability=request.max_probability,
    )


def _remedy(missing: Sequence[str], agent: Agent) -> str:
    if missing == ["whole_body"]:
        return "give three whole-body counts and the body weight"
    published = all(agent.coefficient(target) is not None for target in missing)
    tail = "; --published shows what a series' value would give, for orientation" if published else ""
    return f"give the patient's own from a tracer study (Gy/GBq){tail}"
