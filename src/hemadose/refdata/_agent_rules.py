"""Rules and refusals of an agent file: fields checked so that a number cannot be read in another unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.model.agent import ActivityRule, Evidence, Refusal, RefusalKind, RuleKind
from hemadose.refdata._toml import check_keys, take
from hemadose.units import DAY_S, HOUR_S

_ACTIVITY = ("MBq", "GBq")
_UNITS = {
    RuleKind.PER_KG: ("MBq/kg",),
    RuleKind.PER_M2: ("MBq/m2", "GBq/m2"),
    RuleKind.FIXED: _ACTIVITY,
    RuleKind.MAXIMUM: _ACTIVITY,
    RuleKind.OBSERVED: (*_ACTIVITY, "Gy", "MBq/kg"),
}
_DOSE_KINDS = (
    RuleKind.WHOLE_BODY_DOSE,
    RuleKind.ORGAN_LIMIT,
    RuleKind.RESIDUAL_MARROW_LIMIT,
    RuleKind.DOSE_LEVEL,
    RuleKind.MINIMUM_DOSE,
)
_NEEDS_TARGET = (RuleKind.ORGAN_LIMIT, RuleKind.DOSE_LEVEL, RuleKind.MINIMUM_DOSE)
_MAX_DOSE_GY = 200.0
_MAX_PLATELETS_E9_PER_L = 2000.0

_RULE_OPTIONAL = (
    "amount",
    "unit",
    "setting",
    "target",
    "platelets_from_1e9_per_l",
    "platelets_below_1e9_per_l",
    "requires",
    "levels",
    "fractions",
    "fraction_interval_d",
)


def choice(kind: Any, value: Any, field: str, source: str) -> Any:
    """Give the member of an enumeration, or say which there are.

    Raises
    ------
    ReferenceDataError
        If there is none.
    """
    try:
        return kind(value)
    except ValueError as problem:
        raise ReferenceDataError(
            "unknown value in a reference table",
            source=source,
            field=field,
            value=str(value),
            expected=", ".join(kind),
        ) from problem


def dose_limit(table: Mapping[str, Any], key: str, source: str) -> float:
    """Give a dose in Gy that can be one.

    Raises
    ------
    ReferenceDataError
        If it is not positive, or so large that it must be in cGy.
    """
    value = take(table, key, float, source=source)
    if not 0.0 < value <= _MAX_DOSE_GY:
        raise ReferenceDataError(
            "implausible dose",
            source=source,
            field=key,
            value=f"{value:g} Gy",
            expected=f"0-{_MAX_DOSE_GY:g} Gy",
            remedy="100 cGy = 1 Gy",
        )
    return value


def rule_from_table(table: Mapping[str, Any], *, source: str, settings: Sequence[str]) -> ActivityRule:
    """Check a ``[[rule]]``.

    Raises
    ------
    ReferenceDataError
        If it does not follow the schema.
    """
    where = f"{source} [[rule]]"
    check_keys(table, source=where, required=("kind", "condition", "source", "evidence"), optional=_RULE_OPTIONAL)
    if ("amount" in table) != ("unit" in table):
        raise ReferenceDataError("a rule needs both an amount and a unit, or neither", source=source)
    kind = choice(RuleKind, table["kind"], "kind", where)
    days = take(table, "fraction_interval_d", float, source=where) if "fraction_interval_d" in table else None
    low = _platelets(table, "platelets_from_1e9_per_l", where)
    high = _platelets(table, "platelets_below_1e9_per_l", where)
    if low is not None and high is not None and not low < high:
        raise ReferenceDataError("the platelet range is empty", source=where, value=f"{low:g}-{high:g}")
    target = take(table, "target", str, source=where, default="")
    if kind in _NEEDS_TARGET and not target:
        raise ReferenceDataError(f"a rule of kind {kind.value} names its organ", source=where, field="target")
    return ActivityRule(
        kind=kind,
        amount=_amount(table, kind, where),
        unit=take(table, "unit", str, source=where) if "unit" in table else None,
        condition=take(table, "condition", str, source=where),
        source=take(table, "source", str, source=where),
        evidence=choice(Evidence, table["evidence"], "evidence", where),
        setting=_setting(take(table, "setting", str, source=where, default=""), settings, where),
        target=target,
        platelets_from_e9_per_l=low,
        platelets_below_e9_per_l=high,
        requires=take(table, "requires", str, source=where, default=""),
        levels=_levels(table, kind, where),
        fractions=_fractions(table, where),
        fraction_interval_s=None if days is None else days * DAY_S,
    )


def _fractions(table: Mapping[str, Any], where: str) -> int:
    fractions = take(table, "fractions", int, source=where, default=1)
    if fractions < 1:
        raise ReferenceDataError("an activity is given at least once", source=where, field="fractions")
    return fractions


def _amount(table: Mapping[str, Any], kind: RuleKind, where: str) -> float | None:
    if "amount" not in table:
        if kind is RuleKind.DOSE_LEVEL:
            return None
        raise ReferenceDataError(f"a rule of kind {kind.value} needs an amount", source=where, field="amount")
    units = ("Gy",) if kind in _DOSE_KINDS else _UNITS[kind]
    if table["unit"] not in units:
        raise ReferenceDataError(
            "unit does not fit the rule",
            source=where,
            field="unit",
            value=str(table["unit"]),
            expected=", ".join(units),
        )
    if kind in _DOSE_KINDS:
        return dose_limit(table, "amount", where)
    value = take(table, "amount", float, source=where)
    if not value > 0.0:
        raise ReferenceDataError("an amount is positive", source=where, field="amount", value=f"{value:g}")
    return value


def _levels(table: Mapping[str, Any], kind: RuleKind, where: str) -> tuple[float, ...]:
    levels = tuple(take({"x": x}, "x", float, source=where) for x in table.get("levels", ()))
    if levels and kind is not RuleKind.DOSE_LEVEL:
        raise ReferenceDataError("only a dose_level rule has levels", source=where, field="levels")
    if any(not a < b for a, b in zip((0.0, *levels), levels, strict=False)):
        raise ReferenceDataError("levels are positive and rise", source=where, field="levels", value=str(levels))
    if kind is RuleKind.DOSE_LEVEL and not levels and "amount" not in table:
        raise ReferenceDataError("a dose_level rule needs an amount or levels", source=where, field="levels")
    return levels


def _setting(name: str, settings: Sequence[str], where: str) -> str:
    if name and name not in settings:
        raise ReferenceDataError(
            "the setting is not declared",
            source=where,
            field="setting",
            value=name,
            expected=", ".join(settings) or "none declared",
            remedy="add it to [settings] with a title",
        )
    return name


def _platelets(table: Mapping[str, Any], key: str, where: str) -> float | None:
    if key not in table:
        return None
    value = take(table, key, float, source=where)
    if not 0.0 < value <= _MAX_PLATELETS_E9_PER_L:
        raise ReferenceDataError(
            "platelets are given in 10^9/l",
            source=where,
            field=key,
            value=f"{value:g}",
            expected=f"0-{_MAX_PLATELETS_E9_PER_L:g}",
            remedy="150 000 per microlitre is 150",
        )
    return value


def refusal_from_table(table: Mapping[str, Any], *, source: str, settings: Sequence[str]) -> Refusal:
    """Check a ``[[refusal]]``.

    Raises
    ------
    ReferenceDataError
        If it does not follow the schema.
    """
    where = f"{source} [[refusal]]"
    optional = ("platelets_1e9_per_l", "marrow_involvement", "low_h", "high_h", "targets", "settings")
    check_keys(table, source=where, required=("code", "kind", "text", "source", "evidence"), optional=optional)
    kind = choice(RefusalKind, table["kind"], "kind", where)
    needed = {
        RefusalKind.PLATELETS_BELOW: ("platelets_1e9_per_l",),
        RefusalKind.MARROW_INVOLVEMENT_FROM: ("marrow_involvement",),
        RefusalKind.UNFAVOURABLE_BIODISTRIBUTION: ("targets",),
        RefusalKind.RESIDENCE_TIME_OUTSIDE: ("low_h", "high_h"),
    }.get(kind, ())
    present = {key for key in optional[:-1] if key in table}
    if present != set(needed):
        raise ReferenceDataError(
            f"a refusal of kind {kind.value} has other fields",
            source=where,
            value=", ".join(sorted(present)) or "none",
            expected=", ".join(needed) or "none",
        )
    share = take(table, "marrow_involvement", float, source=where) if "marrow_involvement" in table else None
    if share is not None and not 0.0 < share <= 1.0:
        raise ReferenceDataError(
            "marrow involvement is a fraction", source=where, field="marrow_involvement", value=f"{share:g}"
        )
    low, high = (
        take(table, key, float, source=where) * HOUR_S if key in table else None for key in ("low_h", "high_h")
    )
    return Refusal(
        code=take(table, "code", str, source=where),
        kind=kind,
        text=take(table, "text", str, source=where),
        value=share if share is not None else _platelets(table, "platelets_1e9_per_l", where),
        low_s=low,
        high_s=high,
        targets=tuple(table.get("targets", ())),
        settings=tuple(_setting(name, settings, where) for name in table.get("settings", ())),
        source=take(table, "source", str, source=where),
        evidence=choice(Evidence, table["evidence"], "evidence", where),
    )
