"""The patient and the administered radiopharmaceutical."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hemadose.errors import QuantityError, TimingError
from hemadose.model._checks import require_aware, require_non_negative, require_positive
from hemadose.model.moment import elapsed_s
from hemadose.model.nuclide import Nuclide


class Sex(StrEnum):
    """Sex for reference masses and weight rules."""

    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient, by pseudonym.

    Attributes
    ----------
    pseudonym : str
        Never a name or hospital number.
    sex : Sex
        For reference anatomy and weight rules.
    height_cm, weight_kg : float
        Measured.
    age_years : float or None
        At treatment.
    creatinine_mg_per_dl : float or None
        Serum creatinine.
    """

    pseudonym: str
    sex: Sex
    height_cm: float
    weight_kg: float
    age_years: float | None = None
    creatinine_mg_per_dl: float | None = None

    def __post_init__(self) -> None:
        """Refuse absurd sizes."""
        require_positive("patient", height_cm=self.height_cm, weight_kg=self.weight_kg)
        if not 50.0 <= self.height_cm <= 250.0:
            raise QuantityError(
                "implausible height",
                field="height_cm",
                value=f"{self.height_cm:g}",
                expected="50-250 cm",
            )
        if not 3.0 <= self.weight_kg <= 350.0:
            raise QuantityError(
                "implausible weight",
                field="weight_kg",
                value=f"{self.weight_kg:g}",
                expected="3-350 kg",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """One injection, measured in the dose calibrator before and after.

    Attributes
    ----------
    agent : str
        Agent id of ``refdata/agents`` (e.g. ``lu177-pentixather``).
    nuclide : Nuclide
        The radionuclide.
    measured_activity_bq : float
        Syringe before injection, at `measured_at`.
    residual_activity_bq : float
        Syringe and line after injection, at `residual_measured_at`.
    measured_at, residual_measured_at, administered_at : datetime
        With time zone.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> lu = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.9,
    ...              photon_energy_kev=35.1)
    >>> noon = datetime(2025, 3, 3, 12, tzinfo=UTC)
    >>> a = Administration(agent="lu177-pentixather", nuclide=lu, measured_activity_bq=200e6,
    ...     measured_at=noon, residual_activity_bq=2e6, residual_measured_at=noon,
    ...     administered_at=noon)
    >>> a.administered_activity_bq / 1e6
    198.0
    """

    agent: str
    nuclide: Nuclide
    measured_activity_bq: float
    measured_at: datetime
    residual_activity_bq: float
    residual_measured_at: datetime
    administered_at: datetime

    def __post_init__(self) -> None:
        """Check the measurements against each other."""
        require_positive("administration", measured_activity_bq=self.measured_activity_bq)
        require_non_negative("administration", residual_activity_bq=self.residual_activity_bq)
        require_aware(
            "administration",
            measured_at=self.measured_at,
            residual_measured_at=self.residual_measured_at,
            administered_at=self.administered_at,
        )
        if self.administered_activity_bq <= 0.0:
            raise QuantityError(
                "nothing was administered: the residual exceeds the syringe",
                field="residual_activity",
                value=f"{self.residual_activity_bq / 1e6:g} MBq",
                expected=f"< {self.measured_activity_bq / 1e6:g} MBq",
            )

    @property
    def administered_activity_bq(self) -> float:
        """Net activity at the time of injection."""
        syringe = self.measured_activity_bq * self.nuclide.decay_factor(
            elapsed_s(self.measured_at, self.administered_at)
        )
        residual = self.residual_activity_bq * self.nuclide.decay_factor(
            elapsed_s(self.residual_measured_at, self.administered_at)
        )
        return syringe - residual

    def time_since_s(self, moment: datetime, *, what: str = "acquisition") -> float:
        """Seconds from injection to a moment.

        Raises
        ------
        TimingError
            If the moment lies before the injection.
        """
        require_aware(what, moment=moment)
        elapsed = elapsed_s(self.administered_at, moment)
        if elapsed < 0.0:
            raise TimingError(
                f"{what} lies before the injection",
                value=f"{-elapsed / 3600:.2f} h earlier",
                remedy="check the clocks of scanner and dose calibrator, and the injection time",
            )
        return elapsed
