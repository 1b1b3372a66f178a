"""Dead time applied to images: the factor by which counts are too low, and how sure it is.

Losses act on all counts of the crystal alike. One factor per image or view is taken from its mean count rate; what
the dead time itself leaves open grows with the rate and so differs from scan to scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, sqrt

import numpy as np

from hemadose.errors import QuantityError
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.model import ActivitySeries, PlanarScan, View
from hemadose.model._checks import require_non_negative


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLosses:
    """Dead time of a camera with its uncertainty.

    Attributes
    ----------
    model : DeadTime
        Paralysable, not, or both; without dead time by default.
    paralysable_sd_s, nonparalysable_sd_s : float
        Standard uncertainties of the two dead times.
    """

    model: DeadTime = field(default_factory=DeadTime)
    paralysable_sd_s: float = 0.0
    nonparalysable_sd_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the uncertainties."""
        require_non_negative(
            "dead time", paralysable_sd_s=self.paralysable_sd_s, nonparalysable_sd_s=self.nonparalysable_sd_s
        )

    @property
    def any(self) -> bool:
        """Whether there is a dead time at all."""
        return self.model.paralysable_s > 0.0 or self.model.nonparalysable_s > 0.0

    def factor(self, observed_per_s: float) -> float:
        """True over observed rate, 1 without dead time.

        Raises
        ------
        QuantityError
            If no true rate gives the observed one.

        Examples
        --------
        >>> round(CountLosses(model=DeadTime(nonparalysable_s=2.4e-6)).factor(60000.0), 6)
        1.168224
        """
        return self.model.correction(observed_per_s) if self.any else 1.0

    def relative_sd(self, observed_per_s: float) -> float:
        """Relative standard uncertainty of the true rate from that of the dead times.

        Raises
        ------
        QuantityError
            If the rate lies at the camera's maximum, where the dead time says nothing about it.
        """
        if not self.any or observed_per_s <= 0.0 or (self.paralysable_sd_s == 0.0 and self.nonparalysable_sd_s == 0.0):
            return 0.0
        p, n = self.model.paralysable_s, self.model.nonparalysable_s
        found = self.model.true_relative_sd(
            observed_per_s,
            observed_relative_sd=0.0,
            paralysable_relative_sd=self.paralysable_sd_s / p if p > 0.0 else 0.0,
            nonparalysable_relative_sd=self.nonparalysable_sd_s / n if n > 0.0 else 0.0,
        )
        if not isfinite(found):
            raise QuantityError(
                "the count rate lies at the camera's maximum: the true rate is not known",
                field="dead_time",
                value=f"{observed_per_s:g}/s",
                expected=f"below {self.model.maximum_per_s:g}/s",
                remedy="image later, or check the dead time",
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveScan:
    """A planar scan whose losses are undone.

    Attributes
    ----------
    scan : PlanarScan
        Counts of the two views made alike, dwell time shortened to what the camera was live.
    factor : float
        Of the geometric mean of both views.
    relative_sd : float
        Of that factor.
    """

    scan: PlanarScan
    factor: float
    relative_sd: float


def live_scan(scan: PlanarScan, losses: CountLosses) -> LiveScan:
    """Undo the losses of both heads of a planar scan.

    Parameters
    ----------
    scan : PlanarScan
        All windows that the camera wrote: their sum over the length of the acquisition is each head's rate.
    losses : CountLosses
        One dead time for both heads.

    Returns
    -------
    LiveScan
        With factors a and p of the heads, the dwell time is divided by sqrt(a p) and the views take what is left,
        sqrt(a/p) and sqrt(p/a). Rates are exact in both views and counts keep their Poisson noise.

    Raises
    ------
    QuantityError
        If a head is saturated.
    """
    if not losses.any:
        return LiveScan(scan=scan, factor=1.0, relative_sd=0.0)
    rates = {view: sum(float(f.counts.sum()) for f in scan.frames if f.view == view) for view in View}
    factors = {view: losses.factor(counts / scan.duration_s) for view, counts in rates.items() if counts > 0.0}
    if not factors:
        return LiveScan(scan=scan, factor=1.0, relative_sd=0.0)
    middle = float(np.exp(np.mean(np.log(list(factors.values())))))
    frames = tuple(replace(f, counts=f.counts * (factors.get(f.view, middle) / middle)) for f in scan.frames)
    sds = [losses.relative_sd(rates[view] / scan.duration_s) for view in factors]
    return LiveScan(
        scan=replace(scan, frames=frames, pixel_dwell_s=scan.pixel_dwell_s / middle),
        factor=middle,
        relative_sd=float(np.mean(sds)),
    )


def with_loss_uncertainty(series: ActivitySeries, live: Sequence[LiveScan]) -> ActivitySeries:
    """Add what the dead time leaves open to the samples of a planar series, one scan a sample, in order of time."""
    samples = tuple(
        replace(s, sd_bq=sqrt((s.sd_bq or 0.0) ** 2 + (one.relative_sd * s.activity_bq) ** 2))
        for s, one in zip(series.samples, live, strict=True)
    )
    return replace(
        series, samples=samples, notes=(*series.notes, loss_note(series.region, "planar", [o.factor for o in live]))
    )


def loss_note(region: str, images: str, factors: Sequence[float]) -> str:
    """Say by how much counts were raised, and what the factor rests on."""
    low, high = min(factors), max(factors)
    said = f"{high:.3f}" if high - low < 5e-4 else f"{low:.3f} to {high:.3f}"
    return (
        f"{region}: {images} counts times {said} for dead time, from the mean rate of each image, not that of the "
        "whole crystal"
    )
