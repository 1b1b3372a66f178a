"""What a rotating camera counts per becquerel of each source; and one acquisition of it: dead time, decay, noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import GammaLine, Grid
from hemadose.model.projections import ProjectionSet
from hemadose.simulate.gamma_camera import GammaCamera
from hemadose.simulate.primary_views import primary_views
from hemadose.simulate.scatter_views import scatter_views
from hemadose.simulate.sources import SourceMap
from hemadose.simulate.tomo_scene import TomoScene

Volume = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

HISTORIES = 400_000
"""Of each source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TomoViews:
    """Projections of every source for one bed.

    Attributes
    ----------
    scene : TomoScene
        Patient and detectors.
    camera : GammaCamera
        What counted.
    primary : dict of source name to ndarray, shape (views, slices, bins)
        Share of the photons of the main line that arrive.
    scatter : dict of source name to ndarray, shape (windows, views, slices, bins)
        Counts per decay of scattered photons, and of all photons of minor lines.
    primary_counts : ndarray, shape (windows,)
        Counts per decay for each primary photon of the main line that arrives.
    notes : tuple of str
        Limits of the simulation.
    """

    scene: TomoScene
    camera: GammaCamera
    primary: Mapping[str, Volume]
    scatter: Mapping[str, Volume]
    primary_counts: Floats
    notes: tuple[str, ...] = ()

    @property
    def peak(self) -> int:
        """Index of the photopeak window."""
        return int(np.argmax(self.primary_counts))

    @property
    def counts_per_s_per_bq(self) -> float:
        """True sensitivity of one head: unscattered counts of the photopeak window in air."""
        return float(self.primary_counts[self.peak])

    def rates(self, activity_bq: Mapping[str, npt.ArrayLike]) -> Floats:
        """Counts/s expected in all windows without dead time.

        Parameters
        ----------
        activity_bq : Mapping
            Of every source, one number or one for each view.

        Returns
        -------
        ndarray, shape (windows, views, slices, bins)
        """
        missing = sorted(set(self.primary) - set(activity_bq))
        if missing:
            raise QuantityError("the activity of a source is missing", field="activity_bq", value=", ".join(missing))
        p = self.scene.protocol
        total = np.zeros((self.primary_counts.size, p.views, p.slices, p.bins))
        for name, primary in self.primary.items():
            each = np.broadcast_to(np.asarray(activity_bq[name], dtype=np.float64), (p.views,))[:, None, None]
            total += each * self.scatter[name]
            total += self.primary_counts[:, None, None, None] * (each * primary)
        return np.maximum(total, 0.0)

    def grid(self) -> Grid:
        """Voxels of the reconstruction: as `ProjectionSet.grid`."""
        p = self.scene.protocol
        half = (p.bins - 1) / 2.0 * p.bin_mm
        x, y = self.scene.axis_mm
        return Grid.axial(
            shape=(p.slices, p.bins, p.bins),
            spacing_mm=(p.slice_mm, p.bin_mm, p.bin_mm),
            origin_mm=(x - half, y - half, self.scene.first_slice_mm),
            frame_of_reference_uid=self.scene.anatomy.labels.grid.frame_of_reference_uid,
        )


def tomo_views(
    scene: TomoScene,
    sources: Sequence[SourceMap],
    camera: GammaCamera,
    lines: Sequence[GammaLine],
    *,
    histories: int = HISTORIES,
    seed: int = 1,
    threads: int = 1,
) -> TomoViews:
    """Simulate all sources once; acquisitions are made from the result.

    Parameters
    ----------
    scene : TomoScene
        Patient and detectors.
    sources : sequence of SourceMap
        Unit activities on the voxels of the anatomy.
    camera : GammaCamera
        What counts.
    lines : sequence of GammaLine
        Main line first, then others that reach the windows.
    histories : int
        Of each source, for scatter.
    seed : int
        Of the scatter simulation.
    threads : int
        The result does not depend on it.
    """
    if abs(lines[0].energy_kev - scene.main_kev) > 1e-6:
        raise QuantityError(
            "the scene was laid out for another line", field="lines", value=f"{lines[0].energy_kev:g} keV",
            expected=f"{scene.main_kev:g} keV",
        )  # fmt: skip
    return TomoViews(
        scene=scene,
        camera=camera,
        primary=primary_views(scene, sources, camera.response, threads=threads),
        scatter=scatter_views(scene, sources, camera, lines, histories=histories, seed=seed, threads=threads),
        primary_counts=lines[0].photons_per_decay * camera.counts_per_photon(lines[0].energy_kev)[:, 0],
        notes=(
            "Virtual camera: no septal penetration, no scatter in collimator and table, coherent scatter goes straight "
            "on, nobody breathes or moves.",
        ),
    )


def acquire(
    views: TomoViews,
    *,
    activity_bq: Mapping[str, npt.ArrayLike],
    started_at: datetime,
    nuclide: str,
    rng: np.random.Generator | None,
) -> ProjectionSet:
    """Count one bed.

    Parameters
    ----------
    views : TomoViews
        From `tomo_views`.
    activity_bq : Mapping
        Of every source: one number, or the mean during each view.
    started_at : datetime
        Start of the acquisition, with time zone.
    nuclide : str
        Its name.
    rng : Generator or None
        None gives the expectation.

    Returns
    -------
    ProjectionSet
    """
    scene, p = views.scene, views.scene.protocol
    rate = views.rates(activity_bq)
    each = rate.sum(axis=(0, 2, 3))
    kept = np.divide(views.camera.dead_time.observed_per_s(each), each, out=np.ones_like(each), where=each > 0.0)
    expected = rate * (kept * p.frame_s)[:, None, None]
    counts = expected if rng is None else rng.poisson(expected)
    order = np.argsort(np.mod(p.angle_deg, 360.0), kind="stable")
    return ProjectionSet(
        counts=np.asarray(counts[:, order], dtype=np.float32),
        windows=views.camera.windows,
        angle_deg=np.mod(p.angle_deg, 360.0)[order],
        radius_mm=scene.radius_mm[order],
        bin_mm=p.bin_mm,
        slice_mm=p.slice_mm,
        frame_duration_s=np.full(p.views, p.frame_s),
        frame_start_s=p.frame_start_s[order],
        started_at=started_at,
        duration_s=p.duration_s,
        nuclide=nuclide,
        collimator=views.camera.collimator or None,
        frame_of_reference_uid=scene.anatomy.labels.grid.frame_of_reference_uid,
        axis_mm=scene.axis_mm,
        first_slice_mm=scene.first_slice_mm,
        camera=views.camera.name,
        notes=views.notes,
    )
