"""A water body with two organs, seen by a projector of its own.

Nothing here uses the code under test: attenuation is stepped voxel by voxel along each ray.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hemadose.model import (
    Administration,
    EnergyWindow,
    GammaLine,
    Grid,
    Image,
    Nuclide,
    PlanarFrame,
    PlanarRegion,
    PlanarScan,
    Quantity,
    Region,
    View,
)

FRAME = "1.2.826.0.1.3680043.2.1125.1"
VOXEL_MM = 5.0
WATER_PER_MM = 0.01357  # 208 keV, NIST XCOM
SENSITIVITY = 11.5e-6
SWEEP_S = 200.0
INJECTED_AT = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
PEAK = EnergyWindow(name="photopeak", lower_kev=195.52, upper_kev=220.48)
LOWER = EnergyWindow(name="lower_scatter", lower_kev=174.72, upper_kev=195.52)
UPPER = EnergyWindow(name="upper_scatter", lower_kev=220.48, upper_kev=251.68)
LUTETIUM = Nuclide(
    name="Lu-177",
    half_life_s=6.647 * 86400,
    electron_energy_kev=147.9,
    photon_energy_kev=35.1,
    gamma_lines=(
        GammaLine(energy_kev=112.95, photons_per_decay=0.0617),
        GammaLine(energy_kev=208.37, photons_per_decay=0.1036),
    ),
)


@dataclass(frozen=True)
class Phantom:
    """Body and organs on one CT grid."""

    ct: Image
    regions: dict[str, Region]
    sensitivity: float = SENSITIVITY
    water_per_mm: float = WATER_PER_MM
    pixel_mm: tuple[float, float] = (VOXEL_MM, VOXEL_MM)

    def activity_map(self, activity_bq: dict[str, float]) -> np.ndarray:
        """Bq per voxel; ``whole_body`` is what lies outside the organs."""
        return activity_map(self, activity_bq)

    def sweep(self, activity_bq: dict[str, float], **options) -> PlanarScan:
        """See `planar_scan`."""
        return planar_scan(self, activity_bq, **options)

    @property
    def origin_mm(self) -> tuple[float, float]:
        """(z, x) of planar pixel (0, 0): the uppermost slice."""
        grid = self.ct.grid
        return float(grid.affine[2, 3] + (grid.shape[0] - 1) * VOXEL_MM), float(grid.affine[0, 3])

    def outline(self, name: str) -> PlanarRegion:
        """Shadow of a region on the planar pixels."""
        return PlanarRegion(name=name, mask=self.regions[name].mask.any(axis=1)[::-1])


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    grid = Grid.axial(
        shape=(40, 44, 60), spacing_mm=(5.0, 5.0, 5.0), origin_mm=(-147.5, -107.5, -97.5), frame_of_reference_uid=FRAME
    )
    z, y, x = np.meshgrid(*(np.arange(n) * 5.0 for n in grid.shape), indexing="ij")
    z, y, x = z - 97.5, y - 107.5, x - 147.5
    body = (x / 140.0) ** 2 + (y / 100.0) ** 2 <= 1.0
    masks = {
        "whole_body": body,
        "liver": ((x + 60) / 50.0) ** 2 + (y / 60.0) ** 2 + ((z - 30) / 50.0) ** 2 <= 1.0,
        "kidney_left": ((x - 60) / 25.0) ** 2 + ((y - 45) / 22.0) ** 2 + (z / 45.0) ** 2 <= 1.0,
    }
    hu = np.where(body, 0, -1000).astype(np.int16)
    return Phantom(
        ct=Image(values=hu, grid=grid, quantity=Quantity.HOUNSFIELD),
        regions={name: Region(name=name, mask=mask, grid=grid) for name, mask in masks.items()},
    )


@pytest.fixture(scope="session")
def injection() -> Administration:
    return Administration(
        agent="lu177-pentixather",
        nuclide=LUTETIUM,
        measured_activity_bq=200e6,
        measured_at=INJECTED_AT,
        residual_activity_bq=0.0,
        residual_measured_at=INJECTED_AT,
        administered_at=INJECTED_AT,
    )


def activity_map(phantom: Phantom, activity_bq: dict[str, float]) -> np.ndarray:
    """Bq per voxel; ``whole_body`` is what lies outside the organs."""
    bq = np.zeros(phantom.ct.grid.shape)
    organs = np.any([r.mask for n, r in phantom.regions.items() if n != "whole_body"], axis=0)
    for name, activity in activity_bq.items():
        mask = phantom.regions[name].mask
        if name == "whole_body":
            mask = mask & ~organs
        bq[mask] += activity / mask.sum()
    return bq


def project_by_steps(phantom: Phantom, bq: np.ndarray) -> dict[View, np.ndarray]:
    """Photons per emitted one that reach each head, rays stepped through the body one row at a time."""
    mu = np.where(phantom.regions["whole_body"].mask, WATER_PER_MM, 0.0)
    found = {}
    for view, order in ((View.ANTERIOR, range(bq.shape[1])), (View.POSTERIOR, range(bq.shape[1] - 1, -1, -1))):
        passed, seen = np.ones((bq.shape[0], bq.shape[2])), np.zeros((bq.shape[0], bq.shape[2]))
        for row in order:
            half = np.exp(-0.5 * mu[:, row] * VOXEL_MM)
            seen += bq[:, row] * passed * half
            passed *= half * half
        found[view] = seen[::-1]
    return found


def planar_scan(
    phantom: Phantom,
    activity_bq: dict[str, float],
    *,
    hours: float = 24.0,
    scatter: float = 0.3,
    seed: int | None = None,
) -> PlanarScan:
    """A sweep with scatter that lies on a straight line under the peak."""
    rng = None if seed is None else np.random.default_rng(seed)
    frames = []
    for view, seen in project_by_steps(phantom, activity_map(phantom, activity_bq)).items():
        primary = seen * SENSITIVITY * SWEEP_S
        per_kev = scatter * primary.mean() / PEAK.width_kev
        for window, mean in (
            (PEAK, primary + per_kev * PEAK.width_kev),
            (LOWER, np.full(primary.shape, 1.2 * per_kev * LOWER.width_kev)),
            (UPPER, np.full(primary.shape, 0.8 * per_kev * UPPER.width_kev)),
        ):
            counts = mean if rng is None else rng.poisson(mean).astype(float)
            frames.append(PlanarFrame(counts=counts, view=view, window=window))
    return PlanarScan(
        frames=tuple(frames),
        pixel_spacing_mm=(VOXEL_MM, VOXEL_MM),
        pixel_dwell_s=SWEEP_S,
        started_at=INJECTED_AT + timedelta(hours=hours),
        duration_s=SWEEP_S + 100.0,
    )
