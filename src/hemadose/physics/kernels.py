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

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions, LineKind
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV
from hemadose.physics.matter.media import Medium
from hemadose.physics.transport.run import DEFAULT_LIMITS, Progress, transport_point
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
    electron_decays, photon_decays : int
        Decays followed for each of the two parts; 0 where nothing of the kind is emitted.
    """

    nuclide: str
    medium: str
    density_g_per_ml: float
    radius_cm: Array
    electron_kev: Array
    photon_kev: Array
    emitted_electron_kev: float
    emitted_photon_kev: float
    electron_decays: int
    photon_decays: int

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
        return replace(
            self,
            density_g_per_ml=density_g_per_ml,
            radius_cm=self.radius_cm * (self.density_g_per_ml / density_g_per_ml),
        )


def point_kernel(
    medium: Medium,
    emissions: Emissions,
    *,
    electrons: int = 1_000_000,
    photons: int = 1_000_000,
    batches: int = 32,
    seed: int = 20261121,
    threads: int | None = None,
    progress: Progress | None = None,
) -> PointKernel:
    """Follow emitted electrons and, apart from them, emitted photons from a point.

    The energy of electrons is brought to its exact mean afterwards, which removes the noise of sampling conversion
    and Auger electrons.

    Parameters
    ----------
    medium : Medium
        Unbounded, of its own density; see `PointKernel.at_density`.
    emissions : Emissions
        Of a decay.
    electrons, photons : int
        Particles to follow of each kind, about.
    batches : int
        Independent parts, whose scatter gives the uncertainty.
    seed, threads, progress
        As in `transport_point`.

    Raises
    ------
    QuantityError
        If the decay emits nothing.
    """
    radius = shell_radii_cm() / medium.density_g_per_ml
    charged = replace(emissions, lines=tuple(x for x in emissions.lines if not x.kind.is_photon))
    light = replace(emissions, lines=tuple(x for x in emissions.lines if x.kind.is_photon), betas=())
    if any(b.charge > 0 for b in emissions.betas):
        light = replace(light, lines=tuple(x for x in light.lines if x.kind is not LineKind.ANNIHILATION))
    parts, decays = [], []
    wanted = ((charged, electrons), (light, photons))
    for step, (part, particles) in enumerate(wanted):
        count = sum(x.yield_per_decay for x in part.lines if x.energy_kev > DEFAULT_LIMITS.electron_kev)
        count += sum(b.yield_per_decay for b in part.betas)
        emitted = part.electron_energy_kev + part.photon_energy_kev + part.alpha_energy_kev
        if not emitted > 0.0:
            parts.append(np.zeros((batches, radius.size)))
            decays.append(0)
            continue
        followed = max(round(particles / max(count, 0.1)), batches)
        found = transport_point(
            medium=medium,
            emissions=part,
            decays=followed,
            seed=seed + step,
            radius_cm=radius,
            batches=batches,
            threads=threads,
            progress=_shifted(progress, step * batches, 2 * batches),
        )
        by_batch = found.by_batch if found.by_batch is not None else np.zeros((batches, radius.size))
        if step == 0 and not any(b.charge > 0 for b in part.betas):
            by_batch = by_batch * (emitted / (found.deposited_kev_per_decay + found.escaped_kev_per_decay))
        parts.append(by_batch)
        decays.append(found.decays)
    annihilation = 2.0 * ELECTRON_REST_KEV * sum(b.yield_per_decay for b in emissions.betas if b.charge > 0)
    return PointKernel(
        nuclide=emissions.nuclide,
        medium=medium.name,
        density_g_per_ml=medium.density_g_per_ml,
        radius_cm=radius,
        electron_kev=parts[0],
        photon_kev=parts[1],
        emitted_electron_kev=charged.electron_energy_kev + charged.alpha_energy_kev + annihilation,
        emitted_photon_kev=light.photon_energy_kev,
        electron_decays=decays[0],
        photon_decays=decays[1],
    )


def _shifted(progress: Progress | None, done_before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    report = progress

    def told(done: int, _: int) -> None:
        report(done_before + done, total)

    return told


def ellipsoid_energy(kernel_energy_kev: Array, radius_cm: Array, *, semi_axes_cm: tuple[float, float, float]) -> Array:
    """Energy per decay that an ellipsoid with uniform activity keeps, keV.

    Parameters
    ----------
    kernel_energy_kev : array (..., n)
        Energy in the shells of a point kernel.
    radius_cm : array (n,)
        Outer radii of the shells.
    semi_axes_cm : tuple of 3 float
        All the same for a sphere.

    Returns
    -------
    array (...)
        Of what is deposited at a distance r in the direction n a share 1 - 3x/2 + x^3/2 stays inside, with
        x = |(n_1/a_1, n_2/a_2, n_3/a_3)| r / 2 up to 1 (Berger 1971 for the sphere; an ellipsoid and its moved copy
        become spheres by scaling the axes); the mean over directions is taken.

    Raises
    ------
    QuantityError
        If a semi-axis is not positive.

    Examples
    --------
    >>> shells = np.array([0.999999, 1.000001])
    >>> float(ellipsoid_energy(np.array([0.0, 1.0]), shells, semi_axes_cm=(1.0, 1.0, 1.0)).round(4))
    0.3125
    """
    axes = np.asarray(semi_axes_cm, dtype=np.float64)
    if not np.all((axes > 1e-3) & (axes < 1e4)):
        raise QuantityError(
            "a region needs a size", field="semi_axes_cm", value=str(semi_axes_cm), expected="0.001-10000"
        )
    directions = np.array([[1.0, 0.0, 0.0]]) if np.ptp(axes) == 0.0 else _octant_directions(2000)
    inverse = np.sqrt(np.sum((directions / axes) ** 2, axis=1))
    inner = np.concatenate([[0.0], radius_cm[:-1]])
    nodes, weights = np.polynomial.legendre.leggauss(4)
    share = np.zeros(radius_cm.size)
    for node, weight in zip(0.5 * (nodes + 1.0), 0.5 * weights, strict=True):
        r = inner + (radius_cm - inner) * node
        x = np.minimum(0.5 * r[:, None] * inverse[None, :], 1.0)
        share += weight * np.mean(1.0 - 1.5 * x + 0.5 * x**3, axis=1)
    return np.asarray(kernel_energy_kev @ share)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSelfDose:
    """Self-dose of a uniform region in an unbounded medium.

    Attributes
    ----------
    nuclide, medium : str
        What decays, in what.
    mass_kg : float
        Of the region.
    semi_axes_cm : tuple of 3 float
        Of the ellipsoid.
    electron_fraction, photon_fraction : float
        Absorbed fractions (0 where nothing of the kind is emitted).
    s_gy_per_bq_s : float
        Dose per decay.
    relative_uncertainty : float
        Statistical, one standard deviation.
    """

    nuclide: str
    medium: str
    mass_kg: float
    semi_axes_cm: tuple[float, float, float]
    electron_fraction: float
    photon_fraction: float
    s_gy_per_bq_s: float
    relative_uncertainty: float


def ellipsoid_self_dose(
    kernel: PointKernel, *, mass_kg: float, axis_ratio: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> RegionSelfDose:
    """Dose per decay of a sphere or ellipsoid of a mass, in its own medium without end.

    Raises
    ------
    QuantityError
        If mass or ratio are not positive.
    """
    if not (1e-9 < mass_kg < 500.0 and min(axis_ratio) > 0.0):
        raise QuantityError(
            "a region needs a plausible mass and shape", value=f"{mass_kg * 1000:g} g, axes {axis_ratio}"
        )
    volume_ml = mass_kg * 1000.0 / kernel.density_g_per_ml
    unit = (3.0 * volume_ml / (4.0 * np.pi * float(np.prod(axis_ratio)))) ** (1.0 / 3.0)
    axes = (unit * axis_ratio[0], unit * axis_ratio[1], unit * axis_ratio[2])
    electron = ellipsoid_energy(kernel.electron_kev, kernel.radius_cm, semi_axes_cm=axes)
    photon = ellipsoid_energy(kernel.photon_kev, kernel.radius_cm, semi_axes_cm=axes)
    total = electron + photon
    mean = float(total.mean())
    return RegionSelfDose(
        nuclide=kernel.nuclide,
        medium=kernel.medium,
        mass_kg=mass_kg,
        semi_axes_cm=axes,
        electron_fraction=_share(float(electron.mean()), kernel.emitted_electron_kev),
        photon_fraction=_share(float(photon.mean()), kernel.emitted_photon_kev),
        s_gy_per_bq_s=mean * KEV_J / mass_kg,
        relative_uncertainty=float(total.std(ddof=1)) / np.sqrt(total.size) / mean if mean > 0.0 else 0.0,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0


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
        raise QuantityError(
            "voxels of this size make no kernel", field="voxel_mm", value=str(voxel_mm), expected="0.05-100"
        )
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
