"""Attenuation of planar images by measurement: a transmission scan, or counts of a source at growing depth.

A flood source behind the patient (57Co) gives exp(-mu T) of every pixel at its energy; a power takes it to the imaged
line. In a broad beam scatter fills up the first centimetres: the straight part of ln(counts) against depth does not
pass through the counts in air but above them, by the pseudo-extrapolation number N. Counts of an organ beyond the
shoulder are N times what exp(-mu_e x) says, and the conjugate-view activity is divided by N.

References
----------
MIRD Pamphlet 16 (Siegel J. et al., J Nucl Med 1999;40:37S): transmission factor from counts with and without patient,
effective attenuation and pseudo-extrapolation number for broad beams.
Cremonesi M. et al., Eur J Nucl Med Mol Imaging 2007: 57Co transmission in myeloablative therapy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError, GeometryError, QuantityError
from hemadose.model._checks import frozen_array, require_non_negative, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


def transmission_factor(
    *, open_per_s: float, through_per_s: float, attenuation_ratio: float = 1.0, scatter_free: bool = True
) -> float:
    """Factor exp(mu T / 2) by which a geometric mean is too low, from a transmission scan.

    Parameters
    ----------
    open_per_s, through_per_s : float
        Count rate of a region without and with the patient, decay- and background-corrected.
    attenuation_ratio : float
        Attenuation of soft tissue at the imaged line over that at the transmission line
        (208 keV over 122 keV: 0.1357 / 0.1537 = 0.883 per cm in water, NIST XCOM).
    scatter_free : bool
        A collimated camera with a narrow window; False is refused, because a broad beam needs `broad_beam_fit`.

    Raises
    ------
    QuantityError
        If more comes through than is sent, or the beam is broad.

    Examples
    --------
    >>> round(transmission_factor(open_per_s=1000.0, through_per_s=25.0), 4)
    6.3246
    """
    require_positive(
        "transmission scan",
        open_per_s=open_per_s,
        through_per_s=through_per_s,
        attenuation_ratio=attenuation_ratio,
    )
    if not scatter_free:
        raise QuantityError(
            "a broad-beam transmission is not exp(-mu T)",
            field="scatter_free",
            remedy="measure counts against depth and use broad_beam_fit",
        )
    if through_per_s > open_per_s:
        raise QuantityError(
            "more counts with the patient than without", value=f"{through_per_s:g}/s of {open_per_s:g}/s"
        )
    return float((open_per_s / through_per_s) ** (attenuation_ratio / 2.0))


def transmission_map(
    open_counts: npt.ArrayLike,
    through_counts: npt.ArrayLike,
    *,
    open_s: float,
    through_s: float,
    attenuation_ratio: float,
    smoothing_pixels: float = 2.0,
) -> Floats:
    """Factor exp(mu T / 2) of every pixel, 1 outside the patient, shape (rows, columns).

    Parameters
    ----------
    open_counts, through_counts : array, shape (rows, columns)
        Flood without and with the patient.
    open_s, through_s : float
        Their times, the flood's decay included.
    attenuation_ratio : float
        As in `transmission_factor`.
    smoothing_pixels : float
        Gaussian sigma on both floods before the ratio is taken.

    Raises
    ------
    GeometryError
        If the images differ in size.
    QuantityError
        If the flood does not fill the image behind the patient.
    """
    from scipy.ndimage import gaussian_filter

    require_positive("transmission scan", open_s=open_s, through_s=through_s, attenuation_ratio=attenuation_ratio)
    first = np.asarray(open_counts, dtype=np.float64)
    second = np.asarray(through_counts, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 2:
        raise GeometryError("the two floods differ in size", value=f"{first.shape}, {second.shape}")
    sent = gaussian_filter(first, smoothing_pixels) / open_s
    came = gaussian_filter(second, smoothing_pixels) / through_s
    if (sent <= 0.0).any() or (came <= 0.0).any():
        raise QuantityError("the flood leaves pixels without counts", remedy="count longer, or smooth more")
    return np.asarray(np.maximum(sent / came, 1.0) ** (attenuation_ratio / 2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadBeam:
    """Counts of a source at depth, N exp(-mu_e x) of those in air, beyond the shoulder.

    Attributes
    ----------
    number : float
        Pseudo-extrapolation number N.
    attenuation_per_mm : float
        Effective attenuation mu_e.
    covariance : ndarray, shape (2, 2)
        Of (ln N, mu_e).
    shoulder_mm : float
        Smallest depth that the fit used.
    notes : tuple of str
        Doubts.
    """

    number: float
    attenuation_per_mm: float
    covariance: Floats
    shoulder_mm: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the covariance."""
        object.__setattr__(self, "covariance", frozen_array(self.covariance, np.float64))

    def conjugate_factor(self, *, body_mm: float) -> float:
        """Factor exp(mu_e T / 2) / N of a geometric mean: N enters both views, its root of the product once."""
        require_positive("body", body_mm=body_mm)
        return exp(self.attenuation_per_mm * body_mm / 2.0) / self.number

    def conjugate_relative_sd(self, *, body_mm: float) -> float:
        """Relative standard uncertainty of that factor; N and mu_e are strongly correlated."""
        g = np.array([-1.0, body_mm / 2.0])
        return float(np.sqrt(max(g @ self.covariance @ g, 0.0)))


def broad_beam_fit(
    depth_mm: Sequence[float],
    counts_per_s: Sequence[float],
    *,
    air_per_s: float,
    relative_sd: Sequence[float] | float,
    shoulder_mm: float = 50.0,
) -> BroadBeam:
    """Fit ln(counts / air) = ln N - mu_e x to the depths beyond the shoulder.

    Parameters
    ----------
    depth_mm, counts_per_s : sequence of float
        Source in water or tissue-like slabs.
    air_per_s : float
        The same source and distance without them.
    relative_sd : sequence of float or float
        Relative standard uncertainty of the count rates.
    shoulder_mm : float
        Depths below are left out.

    Raises
    ------
    FitError
        If fewer than three depths lie beyond the shoulder, or counts do not fall.
    """
    require_positive("counts in air", air_per_s=air_per_s)
    require_non_negative("shoulder", shoulder_mm=shoulder_mm)
    x, y = np.asarray(depth_mm, dtype=np.float64), np.asarray(counts_per_s, dtype=np.float64)
    sd = np.broadcast_to(np.asarray(relative_sd, dtype=np.float64), x.shape)
    used = x >= shoulder_mm
    if x.shape != y.shape or np.count_nonzero(used) < 3:
        raise FitError("three depths beyond the shoulder are needed", value=str(int(np.count_nonzero(used))))
    require_positive("broad beam", lowest_rate_per_s=float(y.min()), lowest_relative_sd=float(sd.min()))
    design = np.stack([np.ones(np.count_nonzero(used)), -x[used]], axis=1) / sd[used, None]
    target = np.log(y[used] / air_per_s) / sd[used]
    covariance = np.linalg.inv(design.T @ design)
    ln_n, mu = covariance @ design.T @ target
    if mu <= 0.0:
        raise FitError("counts do not fall with depth", value=f"{mu:g}/mm")
    residual = target - design @ np.array([ln_n, mu])
    dof = target.size - 2
    reduced = float(residual @ residual) / dof
    notes = (f"depths scatter {sqrt(reduced):.1f} times their uncertainty",) if reduced > 3.0 else ()
    return BroadBeam(
        number=exp(float(ln_n)),
        attenuation_per_mm=float(mu),
        covariance=np.asarray(covariance * max(reduced, 1.0), dtype=np.float64),
        shoulder_mm=float(x[used].min()),
        notes=notes,
    )
