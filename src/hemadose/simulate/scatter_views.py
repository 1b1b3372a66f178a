"""Scatter in SPECT projections, and photons of minor lines, by Monte Carlo with forced detection.

Every source is simulated on its own, so that studies at many times and with many noise realisations share one
simulation. What is left of statistical noise is smoothed, which blurs scatter a little more than the camera does.

References
----------
Ljungberg M, Strand S-E. Comput Methods Programs Biomed 29:257 (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.camera.response import FWHM_PER_SIGMA
from hemadose.model import GammaLine
from hemadose.simulate.gamma_camera import GammaCamera
from hemadose.simulate.photon_tables import PhotonTables, photon_tables
from hemadose.simulate.sources import SourceMap
from hemadose.simulate.tomo_scene import TomoScene, cell_factor, thinned

if TYPE_CHECKING:
    from hemadose.simulate._scatter_kernels import Body, Detector

Volume = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

STRIDE = 4
"""At every collision one view in so many is looked at."""
BATCHES = 8
MINOR_SHARE = 0.2
"""Of the histories, for all lines but the main one together."""
SMOOTHING_FWHM_MM = 12.0


def scatter_views(
    scene: TomoScene,
    sources: Sequence[SourceMap],
    camera: GammaCamera,
    lines: Sequence[GammaLine],
    *,
    histories: int,
    seed: int,
    smoothing_fwhm_mm: float = SMOOTHING_FWHM_MM,
    threads: int = 1,
) -> dict[str, Volume]:
    """Simulate every source.

    Parameters
    ----------
    scene : TomoScene
        Patient and detectors.
    sources : sequence of SourceMap
        On the voxels of the anatomy.
    camera : GammaCamera
        What counts.
    lines : sequence of GammaLine
        Main line first: of that only what is scattered, of the others all.
    histories : int
        Of each source.
    seed : int
        The same gives the same, whatever the number of threads.
    smoothing_fwhm_mm : float
        Gaussian filter of the result.
    threads : int
        Batches made at the same time.

    Returns
    -------
    dict of source name to ndarray of float32, shape (windows, views, slices, bins)
        Counts per decay.

    Raises
    ------
    QuantityError
        If the main line does not lie above the windows' reach, or too few histories are asked for.
    """
    if histories < 100 * BATCHES:
        raise QuantityError(
            "too few histories for a scatter simulation", field="histories", value=str(histories),
            expected=f">= {100 * BATCHES}",
        )  # fmt: skip
    main = lines[0].energy_kev
    usable = [line for line in lines if line.energy_kev > camera.lowest_kev + 1.0]
    if not usable or usable[0] is not lines[0]:
        raise QuantityError(
            "photons of the main line do not reach the windows",
            field="lines",
            value=f"{main:g} keV",
            expected=f"above {camera.lowest_kev:g} keV",
        )
    tables = photon_tables(
        scene.anatomy,
        lowest_kev=camera.lowest_kev,
        highest_kev=max(line.energy_kev for line in usable) + 1.0,
        main_kev=main,
    )
    body, detector = _body(scene, threads), _detector(scene, camera, tables)
    found = {}
    for number, source in enumerate(sources):
        tally = _simulated(tables, body, detector, scene, source, usable, histories, seed + 7919 * number, threads)
        found[source.name] = _smoothed(tally, scene, smoothing_fwhm_mm)
    return found


def _body(scene: TomoScene, threads: int) -> Body:
    from hemadose.simulate import _scatter_kernels as scatter
    from hemadose.simulate import _view_kernels as kernels

    z, y, x = scene.axes
    thin = cell_factor(scene.axes)
    mu = thinned(scene.attenuation_per_mm(coherent=False), thin)
    wanted = np.ones(mu.shape[:2], dtype=np.bool_)
    angle = np.deg2rad(scene.protocol.angle_deg)
    ways = np.zeros((angle.size, *mu.shape), dtype=np.float32)

    def one(view: int) -> None:
        sine, cosine = float(np.sin(angle[view])), float(np.cos(angle[view]))
        kernels.ways_out(mu, thin * x.pitch_mm, thin * y.pitch_mm, sine, cosine, wanted, ways[view])

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(one, view) for view in range(angle.size)]:
            done.result()
    start = scene.slice_axis().edges_mm[0]
    corner = (x.edges_mm[0] - scene.axis_mm[0], y.edges_mm[0] - scene.axis_mm[1], z.edges_mm[0] - start)
    return scatter.Body(
        labels=scene.labels,
        corner=(float(corner[0]), float(corner[1]), float(corner[2])),
        pitch=(x.pitch_mm, y.pitch_mm, z.pitch_mm),
        ways=ways,
        thin=thin,
    )


def _detector(scene: TomoScene, camera: GammaCamera, tables: PhotonTables) -> Detector:
    from hemadose.simulate import _scatter_kernels as scatter

    p = scene.protocol
    angle = np.deg2rad(p.angle_deg)
    energies = tables.lowest_kev + np.arange(tables.majorant.size)
    r = camera.response
    return scatter.Detector(
        sine=np.sin(angle),
        cosine=np.cos(angle),
        radius=np.asarray(scene.radius_mm, dtype=np.float64),
        bin_mm=p.bin_mm,
        slice_mm=p.slice_mm,
        response=(r.intrinsic_fwhm_mm, r.at_face_mm, r.per_mm),
        counts=np.ascontiguousarray(4.0 * np.pi * camera.counts_per_photon(energies)),
        stride=min(STRIDE, p.views),
    )


def _simulated(
    tables: PhotonTables,
    body: Body,
    detector: Detector,
    scene: TomoScene,
    source: SourceMap,
    lines: Sequence[GammaLine],
    histories: int,
    seed: int,
    threads: int,
) -> Volume:
    """Counts per decay, batch by batch, added in a fixed order."""
    from hemadose.simulate import _scatter_kernels as scatter

    share = source.share[scene.part].astype(np.float64).ravel()
    cells = np.flatnonzero(share)
    p = scene.protocol
    shape = (len(detector.counts), p.views, p.slices, p.bins)
    if not cells.size:
        return np.zeros(shape, dtype=np.float32)
    cumulative = np.cumsum(share[cells])
    energy, running, weight = _lines(lines)
    each = -(-histories // BATCHES)

    def batch(number: int) -> Volume:
        tally = np.zeros(shape, dtype=np.float32)
        scatter.histories(
            tables, body, detector, cells, cumulative, energy, running, weight, number * each, (number + 1) * each,
            BATCHES * each, seed, tally,
        )  # fmt: skip
        return tally

    total = np.zeros(shape, dtype=np.float32)
    with ThreadPoolExecutor(threads) as pool:
        for tally in pool.map(batch, range(BATCHES)):
            total += tally
    total *= np.float32(cumulative[-1] / (BATCHES * each))
    return total


def _lines(lines: Sequence[GammaLine]) -> tuple[Floats, Floats, Floats]:
    """Energies, running chances and weights: a fixed share of the histories for the minor lines."""
    intensity = np.array([line.photons_per_decay for line in lines])
    chance = np.ones(1)
    if intensity.size > 1:
        minor = MINOR_SHARE * intensity[1:] / intensity[1:].sum()
        chance = np.concatenate([[1.0 - MINOR_SHARE], minor])
    running = np.cumsum(chance)
    running[-1] = 1.0
    return np.array([line.energy_kev for line in lines]), running, intensity / chance


def _smoothed(tally: Volume, scene: TomoScene, fwhm_mm: float) -> Volume:
    if fwhm_mm == 0.0:
        return tally
    from scipy.ndimage import gaussian_filter

    sigma = fwhm_mm / FWHM_PER_SIGMA
    pixels = (0.0, 0.0, sigma / scene.protocol.slice_mm, sigma / scene.protocol.bin_mm)
    return np.asarray(gaussian_filter(tally, pixels, mode="nearest", truncate=4.0), dtype=np.float32)
