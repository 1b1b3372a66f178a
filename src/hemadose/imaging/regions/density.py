"""Mass from CT: CT number to mass density by a calibration curve, then density times volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.registration.resampling import require_one_frame
from hemadose.model import Image, Quantity, Region

AIR_G_PER_ML = 0.00121

METAL_HU = 2500.0
"""No bone reaches it at 120 kV; above it a voxel is metal or an artefact of it."""

LEAST_COVER = 0.98
"""Smallest share of a region that a CT must see for its mass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityCurve:
    """Mass density against CT number, straight between nodes.

    Attributes
    ----------
    hounsfield : tuple of float
        Nodes, rising.
    g_per_ml : tuple of float
        Density at each; constant before the first and beyond the last.
    source : str
        Phantom, scanner and tube voltage it was measured with, or the publication.

    Examples
    --------
    >>> two = DensityCurve(hounsfield=(-1000.0, 0.0), g_per_ml=(0.001, 1.0), source="air and water")
    >>> round(float(mass_density_g_per_ml(-500.0, curve=two)), 6)
    0.5005
    """

    hounsfield: tuple[float, ...]
    g_per_ml: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        """Check the nodes."""
        hu, rho = np.asarray(self.hounsfield, dtype=float), np.asarray(self.g_per_ml, dtype=float)
        if hu.size < 2 or hu.shape != rho.shape or not np.isfinite(hu).all() or not (np.diff(hu) > 0).all():
            raise QuantityError(
                "a density curve needs two or more nodes with rising CT numbers", source=self.source, field="hounsfield"
            )
        if not np.isfinite(rho).all() or rho.min() < 0.0 or rho.max() > 25.0:
            raise QuantityError(
                "densities of a curve are in g/ml",
                source=self.source,
                field="g_per_ml",
                value=f"{rho.min():g} to {rho.max():g}",
                expected="0 to 25",
            )


SCHNEIDER_2000 = DensityCurve(
    hounsfield=(-1000.0, -98.0, 14.0, 23.0, 100.0, 101.0, 1600.0, 3000.0),
    g_per_ml=(AIR_G_PER_ML, 0.9300, 1.0305, 1.0300, 1.1199, 1.0768, 1.9642, 2.7930),
    source="Schneider et al., Phys Med Biol 2000;45:459, equations 20-24 (120 kV)",
)
"""Air to adipose 1.03091 + 1.0297e-3 H, to 14 HU 1.018 + 0.893e-3 H, to 23 HU 1.03, to 100 HU
1.003 + 1.169e-3 H, bone and marrow above it 1.017 + 0.592e-3 H. The published curve drops by 4 % at
100 HU, where connective tissue ends and spongiosa begins; it is not smoothed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMass:
    """Volume, density and mass of a region.

    Attributes
    ----------
    region : str
        Name.
    volume_ml : float
        Of the mask.
    mass_g : float
        Volume times mean density.
    density_g_per_ml : float
        Mean over the CT voxels inside.
    hounsfield_mean, hounsfield_sd : float
        Of the CT voxels inside.
    notes : tuple of str
        Doubts.
    """

    region: str
    volume_ml: float
    mass_g: float
    density_g_per_ml: float
    hounsfield_mean: float
    hounsfield_sd: float
    notes: tuple[str, ...] = ()


def mass_density_g_per_ml(
    hounsfield: npt.ArrayLike, *, curve: DensityCurve = SCHNEIDER_2000
) -> npt.NDArray[np.float64]:
    """Convert CT numbers to mass density.

    Parameters
    ----------
    hounsfield : array
        CT numbers.
    curve : DensityCurve
        Calibration; the default is a published one for 120 kV.

    Returns
    -------
    ndarray
        g/ml, same shape.

    Examples
    --------
    >>> [round(float(v), 4) for v in mass_density_g_per_ml([-1000, 0, 45, 200])]
    [0.0012, 1.0179, 1.0557, 1.1354]
    """
    hu = np.asarray(hounsfield, dtype=np.float64)
    if not np.isfinite(hu).all():
        raise QuantityError("CT numbers must be finite", field="hounsfield")
    return np.asarray(np.interp(hu, curve.hounsfield, curve.g_per_ml))


def region_mass(ct: Image, region: Region, *, curve: DensityCurve = SCHNEIDER_2000) -> RegionMass:
    """Measure the mass of a region.

    The mean density comes from the CT voxels whose centre lies in the region, whatever grid the region
    is drawn on; the volume is the region's own.

    Parameters
    ----------
    ct : Image
        In HU.
    region : Region
        Same frame of reference.
    curve : DensityCurve
        Calibration.

    Returns
    -------
    RegionMass

    Raises
    ------
    QuantityError
        If the image is not in HU.
    GeometryError
        If the frames of reference differ.
    RegionError
        If the CT does not cover the region.
    """
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise QuantityError("mass comes from a CT in HU", field="quantity", value=str(ct.quantity))
    require_one_frame(ct.grid, region.grid, what=f"CT and region {region.name}")
    hu, cover = _inside(ct, region)
    if cover < LEAST_COVER or not hu.size:
        raise RegionError(
            f"the CT does not cover region {region.name}",
            value=f"{100 * cover:.0f} % seen",
            expected=f">= {100 * LEAST_COVER:.0f} %",
            remedy="use a CT with the whole organ in the field of view, or state the mass",
        )
    density = float(mass_density_g_per_ml(hu, curve=curve).mean())
    return RegionMass(
        region=region.name,
        volume_ml=region.volume_ml,
        mass_g=region.volume_ml * density,
        density_g_per_ml=density,
        hounsfield_mean=float(hu.mean()),
        hounsfield_sd=float(hu.std()),
        notes=_doubts(region.name, hu),
    )


def region_masses(
    ct: Image, regions: Sequence[Region], *, curve: DensityCurve = SCHNEIDER_2000
) -> tuple[RegionMass, ...]:
    """Measure several regions; see `region_mass`."""
    return tuple(region_mass(ct, region, curve=curve) for region in regions)


def _inside(ct: Image, region: Region) -> tuple[npt.NDArray[np.float64], float]:
    """CT numbers inside the region, and the share of its voxels whose centre the CT holds."""
    corners = np.argwhere(region.mask)
    at = np.rint(ct.grid.mm_to_index(region.grid.index_to_mm(corners)))
    held = ((at >= 0) & (at < np.array(ct.grid.shape))).all(axis=1)
    cover = float(held.mean())
    if region.grid.matches(ct.grid):
        return np.asarray(ct.values[region.mask], dtype=np.float64), cover
    low, high = corners.min(axis=0), corners.max(axis=0)
    ends = np.array(np.meshgrid(*zip(low - 0.5, high + 0.5, strict=True), indexing="ij")).reshape(3, -1).T
    box = ct.grid.mm_to_index(region.grid.index_to_mm(ends))
    first = np.clip(np.floor(box.min(axis=0)).astype(int), 0, ct.grid.shape)
    last = np.clip(np.ceil(box.max(axis=0)).astype(int) + 1, 0, ct.grid.shape)
    index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(first, last, strict=True)), indexing="ij"), axis=-1)
    own = np.rint(region.grid.mm_to_index(ct.grid.index_to_mm(index))).astype(int)
    known = ((own >= 0) & (own < np.array(region.grid.shape))).all(axis=-1)
    own = np.clip(own, 0, np.array(region.grid.shape) - 1)
    chosen = known & region.mask[tuple(np.moveaxis(own, -1, 0))]
    if not chosen.any():  # a region smaller than a CT voxel: the CT at the region's own voxels
        index, chosen = at[held].astype(int), np.ones(int(held.sum()), dtype=bool)
    return np.asarray(ct.values[tuple(np.moveaxis(index[chosen], -1, 0))], dtype=np.float64), cover


def _doubts(name: str, hu: npt.NDArray[np.float64]) -> tuple[str, ...]:
    notes = []
    metal = float((hu > METAL_HU).mean())
    if metal > 0.001:
        notes.append(f"{name}: {100 * metal:.1f} % of the CT voxels are above {METAL_HU:.0f} HU (metal): mass too high")
    gas = float((hu < -700.0).mean())
    if gas > 0.02 and "lung" not in name and name != "whole_body":
        notes.append(f"{name}: {100 * gas:.0f} % of the CT voxels are gas: check the outline or a cut field of view")
    if name.startswith(("kidney", "liver", "spleen")) and float(np.median(hu)) > 90.0:
        notes.append(
            f"{name}: median {np.median(hu):.0f} HU points to contrast medium; the density is too high by up to "
            f"{100 * (float(mass_density_g_per_ml(np.median(hu))) / 1.05 - 1):.0f} %"
        )
    return tuple(notes)
