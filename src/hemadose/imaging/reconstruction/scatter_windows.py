"""Scatter in the photopeak of SPECT projections, estimated from windows beside it.

References
----------
TEW: Ogawa K et al. IEEE Trans Med Imaging 10:408 (1991). DEW: Jaszczak R J et al. J Nucl Med 25:893 (1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.camera.response import FWHM_PER_SIGMA
from hemadose.imaging.counts import dew_weight, tew_weights
from hemadose.model.projections import ProjectionSet

Volume = npt.NDArray[np.float32]

METHODS = ("tew", "dew")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterEstimate:
    """Expected scatter, and the counts it was made of (for the propagation of noise).

    Attributes
    ----------
    counts : ndarray of float32, shape (views, slices, bins)
        Scatter expected in the photopeak window.
    windows : tuple of ndarray, each of that shape
        Measured counts of the windows used.
    weights : tuple of float
        Their factors.
    sigma_pixels : tuple of float
        Standard deviation of the Gaussian filter along (slices, bins).
    method : str
        ``tew`` or ``dew``.
    """

    counts: Volume
    windows: tuple[Volume, ...]
    weights: tuple[float, ...]
    sigma_pixels: tuple[float, float]
    method: str


def scatter_estimate(
    projections: ProjectionSet,
    *,
    peak: str,
    lower: str,
    upper: str | None = None,
    method: str = "tew",
    k: float = 0.5,
    smooth_fwhm_mm: float = 0.0,
) -> ScatterEstimate:
    """Estimate scatter view by view.

    Parameters
    ----------
    projections : ProjectionSet
        With all windows.
    peak, lower, upper : str
        Names of the windows; `upper` for TEW only.
    method : str
        ``tew``: (Cl/Wl + Cu/Wu) Wp/2. ``dew``: k Cl Wp/Wl.
    k : float
        Of the dual-window estimate.
    smooth_fwhm_mm : float
        Gaussian filter of the estimate: scatter is smooth, its few counts are not.

    Returns
    -------
    ScatterEstimate

    Raises
    ------
    QuantityError
        If a window or the method is unknown, or the filter is negative.
    """
    named = {w.name: w for w in projections.windows}
    peak_window = named[projections.windows[projections.window_index(peak)].name]
    used = [lower]
    if method == "tew":
        if upper is None:
            raise QuantityError(
                "triple-energy-window scatter needs a window above the photopeak",
                field="upper",
                remedy="give its name, or use method 'dew'",
            )
        used.append(upper)
    elif method != "dew":
        raise QuantityError("no such scatter method", field="method", value=method, expected=" or ".join(METHODS))
    if not smooth_fwhm_mm >= 0.0:
        raise QuantityError("a filter has a width", field="smooth_fwhm_mm", value=f"{smooth_fwhm_mm:g}")
    indices = [projections.window_index(name) for name in used]
    beside = [projections.windows[i] for i in indices]
    weights = (
        tew_weights(lower=beside[0], upper=beside[1], peak=peak_window)
        if method == "tew"
        else (dew_weight(lower=beside[0], peak=peak_window, k=k),)
    )
    windows = tuple(np.asarray(projections.counts[i]) for i in indices)
    sigma = smooth_fwhm_mm / FWHM_PER_SIGMA
    pixels = (sigma / projections.slice_mm, sigma / projections.bin_mm)
    total = sum((np.float32(w) * c for w, c in zip(weights, windows, strict=True)), np.zeros_like(windows[0]))
    return ScatterEstimate(
        counts=smoothed_views(total, pixels), windows=windows, weights=weights, sigma_pixels=pixels, method=method
    )


def smoothed_views(planes: npt.NDArray[np.floating], sigma_pixels: tuple[float, float]) -> Volume:
    """Filter every view with a Gaussian that loses nothing at the edge (a symmetric, hence self-adjoint, filter)."""
    if max(sigma_pixels) == 0.0:
        return np.asarray(planes, dtype=np.float32)
    from scipy.ndimage import gaussian_filter

    filtered = gaussian_filter(planes, (0.0, *sigma_pixels), mode="reflect", truncate=5.0)
    return np.asarray(filtered, dtype=np.float32)
