"""Hybrid: the planar series gives the shape over time, SPECT the scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError
from hemadose.model import ActivitySample, ActivitySeries
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]

_LEAST_RELATIVE_SD = 0.02
_REACH_S = 7200.0
_FLOOR_BQ = 1e-6


def scale_to_spect(planar: ActivitySeries, spect: ActivitySeries) -> ActivitySeries:
    """Scale a planar series so that it agrees best with SPECT.

    Parameters
    ----------
    planar, spect : ActivitySeries
        Of one region. Every SPECT sample is compared with the planar series at its time (log-linear
        between points, and up to two hours beyond the first or last).

    Returns
    -------
    ActivitySeries
        Planar samples times the ratio r that minimises sum (S - r P)^2 / (sd_S^2 + r^2 sd_P^2). What planar
        images share (attenuation, overlap, calibration) cancels; the shared uncertainty is that of the
        SPECT and of r.

    Raises
    ------
    CaseError
        If the regions differ, a SPECT lies outside the planar series, or planar images or SPECT show no
        activity.
    """
    if planar.region != spect.region:
        raise CaseError("planar and SPECT series belong to different regions", value=f"{planar.region}, {spect.region}")
    expected, expected_sd = _at_times(planar, spect.times_s)
    measured = spect.activities_bq
    sds = spect.sds_bq
    measured_sd = _LEAST_RELATIVE_SD * measured if sds is None else np.maximum(sds, 1e-4 * measured)
    seen = expected > 1e-3
    if not seen.any() or not (measured[seen] > 0.0).any():
        raise CaseError(f"{planar.region}: planar images or SPECT show no activity at the time of the SPECT")
    ratio, ratio_sd = _ratio(measured[seen], measured_sd[seen], expected[seen], expected_sd[seen])
    return ActivitySeries(
        region=planar.region,
        samples=tuple(
            ActivitySample(
                region=planar.region,
                time_s=s.time_s,
                activity_bq=s.activity_bq * ratio,
                sd_bq=None if s.sd_bq is None else s.sd_bq * ratio,
                method="hybrid",
            )
            for s in planar.samples
        ),
        shared_relative_sd=float(np.hypot(spect.shared_relative_sd, ratio_sd / ratio)),
        shared_parts=None
        if spect.shared_parts is None
        else replace(spect.shared_parts, scale=float(np.hypot(spect.shared_parts.scale, ratio_sd / ratio))),
        volume_ml=spect.volume_ml,
        mass_kg=spect.mass_kg,
        notes=(
            *spect.notes,
            *(n for n in planar.notes if "not corrected for attenuation" not in n),
            f"{planar.region}: planar activity times {ratio:.2f} to agree with SPECT",
        ),
        provenance=Provenance(
            step="imaging.scale_to_spect",
            parameters={"spect_to_planar": ratio, "spect_samples": int(np.count_nonzero(seen))},
        ),
    )


def _at_times(planar: ActivitySeries, times_s: Floats) -> tuple[Floats, Floats]:
    """Planar activity at other times and its standard uncertainty (relative one of the nearest point)."""
    own, values = planar.times_s, np.maximum(planar.activities_bq, _FLOOR_BQ)
    outside = np.maximum(own[0] - times_s, times_s - own[-1])
    if outside.max() > _REACH_S:
        raise CaseError(
            f"{planar.region}: a SPECT lies outside the planar series and cannot scale it",
            value=f"{outside.max() / 3600:.1f} h away",
            expected="within the planar series or 2 h of it",
        )
    logs = np.log(values)
    at = np.interp(times_s, own, logs)
    if own.size > 1:
        early, late = times_s < own[0], times_s > own[-1]
        at[early] += (logs[1] - logs[0]) / (own[1] - own[0]) * (times_s[early] - own[0])
        at[late] += (logs[-1] - logs[-2]) / (own[-1] - own[-2]) * (times_s[late] - own[-1])
    expected = np.exp(at)
    sds = planar.sds_bq
    if sds is None:
        return expected, np.zeros(expected.shape)
    nearest = np.array([int(np.argmin(np.abs(own - t))) for t in times_s])
    return expected, np.asarray(sds[nearest] * expected / values[nearest])


def _ratio(measured: Floats, measured_sd: Floats, expected: Floats, expected_sd: Floats) -> tuple[float, float]:
    """Ratio of two series that are both uncertain, and its standard uncertainty.

    Points where the planar images show little weigh little, whatever the SPECT's own noise.
    """
    ratio = float(measured.sum() / expected.sum())
    for _ in range(50):
        weight = 1.0 / (measured_sd**2 + (ratio * expected_sd) ** 2)
        refined = float((weight * measured * expected).sum() / (weight * expected**2).sum())
        if abs(refined - ratio) < 1e-10 * ratio:
            break
        ratio = refined
    return refined, float(1.0 / np.sqrt((weight * expected**2).sum()))
