"""The optimisers of SimpleITK behind plain arrays: images made ready, rigid search, displacement fields.

Everything that SimpleITK touches lies on axial grids (identity direction), so that its conventions and ours
are the same: points in LPS mm, transforms from fixed to moving points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.imaging.registration.pair import Pair, Ready, axial_grid, similarity, simple_itk
from hemadose.imaging.registration.resampling import sample_onto
from hemadose.model import Grid

Floats = npt.NDArray[np.float64]

DEMONS_MM = (16.0, 8.0, 4.0)
"""Pitch of the three resolutions of demons."""

BSPLINE_MM = 6.0
"""Pitch at which a B-spline is written as a field."""

SOFT_WINDOW_HU = (-300.0, 300.0)
"""Demons follow grey values: soft tissue shall count as much as lung and bone."""

_SEED = 20261121


def rigid_matrix(pair: Pair, *, metric: str) -> Floats:
    """Search rotation and shift; matrix from fixed to moving points, shape (4, 4).

    Raises
    ------
    GeometryError
        If the images do not overlap at any start.
    """
    sitk = simple_itk()
    fixed, moving = _itk_image(pair.fixed.values, pair.fixed.grid), _itk_image(pair.moving.values, pair.moving.grid)
    transform = sitk.Euler3DTransform()
    transform.SetCenter([float(v) for v in pair.body_points_mm.mean(axis=0)])
    transform.SetTranslation([float(v) for v in _start_shift(pair)])
    search = _search(pair, metric, levels_mm=(12.0, 6.0, 3.0), samples=40_000)
    search.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=0.002, numberOfIterations=150, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-8
    )
    search.SetOptimizerScalesFromPhysicalShift()
    search.SetInitialTransform(transform, inPlace=True)
    try:
        search.Execute(fixed, moving)
    except RuntimeError as problem:
        raise _no_overlap() from problem
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - matrix[:3, :3] @ centre
    return matrix


def _no_overlap() -> GeometryError:
    return GeometryError(
        "the two images do not overlap",
        remedy="check that both series show the same body part of the same patient",
    )


def _start_shift(pair: Pair) -> Floats:
    """Best of three starts: as scanned, centres of mass of the bodies, centres of the images."""
    candidates = [np.zeros(3), _centre(pair.moving, body=True) - _centre(pair.fixed, body=True)]
    candidates.append(_centre(pair.moving, body=False) - _centre(pair.fixed, body=False))
    scored = []
    for shift in candidates:
        matrix = np.eye(4)
        matrix[:3, 3] = shift
        found = similarity(pair, matrix, None)
        scored.append(found.correlation if found.overlap >= 0.25 else -2.0 + found.overlap)
    best = int(np.argmax(scored))
    if scored[best] <= -2.0:
        raise _no_overlap()
    return candidates[best]


def _centre(ready: Ready, *, body: bool) -> Floats:
    if not body:
        return ready.grid.index_to_mm((np.array(ready.grid.shape) - 1) / 2.0)
    weight = ready.body.astype(float) if ready.is_ct else np.asarray(ready.values, dtype=float) * ready.body
    sums = [np.moveaxis(weight, axis, 0).reshape(n, -1).sum(axis=1) for axis, n in enumerate(ready.grid.shape)]
    return ready.grid.index_to_mm([float(s @ np.arange(s.size) / s.sum()) for s in sums])


def _search(pair: Pair, metric: str, *, levels_mm: tuple[float, ...], samples: int) -> Any:
    """Several resolutions, regular sampling inside the fixed body, one thread (so that runs can be repeated)."""
    sitk = simple_itk()
    search = sitk.ImageRegistrationMethod()
    search.SetNumberOfThreads(1)
    search.SetNumberOfWorkUnits(1)
    if metric == "correlation":
        search.SetMetricAsCorrelation()
    else:
        search.SetMetricAsMattesMutualInformation(numberOfHistogramBins=40)
    pitch = float(np.mean(pair.fixed.grid.spacing_mm))
    factors = [max(1, int(level / pitch + 0.5)) for level in levels_mm]
    share = [min(1.0, max(0.01, samples / (float(pair.fixed.body.sum()) / f**3))) for f in factors]
    search.SetMetricSamplingStrategy(search.REGULAR)
    search.SetMetricSamplingPercentagePerLevel(share, _SEED)
    search.SetMetricFixedMask(_itk_image(pair.fixed.body.astype(np.uint8), pair.fixed.grid))
    search.SetInterpolator(sitk.sitkLinear)
    search.SetShrinkFactorsPerLevel(factors)
    search.SetSmoothingSigmasPerLevel([0.5 * level * (1.0 if pair.fixed.is_ct else 1.3) for level in levels_mm])
    search.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return search


def displacement_field(
    pair: Pair, matrix: Floats, *, method: str, amount_mm: float
) -> tuple[Grid, npt.NDArray[np.float32]]:
    """Find u of x = A (p + u(p)) for a given A: the field in (x, y, z) mm and its axial grid."""
    if method == "demons":
        return _demons(pair, matrix, amount_mm)
    return _bspline(pair, matrix, amount_mm)


def _demons(pair: Pair, matrix: Floats, smoothing_mm: float) -> tuple[Grid, npt.NDArray[np.float32]]:
    sitk = simple_itk()
    field = None
    for level, pitch in enumerate(DEMONS_MM):
        grid = axial_grid(pair.fixed.grid, least_mm=pitch)
        fixed, moving = _levelled(pair, matrix, grid)
        target = _itk_image(fixed, grid)
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfThreads(1)
        demons.SetNumberOfWorkUnits(1)
        demons.SetNumberOfIterations((60, 40, 25)[level])
        demons.SetSmoothDisplacementField(True)
        demons.SetStandardDeviations([max(smoothing_mm / s, 0.8) for s in grid.spacing_mm[::-1]])
        source = _itk_image(moving, grid)
        if field is None:
            field = demons.Execute(target, source)
        else:
            start = sitk.Resample(field, target, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64)
            field = demons.Execute(target, source, start)
    return grid, np.ascontiguousarray(sitk.GetArrayFromImage(field), dtype=np.float32)


def _levelled(pair: Pair, matrix: Floats, grid: Grid) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Both images on one grid in the window of demons; beyond the moving image nothing pulls."""
    low, high = SOFT_WINDOW_HU if pair.fixed.is_ct else (0.0, float(np.percentile(pair.fixed.values, 99.9)))
    fixed = sample_onto(pair.fixed.values, pair.fixed.grid, grid, order=1, outside=low)
    placed = Grid(
        shape=grid.shape, affine=matrix @ grid.affine, frame_of_reference_uid=pair.moving.grid.frame_of_reference_uid
    )
    moving = sample_onto(pair.moving.values, pair.moving.grid, placed, order=1, outside=low)
    seen = sample_onto(np.ones(pair.moving.grid.shape), pair.moving.grid, placed, order=1, outside=0.0) > 0.99
    fixed, moving = np.clip(fixed, low, high), np.clip(moving, low, high)
    return fixed.astype(np.float32), np.where(seen, moving, fixed).astype(np.float32)


def _bspline(pair: Pair, matrix: Floats, mesh_mm: float) -> tuple[Grid, npt.NDArray[np.float32]]:
    sitk = simple_itk()
    fixed, moving = _itk_image(pair.fixed.values, pair.fixed.grid), _itk_image(pair.moving.values, pair.moving.grid)
    extent = np.array(pair.fixed.grid.shape[::-1]) * np.array(pair.fixed.grid.spacing_mm[::-1])
    mesh = [max(2, int(e / mesh_mm + 0.5)) for e in extent]
    bspline = sitk.BSplineTransformInitializer(fixed, mesh, order=3)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    metric = "mutual_information" if pair.fixed.is_ct else "correlation"
    search = _search(pair, metric, levels_mm=(16.0, 8.0), samples=12_000)
    search.SetMovingInitialTransform(affine)
    search.SetInitialTransform(bspline, inPlace=True)
    search.SetOptimizerAsLBFGSB(
        gradientConvergenceTolerance=1e-6, numberOfIterations=20, maximumNumberOfCorrections=5,
        maximumNumberOfFunctionEvaluations=30, costFunctionConvergenceFactor=1e8,
    )  # fmt: skip
    try:
        search.Execute(fixed, moving)
    except RuntimeError as problem:
        raise _no_overlap() from problem
    grid = axial_grid(pair.fixed.grid, least_mm=BSPLINE_MM)
    field = sitk.TransformToDisplacementField(
        bspline, sitk.sitkVectorFloat64, list(grid.shape[::-1]), grid.affine[:3, 3].tolist(),
        list(grid.spacing_mm[::-1]), np.eye(3).ravel().tolist(),
    )  # fmt: skip
    return grid, np.ascontiguousarray(sitk.GetArrayFromImage(field), dtype=np.float32)


def _itk_image(values: npt.NDArray[Any], grid: Grid) -> Any:
    image = simple_itk().GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing([float(s) for s in grid.spacing_mm[::-1]])
    image.SetOrigin([float(v) for v in grid.affine[:3, 3]])
    return image
