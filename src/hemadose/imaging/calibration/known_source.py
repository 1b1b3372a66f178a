"""What a source holds, how well that is known, and how uncertainties of results are kept and compared.

Every result carries its uncertainty term by term: type A from counting and repetition, type B from the dose
calibrator, volumes and corrections. A term with a key stands for one error that other results share, so that it cancels
where two factors that hang on one dose calibrator are compared.

References
----------
GUM: JCGM 100:2008, sections 4.2, 4.3 and 5.
Gear J. et al., Eur J Nucl Med Mol Imaging 2018;45:2456 (calibration factor and its uncertainty).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import expm1, hypot, log, sqrt
from typing import Literal

from hemadose.errors import CaseError, QuantityError, TimingError
from hemadose.model import Nuclide
from hemadose.model._checks import require_aware, require_non_negative, require_positive
from hemadose.model.moment import elapsed_s
from hemadose.provenance import Provenance

DOSE_CALIBRATOR = "dose calibrator"
"""Key of the error that all results of one dose calibrator and nuclide setting share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertaintyTerm:
    """One line of an uncertainty budget.

    Attributes
    ----------
    name : str
        What it stands for.
    kind : {"A", "B"}
        From statistics of this measurement, or from elsewhere (GUM 3.3.4).
    relative_sd : float
        Relative standard uncertainty of the result that it causes (k = 1).
    key : str or None
        Results that hold a term of the same key share this error.
    """

    name: str
    kind: Literal["A", "B"]
    relative_sd: float
    key: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no uncertainty."""
        require_non_negative(f"uncertainty of {self.name}", relative_sd=self.relative_sd)


def combined_relative_sd(terms: Iterable[UncertaintyTerm]) -> float:
    """Give the root of the sum of squares of a budget (GUM eq. 12).

    >>> combined_relative_sd([UncertaintyTerm(name="counting", kind="A", relative_sd=0.03),
    ...                       UncertaintyTerm(name="dose calibrator", kind="B", relative_sd=0.04)])
    0.05
    """
    return sqrt(sum(term.relative_sd**2 for term in terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFactor:
    """Counts per second and becquerel.

    Attributes
    ----------
    counts_per_s_per_bq : float
        The factor.
    budget : tuple of UncertaintyTerm
        Its uncertainty, term by term.
    method : str
        How it was measured.
    nuclide : str
        Of the source.
    notes : tuple of str
        Doubts.
    provenance : Provenance or None
        How it was made.
    """

    counts_per_s_per_bq: float
    budget: tuple[UncertaintyTerm, ...]
    method: str
    nuclide: str
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Refuse a factor that is not positive."""
        require_positive("calibration factor", counts_per_s_per_bq=self.counts_per_s_per_bq)

    @property
    def relative_sd(self) -> float:
        """Combined relative standard uncertainty."""
        return combined_relative_sd(self.budget)


def mean_decay_factor(nuclide: Nuclide, *, duration_s: float) -> float:
    """Mean activity during an acquisition over that at its start, (1 - exp(-x)) / x with x = lambda T.

    Exact for a source that only decays; dividing by it turns the mean of the acquisition into its start.

    Raises
    ------
    QuantityError
        If the duration is negative.

    Examples
    --------
    >>> lutetium = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.9, photon_energy_kev=35.1)
    >>> round(mean_decay_factor(lutetium, duration_s=1800.0), 6)
    0.998915
    """
    require_non_negative("acquisition", duration_s=duration_s)
    x = nuclide.decay_constant_per_s * duration_s
    return 1.0 if x == 0.0 else -expm1(-x) / x


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """What the dose calibrator says about a source, and how well it can say so.

    Attributes
    ----------
    nuclide : Nuclide
        Of the source.
    measured_activity_bq, measured_at
        Reading of the full syringe or vial, and its time.
    residual_activity_bq, residual_measured_at
        What stayed behind in the syringe; the time is needed unless it is zero.
    dose_calibrator_relative_sd : float
        Type B: nuclide setting and geometry of the dose calibrator; never assumed.
    reading_relative_sd : float
        Type A: repeatability of one reading.
    half_life_relative_sd : float
        Of the nuclide's half-life.
    """

    nuclide: Nuclide
    measured_activity_bq: float
    measured_at: datetime
    residual_activity_bq: float = 0.0
    residual_measured_at: datetime | None = None
    dose_calibrator_relative_sd: float
    reading_relative_sd: float = 0.0
    half_life_relative_sd: float = 0.0

    def __post_init__(self) -> None:
        """Check readings and times."""
        require_positive("source", measured_activity_bq=self.measured_activity_bq)
        require_non_negative(
            "source",
            residual_activity_bq=self.residual_activity_bq,
            dose_calibrator_relative_sd=self.dose_calibrator_relative_sd,
            reading_relative_sd=self.reading_relative_sd,
            half_life_relative_sd=self.half_life_relative_sd,
        )
        require_aware("source", measured_at=self.measured_at)
        if self.residual_measured_at is not None:
            require_aware("source", residual_measured_at=self.residual_measured_at)
        elif self.residual_activity_bq > 0.0:
            raise TimingError("the residual activity needs a time", field="residual_measured_at")
        self.activity_bq(self.measured_at)

    def activity_bq(self, at: datetime) -> float:
        """Activity in the source at a moment: full less residual, both decayed to it.

        Raises
        ------
        QuantityError
            If the residual exceeds what was measured.
        """
        full, left = self._parts(at)
        if left >= full:
            raise QuantityError(
                "the residual activity is not below the measured one at the same time",
                field="residual_activity",
                value=f"{left / 1e6:.4g} of {full / 1e6:.4g} MBq",
                remedy="check units and times of both readings",
            )
        return full - left

    def terms(self, at: datetime) -> tuple[UncertaintyTerm, ...]:
        """Budget of the activity at a moment."""
        full, left = self._parts(at)
        away_s = abs(elapsed_s(self.measured_at, at))
        found = (
            UncertaintyTerm(
                name="dose calibrator", kind="B", relative_sd=self.dose_calibrator_relative_sd, key=DOSE_CALIBRATOR
            ),
            UncertaintyTerm(
                name="dose calibrator readings",
                kind="A",
                relative_sd=self.reading_relative_sd * hypot(full, left) / (full - left),
            ),
            UncertaintyTerm(
                name="half-life",
                kind="B",
                relative_sd=self.half_life_relative_sd * self.nuclide.decay_constant_per_s * away_s,
                key=f"half-life {self.nuclide.name}",
            ),
        )
        return tuple(term for term in found if term.relative_sd > 0.0 or term.key == DOSE_CALIBRATOR)

    def _parts(self, at: datetime) -> tuple[float, float]:
        require_aware("source", at=at)
        full = self.measured_activity_bq * self.nuclide.decay_factor(elapsed_s(self.measured_at, at))
        if self.residual_measured_at is None:
            return full, 0.0
        elapsed = elapsed_s(self.residual_measured_at, at)
        return full, self.residual_activity_bq * self.nuclide.decay_factor(elapsed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorComparison:
    """Two factors side by side.

    Attributes
    ----------
    ratio : float
        First over second.
    relative_sd : float
        Of the ratio: shared terms cancel.
    z : float
        Logarithm of the ratio in standard uncertainties.
    """

    ratio: float
    relative_sd: float
    z: float

    @property
    def agrees(self) -> bool:
        """Tell whether the two agree within two standard uncertainties of their difference."""
        return abs(self.z) <= 2.0


def compare_factors(first: CalibrationFactor, second: CalibrationFactor) -> FactorComparison:
    """Compare two factors of one nuclide; errors of one key are one error and cancel as far as they are alike.

    Raises
    ------
    CaseError
        If the factors belong to different nuclides.
    """
    if first.nuclide != second.nuclide:
        raise CaseError("factors of different nuclides cannot be compared", value=f"{first.nuclide}, {second.nuclide}")
    ratio = first.counts_per_s_per_bq / second.counts_per_s_per_bq
    keys = {term.key for term in (*first.budget, *second.budget)}
    variance = 0.0
    for key in keys:
        a = combined_relative_sd(t for t in first.budget if t.key == key)
        b = combined_relative_sd(t for t in second.budget if t.key == key)
        variance += a**2 + b**2 if key is None else (a - b) ** 2
    sd = sqrt(variance)
    return FactorComparison(ratio=ratio, relative_sd=sd, z=log(ratio) / sd if sd > 0.0 else float("inf"))
