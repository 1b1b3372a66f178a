"""Where a point of one image lies in another: a rigid or affine part and, if wanted, a displacement field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model._checks import frozen_array
from hemadose.model.image import Grid
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationQuality:
    """How well two images were brought together.

    Attributes
    ----------
    metric : str
        What was maximised: ``mutual_information``, ``correlation`` or ``demons``.
    correlation_before, correlation_after : float
        Pearson correlation of the two images inside the body, at the start and at the end.
    information_before, information_after : float
        Mutual information there, in nats.
    overlap : float
        Share of the fixed body that lies inside the moving image.
    jacobian_min, jacobian_max : float
        Local change of volume; a minimum of 0 or less is folded space.
    inverse_error_mean_mm, inverse_error_max_mm : float or None
        Distance by which a point misses itself after going over and back through the registration made the
        other way round; None if that was not made.
    notes : tuple of str
        Doubts.
    """

    metric: str
    correlation_before: float
    correlation_after: float
    information_before: float
    information_after: float
    overlap: float
    jacobian_min: float = 1.0
    jacobian_max: float = 1.0
    inverse_error_mean_mm: float | None = None
    inverse_error_max_mm: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def folds(self) -> bool:
        """Tell whether space is folded somewhere."""
        return self.jacobian_min <= 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A map from the fixed to the moving image: x = A (p + u(p)), in LPS mm.

    Attributes
    ----------
    matrix : ndarray, shape (4, 4)
        A: the affine part, as ITK keeps it (from fixed to moving points).
    fixed_frame_uid, moving_frame_uid : str
        Frames of reference that it joins.
    displacement_mm : ndarray, shape (slices, rows, columns, 3), or None
        u as (x, y, z) at the nodes of `displacement_grid`; beyond the grid the value of its border.
    displacement_grid : Grid or None
        In the fixed frame.
    quality : RegistrationQuality or None
        None for a transform that came from elsewhere.
    provenance : Provenance or None
        How it was made.

    Examples
    --------
    >>> shift = np.eye(4)
    >>> shift[:3, 3] = (0.0, 0.0, 12.0)
    >>> t = Transform(matrix=shift, fixed_frame_uid="1.2", moving_frame_uid="1.3")
    >>> t.map_points([[1.0, 2.0, 3.0]]).tolist(), t.rotation_deg
    ([[1.0, 2.0, 15.0]], 0.0)
    """

    matrix: npt.NDArray[np.float64]
    fixed_frame_uid: str
    moving_frame_uid: str
    displacement_mm: npt.NDArray[np.float32] | None = None
    displacement_grid: Grid | None = None
    quality: RegistrationQuality | None = None
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Check the matrix, and that a field and its grid belong together."""
        matrix = frozen_array(self.matrix, np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.allclose(matrix[3], (0, 0, 0, 1)):
            raise GeometryError("the affine part of a transform is a finite 4 x 4 matrix with last row 0 0 0 1")
        if np.linalg.det(matrix[:3, :3]) <= 1e-6:
            raise GeometryError("a transform cannot mirror or flatten the patient", field="matrix")
        object.__setattr__(self, "matrix", matrix)
        if (self.displacement_mm is None) != (self.displacement_grid is None):
            raise GeometryError("a displacement field comes with its grid", field="displacement_grid")
        if self.displacement_mm is not None and self.displacement_grid is not None:
            self._check_field(self.displacement_mm, self.displacement_grid)

    def _check_field(self, values: npt.NDArray[np.float32], grid: Grid) -> None:
        field = frozen_array(values, np.float32)
        if field.shape != (*grid.shape, 3) or not np.isfinite(field).all():
            raise GeometryError(
                "the displacement field does not fit its grid",
                value=str(field.shape),
                expected=str((*grid.shape, 3)),
            )
        if grid.frame_of_reference_uid != self.fixed_frame_uid:
            raise GeometryError("a displacement field lies in the frame of the fixed image", field="displacement_grid")
        object.__setattr__(self, "displacement_mm", field)

    @property
    def is_deformable(self) -> bool:
        """Tell whether it has a displacement field."""
        return self.displacement_mm is not None

    @property
    def rotation_deg(self) -> float:
        """Angle of the rigid part."""
        u, _, v = np.linalg.svd(self.matrix[:3, :3])
        cosine = (np.trace(u @ v) - 1.0) / 2.0
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    def displacement_at(self, points_mm: npt.ArrayLike) -> Floats:
        """Give u at fixed points, shape (..., 3); zero without a field."""
        points = np.asarray(points_mm, dtype=np.float64)
        if self.displacement_mm is None or self.displacement_grid is None:
            return np.zeros_like(points)
        from scipy.ndimage import map_coordinates

        index = self.displacement_grid.mm_to_index(points.reshape(-1, 3)).T
        parts = [map_coordinates(self.displacement_mm[..., k], index, order=1, mode="nearest") for k in range(3)]
        return np.stack(parts, axis=-1).astype(np.float64).reshape(points.shape)

    def map_points(self, points_mm: npt.ArrayLike) -> Floats:
        """Map fixed points, shape (..., 3) in LPS mm, to where they lie in the moving image."""
        points = np.asarray(points_mm, dtype=np.float64)
        moved = points + self.displacement_at(points)
        return np.asarray(moved @ self.matrix[:3, :3].T + self.matrix[:3, 3])
