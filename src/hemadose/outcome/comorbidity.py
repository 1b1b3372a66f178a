"""Comorbidity before transplantation: the HCT-CI, with what is not known kept apart from what is absent.

Source: Sorror ML et al. Blood 2005;106:2912-2919; composite with age: J Clin Oncol 2014;32:3249-3256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemadose.errors import InputError
from hemadose.model._checks import require_non_negative
from hemadose.model.followup import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class ComorbidityItem:
    """One comorbidity.

    Attributes
    ----------
    name : str
        E.g. ``"infection"``.
    weight : int
        Points.
    meaning : str
        When it is present.
    group : str
        Of the items of one group only the worst counts.
    """

    name: str
    weight: int
    meaning: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComorbidityIndex:
    """The table of comorbidities with its source."""

    items: tuple[ComorbidityItem, ...]
    source: str

    def item(self, name: str) -> ComorbidityItem:
        """Give one comorbidity.

        Raises
        ------
        InputError
            If it is unknown.
        """
        for known in self.items:
            if known.name == name:
                return known
        raise InputError(
            "unknown comorbidity", field="comorbidity", value=name, expected=", ".join(i.name for i in self.items)
        )


def hct_ci(index: ComorbidityIndex, present: Mapping[str, bool | None], *, age_years: float | None = None) -> Decision:
    """Add up the comorbidities of a patient.

    Parameters
    ----------
    index : ComorbidityIndex
        Table of weights.
    present : Mapping of str to bool or None
        Every comorbidity that was asked for; what is None, or not named at all, is not known.
    age_years : float, optional
        Adds a point from 40 years on: the composite index.

    Returns
    -------
    Decision
        Points as `grade`, group in `outcome` (``"low"`` 0, ``"intermediate"`` 1-2, ``"high"`` 3 and more); open if
        what is not known could change the group.

    Raises
    ------
    InputError
        If a comorbidity is unknown to the table.
    """
    for name in present:
        index.item(name)
    points, said = _points(index, {n for n, yes in present.items() if yes})
    unknown = tuple(i.name for i in index.items if present.get(i.name) is None)
    most, _ = _points(index, {n for n, yes in present.items() if yes} | set(unknown))
    rule = "HCT-CI"
    if age_years is not None:
        require_non_negative("HCT-CI", age_years=age_years)
        rule = "HCT-CI with age"
        extra = int(age_years >= 40.0)
        points, most = points + extra, most + extra
        said += (f"age {age_years:g}: {extra}",)
    decided = _group(points) == _group(most)
    return Decision(
        rule=rule,
        outcome=_group(points) if decided else None,
        grade=points if decided else None,
        criteria=said or ("none present",),
        missing=unknown,
        source=index.source,
        notes=(f"at least {points}, at most {most} points: {len(unknown)} entries are not known",) if unknown else (),
    )


def _points(index: ComorbidityIndex, present: set[str]) -> tuple[int, tuple[str, ...]]:
    worst: dict[str, ComorbidityItem] = {}
    for item in index.items:
        key = item.group or item.name
        if item.name in present and (key not in worst or item.weight > worst[key].weight):
            worst[key] = item
    return sum(i.weight for i in worst.values()), tuple(f"{i.name}: {i.weight}" for i in worst.values())


def _group(points: int) -> str:
    return "low" if points == 0 else ("intermediate" if points <= 2 else "high")
