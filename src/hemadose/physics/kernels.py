"""Dose around a point, from one voxel to its neighbours, and inside a sphere, in an unbounded uniform medium.

Transport follows decays at a point and counts the energy in spherical shells. Everything else follows from that
point kernel by geometry alone: in a uniform medium the energy that region A sends to region B depends only on how
likely two random points of A and of its surroundings lie at each distance. Voxel kernels of any size and spheres of any
mass therefore come from one calculation, without further noise, and every part of the emitted energy is accounted for.

References
----------
Berger M J. MIRD Pamphlet 7 (1971) (geometric reduction factors of spheres).
Bolch W E et al. MIRD Pamphlet 17. J Nucl Med 40:11S (1999) (voxel S values).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.units import KEV_J

Array = npt.NDArray[np.float64]

INNERMOST_CM = 1e-4
SHELLS_PER_DECADE = 100
OUTERMOST_CM = 100.0


def shell_radii_cm() -> Array:
    """Outer radii of the shells that point kernels are counted in, for a density of 1 g/ml."""
    decades = np.log10(OUTERMOST_CM / INNERMOST_CM)
    return np.geomspace(INNERMOST_CM, OUTERMOST_CM, round(SHELLS_PER_DECADE * decades) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointKernel:
    """Energy deposited per decay in spherical shells around a point source.

    Attributes
    ----------
    nuclide, medium : str
        What decays, in what.
    density_g_per_ml : float
        Of the medium.
    radius_cm : array (n,)
        Outer radii of the shells.
    electron_kev, photon_kev : array (batches, n)
        Energy per decay by batch, from emitted electrons (with what they radiate) and from emitted photons.
    emitted_electron_kev, emitted_photon_kev : float
        Energy emitted per decay.
    decays : int
        Decays followed for each of the two parts.
    """

    nuclide: str
    medium: str
    density_g_per_ml: float
    radius_cm: Array
    electron_kev: Array
    photon_kev: Array
    emitted_electron_kev: float
    emitted_photon_kev: float
    decays: int

    @property
    def energy_kev(self) -> Array:
        """Energy per decay in each shell, by batch."""
        return np.asarray(self.electron_kev + self.photon_kev)

    def at_density(self, density_g_per_ml: float) -> PointKernel:
        """Give the kernel of the same medium at another density: lengths scale with 1/density.

        The density effect of the stopping power stays that of the nominal density (below 0.1 % in tissue).

        Raises
        ------
        QuantityError
            If the density is not positive.
        """
        if not 1e-4 <= density_g_per_ml <= 25.0:
            raise QuantityError(
                "implausible density", field="density_g_per_ml", value=f"{density_g_per_ml:g}", expected="0.0001-25"
            )
        return PointKernel(
            nuclide=self.nuclide,
            medium=self.medium,
            density_g_per_ml=density_g_per_ml,
            radius_cm=self.radius_cm * (self.density_g_per_ml / density_g_per_ml),
            electron_kev=self.electron_kev,
            photon_kev=self.photon_kev,
            emitted_electron_kev=self.emitted_electron_kev,
            emitted_photon_kev=self.emitted_photon_kev,
            decays=self.decays,
        )


def sphere_fraction(kernel_energy_kev: Array, radius_cm: Array, *, sphere_cm: float) -> Array:
    """Energy per decay that a sphere with uniform activity keeps.

    Parameters
    ----------
    kernel_energy_kev : array (..., n)
        Energy in the shells of a point kernel.
    radius_cm : array (n,)
        Outer radii of the shells.
    sphere_cm : float
        Radius of the sphere.

    Returns
    -------
    array (...)
        keV per decay. Of the energy deposited at distance r a share 1 - 3r/4R + r^3/16R^3 stays inside (Berger).

    Examples
    --------
    >>> float(sphere_fraction(np.array([0.0, 1.0]), np.array([0.999999, 1.000001]), sphere_cm=1.0).round(4))
    0.3125
    """
    inner = np.concatenate([[0.0], radius_cm[:-1]])
    nodes, weights = np.polynomial.legendre.leggauss(6)
    r = inner[:, None] + (radius_cm - inner)[:, None] * 0.5 * (nodes + 1.0)[None, :]
    x = np.minimum(r / (2.0 * sphere_cm), 1.0)
    share = (1.0 - 1.5 * x + 0.5 * x**3) @ (0.5 * weights)
    return np.asarray(kernel_energy_kev @ share)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelKernel:
    """Dose to a voxel per decay in another, against their offset.

    Attributes
    ----------
    nuclide, medium : str
        What decays, in what.
    density_g_per_ml : float
        Of the medium.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    s_gy_per_bq_s : array (2n+1, 2m+1, 2l+1)
        Dose per decay; the source voxel is the central one.
    relative_uncertainty : array of the same shape
        Statistical, one standard deviation.
    emitted_kev : float
        Energy emitted per decay.
    outside_kev : float
        Energy per decay that lies beyond the kernel.
    """

    nuclide: str
    medium: str
    density_g_per_ml: float
    voxel_mm: tuple[float, float, float]
    s_gy_per_bq_s: Array
    relative_uncertainty: Array
    emitted_kev: float
    outside_kev: float

    @property
    def half_width(self) -> tuple[int, int, int]:
        """Voxels on each side of the central one."""
        n, m, k = self.s_gy_per_bq_s.shape
        return n // 2, m // 2, k // 2


def voxel_kernel(
    kernel: PointKernel, *, voxel_mm: tuple[float, float, float], half_width: tuple[int, int, int]
) -> VoxelKernel:
    """Average a point kernel over a source voxel and over each target voxel.

    The mean over both is the point kernel times the overlap of the two voxels moved by r, a product of triangles,
    averaged over all directions: shells are spread over the lattice with these weights.

    Parameters
    ----------
    kernel : PointKernel
        Of the medium, at the density wanted.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    half_width : tuple of 3 int
        Voxels on each side.

    Raises
    ------
    QuantityError
        If a side is not positive or the kernel would be larger than a body.
    """
    if not all(0.05 <= side <= 100.0 for side in voxel_mm):
        raise QuantityError("voxels of this size make no kernel", field="voxel_mm", value=str(voxel_mm), expected="0.05-100")
    if min(half_width) < 0 or np.prod([2 * h + 1 for h in half_width], dtype=float) > 5e7:
        raise QuantityError("the kernel is too large", field="half_width", value=str(half_width))
    radius, energy = kernel.radius_cm, kernel.energy_kev
    reach = float(np.sqrt(sum(((h + 1) * s * 0.1) ** 2 for h, s in zip(half_width, voxel_mm, strict=True))))
    used = int(np.searchsorted(radius, reach)) + 1
    weights = _shell_weights(radius[:used], voxel_mm, half_width)
    by_batch = energy[:, : weights.shape[0]] @ weights
    mean, batches = by_batch.mean(axis=0), by_batch.shape[0]
    sd = by_batch.std(axis=0, ddof=1) / np.sqrt(batches)
    mass_kg = float(np.prod(voxel_mm)) * 1e-6 * kernel.density_g_per_ml
    octant = tuple(h + 1 for h in half_width)
    mean, sd = mean.reshape(octant), sd.reshape(octant)
    full = _mirrored(mean)
    emitted = kernel.emitted_electron_kev + kernel.emitted_photon_kev
    return VoxelKernel(
        nuclide=kernel.nuclide,
        medium=kernel.medium,
        density_g_per_ml=kernel.density_g_per_ml,
        voxel_mm=voxel_mm,
        s_gy_per_bq_s=full * (KEV_J / mass_kg),
        relative_uncertainty=_mirrored(np.divide(sd, mean, out=np.zeros_like(sd), where=mean > 0.0)),
        emitted_kev=emitted,
        outside_kev=max(emitted - float(full.sum()), 0.0),
    )


def _mirrored(octant: Array) -> Array:
    """Whole lattice from its octant of offsets that are not negative."""
    full = octant
    for axis in range(3):
        rest = np.flip(np.delete(full, 0, axis=axis), axis=axis)
        full = np.concatenate([rest, full], axis=axis)
    return full


def _shell_weights(radius_cm: Array, voxel_mm: tuple[float, float, float], half_width: tuple[int, int, int]) -> Array:
    """Share of a shell's energy for each offset of the octant: (shells, offsets)."""
    size = np.asarray(voxel_mm) * 0.1
    octant = np.asarray(half_width) + 1
    weights = np.zeros((radius_cm.size, int(np.prod(octant))))
    inner = np.concatenate([[0.0], radius_cm[:-1]])
    smallest = float(size.min())
    for i, (low, high) in enumerate(zip(inner, radius_cm, strict=True)):
        directions = _octant_directions(64 if high < 0.02 * smallest else 400 if high < 0.2 * smallest else 3000)
        for share in (0.2113249, 0.7886751):
            points = directions * ((low + share * (high - low)) / size)
            _spread(points, weights[i], octant, 0.5 / len(points))
    return weights


def _octant_directions(count: int) -> Array:
    """Directions evenly over the octant of positive components (Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    w = i / count
    phi = (i * 0.6180339887498949 % 1.0) * (0.5 * np.pi)
    s = np.sqrt(1.0 - w * w)
    return np.stack([w, s * np.sin(phi), s * np.cos(phi)], axis=1)


def _spread(points: Array, target: Array, octant: npt.NDArray[np.int64], weight: float) -> None:
    """Add trilinear weights of points (in voxels, all positive) to the lattice; halves at a plane of symmetry.

    An offset of 0 along an axis is shared by both signs of that axis, all others stand for one of two mirror images.
    """
    low = np.floor(points).astype(np.int64)
    part = points - low
    for corner in range(8):
        bits = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
        index = low + bits
        value = np.prod(np.where(bits, part, 1.0 - part), axis=1) * weight
        value = value * np.prod(np.where(index == 0, 1.0, 0.5), axis=1)
        inside = np.all(index < octant, axis=1)
        flat = (index[inside, 0] * octant[1] + index[inside, 1]) * octant[2] + index[inside, 2]
        target += np.bincount(flat, weights=value[inside], minlength=target.size)
