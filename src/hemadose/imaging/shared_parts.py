"""What the samples of a SPECT region share, told apart: calibration, recovery, outline.

The whole comes from `spect_recovery.shared_uncertainty`; here it is only split. With an `Outline` (Gear 2018) the
outline's part is |d ln A / d ln v| u(v) / v, counts and recovery together, so that their covariance stays inside it;
what is left beside the calibration belongs to the recovery.
"""

from __future__ import annotations

from math import hypot, sqrt

from hemadose.imaging.spect_recovery import (
    Outline,
    Recovery,
    Resolution,
    SharedUncertainty,
    outline_budget,
    shared_uncertainty,
)
from hemadose.model import Region
from hemadose.model.activity import SharedParts


def shared_with_parts(
    region: Region,
    recovery: Recovery,
    resolution: Resolution,
    *,
    calibration_relative_sd: float,
    outline: Outline | float,
) -> tuple[SharedUncertainty, SharedParts]:
    """Give the shared uncertainty of a region, and the same split.

    Parameters
    ----------
    region, recovery, resolution, calibration_relative_sd, outline
        As given to `shared_uncertainty`.

    Returns
    -------
    shared : SharedUncertainty
        As `shared_uncertainty` gives it.
    parts : SharedParts
        With the uncertainty of the volume and its exponent where the outline is known; a single stated number says
        nothing about the mass.

    Raises
    ------
    CaseError
        If the resolution is needed and not known.
    """
    shared = shared_uncertainty(
        region, recovery, resolution, calibration_relative_sd=calibration_relative_sd, outline=outline
    )
    if isinstance(outline, Outline):
        budget = outline_budget(
            region.volume_ml, recovery, resolution, calibration_relative_sd=calibration_relative_sd, outline=outline
        )
        volume: float | None = budget.volume
        steep = budget.counts_volume / budget.volume if budget.volume > 0.0 else 0.0
        exponent: float | None = steep if recovery == "none" else budget.volume_exponent
        part = abs(exponent or 0.0) * budget.volume
    else:
        volume, exponent, part = None, None, outline
    left = shared.relative_sd**2 - hypot(calibration_relative_sd, part) ** 2
    # differences of rounding are no recovery
    recovery_part = sqrt(left) if left > 1e-12 * shared.relative_sd**2 else 0.0
    parts = SharedParts(
        calibration=calibration_relative_sd,
        recovery=recovery_part,
        outline=part,
        volume=volume,
        volume_exponent=exponent,
    )
    return shared, parts
