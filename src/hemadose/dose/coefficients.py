"""Organ dose coefficients of a reference adult from residence times.

D(T) = sum over S of TIAC(S) S(T<-S). The remainder of the body is the whole body without the sources that lie in it
(Coffey and Watson 1979). Whatever the table lacks is an error, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import DoseContribution, SValueTable
from hemadose.model._checks import require_non_negative
from hemadose.physics.svalues import remainder_s_value

REMAINDER, TOTAL_BODY = "remainder", "total_body"
_PARTS = {"kidneys": ("kidney_left", "kidney_right")}
NOT_IN_THE_SUM = frozenset({"marrow_blood", "bone_surface", "bone_volume", TOTAL_BODY, REMAINDER})
"""Sources without a mass of their own in the body: activity in them is taken off no remainder."""


def dose_coefficients(tiac_s: Mapping[str, float], *, table: SValueTable) -> dict[str, tuple[DoseContribution, ...]]:
    """Give what every source adds to every target, per administered activity.

    Parameters
    ----------
    tiac_s : Mapping
        Source to time-integrated activity over administered activity, in seconds; ``remainder`` for the rest of the
        body.
    table : SValueTable
        Of a reference adult, with ``total_body`` as source if there is a remainder.

    Returns
    -------
    dict
        Target to contributions, for every target of the table.

    Raises
    ------
    QuantityError
        If there is no source, a coefficient is negative, or a part and its whole are both given.
    ReferenceDataError
        If the table lacks a source, or a pair of source and target.
    """
    if not any(t > 0.0 for t in tiac_s.values()):
        raise QuantityError("no residence time is given", field="tiac", expected="one source with more than 0 h")
    require_non_negative("residence times", **{name.replace("-", "_"): t for name, t in tiac_s.items()})
    for whole, parts in _PARTS.items():
        if whole in tiac_s and any(part in tiac_s for part in parts):
            raise QuantityError(f"{whole} and their parts are both given", field="tiac", expected="one or the other")
    known = {v.source for v in table.values} | {REMAINDER}
    strange = [name for name in tiac_s if name not in known]
    if strange:
        raise ReferenceDataError(
            f"the table has no source {', '.join(strange)}",
            source=table.name,
            expected=", ".join(sorted(known)),
        )
    targets = {v.target for v in table.values}
    inside = [name for name in tiac_s if name not in NOT_IN_THE_SUM]
    return {
        target: tuple(
            DoseContribution(source=name, gy_per_bq=t * _value(table, name, target, inside))
            for name, t in tiac_s.items()
        )
        for target in table.target_mass_kg
        if target in targets
    }


def _value(table: SValueTable, source: str, target: str, inside: list[str]) -> float:
    """S of a source, or of the body without the sources in it; that is never negative."""
    if source != REMAINDER:
        return table.get(source=source, target=target).gy_per_bq_s
    if table.has(source=REMAINDER, target=target):
        return table.get(source=REMAINDER, target=target).gy_per_bq_s
    masses = table.target_mass_kg
    return max(
        remainder_s_value(
            total_body_gy_per_bq_s=table.get(source=TOTAL_BODY, target=target).gy_per_bq_s,
            total_body_kg=masses[TOTAL_BODY],
            sources={s: (table.get(source=s, target=target).gy_per_bq_s, masses[s]) for s in inside},
        ),
        0.0,
    )
