"""What the treating team decides for one course; what is not decided here is not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from types import MappingProxyType

from hemadose.errors import PlanningError
from hemadose.model._checks import require_positive
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.conditioning.renal import FludarabineLabel


class AtgProduct(StrEnum):
    """Rabbit antithymocyte globulins, whose doses differ several-fold."""

    THYMOGLOBULIN = "thymoglobulin"
    GRAFALON = "grafalon"


class AtgBasis(StrEnum):
    """Whether milligrams per kilogram are meant for each day or for the whole course."""

    PER_DAY = "per_day"
    TOTAL = "total"


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

    def __post_init__(self) -> None:
        """Refuse amounts that are not positive."""
        require_positive("amino acids", arginine_g=self.arginine_g, lysine_g=self.lysine_g)


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
    renal_label : FludarabineLabel
        Label whose reduction of fludarabine is applied.
    earlier_weight_kg : float or None
        Weight at an earlier date, e.g. of the first plan: a change of 10 % or more is named.
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
    renal_label: FludarabineLabel = FludarabineLabel.US_INTRAVENOUS
    earlier_weight_kg: float | None = None
    ert_at: time = time(10, 0)
    tbi_at: tuple[time, ...] = (time(8, 0), time(16, 0))
    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the overrides; accept rules by name."""
        object.__setattr__(self, "overrides", MappingProxyType(dict(self.overrides)))
        if self.earlier_weight_kg is not None and not 3.0 <= self.earlier_weight_kg <= 350.0:
            raise PlanningError(
                "implausible earlier weight", value=f"{self.earlier_weight_kg:g} kg", expected="3-350 kg"
            )
        if self.calcineurin_inhibitor is not None:
            self._name_inhibitor(self.calcineurin_inhibitor.strip().lower())
        try:
            object.__setattr__(self, "surface_rule", SurfaceRule(self.surface_rule))
            object.__setattr__(self, "renal_weight", WeightRule(self.renal_weight))
            object.__setattr__(self, "renal_label", FludarabineLabel(self.renal_label))
            if self.cyclophosphamide_weight is not None:
                object.__setattr__(self, "cyclophosphamide_weight", WeightRule(self.cyclophosphamide_weight))
        except ValueError as problem:
            raise PlanningError(
                "unknown rule for weight, body surface or renal function",
                value=str(problem),
                expected=", ".join([*SurfaceRule, *WeightRule, *FludarabineLabel]),
            ) from problem

    def _name_inhibitor(self, name: str) -> None:
        known = {"ciclosporin": "ciclosporin", "cyclosporine": "ciclosporin", "cyclosporin": "ciclosporin"}
        known["tacrolimus"] = "tacrolimus"
        if name not in known:
            raise PlanningError(
                "unknown calcineurin inhibitor",
                field="calcineurin_inhibitor",
                value=str(self.calcineurin_inhibitor),
                expected="ciclosporin or tacrolimus",
            )
        object.__setattr__(self, "calcineurin_inhibitor", known[name])

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (_rebuild_choices, ({n: _plain(getattr(self, n)) for n in self.__dataclass_fields__},))


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _rebuild_choices(values: dict[str, object]) -> CourseChoices:
    return CourseChoices(**values)  # type: ignore[arg-type]
