"""The answer on an agent's activity in field units, one plain table for screen and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from hemadose.model.agent import Agent
from hemadose.therapy.activity.bounds import ActivityProposal, Bound, ConstraintOutcome
from hemadose.therapy.activity.coefficients import DosePerActivity
from hemadose.therapy.activity.refusals import RefusalOutcome, Verdict
from hemadose.therapy.activity.syringe import SyringePlan
from hemadose.therapy.activity.whole_body import ActivityHours, WholeBodyClearance
from hemadose.units import GBQ, HOUR_S, MBQ, MCI_BQ

RESEARCH_USE = "to be confirmed by the responsible physician and medical physics expert"


def activity_answer(
    agent: Agent,
    setting: str,
    refusals: Sequence[RefusalOutcome],
    proposal: ActivityProposal | None,
    coefficients: Mapping[str, DosePerActivity],
    notes: Sequence[str],
    *,
    clearance: WholeBodyClearance | None = None,
    activity_hours: ActivityHours | None = None,
    syringe: SyringePlan | None = None,
) -> dict[str, Any]:
    """Put an activity, or its refusal, in field units.

    Parameters
    ----------
    agent, setting : Agent and str
        What was planned.
    refusals : sequence of RefusalOutcome
        All that were judged.
    proposal : ActivityProposal or None
        None if refused.
    coefficients : Mapping
        Dose per activity by organ.
    notes : sequence of str
        Doubts.
    clearance, activity_hours, syringe : optional
        Where they were used.

    Returns
    -------
    dict
        With ``activity_MBq`` None if refused or infeasible.
    """
    activity = None if proposal is None else proposal.activity_bq
    refused = [r.rule.code for r in refusals if r.verdict is Verdict.REFUSED]
    title = next((s.title for s in agent.settings if s.id == setting), "")
    used = list(agent.settings) and f"setting {setting}: {title}"
    return {
        "agent": agent.id,
        "title": agent.title,
        "setting": setting or None,
        "refused": bool(refused),
        "refused_by": refused,
        "feasible": proposal is not None and proposal.feasible,
        "activity_MBq": None if activity is None else activity / MBQ,
        "activity_mCi": None if activity is None else activity / MCI_BQ,
        "active": None if proposal is None else proposal.active or None,
        "window_MBq": None if proposal is None else [proposal.lowest_bq / MBQ, _finite(proposal.highest_bq / MBQ)],
        "constraints": [] if proposal is None else [_constraint_row(o) for o in proposal.outcomes],
        "violated": [] if proposal is None else [o.constraint.name for o in proposal.outcomes if o.broken],
        "refusals": [
            {
                "code": r.rule.code,
                "verdict": r.verdict.value,
                "reason": r.reason,
                "rule": r.rule.text,
                "source": r.rule.source,
                "evidence": r.rule.evidence.value,
            }
            for r in refusals
        ],
        "doses": [] if activity is None else [_dose_row(c, activity) for c in coefficients.values()],
        "whole_body": None if clearance is None else _whole_body(clearance, activity_hours),
        "syringe": None if syringe is None else _syringe(syringe),
        "notes": list(dict.fromkeys([*([used] if used else []), *notes])),
        "research_use": RESEARCH_USE,
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _constraint_row(o: ConstraintOutcome) -> dict[str, Any]:
    c = o.constraint
    scale, unit = (MBQ, "MBq") if c.bound is Bound.MAX_ACTIVITY else (1.0, "Gy")
    return {
        "constraint": c.name,
        "bound": c.bound.value,
        "value": c.value / scale,
        "unit": unit,
        "edge_MBq": o.edge_bq / MBQ,
        "edge_mCi": o.edge_bq / MCI_BQ,
        "value_at_activity": None if o.value_at_activity is None else o.value_at_activity / scale,
        "probability_broken": o.probability_broken,
        "active": o.active,
        "broken": o.broken,
        "source": c.source,
        "unverified": c.unverified,
    }


def _dose_row(c: DosePerActivity, activity_bq: float) -> dict[str, Any]:
    spread = c.log_sd is not None
    return {
        "target": c.target,
        "Gy_per_GBq": c.gy_per_bq * GBQ,
        "Gy": c.gy_per_bq * activity_bq,
        "low_Gy": c.quantile_gy_per_bq(0.05) * activity_bq if spread else None,
        "high_Gy": c.quantile_gy_per_bq(0.95) * activity_bq if spread else None,
        "of": "patient" if c.of_patient else "published series",
    }


def _whole_body(clearance: WholeBodyClearance, hours: ActivityHours | None) -> dict[str, Any]:
    return {
        "effective_half_life_h": clearance.effective_half_life_s / HOUR_S,
        "residence_time_h": clearance.residence_time_s / HOUR_S,
        "residence_time_through_100_h": clearance.residence_time_through_100_s / HOUR_S,
        "largest_deviation": clearance.largest_deviation,
        "activity_hours_mCi_h": None if hours is None else hours.bq_s / HOUR_S / MCI_BQ,
        "activity_hours_MBq_h": None if hours is None else hours.bq_s / HOUR_S / MBQ,
        "activity_hours_origin": None if hours is None else hours.origin,
        "mass_kg": None if hours is None else hours.mass_kg,
    }


def _syringe(plan: SyringePlan) -> dict[str, Any]:
    return {
        "dispensed_MBq": plan.dispensed_bq / MBQ,
        "at_calibration_MBq": plan.at_calibration_bq / MBQ,
        "decay_factor": plan.decay_factor,
        "volume_ml": plan.volume_ml,
    }
