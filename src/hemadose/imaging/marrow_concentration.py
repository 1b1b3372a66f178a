"""Marrow of L2-L4 from the concentration in spheres placed in the vertebrae."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hemadose.errors import GeometryError
from hemadose.model import ActivitySample, ActivitySeries, Region


def sphere_concentration(
    spheres: Sequence[ActivitySeries], volume_regions: Sequence[Region], *, lumbar_volume_ml: float
) -> ActivitySeries:
    """Activity in L2-L4 from the mean concentration in spheres placed in the vertebrae.

    Raises
    ------
    GeometryError
        If there is no sphere.
    """
    if not spheres:
        raise GeometryError("no marrow sphere was drawn")
    volume = sum(r.volume_ml for r in volume_regions)
    scale = lumbar_volume_ml / volume
    samples = []
    for k, sample in enumerate(spheres[0].samples):
        activity = sum(s.samples[k].activity_bq for s in spheres) * scale
        sd = scale * float(np.sqrt(sum((s.samples[k].sd_bq or 0.0) ** 2 for s in spheres)))
        samples.append(
            ActivitySample(
                region="lumbar_l2_l4", time_s=sample.time_s, activity_bq=activity, sd_bq=sd, method="spect spheres"
            )
        )
    return ActivitySeries(
        region="lumbar_l2_l4",
        samples=tuple(samples),
        shared_relative_sd=spheres[0].shared_relative_sd,
        volume_ml=lumbar_volume_ml,
        notes=("L2-L4 activity from the concentration in spheres times the vertebral volume",),
    )
