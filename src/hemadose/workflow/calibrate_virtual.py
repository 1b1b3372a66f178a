"""The sensitivity of a virtual camera, measured as a clinic would: a cylinder of known activity, the same chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from hemadose.imaging.camera.attenuation import attenuation_map
from hemadose.model import GammaLine
from hemadose.simulate.gamma_camera import GammaCamera, TomoProtocol
from hemadose.simulate.tomo_phantoms import filled, water_phantom
from hemadose.simulate.tomo_scene import tomo_scene
from hemadose.simulate.tomo_views import acquire, tomo_views
from hemadose.simulate.virtual_ct import virtual_ct

CYLINDER_BQ = 5e8
WATER_ABOVE_PER_CM = 0.06
KVP = 120.0


def cylinder_sensitivity(camera: GammaCamera, lines: Sequence[GammaLine], *, nuclide: str, half_life_s: float) -> float:
    """Counts/s per Bq of one detector, from a 20 cm cylinder reconstructed 8 x 4 with its own recovery; no noise.

    Parameters
    ----------
    camera : GammaCamera
        The virtual camera.
    lines : sequence of GammaLine
        Of the nuclide, the imaged one first.
    nuclide : str
        Name.
    half_life_s : float
        Of the nuclide.
    """
    from hemadose.imaging.camera.support import body_support
    from hemadose.imaging.reconstruction.osem import BRAITSCH_OSEM
    from hemadose.imaging.reconstruction.reconstruct import set_projector, view_weights
    from hemadose.imaging.reconstruction.region_recovery import recovered_regions
    from hemadose.imaging.reconstruction.scatter_windows import scatter_estimate

    phantom = water_phantom(width_mm=200, depth_mm=200, length_mm=200, frame_of_reference_uid="2.25.3")
    scene = tomo_scene(
        phantom, TomoProtocol(bins=80, slices=50), main_kev=lines[0].energy_kev, centre_z_mm=1.3, axis_mm=(1.1, -0.7)
    )
    views = tomo_views(scene, [filled(phantom)], camera, list(lines))
    bed = acquire(
        views,
        activity_bq={"water": CYLINDER_BQ},
        started_at=datetime(2025, 3, 3, 9, tzinfo=UTC),
        nuclide=nuclide,
        rng=None,
    )
    mu = attenuation_map(
        virtual_ct(phantom, rng=None), bed.grid(), energy_kev=lines[0].energy_kev, kvp=KVP
    ).image_per_cm
    scatter = scatter_estimate(bed, peak="photopeak", lower="lower_scatter", upper="upper_scatter", smooth_fwhm_mm=15.0)
    found = recovered_regions(
        bed.counts[bed.window_index("photopeak")],
        set_projector(bed, mu_per_cm=mu, response=camera.response, support=body_support(mu, bed.grid())),
        {"water": np.asarray(mu > WATER_ABOVE_PER_CM)},
        options=BRAITSCH_OSEM,
        scatter=scatter,
        view_weight=view_weights(bed, half_life_s=half_life_s),
    )
    return float(found.values[0]) / CYLINDER_BQ
