"""FDG and CXCR4 PET of one lesion, side by side and over time, and uptake in descriptive classes.

Words for a discussion, never a decision: the classes are the lines drawn in a published figure, not cut-offs, and a
lesion without CXCR4 is not treated by an agent that binds to CXCR4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from hemadose.errors import QuantityError

BUCK = "Buck 2023, J Nucl Med 64:1009"
SUV_LINES = (6.0, 12.0)
TBR_LINES = (4.0, 8.0)


class Quadrant(StrEnum):
    """One lesion in both tracers."""

    BOTH = "FDG+/CXCR4+"
    FDG_ONLY = "FDG+/CXCR4-"
    CXCR4_ONLY = "FDG-/CXCR4+"
    NEITHER = "FDG-/CXCR4-"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionScan:
    """What both tracers show of one lesion at one time.

    Attributes
    ----------
    month : float
        Months after the event of `LesionHistory` (negative before it), or of the only scan 0.
    fdg, cxcr4 : bool or None
        Uptake above normal tissue; None where not done.
    """

    month: float
    fdg: bool | None
    cxcr4: bool | None

    @property
    def quadrant(self) -> Quadrant:
        """Field of the 2 x 2 table."""
        if self.fdg is None or self.cxcr4 is None:
            return Quadrant.INCOMPLETE
        if self.fdg:
            return Quadrant.BOTH if self.cxcr4 else Quadrant.FDG_ONLY
        return Quadrant.CXCR4_ONLY if self.cxcr4 else Quadrant.NEITHER


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionHistory:
    """One lesion over time.

    Attributes
    ----------
    name : str
        E.g. ``"lung"``.
    scans : tuple of LesionScan
        Put in order of time.
    after_car_t : bool
        Whether months count from CAR T cells.
    """

    name: str
    scans: tuple[LesionScan, ...]
    after_car_t: bool = False

    def __post_init__(self) -> None:
        """Need scans at different times."""
        months = [scan.month for scan in self.scans]
        if not months or len(set(months)) != len(months):
            raise QuantityError(f"{self.name} needs scans at different times", field="month", value=str(months))
        object.__setattr__(self, "scans", tuple(sorted(self.scans, key=lambda scan: scan.month)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionReading:
    """What follows for one lesion.

    Attributes
    ----------
    lesion : str
        Its name.
    now : Quadrant
        Of the latest scan.
    course : tuple of Quadrant
        Of all scans in order of time.
    targeted : bool or None
        Whether an agent that binds CXCR4 reaches it; None where the CXCR4 scan is missing.
    reading : str
        What it suggests.
    options : tuple of str
        What is discussed then.
    source : str
        Publication.
    """

    lesion: str
    now: Quadrant
    course: tuple[Quadrant, ...]
    targeted: bool | None
    reading: str
    options: tuple[str, ...]
    source: str = BUCK


def read_lesion(history: LesionHistory) -> LesionReading:
    """Read one lesion by its latest 2 x 2 field and by what changed.

    Parameters
    ----------
    history : LesionHistory
        Both tracers at one or more times.

    Returns
    -------
    LesionReading
        After CAR T cells FDG without CXCR4 suggests inflammation (biopsy); CXCR4 that appears later suggests relapse.

    Examples
    --------
    >>> lung = LesionHistory(name="lung", after_car_t=True,
    ...                      scans=(LesionScan(month=3, fdg=True, cxcr4=False),))
    >>> read_lesion(lung).reading
    'suggests inflammation after CAR T cells, not relapse: to be proven'
    """
    course = tuple(scan.quadrant for scan in history.scans)
    now = course[-1]
    targeted = None if now is Quadrant.INCOMPLETE else now in (Quadrant.BOTH, Quadrant.CXCR4_ONLY)
    reading, options = _reading(history, course)
    return LesionReading(
        lesion=history.name, now=now, course=course, targeted=targeted, reading=reading, options=options
    )


def _reading(history: LesionHistory, course: Sequence[Quadrant]) -> tuple[str, tuple[str, ...]]:
    now = course[-1]
    if now is Quadrant.INCOMPLETE:
        return "one of the tracers is missing at the latest time", ("complete the pair of scans",)
    treated = history.after_car_t and history.scans[-1].month > 0.0
    if treated and now is Quadrant.FDG_ONLY:
        return "suggests inflammation after CAR T cells, not relapse: to be proven", ("biopsy", "repeat both scans")
    if treated and now in (Quadrant.BOTH, Quadrant.CXCR4_ONLY):
        if _turned_positive(history):
            return "CXCR4 has appeared after CAR T cells: suggests relapse", ("biopsy", "therapy that binds CXCR4")
        return "CXCR4 after CAR T cells: suggests persisting or new disease", ("biopsy", "therapy that binds CXCR4")
    words: dict[Quadrant, tuple[str, tuple[str, ...]]] = {
        Quadrant.BOTH: ("target present", ("therapy that binds CXCR4",)),
        Quadrant.FDG_ONLY: (
            "active without target: an agent that binds CXCR4 does not reach it",
            ("biopsy", "tandem with an agent of another target", "other therapy"),
        ),
        Quadrant.CXCR4_ONLY: ("target present, FDG misses the lesion", ("therapy that binds CXCR4",)),
        Quadrant.NEITHER: ("no uptake of either tracer", ("follow-up",)),
    }
    return words[now]


def _turned_positive(history: LesionHistory) -> bool:
    """Whether CXCR4 was absent at the scan before the latest."""
    pairs = list(pairwise(scan.cxcr4 for scan in history.scans))
    return bool(pairs) and pairs[-1] == (False, True)


def suv_class(suv_max: float) -> str:
    """Place an SUVmax between the lines of the published figure, as a description.

    Parameters
    ----------
    suv_max : float
        Of the hottest lesion.

    Examples
    --------
    >>> suv_class(5.9), suv_class(6.0), suv_class(12.5)
    ('below 6', '6 to 12', 'above 12')
    """
    return _class("SUVmax", suv_max, SUV_LINES)


def tbr_class(suv_max: float, blood_pool_suv_mean: float) -> tuple[float, str]:
    """Give SUVmax of the lesion over SUVmean of the blood pool, and its class.

    Parameters
    ----------
    suv_max : float
        Of the hottest lesion.
    blood_pool_suv_mean : float
        Of the blood pool.

    Examples
    --------
    >>> tbr_class(8.0, 1.6)
    (5.0, '4 to 8')
    """
    if not 0.0 < blood_pool_suv_mean < 20.0:
        raise QuantityError("implausible blood pool", field="blood_pool_suv_mean", value=f"{blood_pool_suv_mean:g}")
    ratio = suv_max / blood_pool_suv_mean
    return ratio, _class("target-to-background ratio", ratio, TBR_LINES)


def _class(name: str, value: float, lines: tuple[float, float]) -> str:
    if not 0.0 <= value < 500.0:
        raise QuantityError(f"implausible {name}", value=f"{value:g}", expected="0-500")
    low, high = lines
    if value < low:
        return f"below {low:g}"
    return f"{low:g} to {high:g}" if value <= high else f"above {high:g}"
