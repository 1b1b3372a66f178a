"""Energy from one voxel to another as two parts: electrons, which end nearby, and photons, which reach everywhere.

Both come from one point kernel. Near the source the mean over the source voxel and the target voxel is exact
(`physics.kernels.voxel_kernel`). Further away the kernel is smooth, and the mean over the two voxels is taken by a rule
of three points along each axis that integrates polynomials of the fifth degree exactly against the overlap of
the voxels. So the photon kernel covers any distance between two voxels of a body, and none of it is cut off.

References
----------
Bolch W E et al. MIRD Pamphlet 17. J Nucl Med 40:11S (1999). Katz L, Penfold A S. Rev Mod Phys 24:28 (1952)
(range of electrons).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions
from hemadose.physics.kernels import PointKernel, voxel_kernel

Floats = npt.NDArray[np.floating[Any]]
Array = npt.NDArray[np.float64]
Triple = tuple[int, int, int]
Sides = tuple[float, float, float]

_EXACT = 3
"""Offsets up to this many voxels are averaged exactly; further on by points."""
_POINTS = 16
"""Offsets beyond this many voxels take the value at their centre (error below 1/6 of 1/16 squared: 0.07 %)."""
_NODE = 0.4**0.5
_SIDE_WEIGHT = 1.0 / 4.8
"""Triangle of half-width 1: variance 1/6, fourth moment 1/15, so nodes at sqrt(2/5) with weight 5/24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyKernel:
    """Energy that a voxel receives per decay in another, by their offset.

    Attributes
    ----------
    octant_kev : array (n, m, k) of float32
        Offsets from 0 on along slice, row, column; the kernel is even along each axis.
    voxel_mm : tuple of 3 float
        Sides.
    density_g_per_ml : float
        Of the medium.
    relative_sd : float
        Statistical, of the whole energy in the kernel.
    """

    octant_kev: npt.NDArray[np.float32]
    voxel_mm: Sides
    density_g_per_ml: float
    relative_sd: float = 0.0

    @property
    def total_kev(self) -> float:
        """Energy of all offsets together."""
        weight = np.ones(self.octant_kev.shape)
        for axis in range(3):
            sides = np.full(self.octant_kev.shape[axis], 2.0)
            sides[0] = 1.0
            weight = weight * sides.reshape([-1 if a == axis else 1 for a in range(3)])
        return float((weight * self.octant_kev).sum())


def electron_range_cm(emissions: Emissions, *, density_g_per_ml: float) -> float:
    """Furthest that any emitted electron gets, cm (Katz and Penfold 1952, eq. 1 and 2, with 10 % on top).

    Examples
    --------
    >>> from hemadose.physics.anatomy_transport import mono_energetic
    >>> from hemadose.model.saf import Radiation
    >>> round(electron_range_cm(mono_energetic(Radiation.ELECTRON, 1000.0), density_g_per_ml=1.0), 3)
    0.453
    """
    energies = [x.energy_kev for x in emissions.lines if x.kind.is_electron]
    energies += [float(b.energy_kev[-1]) for b in emissions.betas]
    if not energies:
        return 0.0
    mev = max(*energies, 10.0) / 1000.0
    reach = 0.412 * mev ** (1.265 - 0.0954 * np.log(mev)) if mev <= 2.5 else 0.530 * mev - 0.106
    return float(1.1 * reach / density_g_per_ml)


def split_point_kernel(point: PointKernel, *, range_cm: float) -> tuple[PointKernel, PointKernel]:
    """Split a point kernel into what electrons leave within their range, and all else.

    All else is photons, and the bremsstrahlung that electrons send beyond their range.
    """
    near = point.radius_cm <= range_cm
    none = np.zeros_like(point.photon_kev)
    electrons = replace(point, electron_kev=np.where(near, point.electron_kev, 0.0), photon_kev=none)
    photons = replace(point, electron_kev=none, photon_kev=point.photon_kev + np.where(near, 0.0, point.electron_kev))
    return electrons, photons


def electron_kernel(electrons: PointKernel, *, voxel_mm: Sides) -> EnergyKernel:
    """Make the voxel kernel of electrons, complete: no energy lies beyond it.

    Parameters
    ----------
    electrons : PointKernel
        First part of `split_point_kernel`, at the density wanted.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    """
    given = np.flatnonzero(electrons.electron_kev.any(axis=0))
    reach_mm = 10.0 * float(electrons.radius_cm[given[-1]]) if given.size else 0.0
    half = tuple(int(reach_mm / side) + 1 for side in voxel_mm)
    return _averaged(electrons, voxel_mm=voxel_mm, half_width=(half[0], half[1], half[2]))


def photon_kernel(photons: PointKernel, *, voxel_mm: Sides, shape: Triple) -> EnergyKernel:
    """Make the voxel kernel of photons for every offset in a box.

    Parameters
    ----------
    photons : PointKernel
        Second part of `split_point_kernel`.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    shape : tuple of 3 int
        Voxels of the box: offsets reach to shape - 1.
    """
    near = _averaged(photons, voxel_mm=voxel_mm, half_width=(_EXACT, _EXACT, _EXACT))
    octant = _at_centres(photons, voxel_mm, shape)
    few = tuple(min(n, _POINTS) for n in shape)
    octant[: few[0], : few[1], : few[2]] = _by_points(photons, voxel_mm, (few[0], few[1], few[2]))
    inner = tuple(min(n, _EXACT + 1) for n in shape)
    octant[: inner[0], : inner[1], : inner[2]] = near.octant_kev[: inner[0], : inner[1], : inner[2]]
    return replace(near, octant_kev=octant)


def _averaged(point: PointKernel, *, voxel_mm: Sides, half_width: Triple) -> EnergyKernel:
    """Exact mean over both voxels, in keV."""
    from hemadose.units import KEV_J

    found = voxel_kernel(point, voxel_mm=voxel_mm, half_width=half_width)
    mass_kg = float(np.prod(voxel_mm)) * 1e-6 * point.density_g_per_ml
    octant = found.s_gy_per_bq_s[half_width[0] :, half_width[1] :, half_width[2] :] * (mass_kg / KEV_J)
    total = point.energy_kev.sum(axis=1)
    mean = float(total.mean())
    return EnergyKernel(
        octant_kev=octant.astype(np.float32),
        voxel_mm=voxel_mm,
        density_g_per_ml=point.density_g_per_ml,
        relative_sd=float(total.std(ddof=1)) / np.sqrt(total.size) / mean if mean > 0.0 else 0.0,
    )


def _log_density(point: PointKernel) -> tuple[Array, Array]:
    """Logarithm of the energy per volume (keV/cm3) against that of the distance, at the middle of the shells."""
    radius = point.radius_cm
    inner = np.concatenate([[0.0], radius[:-1]])
    volume = 4.0 / 3.0 * np.pi * (radius**3 - inner**3)
    density = point.energy_kev.mean(axis=0) / volume
    # within a shell the density falls about as r^-2: its mean stands for the radius where r^-2 equals that mean
    middle = np.sqrt((radius**3 - inner**3) / (3.0 * (radius - inner)))
    held = density > 0.0
    if not held.any():
        return np.array([0.0, 1.0]), np.array([-700.0, -700.0])
    return np.log(middle[held]), np.log(density[held])


def _at_centres(point: PointKernel, voxel_mm: Sides, shape: Triple) -> npt.NDArray[np.float32]:
    axes = [(np.arange(n) * side * 0.1) ** 2 for n, side in zip(shape, voxel_mm, strict=True)]
    squared = (axes[0][:, None, None] + axes[1][:, None] + axes[2]).astype(np.float32)
    squared[0, 0, 0] = 1.0
    where, logs = _log_density(point)
    # a table even in ln r^2 is looked up without searching
    steps = np.linspace(2.0 * where[0], 2.0 * where[-1] + 1.0, 20_001)
    table = np.exp(np.interp(0.5 * steps, where, logs, right=-700.0)).astype(np.float32)
    place = np.log(squared)
    place -= np.float32(steps[0])
    place *= np.float32(1.0 / (steps[1] - steps[0]))
    index = np.clip(place.astype(np.int32), 0, steps.size - 2)
    place -= index
    low = table[index]
    return np.asarray((low + place * (table[index + 1] - low)) * np.float32(np.prod(voxel_mm) * 1e-3))


def _by_points(point: PointKernel, voxel_mm: Sides, shape: Triple) -> Array:
    """Mean over both voxels by three points along each axis."""
    where, logs = _log_density(point)
    moves, weights = (-_NODE, 0.0, _NODE), (_SIDE_WEIGHT, 1.0 - 2.0 * _SIDE_WEIGHT, _SIDE_WEIGHT)
    centres = [np.arange(n) for n in shape]
    total = np.zeros(shape)
    for i, a in enumerate(moves):
        for j, b in enumerate(moves):
            for k, c in enumerate(moves):
                squared = sum(
                    ((x + move) * side * 0.1).reshape(form) ** 2
                    for x, move, side, form in zip(
                        centres, (a, b, c), voxel_mm, ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True
                    )
                )
                log_r = 0.5 * np.log(np.maximum(squared, 1e-12))
                total += weights[i] * weights[j] * weights[k] * np.exp(np.interp(log_r, where, logs, right=-700.0))
    return np.asarray(total * float(np.prod(voxel_mm)) * 1e-3)


def require_same_voxels(kernel: EnergyKernel, voxel_mm: Sides) -> None:
    """Refuse a kernel of other voxels.

    Raises
    ------
    QuantityError
        Saying both sizes.
    """
    if not np.allclose(kernel.voxel_mm, voxel_mm, rtol=1e-4):
        raise QuantityError(
            "the kernel is of other voxels", field="voxel_mm", value=str(kernel.voxel_mm), expected=str(voxel_mm)
        )
