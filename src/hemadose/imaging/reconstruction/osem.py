"""Updates of ordered-subset expectation maximisation (OSEM), and of MLEM as its case of one subset.

``x <- x / (A' w) * A' (w y / (w A x + s))`` over the views of one subset after the other; A is the projector with
attenuation and detector response, w the time (and decay) of each view, s the expected scatter. Scatter is added to
the model instead of being subtracted from the counts, which stay Poisson.

References
----------
Shepp L A, Vardi Y. IEEE Trans Med Imaging 1:113 (1982): MLEM. Hudson H M, Larkin R S. IEEE Trans Med Imaging 13:601
(1994): ordered subsets. Preset: 8 iterations, 4 subsets (Braitsch S et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.imaging.camera._engine import Engine, batches
from hemadose.imaging.camera.projector import SpectProjector
from hemadose.imaging.reconstruction.scatter_windows import ScatterEstimate

Volume: TypeAlias = npt.NDArray[np.float32]
Scatter: TypeAlias = "ScatterEstimate | npt.ArrayLike | None"

NO_SCATTER = np.zeros((0, 0), dtype=np.float32)
FAINT = 1e-4
"""Voxels that a subset sees with less than this share of the largest sensitivity keep their value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OsemOptions:
    """How to iterate.

    Attributes
    ----------
    iterations : int
        Passes through all views.
    subsets : int
        Parts of the views; 1 is MLEM.
    filter_fwhm_mm : float
        Gaussian filter of the result.
    """

    iterations: int = 8
    subsets: int = 4
    filter_fwhm_mm: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be iterated."""
        if self.iterations < 1 or self.subsets < 1:
            raise QuantityError(
                "at least one iteration and one subset are needed",
                field="iterations, subsets",
                value=f"{self.iterations} x {self.subsets}",
            )
        if not (np.isfinite(self.filter_fwhm_mm) and self.filter_fwhm_mm >= 0.0):
            raise QuantityError("a filter has a width", field="filter_fwhm_mm", value=f"{self.filter_fwhm_mm:g}")


BRAITSCH_OSEM = OsemOptions(iterations=8, subsets=4)
"""8 iterations of 4 subsets with attenuation, scatter and resolution correction (Braitsch 2025)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OsemState:
    """Where an iteration stands: enough to go on from.

    Attributes
    ----------
    updates : int
        Subsets done so far.
    estimate : ndarray of float32, shape of the grid
        Not filtered.
    """

    updates: int
    estimate: Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class OsemData:
    """Counts, weights and scatter in the order of the engine, and the sensitivity of each subset."""

    counts: Volume  # (views, bins, slices)
    weight: npt.NDArray[np.float32]  # (views,)
    scatter: Volume | None
    subsets: tuple[tuple[int, ...], ...]
    inverse: tuple[Volume, ...]  # 1 / sensitivity of each subset, 0 where too faint


def osem_data(
    counts: npt.ArrayLike,
    projector: SpectProjector,
    *,
    subsets: int,
    scatter: Scatter,
    view_weight: npt.ArrayLike | None,
) -> tuple[OsemData, list[str]]:
    """Check and order what OSEM needs, and backproject the sensitivities; with notes about the data."""
    planes = projector.planes(counts)
    _require_counts(planes, "counts")
    added = scatter.counts if isinstance(scatter, ScatterEstimate) else scatter
    scattered = None if added is None else projector.planes(added)
    if scattered is not None:
        _require_counts(scattered, "scatter")
    weight = np.ones(projector.views) if view_weight is None else np.asarray(view_weight, dtype=np.float64)
    if weight.shape != (projector.views,):
        raise GeometryError(
            "one weight is needed for each view", field="view_weight", value=str(weight.shape),
            expected=f"({projector.views},)",
        )  # fmt: skip
    if not (np.isfinite(weight).all() and weight.min() > 0.0):
        raise QuantityError("the weight of a view is positive", field="view_weight", value=f"{weight.min():g}")
    if subsets > projector.views:
        raise QuantityError(
            "there are more subsets than views", field="subsets", value=str(subsets), expected=f"<= {projector.views}"
        )
    parts = subset_views(projector.angle_deg, subsets)
    data = OsemData(
        counts=planes,
        weight=weight.astype(np.float32),
        scatter=scattered,
        subsets=parts,
        inverse=_inverse_sensitivities(projector, weight.astype(np.float32), parts),
    )
    notes = []
    if projector.views % subsets:
        notes.append(f"{projector.views} views do not divide evenly into {subsets} subsets")
    return data, notes


def subset_views(angle_deg: npt.ArrayLike, subsets: int) -> tuple[tuple[int, ...], ...]:
    """Deal the views out by angle, and order the subsets so that neighbours in time are far apart in angle.

    Examples
    --------
    >>> subset_views([0, 90, 180, 270, 45, 135, 225, 315], 4)
    ((0, 2), (1, 3), (4, 6), (5, 7))
    """
    order = np.argsort(np.mod(np.asarray(angle_deg, dtype=np.float64), 360.0), kind="stable")
    bits = max(subsets - 1, 1).bit_length()
    ranked = sorted(range(subsets), key=lambda s: (int(f"{s:0{bits}b}"[::-1], 2), s))
    return tuple(tuple(int(v) for v in order[s::subsets]) for s in ranked)


def update(engine: Engine, data: OsemData, estimate: Volume, subset: int) -> float:
    """Improve the estimate (blocks, in place) with one subset; give its log-likelihood before that."""
    from hemadose.imaging.camera import _projector_kernels as kernels

    likelihood = 0.0
    correction = engine.scratch.take(*estimate.shape)
    correction[:] = 0.0
    for views in batches(data.subsets[subset]):
        model = engine.forward(estimate, views)
        for plane, view in zip(model, views, strict=True):
            added = NO_SCATTER if data.scatter is None else data.scatter[view]
            likelihood += kernels.compare(data.counts[view], added, data.weight[view], plane)
        engine.back(model, views, correction)
    kernels.improve(estimate.reshape(-1), correction.reshape(-1), data.inverse[subset].reshape(-1))
    engine.scratch.give(correction)
    return likelihood


def start(engine: Engine, data: OsemData, state: OsemState | None) -> tuple[Volume, int]:
    """Blocks to begin with: uniform within the support with the counts measured, or where a state left off."""
    if state is not None:
        if state.estimate.shape != engine.support.shape:
            raise GeometryError(
                "the state belongs to another grid", field="state", value=str(state.estimate.shape),
                expected=str(engine.support.shape),
            )  # fmt: skip
        return engine.load(state.estimate), state.updates
    mean = float(data.counts.sum(dtype=np.float64)) / float(data.weight.sum(dtype=np.float64))
    level = max(mean, 1e-6) / np.count_nonzero(engine.support)
    estimate = engine.load(np.full(engine.support.shape, level, dtype=np.float32))
    seen = np.any([inverse > 0.0 for inverse in data.inverse], axis=0)
    return np.where(seen, estimate, np.float32(0.0)), 0


def _inverse_sensitivities(
    projector: SpectProjector, weight: npt.NDArray[np.float32], parts: tuple[tuple[int, ...], ...]
) -> tuple[Volume, ...]:
    engine = projector.engine
    inside = engine.load(np.ones(projector.grid.shape, dtype=np.float32))
    found = []
    for part in parts:
        sensitivity = engine.empty()
        for views in batches(part):
            planes = np.broadcast_to(weight[views, None, None], (len(views), *projector.shape[:0:-1]))
            engine.back(np.ascontiguousarray(planes), views, sensitivity)
        seen = (sensitivity > FAINT * sensitivity.max()) & (inside > 0.0)
        found.append(np.divide(np.float32(1.0), sensitivity, out=np.zeros_like(sensitivity), where=seen))
    return tuple(found)


def _require_counts(planes: Volume, name: str) -> None:
    if not np.isfinite(planes).all() or planes.min() < 0.0:
        raise QuantityError(
            f"{name} of projections must be finite and not negative", field=name, value=f"minimum {planes.min():g}"
        )
