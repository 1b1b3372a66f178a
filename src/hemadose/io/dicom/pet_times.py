"""When a PET was taken and what its values are decay-corrected to: never one header field alone.

The start of a series follows the vendor-neutral rule of QIBA (RSNA, SUV pseudo-code, 2012): the series time,
unless that lies after the first acquisition (a series made later), then the manufacturer's own scan time, then
the frame reference time, then the first acquisition. DecayFactor tells independently which moment the values
were corrected to, and is held against the flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import expm1, log
from statistics import median

from hemadose.errors import DicomError
from hemadose.model.moment import elapsed_s
from hemadose.model.pet import DecayReference
from hemadose.units import LN2, MINUTE_S

_TOLERATED = 0.05
_WORTH_A_NOTE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceClock:
    """Time facts of one PET slice.

    Attributes
    ----------
    acquired_at : datetime
        Start of its frame (AcquisitionDate and AcquisitionTime).
    duration_s : float or None
        ActualFrameDuration.
    reference_s : float or None
        FrameReferenceTime: from the start of the series to the mean count rate.
    decay_factor : float or None
        DecayFactor: by what the slice was multiplied.
    """

    acquired_at: datetime
    duration_s: float | None = None
    reference_s: float | None = None
    decay_factor: float | None = None

    def mean_count_at(self, half_life_s: float | None) -> datetime:
        """Moment within the frame at which the count rate equals its mean."""
        if self.duration_s is None:
            return self.acquired_at
        if half_life_s is None:
            return self.acquired_at + timedelta(seconds=0.5 * self.duration_s)
        return self.acquired_at + timedelta(seconds=mean_count_delay_s(self.duration_s, half_life_s=half_life_s))


def mean_count_delay_s(duration_s: float, *, half_life_s: float) -> float:
    """Seconds from the start of a frame to its mean count rate: ln(L T / (1 - exp(-L T))) / L.

    DICOM PS3.3 C.8.9.4.1.5, example 2. L is the decay constant, T the duration.

    Examples
    --------
    The header of a real F-18 scan with frames of 300 s states 149.605 s (TCIA, ACRIN-FLT-Breast).

    >>> round(mean_count_delay_s(300.0, half_life_s=6586.2), 3)
    149.605
    """
    decay = LN2 / half_life_s
    return log(decay * duration_s / -expm1(-decay * duration_s)) / decay


def decay_factor(clock: SliceClock, *, reference_at: datetime, half_life_s: float) -> float:
    """Factor that corrects the mean activity of a frame to a reference moment.

    Parameters
    ----------
    clock : SliceClock
        Start and duration of the frame.
    reference_at : datetime
        Moment to correct to.
    half_life_s : float
        Of the radionuclide.

    Returns
    -------
    float
    """
    elapsed = elapsed_s(reference_at, clock.mean_count_at(half_life_s))
    return float(2.0 ** (elapsed / half_life_s))


def series_start(
    *,
    series_at: datetime | None,
    clocks: Sequence[SliceClock],
    manufacturer_at: datetime | None,
    half_life_s: float | None,
) -> tuple[datetime, tuple[str, ...]]:
    """Start of a PET series after QIBA.

    Parameters
    ----------
    series_at : datetime or None
        SeriesDate and SeriesTime.
    clocks : sequence of SliceClock
        All slices.
    manufacturer_at : datetime or None
        Scan time in GE's private group (0009,xx0d).
    half_life_s : float or None
        Of the radionuclide.

    Returns
    -------
    started_at : datetime
    notes : tuple of str
        Why another time than the series time was taken.
    """
    first = min(clock.acquired_at for clock in clocks)
    if series_at is not None and series_at <= first:
        return series_at, ()
    why = "the file has no series time" if series_at is None else "the series time lies after the acquisition"
    if manufacturer_at is not None and manufacturer_at <= first:
        return manufacturer_at, (f"{why}: the manufacturer's private scan time was taken as start",)
    offsets = [
        elapsed_s(first, clock.mean_count_at(half_life_s)) - clock.reference_s
        for clock in clocks
        if clock.reference_s and clock.duration_s
    ]
    if offsets:
        start = first + timedelta(seconds=min(median(offsets), 0.0))
        return start, (f"{why}: the start was computed back from FrameReferenceTime",)
    return first, (f"{why}: the first acquisition of all slices was taken as start",)


def check_decay_flag(
    flag: DecayReference,
    *,
    clocks: Sequence[SliceClock],
    started_at: datetime,
    injected_at: datetime | None,
    half_life_s: float | None,
    source: str,
) -> tuple[str, ...]:
    """Hold the decay-correction flag against the decay factors of the slices.

    Parameters
    ----------
    flag : DecayReference
        What the file says.
    clocks : sequence of SliceClock
        Start, duration and factor of every slice.
    started_at, injected_at : datetime
        Moments the flag may mean.
    half_life_s : float or None
        Without it nothing can be checked.
    source : str
        For messages.

    Returns
    -------
    tuple of str
        Doubts of 1 to 5 %.

    Raises
    ------
    DicomError
        If the factors contradict the flag by more than 5 %, or correct what is said to be uncorrected.
    """
    stated = [clock for clock in clocks if clock.decay_factor]
    if half_life_s is None or not stated:
        return ("the file gives no decay factors: the decay-correction flag could not be checked",)

    def off(reference_at: datetime | None) -> float:
        """Median ratio of stated to expected factor, minus one; None means not corrected."""
        expected = [
            1.0 if reference_at is None else decay_factor(c, reference_at=reference_at, half_life_s=half_life_s)
            for c in stated
        ]
        return median(float(c.decay_factor or 1.0) / e for c, e in zip(stated, expected, strict=True)) - 1.0

    meant = {DecayReference.NONE: None, DecayReference.START: started_at, DecayReference.ADMINISTRATION: injected_at}
    if flag is DecayReference.ADMINISTRATION and injected_at is None:
        return ("the time of injection is unknown: the decay-correction flag could not be checked",)
    wrong = off(meant[flag])
    if abs(wrong) <= _WORTH_A_NOTE:
        return ()
    fits = [
        other.value
        for other, moment in meant.items()
        if other is not flag
        and (moment is not None or other is DecayReference.NONE)
        and abs(off(moment)) <= _WORTH_A_NOTE
    ]
    if abs(wrong) > _TOLERATED or flag is DecayReference.NONE:
        raise DicomError(
            f"the decay factors contradict the decay correction to {flag.value}: uptake would be wrong by "
            f"{100.0 * abs(wrong):.0f} %",
            source=source,
            field="DecayCorrection",
            value=flag.value,
            expected=f"{fits[0]}, which the factors fit" if fits else "decay factors of that reference",
            remedy="reconstruct or export again with consistent decay correction; check injection and series times",
        )
    return (
        f"decay factors and the decay correction to {flag.value} differ by {100.0 * wrong:+.1f} % "
        f"({_shift_min(wrong, half_life_s):.1f} min)",
    )


def _shift_min(wrong: float, half_life_s: float) -> float:
    return abs(log(1.0 + wrong)) * half_life_s / LN2 / MINUTE_S
