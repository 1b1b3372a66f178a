"""Two images of one patient brought together: rigid or deformable, judged, and refused where it failed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, InputError, QuantityError
from hemadose.imaging.registration import itk
from hemadose.imaging.registration.limits import AcceptanceLimits, accepted, require_gain
from hemadose.imaging.registration.pair import Pair, prepared, similarity
from hemadose.imaging.registration.warping import invert, jacobian_determinant
from hemadose.model import Image, Quantity
from hemadose.model.transform import RegistrationQuality, Transform
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]

EMISSION = (Quantity.COUNTS, Quantity.ACTIVITY_CONCENTRATION)

METRICS = ("mutual_information", "correlation")
DEFORMABLE = ("demons", "bspline")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetError:
    """Distance between where points are mapped and where they should be.

    Attributes
    ----------
    mean_mm, max_mm : float
        Over all points.
    each_mm : tuple of float
        In the order given.
    """

    mean_mm: float
    max_mm: float
    each_mm: tuple[float, ...]


def register_rigid(
    fixed: Image,
    moving: Image,
    *,
    metric: str | None = None,
    check_inverse: bool = True,
    limits: AcceptanceLimits | None = None,
) -> Transform:
    """Find the rotation and shift that bring a moving image onto a fixed one.

    Multi-resolution regular-step gradient descent on an Euler transform about the middle of the fixed body
    (SimpleITK); the best of three starts (as scanned, centres of mass, centres of the images). Sampling is
    regular and one thread works, so that a run can be repeated to the last digit.

    Parameters
    ----------
    fixed, moving : Image
        Both CT in HU, or both emission images (counts or Bq/ml).
    metric : str, optional
        ``mutual_information`` (Mattes et al., IEEE Trans Med Imaging 2003;22:120; the default for CT) or
        ``correlation`` (the default for emission images, taken of the square root of the values, which
        levels Poisson noise and keeps kidneys from deciding alone).
    check_inverse : bool
        Also register the other way round, and report how far the two disagree.
    limits : AcceptanceLimits, optional
        When to refuse.

    Returns
    -------
    Transform
        From fixed to moving points, with quality figures.

    Raises
    ------
    QuantityError
        If the images are not of one kind, or hold nothing to register.
    GeometryError
        If they do not overlap, or the result is too poor to be used.
    InputError
        If SimpleITK is not installed.
    """
    chosen = _metric(fixed, moving, metric)
    pair = prepared(fixed, moving)
    matrix = itk.rigid_matrix(pair, metric=chosen)
    back = np.asarray(np.linalg.inv(itk.rigid_matrix(pair.swapped(), metric=chosen))) if check_inverse else None
    result = Transform(
        matrix=matrix,
        fixed_frame_uid=fixed.grid.frame_of_reference_uid,
        moving_frame_uid=moving.grid.frame_of_reference_uid,
        provenance=Provenance(step="imaging.register_rigid", parameters={"metric": chosen}),
    )
    other = None if back is None else replace(result, matrix=back)
    judged = replace(result, quality=_quality(fixed, moving, result, other, chosen, pair))
    return accepted(judged, fixed, limits or AcceptanceLimits())


def register_deformable(
    fixed: Image,
    moving: Image,
    *,
    start: Transform | None = None,
    method: str | None = None,
    smoothing_mm: float = 8.0,
    mesh_mm: float = 100.0,
    check_inverse: bool = True,
    limits: AcceptanceLimits | None = None,
) -> Transform:
    """Find a smooth displacement field on top of a rigid registration.

    ``demons`` (default for CT): diffeomorphic demons (Vercauteren et al., NeuroImage 2009;45:S61) in three
    resolutions down to 4 mm, the field smoothed with a Gaussian after every step. ``bspline`` (default for
    emission images): free-form deformation on a coarse mesh with correlation. Where the Jacobian
    shows folding, the field is made again with half as much smoothing more, at most three times.

    Parameters
    ----------
    fixed, moving : Image
        As for `register_rigid`.
    start : Transform, optional
        Rigid registration to start from; found first if not given.
    method : str, optional
        ``demons`` or ``bspline``.
    smoothing_mm : float
        Standard deviation of the regularising Gaussian (demons).
    mesh_mm : float
        Distance of control points (B-spline).
    check_inverse : bool
        Also register the other way round.
    limits : AcceptanceLimits, optional
        When to refuse.

    Returns
    -------
    Transform
        x = A (p + u(p)) with the field on a grid of the fixed frame.

    Raises
    ------
    QuantityError, GeometryError, InputError
        As for `register_rigid`; also if the field still folds.
    """
    chosen = method or ("demons" if fixed.quantity is Quantity.HOUNSFIELD else "bspline")
    if chosen not in DEFORMABLE:
        raise InputError("unknown deformable method", field="method", value=chosen, expected=", ".join(DEFORMABLE))
    first = start or register_rigid(fixed, moving, check_inverse=False, limits=limits)
    if first.is_deformable:
        raise GeometryError("a deformable registration starts from a rigid one", field="start")
    pair = prepared(fixed, moving)
    result = _deformed(first, pair, chosen, smoothing_mm, mesh_mm)
    other = None
    if check_inverse:
        inverse = replace(
            first,
            matrix=np.asarray(np.linalg.inv(first.matrix), dtype=np.float64),
            fixed_frame_uid=first.moving_frame_uid,
            moving_frame_uid=first.fixed_frame_uid,
            quality=None,
        )
        other = invert(_deformed(inverse, pair.swapped(), chosen, smoothing_mm, mesh_mm))
    judged = replace(result, quality=_quality(fixed, moving, result, other, chosen, pair))
    allowed = limits or AcceptanceLimits()
    kept = accepted(judged, fixed, allowed)
    require_gain(kept, similarity(pair, first.matrix, None).correlation, fixed, allowed)
    return kept


def _deformed(first: Transform, pair: Pair, method: str, smoothing_mm: float, mesh_mm: float) -> Transform:
    amount = smoothing_mm if method == "demons" else mesh_mm
    for _ in range(4):
        grid, field = itk.displacement_field(pair, first.matrix, method=method, amount_mm=amount)
        found = replace(
            first,
            displacement_mm=field,
            displacement_grid=replace(grid, frame_of_reference_uid=first.fixed_frame_uid),
            quality=None,
            provenance=Provenance(
                step="imaging.register_deformable", parameters={"method": method, "regularisation_mm": amount}
            ),
        )
        if jacobian_determinant(found).min() > 0.05:
            break
        amount *= 1.5
    return found


def target_registration_error(
    transform: Transform, fixed_points_mm: npt.ArrayLike, moving_points_mm: npt.ArrayLike
) -> TargetError:
    """Measure how far landmarks of the fixed image land from their partners in the moving one.

    Parameters
    ----------
    transform : Transform
        To be judged.
    fixed_points_mm, moving_points_mm : array, shape (n, 3)
        LPS, in like order; for a known transform, the points and where it puts them.

    Returns
    -------
    TargetError

    Examples
    --------
    >>> still = Transform(matrix=np.eye(4), fixed_frame_uid="1.2", moving_frame_uid="1.3")
    >>> target_registration_error(still, [[0, 0, 0], [5, 0, 0]], [[3, 4, 0], [5, 0, 0]]).each_mm
    (5.0, 0.0)
    """
    fixed, moving = np.asarray(fixed_points_mm, dtype=float), np.asarray(moving_points_mm, dtype=float)
    if fixed.shape != moving.shape or fixed.ndim != 2 or fixed.shape[1] != 3 or not len(fixed):
        raise GeometryError("landmarks come in pairs of (x, y, z)", value=f"{fixed.shape} and {moving.shape}")
    each = np.linalg.norm(transform.map_points(fixed) - moving, axis=1)
    return TargetError(mean_mm=float(each.mean()), max_mm=float(each.max()), each_mm=tuple(each.tolist()))


def _metric(fixed: Image, moving: Image, metric: str | None) -> str:
    """The metric to use; refuse images that cannot be compared."""
    if metric is not None and metric not in METRICS:
        raise InputError("unknown metric", field="metric", value=metric, expected=", ".join(METRICS))
    kinds = [
        "CT" if i.quantity is Quantity.HOUNSFIELD else "emission" if i.quantity in EMISSION else "" for i in
        (fixed, moving)
    ]  # fmt: skip
    if "" in kinds or kinds[0] != kinds[1]:
        raise QuantityError(
            "only CT with CT, or emission with emission images, are registered",
            field="quantity",
            value=f"{fixed.quantity} and {moving.quantity}",
            remedy="register the CTs of the two sessions and use the result for their SPECT as well",
        )
    for image, what in ((fixed, "fixed"), (moving, "moving")):
        if float(np.std(image.values)) <= 0.0 or min(image.grid.shape) < 8:
            raise QuantityError(f"the {what} image holds nothing to register", value=str(image.grid.shape))
    return metric or ("mutual_information" if kinds[0] == "CT" else "correlation")


def _quality(
    fixed: Image, moving: Image, found: Transform, other: Transform | None, metric: str, pair: Pair
) -> RegistrationQuality:
    before = similarity(pair, np.eye(4), None)
    after = similarity(pair, found.matrix, found)
    determinant = jacobian_determinant(found) if found.is_deformable else np.ones(1)
    notes = []
    if fixed.grid.frame_of_reference_uid == moving.grid.frame_of_reference_uid:
        notes.append("the two images share a frame of reference: what was found is motion within one session")
    errors = None if other is None else _disagreement(found, other, pair.body_points_mm)
    return RegistrationQuality(
        metric=metric,
        correlation_before=before.correlation,
        correlation_after=after.correlation,
        information_before=before.information,
        information_after=after.information,
        overlap=after.overlap,
        jacobian_min=float(determinant.min()),
        jacobian_max=float(determinant.max()),
        inverse_error_mean_mm=None if errors is None else float(errors.mean()),
        inverse_error_max_mm=None if errors is None else float(errors.max()),
        notes=tuple(notes),
    )


def _disagreement(found: Transform, other: Transform, points_mm: Floats) -> Floats:
    """Distances, in the moving frame, between where the two put the points of the body."""
    return np.asarray(np.linalg.norm(found.map_points(points_mm) - other.map_points(points_mm), axis=1))
