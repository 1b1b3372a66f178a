"""Conditioning regimens as values: what is given on which day, per what, and on whose word.

A regimen is data with a source for every line. Where a publication prints a unit that cannot
be meant, the line keeps the printed text beside the corrected one and the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import PlanningError
from hemadose.model import Donor, Lane
from hemadose.therapy.conditioning.choices import AminoAcids, AtgBasis, AtgOrder, AtgProduct, CourseChoices
from hemadose.therapy.conditioning.regimen_lines import (
    AtgPlan,
    Correction,
    DoseUnit,
    Evidence,
    RegimenItem,
    TotalBodyIrradiation,
)

__all__ = [
    "LANE_OF_KIND",
    "AminoAcids",
    "AtgBasis",
    "AtgOrder",
    "AtgPlan",
    "AtgProduct",
    "Correction",
    "CourseChoices",
    "CourseOrder",
    "DoseUnit",
    "Evidence",
    "Regimen",
    "RegimenItem",
    "TotalBodyIrradiation",
]


class CourseOrder(StrEnum):
    """Whether irradiation comes before chemotherapy, or after it as in regimens of reduced intensity."""

    IRRADIATION_FIRST = "irradiation_first"
    CHEMOTHERAPY_FIRST = "chemotherapy_first"


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
        Published days of endoradiotherapy; empty where no publication gives one with this regimen.
    ert_to_tbi_min_days : int
        Least number of days from endoradiotherapy to the first fraction.
    order : CourseOrder
        Irradiation before chemotherapy or after it.
    intensity : str
        ``"myeloablative"``, ``"reduced"``, ``"nonmyeloablative"``, or ``""`` where it is not labelled.
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
    order: CourseOrder = CourseOrder.IRRADIATION_FIRST
    intensity: str = ""

    def __post_init__(self) -> None:
        """A drug may not stand twice on one day."""
        seen: dict[tuple[str, int], RegimenItem] = {}
        for item in self.items:
            for day in item.all_days:
                other = seen.setdefault((item.drug, day), item)
                if other is not item:
                    raise PlanningError(
                        f"{item.drug} is ordered twice on day {day:+d}",
                        source=self.id,
                        field="days",
                        value=f"{other.title} and {item.title}",
                        remedy="give each day of a drug to one line",
                    )

    @property
    def post_transplant_cyclophosphamide(self) -> tuple[int, ...]:
        """Days of cyclophosphamide after the graft."""
        return self.days_of("cyclophosphamide", before_graft=False)

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


LANE_OF_KIND = {
    "tbi": Lane.RADIATION_ONCOLOGY,
    "ert": Lane.NUCLEAR_MEDICINE,
    "amino_acids": Lane.NUCLEAR_MEDICINE,
    "ward": Lane.NUCLEAR_MEDICINE,
    "imaging": Lane.NUCLEAR_MEDICINE,
}
"""Lane of a kind of event; everything else belongs to the transplantation unit."""
