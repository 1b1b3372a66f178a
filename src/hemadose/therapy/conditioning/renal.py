"""Fludarabine by renal function: two labels that differ, each by its name, neither a default of the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import QuantityError

REFERENCE_SURFACE_M2 = 1.73


class FludarabineLabel(StrEnum):
    """Label whose reduction by creatinine clearance is applied."""

    US_INTRAVENOUS = "us_intravenous"
    US_ORAL = "us_oral"


LABEL_WORDS = {
    FludarabineLabel.US_INTRAVENOUS: "US label, intravenous",
    FludarabineLabel.US_ORAL: "US label, tablets",
}
LABEL_SOURCE = {
    FludarabineLabel.US_INTRAVENOUS: "Fludarabine phosphate injection, US label, renal impairment",
    FludarabineLabel.US_ORAL: "Oforta (fludarabine phosphate tablets), US label NDA 22-273, section 2.2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenalReduction:
    """Fraction of the full dose by one label.

    Attributes
    ----------
    label : FludarabineLabel
        The label.
    clearance : float
        In the unit of the label.
    unit : str
        ``"ml/min"`` or ``"ml/min/1.73 m2"``.
    fraction : float
        Of the full dose; 0 where the drug must not be given.
    """

    label: FludarabineLabel
    clearance: float
    unit: str
    fraction: float


def fludarabine_renal_fraction(
    clearance_ml_per_min: float, *, label: FludarabineLabel = FludarabineLabel.US_INTRAVENOUS
) -> float:
    """Fraction of the full fludarabine dose by creatinine clearance.

    Parameters
    ----------
    clearance_ml_per_min : float
        In ml/min for the intravenous label, in ml/min/1.73 m2 for the label of the tablets.
    label : FludarabineLabel
        Intravenous: from 80 full; 50-79 20 of 25 mg/m2; 30-49 15 of 25 mg/m2; below 30 not to be given (0.0).
        Tablets: above 70 full; 30-70 less by 20 %; below 30 less by 50 %.

    Raises
    ------
    QuantityError
        For a clearance that is not positive, or 1000 ml/min and more.

    Examples
    --------
    >>> [fludarabine_renal_fraction(c) for c in (100, 60, 40, 20)]
    [1.0, 0.8, 0.6, 0.0]
    >>> [fludarabine_renal_fraction(c, label=FludarabineLabel.US_ORAL) for c in (100, 60, 40, 20)]
    [1.0, 0.8, 0.8, 0.5]
    """
    clearance = clearance_ml_per_min
    if not 0.0 < clearance < 1000.0:
        raise QuantityError(
            "implausible creatinine clearance", field="clearance", value=f"{clearance:g} ml/min",
            expected="0 to 1000 ml/min", remedy="check weight, age and creatinine: they do not belong together",
        )  # fmt: skip
    if FludarabineLabel(label) is FludarabineLabel.US_ORAL:
        if clearance > 70.0:
            return 1.0
        return 0.8 if clearance >= 30.0 else 0.5
    if clearance >= 80.0:
        return 1.0
    if clearance >= 50.0:
        return 0.8
    return 0.6 if clearance >= 30.0 else 0.0


def renal_reduction(clearance_ml_per_min: float, *, surface_m2: float, label: FludarabineLabel) -> RenalReduction:
    """Fraction by one label, with the clearance normalised as that label asks.

    Parameters
    ----------
    clearance_ml_per_min : float
        Not normalised (Cockcroft-Gault).
    surface_m2 : float
        Body surface of the patient.
    label : FludarabineLabel
        Which label.

    Examples
    --------
    >>> renal_reduction(75.0, surface_m2=1.73, label=FludarabineLabel.US_INTRAVENOUS).fraction
    0.8
    >>> renal_reduction(75.0, surface_m2=2.0, label=FludarabineLabel.US_ORAL).fraction
    0.8
    """
    if FludarabineLabel(label) is FludarabineLabel.US_ORAL:
        clearance, unit = clearance_ml_per_min * REFERENCE_SURFACE_M2 / surface_m2, "ml/min/1.73 m2"
    else:
        clearance, unit = clearance_ml_per_min, "ml/min"
    return RenalReduction(
        label=FludarabineLabel(label),
        clearance=clearance,
        unit=unit,
        fraction=fludarabine_renal_fraction(clearance, label=label),
    )
