"""When a registration is used, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hemadose.errors import GeometryError
from hemadose.model import Image, Quantity
from hemadose.model.transform import Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceLimits:
    """When a registration is refused. Choices of this project, wide: they catch failures, not imprecision.

    Attributes
    ----------
    overlap : float
        Least share of the fixed body inside the moving image.
    correlation_ct, correlation_emission : float
        Least correlation inside the body afterwards.
    inverse_error_mm : float
        Largest mean distance by which points miss themselves on the way over and back.
    jacobian : float
        Least local volume ratio.
    gain_ct, gain_emission : float
        Least share of what a rigid registration leaves unexplained (1 - correlation) that a deformation must
        take away. In noise there is always a field that gains a little: on noisy SPECT without any
        deformation it gained 3 % and moved organs by 10 mm. Demons on CT do not do that.
    """

    overlap: float = 0.25
    correlation_ct: float = 0.5
    correlation_emission: float = 0.4
    inverse_error_mm: float = 5.0
    jacobian: float = 0.0
    gain_ct: float = 0.0
    gain_emission: float = 0.15


def accepted(found: Transform, fixed: Image, limits: AcceptanceLimits) -> Transform:
    """Give the transform back, or say why it must not be used."""
    quality = found.quality
    if quality is None:
        raise GeometryError("a registration without quality figures is not used")
    least = limits.correlation_ct if fixed.quantity is Quantity.HOUNSFIELD else limits.correlation_emission
    error = quality.inverse_error_mean_mm
    verdicts: Sequence[tuple[bool, str, Any, str]] = (
        (quality.overlap < limits.overlap, "overlap", quality.overlap, f">= {limits.overlap:g}"),
        (quality.correlation_after < least, "correlation", quality.correlation_after, f">= {least:g}"),
        (
            error is not None and error > limits.inverse_error_mm,
            "inverse consistency",
            error,
            f"<= {limits.inverse_error_mm:g} mm",
        ),
        (quality.jacobian_min <= limits.jacobian, "Jacobian", quality.jacobian_min, f"> {limits.jacobian:g}"),
    )
    for failed, what, value, expected in verdicts:
        if failed:
            raise GeometryError(
                "the registration is too poor to be used",
                field=what,
                value=f"{value:.3g}",
                expected=expected,
                remedy="check that both series show the same patient and body part; use the CTs, or draw the regions "
                "on each time point",
            )
    return found


def require_gain(found: Transform, rigid: float, fixed: Image, limits: AcceptanceLimits) -> None:
    """Refuse a deformation that takes away too little of what the rigid registration leaves unexplained."""
    least = limits.gain_ct if fixed.quantity is Quantity.HOUNSFIELD else limits.gain_emission
    after = found.quality.correlation_after if found.quality else -1.0
    gain = (after - rigid) / max(1.0 - rigid, 1e-9)
    if gain < least:
        raise GeometryError(
            "a deformation explains the images hardly better than the rigid registration",
            field="gain",
            value=f"{100 * gain:.0f} % (correlation {rigid:.4f} to {after:.4f})",
            expected=f">= {100 * least:.0f} %",
            remedy="use the rigid registration; a field found in noise moves organs that did not move",
        )
