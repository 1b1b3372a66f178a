"""A vendor-like SPECT reconstruction: blurred activity with correlated noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hemadose.model import Anatomy, Grid
from hemadose.simulate.camera import FWHM_PER_SIGMA, Camera
from hemadose.simulate.resample import Axis, transfer_matrix
from hemadose.simulate.sources import SourceMap

Volume = npt.NDArray[np.float32]
Axes = tuple[Axis, Axis, Axis]


def spect_grid(anatomy: Anatomy, camera: Camera) -> Grid:
    """Place the SPECT about kidneys and L2-L4, within the anatomy where that is shorter."""
    grid = anatomy.labels.grid
    low, high = grid.index_to_mm(np.array([[0, 0, 0], np.array(grid.shape) - 1]))
    middle = (low + high) / 2.0
    kidneys = anatomy.region("kidney_left", "kidney_right").centroid_mm[2]
    lumbar = anatomy.region("lumbar_l3").centroid_mm[2]
    pitch, slices = camera.spect_voxel_mm, camera.spect_slices
    length = slices * pitch
    centre = (kidneys + lumbar) / 2.0
    spacing = grid.spacing_mm[0]
    lowest, highest = low[2] - spacing / 2 + length / 2, high[2] + spacing / 2 - length / 2
    centre = float(np.clip(centre, lowest, highest)) if lowest < highest else float(middle[2])
    half = (camera.spect_matrix - 1) / 2.0 * pitch
    return Grid.axial(
        shape=(slices, camera.spect_matrix, camera.spect_matrix),
        spacing_mm=(pitch, pitch, pitch),
        origin_mm=(
            float(middle[0] - half),
            float(middle[1] - half),
            float(centre - (slices - 1) / 2.0 * pitch),
        ),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def grid_axes(grid: Grid) -> Axes:
    """Axes (z, y, x) of a grid made by `spect_grid`."""
    z, y, x = (
        Axis(
            first_mm=float(grid.affine[axis, 3]),
            pitch_mm=float(grid.affine[axis, 2 - axis]),
            count=grid.shape[2 - axis],
        )
        for axis in (2, 1, 0)
    )
    return z, y, x


def carry(values: npt.NDArray[np.generic], source: Axes, target: Axes, *, fwhm_mm: float = 0.0) -> Volume:
    """Carry voxel contents (not concentrations) onto another grid, blurred and conserved."""
    result = np.asarray(values, dtype=np.float32)
    for axis in range(3):
        matrix = transfer_matrix(source[axis], target[axis], fwhm_mm=fwhm_mm).astype(np.float32)
        result = np.moveaxis(np.tensordot(matrix, result, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(result)


def spect_templates(
    sources: Sequence[SourceMap], attenuation: Volume, camera: Camera, axes: Axes, grid: Grid
) -> tuple[dict[str, Volume], Volume]:
    """Blurred unit sources on the SPECT grid, and the mean transmission out of each voxel.

    Returns
    -------
    dict of source name to ndarray, and ndarray, all of the shape of `grid`
    """
    target = grid_axes(grid)
    before = camera.spect_blur_before_filter_mm
    used = _slices_near(axes[0], target[0])
    near = (Axis(first_mm=float(axes[0].centres_mm[used.start]), pitch_mm=axes[0].pitch_mm,
                 count=used.stop - used.start), axes[1], axes[2])  # fmt: skip
    templates = {s.name: carry(s.share[used], near, target, fwhm_mm=before) for s in sources}
    passed = _mean_transmission(attenuation[used], axes)
    weight = carry(np.ones_like(passed), near, target)
    detected = carry(passed, near, target) / np.maximum(weight, 1e-6)
    return templates, np.where(weight > 1e-3, detected, 1.0).astype(np.float32)


def reconstructed_counts(
    templates: Mapping[str, Volume],
    detected: Volume,
    camera: Camera,
    *,
    activity_bq: Mapping[str, float],
    rng: np.random.Generator | None,
) -> Volume:
    """Counts of a reconstruction: Poisson noise at the level of detected counts, then the filter.

    A reconstruction with attenuation correction multiplies few detected counts: a voxel of m
    reconstructed counts has a variance of m / (share x transmission) before the filter.
    """
    from scipy.ndimage import gaussian_filter

    expected = np.zeros(detected.shape, dtype=np.float32)
    for name, template in templates.items():
        expected += np.float32(activity_bq[name]) * template
    expected = np.maximum(expected * camera.spect_counts_per_s_per_bq * camera.spect_duration_s, 0.0)
    if rng is not None:
        share = camera.spect_noise_share * detected
        expected = (rng.poisson(expected * share) / share).astype(np.float32)
    sigma = camera.spect_filter_fwhm_mm / FWHM_PER_SIGMA / camera.spect_voxel_mm
    return np.asarray(gaussian_filter(expected, sigma, mode="constant", truncate=5.0), dtype=np.float32)


def _slices_near(source: Axis, target: Axis, *, margin_mm: float = 40.0) -> slice:
    inside = np.flatnonzero(
        (source.centres_mm > target.edges_mm.min() - margin_mm)
        & (source.centres_mm < target.edges_mm.max() + margin_mm)
    )
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _mean_transmission(attenuation: Volume, axes: Axes) -> Volume:
    """Mean over the four directions front, back, left and right."""
    total = np.zeros_like(attenuation)
    for axis in (1, 2):
        step = axes[axis].pitch_mm / 10.0
        path = (np.cumsum(attenuation, axis=axis) - 0.5 * attenuation) * step
        whole = attenuation.sum(axis=axis, keepdims=True) * step
        total += np.exp(-path) + np.exp(-(whole - path))
    return np.asarray(total / 4.0)
