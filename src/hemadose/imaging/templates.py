"""Planar quantification with CT-defined volumes: fit the images as a sum of projected organs.

Each volume of interest is projected through the attenuation of the CT onto both views and blurred with
the camera's resolution; the activities are those whose sum fits the scatter-corrected images best.
Overlap, background, attenuation and resolution, which conjugate views treat one by one and roughly, are
then part of one model (He B., Frey E., Phys Med Biol 2006;51:3967, "QPlanar").

Besides the drawn organs the model holds the vertebrae above and below L2-L4, the other bones and the rest
of the body, all taken from the CT and uniform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.imaging.geometry import attenuation_per_mm, bone_regions, resample_mask
from hemadose.imaging.planar import PlanarProtocol, passing_time_s, scatter_windows
from hemadose.imaging.recovery import FWHM_PER_SIGMA
from hemadose.model import (
    ActivitySample,
    ActivitySeries,
    Administration,
    Grid,
    Image,
    PlanarScan,
    Quantity,
    Region,
    View,
)
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BODY = "whole_body"
OTHERS = ("other_vertebrae", "other_bone", "rest_of_body")
_BODY_HU = -400.0
_COARSE_MM = 4.0
_MARGIN_MM = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarTemplates:
    """Expected primary counts of unit activity in each region.

    Attributes
    ----------
    names : tuple of str
        Regions, then the other bones and the rest of the body.
    images : ndarray, shape (regions, views, rows, columns)
        Share of the photons emitted towards a head that arrive, per pixel; views anterior, posterior.
    window : ndarray of bool, shape (rows, columns)
        Pixels that the fit uses.
    """

    names: tuple[str, ...]
    images: Floats
    window: Mask


def project_templates(
    ct: Image,
    regions: Sequence[Region],
    *,
    shape: tuple[int, int],
    pixel_mm: tuple[float, float],
    planar_origin_mm: tuple[float, float],
    water_per_mm: float,
    fwhm_mm: float,
) -> PlanarTemplates:
    """Project every region, the other bones and the rest of the body.

    Parameters
    ----------
    ct : Image
        In HU, axial, covering the organs and a margin.
    regions : sequence of Region
        Disjoint organs of the same frame of reference.
    shape, pixel_mm, planar_origin_mm
        Planar images: size, pixel (row, column) and patient (z, x) of the centre of pixel (0, 0).
    water_per_mm : float
        Attenuation of water at the photopeak.
    fwhm_mm : float
        Resolution of the planar images at mid-depth.

    Returns
    -------
    PlanarTemplates

    Raises
    ------
    GeometryError
        If the CT is not in HU or of another frame of reference, or it or the planar images miss an organ.
    """
    from scipy.ndimage import gaussian_filter

    if ct.quantity is not Quantity.HOUNSFIELD:
        raise GeometryError("attenuation comes from a CT in HU", value=str(ct.quantity))
    grid, hu = _coarse(ct)
    masks = {}
    for region in regions:
        if region.grid.frame_of_reference_uid != grid.frame_of_reference_uid:
            raise GeometryError(f"CT and region {region.name} belong to different frames of reference")
        if region.name != BODY:
            masks[region.name] = resample_mask(region, grid)
            if not masks[region.name].any():
                raise GeometryError(f"the CT does not cover region {region.name}")
    coarse = Image(values=hu.astype(np.float32), grid=grid, quantity=Quantity.HOUNSFIELD)
    masks |= {r.name: np.asarray(r.mask) for r in bone_regions(coarse, grid, drawn=regions)}
    masks["rest_of_body"] = (hu > _BODY_HU) & ~np.any(list(masks.values()), axis=0)
    mu = attenuation_per_mm(hu, water_per_mm=water_per_mm)
    step = grid.spacing_mm[1]
    before = (np.cumsum(mu, axis=1) - 0.5 * mu) * step
    after = mu.sum(axis=1, keepdims=True) * step - before
    arrive = (np.exp(-before), np.exp(-after))
    to_rows = _overlap(_axis(grid, 0), planar_origin_mm[0], -pixel_mm[0], shape[0])
    to_columns = _overlap(_axis(grid, 2), planar_origin_mm[1], pixel_mm[1], shape[1])
    sigma = (fwhm_mm / FWHM_PER_SIGMA / pixel_mm[0], fwhm_mm / FWHM_PER_SIGMA / pixel_mm[1])
    images = np.array(
        [
            [
                gaussian_filter(
                    to_rows @ (seen * mask).sum(axis=1) @ to_columns.T / np.count_nonzero(mask), sigma, mode="constant"
                )
                for seen in arrive
            ]
            for mask in masks.values()
        ]
    )
    for name, image in zip(masks, images, strict=True):
        if name not in OTHERS and not image.any():
            raise GeometryError(
                f"region {name} lies outside the planar images",
                field="images.planar_origin_mm",
                remedy="check where the planar images lie in the patient",
            )
    return PlanarTemplates(names=tuple(masks), images=images, window=_window(images, masks, pixel_mm))


def _coarse(ct: Image) -> tuple[Grid, Floats]:
    """Average blocks of a fine CT to voxels of about 4 mm."""
    factors = [max(int(_COARSE_MM / s + 1e-6), 1) for s in ct.grid.spacing_mm]
    if factors == [1, 1, 1]:
        return ct.grid, np.asarray(ct.values, dtype=np.float64)
    shape = [n // f for n, f in zip(ct.grid.shape, factors, strict=True)]
    trimmed = np.asarray(ct.values)[tuple(slice(0, n * f) for n, f in zip(shape, factors, strict=True))]
    blocks = trimmed.reshape(shape[0], factors[0], shape[1], factors[1], shape[2], factors[2])
    affine = np.array(ct.grid.affine)
    affine[:3, 3] = ct.grid.index_to_mm([(f - 1) / 2.0 for f in factors])
    affine[:3, :3] = affine[:3, :3] * np.array(factors)
    grid = Grid(
        shape=(shape[0], shape[1], shape[2]),
        affine=affine,
        frame_of_reference_uid=ct.grid.frame_of_reference_uid,
    )
    return grid, np.asarray(blocks.mean(axis=(1, 3, 5)), dtype=np.float64)


def _axis(grid: Grid, axis: int) -> Floats:
    """Borders of the cells along an axis, in mm."""
    coordinate = {0: 2, 2: 0}[axis]
    pitch = grid.affine[coordinate, axis]
    return np.asarray(grid.affine[coordinate, 3] + pitch * (np.arange(grid.shape[axis] + 1) - 0.5))


def _overlap(edges_mm: Floats, first_mm: float, pitch_mm: float, count: int) -> Floats:
    """Share of every cell that falls into every pixel, shape (pixels, cells)."""
    borders = first_mm + pitch_mm * (np.arange(count + 1) - 0.5)
    low, high = np.minimum(borders[:-1], borders[1:]), np.maximum(borders[:-1], borders[1:])
    cell_low, cell_high = np.minimum(edges_mm[:-1], edges_mm[1:]), np.maximum(edges_mm[:-1], edges_mm[1:])
    shared = np.minimum(high[:, None], cell_high) - np.maximum(low[:, None], cell_low)
    return np.asarray(np.maximum(shared, 0.0) / (cell_high - cell_low))


def _window(images: Floats, masks: dict[str, Mask], pixel_mm: tuple[float, float]) -> Mask:
    """Rows that hold organs, with a margin; all columns where the body is."""
    organs = [k for k, name in enumerate(masks) if name not in OTHERS]
    signal = images[organs].sum(axis=(0, 1))
    rows = np.flatnonzero(signal.max(axis=1) > 1e-3 * signal.max())
    margin = round(_MARGIN_MM / pixel_mm[0])
    window = np.zeros(signal.shape, dtype=bool)
    window[max(rows[0] - margin, 0) : rows[-1] + margin + 1] = True
    return np.asarray(window & (images.sum(axis=(0, 1)) > 0.0))


def quantify_by_templates(
    scans: Sequence[PlanarScan],
    templates: PlanarTemplates,
    *,
    administration: Administration,
    protocol: PlanarProtocol,
    counts_per_s_per_bq: float,
    photopeak: str | None = None,
) -> tuple[ActivitySeries, ...]:
    """Fit the activities of all regions to every scan.

    Parameters
    ----------
    scans : sequence of PlanarScan
        All on the pixels of the templates.
    templates : PlanarTemplates
        From `project_templates`.
    administration, protocol, photopeak
        As in `quantify_planar`; scatter windows and uncertainties are used, backgrounds are not.
    counts_per_s_per_bq : float
        Sensitivity of one head in air.

    Returns
    -------
    tuple of ActivitySeries
        One per drawn region.

    Raises
    ------
    GeometryError
        If a scan has other pixels than the templates.
    """
    drawn = [k for k, name in enumerate(templates.names) if name not in OTHERS]
    rows: dict[int, list[ActivitySample]] = {k: [] for k in drawn}
    for scan in sorted(scans, key=lambda s: s.started_at):
        if scan.shape != templates.images.shape[2:]:
            raise GeometryError("planar images and templates differ in size", value=str(scan.shape))
        windows = scatter_windows(scan, administration, protocol, photopeak)
        activity, sd = _fit(scan, templates, windows, counts_per_s_per_bq)
        start = administration.time_since_s(scan.started_at, what="planar acquisition")
        for k in drawn:
            spread = float(np.hypot(sd[k], protocol.point_relative_sd * activity[k]))
            rows[k].append(
                ActivitySample(
                    region=templates.names[k],
                    time_s=start + passing_time_s(scan, _centre_row(templates.images[k])),
                    activity_bq=float(activity[k]),
                    sd_bq=max(spread, 1.0),
                    method="planar",
                )
            )
    shared = float(np.hypot(protocol.calibration_relative_sd, protocol.attenuation_relative_sd))
    return tuple(
        ActivitySeries(
            region=templates.names[k],
            samples=tuple(rows[k]),
            shared_relative_sd=shared,
            provenance=Provenance(
                step="imaging.quantify_by_templates",
                parameters={"scatter": protocol.scatter, "regions": ", ".join(templates.names)},
            ),
        )
        for k in drawn
    )


def _centre_row(image: Floats) -> float:
    """Row of the centre of a template (both views)."""
    profile = image.sum(axis=(0, 2))
    return float((profile * np.arange(profile.size)).sum() / profile.sum())


def _fit(
    scan: PlanarScan, templates: PlanarTemplates, windows: list[tuple[str, float]], counts_per_s_per_bq: float
) -> tuple[Floats, Floats]:
    """Non-negative weighted least squares of both views; activities and standard uncertainties."""
    from scipy.ndimage import gaussian_filter
    from scipy.optimize import nnls

    data, weight = [], []
    for view in (View.ANTERIOR, View.POSTERIOR):
        frames = [(scan.frame(view=view, window_name=name).counts, factor) for name, factor in windows]
        net = np.sum([f * counts for counts, f in frames], axis=0)
        noise = gaussian_filter(np.sum([f * f * counts for counts, f in frames], axis=0), 2.0)
        data.append(net[templates.window])
        weight.append(1.0 / np.sqrt(np.maximum(noise[templates.window], 0.25)))
    y, w = np.concatenate(data), np.concatenate(weight)
    scale = scan.pixel_dwell_s * counts_per_s_per_bq
    design = templates.images[:, :, templates.window].reshape(len(templates.names), -1).T * scale
    weighted = design * w[:, None]
    norm = np.linalg.norm(weighted, axis=0)
    activity = nnls(weighted / norm, y * w)[0] / norm
    covariance = np.linalg.pinv((weighted / norm).T @ (weighted / norm)) / np.outer(norm, norm)
    return np.asarray(activity), np.sqrt(np.maximum(np.diag(covariance), 0.0))
