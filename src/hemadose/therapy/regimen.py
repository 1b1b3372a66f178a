"""Conditioning regimens as values: what is given on which day, per what, and on whose word.

A regimen is data with a source for every line. Where a publication prints a unit that cannot
be meant, the line keeps the printed text beside the corrected one and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from types import MappingProxyType

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Donor, Lane
from hemadose.model._checks import require_positive
from hemadose.therapy.anthropometry import SurfaceRule, WeightRule


class DoseUnit(StrEnum):
    """What an amount is counted in."""

    MG_PER_M2 = "mg/m2"
    MG_PER_KG = "mg/kg"


class AtgProduct(StrEnum):
    """Rabbit antithymocyte globulins, whose doses differ several-fold."""

    THYMOGLOBULIN = "thymoglobulin"
    GRAFALON = "grafalon"


class AtgBasis(StrEnum):
    """Whether milligrams per kilogram are meant for each day or for the whole course."""

    PER_DAY = "per_day"
    TOTAL = "total"


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
        See `hemadose.model.CourseEvent`.
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
        Reason for cyclophosphamide per m2, which is refused without one.
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

    def __post_init__(self) -> None:
        """Check days, amount and the unit of cyclophosphamide."""
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise QuantityError(f"{self.title} needs days in rising order", value=str(self.days))
        if (self.amount is None) != (self.unit is None):
            raise QuantityError(f"{self.title} needs both an amount and a unit, or neither")
        if self.amount is not None:
            require_positive(self.title, amount=self.amount)
        if self.times_per_day < 1:
            raise QuantityError(f"{self.title} is given at least once a day")
        if self.drug == "cyclophosphamide" and self.unit is DoseUnit.MG_PER_M2 and not self.unit_reason:
            raise PlanningError(
                "cyclophosphamide in a conditioning regimen is dosed per kilogram",
                field="unit",
                value=f"{self.amount:g} mg/m2",
                expected="mg/kg",
                remedy="correct the unit (60 mg/m2 as printed would be about 1/39 of 60 mg/kg), or give unit_reason",
            )

    @property
    def amount_per_day(self) -> float | None:
        """Amount of one day in `unit`."""
        return None if self.amount is None else self.amount * self.times_per_day


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimen:
    """A conditioning regimen around one administration of an endoradiotherapy agent.

    Attributes
    ----------
    id, title : str
        Identifier and name.
    donors : tuple of Donor
        Donor types it is made for.
    ert_days : tuple of int
        Published days of endoradiotherapy.
    ert_to_tbi_min_days : int
        Least number of days from endoradiotherapy to the first fraction.
    ward_h : float
        Stay in the nuclear medicine ward.
    tbi : TotalBodyIrradiation
        Irradiation.
    items : tuple of RegimenItem
        Drugs.
    atg : AtgPlan or None
        Where antithymocyte globulin belongs to the regimen.
    alternatives : tuple of str
        Regimens that are given instead of this one, never in addition.
    printed_immunosuppression_day : int or None
        Start of immunosuppression as printed, where it conflicts with the one used.
    notes, sources : tuple of str
        Remarks, publications.
    """

    id: str
    title: str
    donors: tuple[Donor, ...]
    ert_days: tuple[int, ...]
    ert_to_tbi_min_days: int
    ward_h: float
    tbi: TotalBodyIrradiation
    items: tuple[RegimenItem, ...]
    atg: AtgPlan | None = None
    alternatives: tuple[str, ...] = ()
    printed_immunosuppression_day: int | None = None
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def days_of(self, drug: str, *, before_graft: bool | None = None) -> tuple[int, ...]:
        """Days of one drug, all or only those before (or after) day 0, in order."""
        return tuple(
            sorted(
                day
                for item in self.items
                if item.drug == drug
                for day in item.days
                if before_graft is None or (day < 0) == before_graft
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AtgOrder:
    """Antithymocyte globulin as ordered: product, amount and basis are all mandatory."""

    product: AtgProduct
    amount_mg_per_kg: float
    basis: AtgBasis

    def __post_init__(self) -> None:
        """Accept the names of product and basis, refuse unknown ones."""
        require_positive("antithymocyte globulin", amount_mg_per_kg=self.amount_mg_per_kg)
        try:
            object.__setattr__(self, "product", AtgProduct(str(self.product).lower()))
            object.__setattr__(self, "basis", AtgBasis(self.basis))
        except ValueError as problem:
            raise PlanningError(
                "unknown product or basis of antithymocyte globulin",
                field="atg",
                value=f"{self.product}, {self.basis}",
                expected="product thymoglobulin or grafalon; basis per_day or total",
            ) from problem

    def total_mg_per_kg(self, *, days: int) -> float:
        """Amount of the whole course."""
        return self.amount_mg_per_kg * (days if self.basis is AtgBasis.PER_DAY else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AminoAcids:
    """Grams of L-arginine and L-lysine in the nephroprotective infusion."""

    arginine_g: float
    lysine_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseChoices:
    """Everything the treating team decides; what is not decided here is not guessed.

    Attributes
    ----------
    tbi_dose_gy : float
        Total body irradiation.
    graft_confirmed : bool
        Donor and graft confirmed for day 0.
    ert_day : int
        Day of endoradiotherapy.
    surface_rule : SurfaceRule
        Formula for body surface.
    cyclophosphamide_weight : WeightRule or None
        Mandatory where cyclophosphamide is given.
    atg : AtgOrder or None
        Mandatory where the regimen holds antithymocyte globulin.
    calcineurin_inhibitor : str or None
        ``"ciclosporin"`` or ``"tacrolimus"``.
    immunosuppression_start_day : int or None
        None: as in the regimen.
    amino_acids : AminoAcids or None
        Amounts in the nephroprotective infusion.
    creatinine_after_ert_mg_per_dl : float or None
        Creatinine rechecked after endoradiotherapy, where known.
    renal_weight : WeightRule
        Weight in the Cockcroft-Gault formula.
    ert_at, tbi_at : time, tuple of time
        Planned times of day (clinic time).
    overrides : Mapping of str to str
        Warning code to reason; the warning stays on paper with the reason.
    """

    tbi_dose_gy: float
    graft_confirmed: bool
    ert_day: int = -14
    surface_rule: SurfaceRule = SurfaceRule.MOSTELLER
    cyclophosphamide_weight: WeightRule | None = None
    atg: AtgOrder | None = None
    calcineurin_inhibitor: str | None = None
    immunosuppression_start_day: int | None = None
    amino_acids: AminoAcids | None = None
    creatinine_after_ert_mg_per_dl: float | None = None
    renal_weight: WeightRule = WeightRule.ACTUAL
    ert_at: time = time(10, 0)
    tbi_at: tuple[time, ...] = (time(8, 0), time(16, 0))
    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the overrides; accept rules by name."""
        object.__setattr__(self, "overrides", MappingProxyType(dict(self.overrides)))
        try:
            object.__setattr__(self, "surface_rule", SurfaceRule(self.surface_rule))
            object.__setattr__(self, "renal_weight", WeightRule(self.renal_weight))
            if self.cyclophosphamide_weight is not None:
                object.__setattr__(self, "cyclophosphamide_weight", WeightRule(self.cyclophosphamide_weight))
        except ValueError as problem:
            raise PlanningError(
                "unknown rule for weight or body surface",
                value=str(problem),
                expected=", ".join([*SurfaceRule, *WeightRule]),
            ) from problem

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (_rebuild_choices, ({n: _plain(getattr(self, n)) for n in self.__dataclass_fields__},))


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _rebuild_choices(values: dict[str, object]) -> CourseChoices:
    return CourseChoices(**values)  # type: ignore[arg-type]


LANE_OF_KIND = {
    "tbi": Lane.RADIATION_ONCOLOGY,
    "ert": Lane.NUCLEAR_MEDICINE,
    "amino_acids": Lane.NUCLEAR_MEDICINE,
    "ward": Lane.NUCLEAR_MEDICINE,
    "imaging": Lane.NUCLEAR_MEDICINE,
}
"""Lane of a kind of event; everything else belongs to the transplantation unit."""
