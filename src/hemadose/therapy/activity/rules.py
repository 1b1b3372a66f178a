"""The rules of an agent, made constraints for one patient: per kg, per m2, dose levels, limits, caps.

A rule that sets an activity counts as an upper bound like any limit, so that rule and cap together give the smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.errors import PlanningError
from hemadose.model.agent import ActivityRule, Evidence, RuleKind
from hemadose.therapy.activity.bounds import Bound, Constraint
from hemadose.units import GBQ, MBQ

RESIDUAL_MARROW = "red_marrow_after_infusion"
"""Target whose coefficient is the marrow dose still to come at the infusion of stem cells."""

_SCALE = {"MBq": MBQ, "GBq": GBQ, "MBq/kg": MBQ, "MBq/m2": MBQ, "GBq/m2": GBQ, "Gy": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInputs:
    """What the rules of an agent need of a patient.

    Attributes
    ----------
    weight_kg, surface_m2 : float or None
        For rules per kg and per m2.
    platelets_e9_per_l : float or None
        For rules that depend on it.
    level_gy : float or None
        Dose level to plan for; the rule's own if not given.
    residual_known : bool
        The marrow dose after infusion can be computed.
    replaced_targets : frozenset of str
        Organs whose dose limit the user gives: a rule on them is left out.
    accept_unverified : bool
        Let a rule set an activity whose number was remembered, not read.
    """

    weight_kg: float | None = None
    surface_m2: float | None = None
    platelets_e9_per_l: float | None = None
    level_gy: float | None = None
    residual_known: bool = False
    replaced_targets: frozenset[str] = frozenset()
    accept_unverified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledConstraints:
    """Constraints of the rules that hold, the rules themselves, and what to doubt."""

    constraints: tuple[Constraint, ...]
    rules: tuple[ActivityRule, ...]
    notes: tuple[str, ...]


def rules_of_setting(rules: Sequence[ActivityRule], setting: str) -> tuple[ActivityRule, ...]:
    """Give the rules of one setting, with those that hold in all."""
    return tuple(rule for rule in rules if rule.setting in ("", setting))


def constraints_from_rules(rules: Sequence[ActivityRule], inputs: RuleInputs) -> RuledConstraints:
    """Make constraints of the rules that hold for a patient.

    Parameters
    ----------
    rules : sequence of ActivityRule
        Of the setting.
    inputs : RuleInputs
        Sizes and counts of the patient.

    Raises
    ------
    PlanningError
        If a rule needs what is not given, none holds for the platelet count, the level is not one of its own, or a
        rule is unverified and was not accepted.
    """
    holding = _for_platelets(rules, inputs.platelets_e9_per_l)
    constraints, notes = [], []
    for rule in holding:
        if rule.kind is RuleKind.OBSERVED:
            notes.append(f"for orientation: {rule.amount:g} {rule.unit}, {rule.condition} ({rule.source})")
            continue
        if rule.target in inputs.replaced_targets and rule.kind in (RuleKind.ORGAN_LIMIT, RuleKind.DOSE_LEVEL):
            notes.append(f"left out, a limit is given instead: {rule.amount:g} Gy, {rule.condition} ({rule.source})")
            continue
        if rule.evidence is Evidence.UNVERIFIED and not inputs.accept_unverified:
            raise PlanningError(
                "a rule of this agent is unverified and does not set an activity by itself",
                field="rule",
                value=f"{rule.kind.value} {rule.amount:g} {rule.unit}: {rule.condition} ({rule.source})",
                remedy="confirm it (--accept-unverified), or give the limit of the site (--limit)",
            )
        if rule.requires:
            notes.append(f"holds only for: {rule.requires}")
        if rule.fractions > 1:
            days = (rule.fraction_interval_s or 0.0) / 86400.0
            notes.append(f"activity of one of {rule.fractions} fractions, {days:g} days apart")
        if rule.kind is RuleKind.RESIDUAL_MARROW_LIMIT and not inputs.residual_known:
            notes.append(
                f"not judged: {rule.condition}, {rule.amount:g} Gy: needs marrow dose, its half-life and the day"
            )
            continue
        constraints.append(_constraint(rule, inputs))
        level = _level(rule, inputs)
        if rule.kind is RuleKind.DOSE_LEVEL and rule.amount is not None and level > rule.amount:
            notes.append(f"level {level:g} Gy is above the {rule.amount:g} Gy of the rule: {rule.condition}")
    return RuledConstraints(constraints=tuple(constraints), rules=tuple(holding), notes=tuple(notes))


def _for_platelets(rules: Sequence[ActivityRule], count: float | None) -> list[ActivityRule]:
    dependent = [rule for rule in rules if rule.depends_on_platelets]
    if not dependent:
        return list(rules)
    if count is None:
        raise PlanningError(
            "the activity depends on the platelet count",
            field="platelets",
            expected="10^9/l",
            remedy="give the platelet count",
        )
    if not any(rule.holds_for_platelets(count) for rule in dependent):
        raise PlanningError(
            "no rule holds for this platelet count",
            field="platelets",
            value=f"{count:g} x 10^9/l",
            expected="; ".join(rule.condition for rule in dependent),
        )
    return [rule for rule in rules if not rule.depends_on_platelets or rule.holds_for_platelets(count)]


def _constraint(rule: ActivityRule, inputs: RuleInputs) -> Constraint:
    amount = (rule.amount or 0.0) * _SCALE[rule.unit or "Gy"]
    words = f"{rule.amount:g} {rule.unit}" if rule.amount is not None else ""
    bound, value, target = Bound.MAX_ACTIVITY, amount, ""
    if rule.kind is RuleKind.PER_KG:
        name, value = f"{words} body weight", amount * _needed(inputs.weight_kg, "weight", "kg")
    elif rule.kind is RuleKind.PER_M2:
        name, value = f"{words} body surface", amount * _needed(inputs.surface_m2, "body surface", "height and weight")
    elif rule.kind is RuleKind.MAXIMUM:
        name = f"maximum {words}"
    elif rule.kind is RuleKind.FIXED:
        name = f"fixed {words}"
    elif rule.kind is RuleKind.RESIDUAL_MARROW_LIMIT:
        bound, target, name = Bound.MAX_DOSE, RESIDUAL_MARROW, f"red marrow after infusion at most {words}"
    elif rule.kind is RuleKind.WHOLE_BODY_DOSE:
        bound, target, name = Bound.MAX_DOSE, "whole_body", f"whole body {words}"
    else:
        level = _level(rule, inputs)
        bound = Bound.MIN_DOSE if rule.kind is RuleKind.MINIMUM_DOSE else Bound.MAX_DOSE
        side = "at least" if bound is Bound.MIN_DOSE else "at most"
        value, target = level, rule.target
        name = f"{rule.target.replace('_', ' ')} {side} {level:g} Gy"
    return Constraint(
        name=name,
        bound=bound,
        value=value,
        target=target,
        source=rule.source,
        unverified=rule.evidence is Evidence.UNVERIFIED,
    )


def _level(rule: ActivityRule, inputs: RuleInputs) -> float:
    chosen = inputs.level_gy if rule.kind is RuleKind.DOSE_LEVEL else None
    if chosen is not None and rule.levels and chosen not in rule.levels:
        raise PlanningError(
            "not a level of this escalation",
            field="level",
            value=f"{chosen:g} Gy",
            expected=", ".join(f"{level:g}" for level in rule.levels),
        )
    level = chosen if chosen is not None else rule.amount
    if level is None:
        raise PlanningError(
            "a dose level must be chosen", field="level", expected=", ".join(f"{x:g}" for x in rule.levels)
        )
    return level


def _needed(value: float | None, what: str, unit: str) -> float:
    if value is None:
        raise PlanningError(f"the rule needs the {what} of the patient", field=what, expected=unit)
    return value
