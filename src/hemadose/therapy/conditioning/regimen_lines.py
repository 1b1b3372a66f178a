"""The lines of a regimen: a drug on its days, irradiation in fractions, antithymocyte globulin as printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isclose
from types import MappingProxyType

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Donor
from hemadose.model._checks import require_positive
from hemadose.therapy.conditioning.drug_names import ATG_NAMES, GENERIC, KINDS

MOST_FRACTIONS, WITHIN_DAYS = 6, 3


class DoseUnit(StrEnum):
    """What an amount is counted in."""

    MG_PER_M2 = "mg/m2"
    MG_PER_KG = "mg/kg"


class Evidence(StrEnum):
    """How sure a line is: read in the cited text, or general knowledge to be confirmed before use."""

    PUBLICATION = "publication"
    UNVERIFIED = "unverified"


_DOSED_BY = {
    "cyclophosphamide": (
        DoseUnit.MG_PER_KG,
        "cyclophosphamide in a conditioning regimen is dosed per kilogram",
        "correct the unit (60 mg/m2 as printed would be about 1/39 of 60 mg/kg), or give unit_reason",
    ),
    "fludarabine": (
        DoseUnit.MG_PER_M2,
        "fludarabine in a conditioning regimen is dosed by body surface",
        "correct the unit, or give unit_reason",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A printed instruction that cannot be meant, and why.

    Attributes
    ----------
    printed : str
        As the publication prints it.
    corrected : str
        As it is used here.
    reason : str
        Why, with the source of the corrected value.
    """

    printed: str
    corrected: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimenItem:
    """One line of a regimen: a drug on given days.

    Attributes
    ----------
    drug : str
        Generic name in lower case.
    title : str
        Name on the calendar.
    kind : str
        ``"chemotherapy"``, ``"immunosuppression"`` or ``"supportive"``.
    days : tuple of int
        Days relative to infusion of stem cells; first and last day of a period if `continuous`.
    amount : float or None
        Amount per administration.
    unit : DoseUnit or None
        Unit of `amount`.
    times_per_day : int
        Administrations per day.
    continuous : bool
        One entry spanning all days instead of one entry per day.
    instruction : str
        Text that belongs to the order.
    source : str
        Publication.
    confirmed : bool
        False if the days are not printed in the source and the centre has to confirm them.
    correction : Correction or None
        For a line whose printed unit was corrected.
    unit_reason : str
        Reason for cyclophosphamide per m2 or fludarabine per kg, which are refused without one.
    total : float or None
        Amount of all days in `unit` as the source states it; must be what the days add up to.
    evidence : Evidence
        How sure amount and days are.
    """

    drug: str
    title: str
    kind: str
    days: tuple[int, ...]
    amount: float | None = None
    unit: DoseUnit | None = None
    times_per_day: int = 1
    continuous: bool = False
    instruction: str = ""
    source: str = ""
    confirmed: bool = True
    correction: Correction | None = None
    unit_reason: str = ""
    total: float | None = None
    evidence: Evidence = Evidence.PUBLICATION

    def __post_init__(self) -> None:
        """Check days, amount, unit and the sum of the days."""
        self._check_names()
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise QuantityError(f"{self.title} needs days in rising order", value=str(self.days))
        if (self.amount is None) != (self.unit is None):
            raise QuantityError(f"{self.title} needs both an amount and a unit, or neither")
        if self.amount is not None:
            require_positive(self.title, amount=self.amount)
        if self.times_per_day < 1:
            raise QuantityError(f"{self.title} is given at least once a day")
        wanted, message, remedy = _DOSED_BY.get(self.drug, (self.unit, "", ""))
        if self.unit is not None and self.unit is not wanted and not self.unit_reason.strip():
            raise PlanningError(
                message, field="unit", value=f"{self.amount:g} {self.unit}", expected=str(wanted), remedy=remedy
            )
        if self.total is not None and not isclose(self.total, self.amount_of_all_days or 0.0, rel_tol=1e-9):
            raise PlanningError(
                f"the days of {self.title} do not add up to the stated total",
                field="total",
                value=f"{self.total:g} {self.unit}",
                expected=f"{self.amount_of_all_days or 0.0:g} {self.unit}",
                remedy="an amount per day and an amount of all days were perhaps confused",
            )

    def _check_names(self) -> None:
        """Refuse a name or kind under which a line would escape the checks of its drug."""
        if self.drug in ATG_NAMES:
            raise PlanningError(
                "antithymocyte globulin is no line of its own: product and basis are chosen for each patient",
                field="drug",
                value=self.drug,
                remedy="give its days in [atg]",
            )
        generic = GENERIC.get(self.drug.strip().lower(), self.drug.strip().lower().replace(" ", "_"))
        if self.drug != generic:
            raise PlanningError(
                "a drug is written by its generic name", field="drug", value=self.drug, expected=generic
            )
        kinds = ("chemotherapy",) if self.drug in _DOSED_BY else KINDS
        if self.kind not in kinds:
            raise PlanningError(
                f"{self.drug} is of another kind", field="kind", value=self.kind, expected=", ".join(kinds)
            )

    @property
    def amount_per_day(self) -> float | None:
        """Amount of one day in `unit`."""
        return None if self.amount is None else self.amount * self.times_per_day

    @property
    def all_days(self) -> tuple[int, ...]:
        """Every day of the line; for a period with an open end only its first."""
        return tuple(range(self.days[0], self.days[-1] + 1)) if self.continuous else self.days

    @property
    def amount_of_all_days(self) -> float | None:
        """Amount of all days in `unit`; None for a period whose last day is open."""
        if self.amount is None or (self.continuous and len(self.days) < 2):
            return None
        return self.amount * self.times_per_day * len(self.all_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalBodyIrradiation:
    """Total body irradiation of a regimen.

    Attributes
    ----------
    days : tuple of int
        Days on which fractions may be given.
    fraction_gy : float
        Dose per fraction.
    fractions_per_day : int
        Fractions per day.
    permitted_gy : tuple of float
        Total doses the regimen knows.
    instruction, source : str
        Technique, publication.
    """

    days: tuple[int, ...]
    fraction_gy: float
    fractions_per_day: int
    permitted_gy: tuple[float, ...]
    instruction: str = ""
    source: str = ""
    evidence: Evidence = Evidence.PUBLICATION

    def __post_init__(self) -> None:
        """Refuse more fractions than the days may hold."""
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise QuantityError("total body irradiation needs days in rising order", value=str(self.days))
        require_positive("total body irradiation", fraction_gy=self.fraction_gy)
        for total in self.permitted_gy:
            plan = self.fractions(total)
            for first, _ in plan:
                held = sum(count for day, count in plan if first <= day < first + WITHIN_DAYS)
                if held > MOST_FRACTIONS:
                    raise PlanningError(
                        "too many fractions of total body irradiation",
                        field="fractions_per_day",
                        value=f"{held} fractions within {WITHIN_DAYS} d",
                        expected=f"at most {MOST_FRACTIONS} fractions within {WITHIN_DAYS} d",
                    )

    def fractions(self, total_gy: float) -> tuple[tuple[int, int], ...]:
        """Pairs of day and number of fractions, filled from the first day.

        Raises
        ------
        PlanningError
            If the regimen does not know this total dose.

        Examples
        --------
        >>> tbi = TotalBodyIrradiation(days=(-9, -8, -7), fraction_gy=2.0, fractions_per_day=2,
        ...                            permitted_gy=(8.0, 10.0))
        >>> tbi.fractions(10.0)
        ((-9, 2), (-8, 2), (-7, 1))
        """
        if total_gy not in self.permitted_gy:
            raise PlanningError(
                "this total body irradiation does not belong to the regimen",
                field="tbi_dose_gy",
                value=f"{total_gy:g} Gy",
                expected=" or ".join(f"{dose:g} Gy" for dose in self.permitted_gy),
            )
        left = round(total_gy / self.fraction_gy)
        if not isclose(left * self.fraction_gy, total_gy, rel_tol=1e-9):
            raise PlanningError(
                "the total dose is not a whole number of fractions",
                field="tbi_dose_gy",
                value=f"{total_gy:g} Gy in fractions of {self.fraction_gy:g} Gy",
            )
        plan: list[tuple[int, int]] = []
        for day in self.days:
            count = min(left, self.fractions_per_day)
            if count:
                plan.append((day, count))
            left -= count
        if left:
            raise PlanningError("the fractions do not fit into the days of irradiation", value=str(left))
        return tuple(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtgPlan:
    """Antithymocyte globulin as printed: days and mg/kg by donor; product and basis are open.

    Attributes
    ----------
    days : tuple of int
        Days of infusion.
    printed_mg_per_kg : Mapping of Donor to float
        Amounts as printed, whose basis (per day or total) and product the publication omits.
    source : str
        Publication.
    """

    days: tuple[int, ...]
    printed_mg_per_kg: Mapping[Donor, float]
    source: str = ""

    def __post_init__(self) -> None:
        """Freeze the mapping."""
        object.__setattr__(self, "printed_mg_per_kg", MappingProxyType(dict(self.printed_mg_per_kg)))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (_rebuild_atg_plan, (self.days, dict(self.printed_mg_per_kg), self.source))


def _rebuild_atg_plan(days: tuple[int, ...], printed: dict[Donor, float], source: str) -> AtgPlan:
    return AtgPlan(days=days, printed_mg_per_kg=printed, source=source)
