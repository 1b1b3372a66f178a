"""A published dosimetry cohort as values: what was printed, patient by patient."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import InputError
from hemadose.model._checks import require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCoefficient:
    """Dose per administered activity of one organ, predicted and measured after therapy.

    Attributes
    ----------
    target : str
        ``kidneys``, ``liver``, ``red_marrow``.
    pre_gy_per_bq : float
        From the tracer study.
    post_gy_per_bq : float or None
        From the images after therapy; None where not available.
    """

    target: str
    pre_gy_per_bq: float
    post_gy_per_bq: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(self.target, pre_gy_per_bq=self.pre_gy_per_bq)
        if self.post_gy_per_bq is not None:
            require_positive(self.target, post_gy_per_bq=self.post_gy_per_bq)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPatient:
    """One row of the published table."""

    id: str
    coefficients: tuple[PairedCoefficient, ...]
    activity_bq: float
    method: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the activity."""
        require_positive(f"patient {self.id}", activity_bq=self.activity_bq)

    def coefficient(self, target: str) -> PairedCoefficient:
        """Give the coefficients of one organ.

        Raises
        ------
        InputError
            If the organ is not in the table.
        """
        for known in self.coefficients:
            if known.target == target:
                return known
        raise InputError(
            f"patient {self.id} has no dose of {target}",
            expected=", ".join(c.target for c in self.coefficients),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedStatement:
    """What the text prints about one column: centre, spread and range.

    Attributes
    ----------
    quantity, phase : str
        E.g. ``kidneys``, ``pre``; ``activity``, ``therapy``.
    unit : str
        As printed.
    si_per_unit : float
        Factor from the printed unit to SI.
    centre : str
        ``"median"`` or ``"mean"``.
    value, sd, low, high : float
        As printed, in `unit`.
    decimals : int
        Printed decimals: a number is reproduced if it rounds to what is printed.
    """

    quantity: str
    phase: str
    unit: str
    si_per_unit: float
    centre: str
    value: float
    sd: float
    low: float
    high: float
    decimals: int

    def agrees(self, recomputed: float, printed: float) -> bool:
        """Whether a recomputed number (in `unit`) rounds to the printed one, half either way."""
        return abs(recomputed - printed) <= 0.5 * 10.0**-self.decimals + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class DosimetryCohort:
    """A cohort with its source.

    Attributes
    ----------
    id, title, source : str
        Identifier, title and publication.
    agent : str
        Agent id.
    kidney_limit_gy, residual_marrow_limit_gy : float
        Limits that the publication states.
    patients : tuple of CohortPatient
        In printed order.
    statements : tuple of PrintedStatement
        What the text says about the columns.
    notes : tuple of str
        Doubts in plain words.
    """

    id: str
    title: str
    source: str
    agent: str
    kidney_limit_gy: float
    residual_marrow_limit_gy: float
    patients: tuple[CohortPatient, ...]
    statements: tuple[PrintedStatement, ...]
    notes: tuple[str, ...] = ()

    def column(self, quantity: str, phase: str) -> tuple[float, ...]:
        """All available values of one column in SI units, in printed order.

        Raises
        ------
        InputError
            If the column is unknown.
        """
        if (quantity, phase) == ("activity", "therapy"):
            return tuple(patient.activity_bq for patient in self.patients)
        if phase not in ("pre", "post"):
            raise InputError("unknown column", field="phase", value=phase, expected="pre or post")
        pairs = [patient.coefficient(quantity) for patient in self.patients]
        if phase == "pre":
            return tuple(pair.pre_gy_per_bq for pair in pairs)
        return tuple(pair.post_gy_per_bq for pair in pairs if pair.post_gy_per_bq is not None)

    def pairs(self, target: str) -> tuple[tuple[str, float, float], ...]:
        """Id, pre and post value (Gy/Bq) of every patient that has both."""
        found = []
        for patient in self.patients:
            pair = patient.coefficient(target)
            if pair.post_gy_per_bq is not None:
                found.append((patient.id, pair.pre_gy_per_bq, pair.post_gy_per_bq))
        return tuple(found)
