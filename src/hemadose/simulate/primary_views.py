"""Primary photons of SPECT projections: rays through the voxels of the anatomy, Gaussians integrated over bins.

Independent of the projector that reconstructs: every voxel of the anatomy is followed crossing by crossing along its
own ray to the detector, and its image is the Gaussian of its distance (widened by the voxel) integrated over bins and
slices in closed form. Nothing is rotated or interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemadose.imaging.camera.response import DetectorResponse
from hemadose.simulate.resample import Axis, transfer_matrix
from hemadose.simulate.sources import SourceMap
from hemadose.simulate.tomo_scene import TomoScene

Volume = npt.NDArray[np.float32]

DEPTH_MM = 10.0
"""Between the distances for which slices are blurred; each voxel is shared between two of them."""
REACH_MM = 60.0
"""Slices farther from the detector's end than this are not seen by it."""


class Along(NamedTuple):
    """Blur along the patient: shares (distances, voxel slices, detector slices), and where they are not zero."""

    share: Volume
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


def primary_views(
    scene: TomoScene, sources: Sequence[SourceMap], response: DetectorResponse, *, threads: int = 1
) -> dict[str, Volume]:
    """Project every source.

    Parameters
    ----------
    scene : TomoScene
        Patient and detectors.
    sources : sequence of SourceMap
        On the voxels of the anatomy.
    response : DetectorResponse
        Of the main line.
    threads : int
        Views made at the same time; the result does not depend on it.

    Returns
    -------
    dict of source name to ndarray of float32, shape (views, slices, bins)
        Share of the source's photons towards a detector that arrives in each pixel without interaction.
    """
    z, _, _ = scene.axes
    ends = scene.slice_axis().edges_mm
    seen = np.flatnonzero((z.centres_mm > ends[0] - REACH_MM) & (z.centres_mm < ends[-1] + REACH_MM))
    cut = slice(int(seen[0]), int(seen[-1]) + 1)
    mu = np.ascontiguousarray(scene.attenuation_per_mm(coherent=False)[..., cut])
    shares = {s.name: np.ascontiguousarray(scene.shares(s)[..., cut]) for s in sources}
    wanted = np.any([share.any(axis=2) for share in shares.values()], axis=0)
    along = _along(scene, response, cut)
    p = scene.protocol
    found = {name: np.zeros((p.views, p.slices, p.bins), dtype=np.float32) for name in shares}

    def one(view: int) -> None:
        for name, plane in _view(scene, response, mu, shares, wanted, along, view).items():
            found[name][view] = plane

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(one, view) for view in range(p.views)]:
            done.result()
    return found


def _along(scene: TomoScene, response: DetectorResponse, cut: slice) -> Along:
    """Blur along the patient at each distance."""
    z = scene.axes[0]
    near = Axis(first_mm=float(z.centres_mm[cut.start]), pitch_mm=z.pitch_mm, count=cut.stop - cut.start)
    east, back = scene.centres_mm()
    farthest = float(scene.radius_mm.max() + np.hypot(np.abs(east).max(), np.abs(back).max()))
    distances = np.arange(int(np.ceil(farthest / DEPTH_MM)) + 2) * DEPTH_MM
    target = scene.slice_axis()
    share = np.stack([transfer_matrix(near, target, fwhm_mm=float(response.fwhm_mm(d))).T for d in distances])
    used = share > 1e-7
    return Along(
        share=np.ascontiguousarray(share, dtype=np.float32),
        first=np.where(used.any(axis=2), used.argmax(axis=2), 0),
        last=np.where(used.any(axis=2), share.shape[2] - 1 - used[..., ::-1].argmax(axis=2), -1),
    )


def _view(
    scene: TomoScene,
    response: DetectorResponse,
    mu: Volume,
    shares: dict[str, Volume],
    wanted: npt.NDArray[np.bool_],
    along: Along,
    view: int,
) -> dict[str, Volume]:
    from hemadose.simulate import _view_kernels as kernels

    _, y, x = scene.axes
    east, back = scene.centres_mm()
    angle = float(np.deg2rad(scene.protocol.angle_deg[view]))
    sine, cosine = float(np.sin(angle)), float(np.cos(angle))
    passed = np.zeros_like(mu)
    kernels.ways_out(mu, x.pitch_mm, y.pitch_mm, sine, cosine, wanted, passed)
    np.exp(-passed, out=passed)
    widths = (response.intrinsic_fwhm_mm, response.at_face_mm, response.per_mm)
    variance = (x.pitch_mm * y.pitch_mm) / 12.0
    bins = scene.protocol.bins
    planes = np.zeros((len(along.share), bins, mu.shape[2]), dtype=np.float32)
    seen = {}
    for name, share in shares.items():
        kernels.spread(
            share, passed, east, back, sine, cosine, float(scene.radius_mm[view]), widths, variance,
            scene.protocol.bin_mm, DEPTH_MM, planes,
        )  # fmt: skip
        total = np.zeros((bins, scene.protocol.slices), dtype=np.float32)
        kernels.blur_along(planes, along.share, along.first, along.last, total)
        seen[name] = total.T
    return seen
