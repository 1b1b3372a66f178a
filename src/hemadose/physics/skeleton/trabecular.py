"""A periodic piece of spongiosa with the bone volume and the mean chords of a measured site.

A random field of one typical wavelength is cut at a level. Between two levels about its mean it gives connected
curved plates (`Form.PLATES`); above one level, rounded beads and rods (`Form.RODS`). The level sets the bone volume
fraction, the wavelength sets the mean chords. The field is made by Fourier synthesis, so the piece repeats without
a seam. Fat cells are single voxels of the marrow cavity, chosen at random: a voxel of 0.05 mm has the volume of a
sphere of 62 um, between the mean diameters of fat cells in the marrow of the rib, 48 um in the young and 65 um in the
old (Allen et al.). Red marrow within 0.05 mm of bone is the shallow marrow of ICRP 103.

References
----------
Rice S O. Bell Syst Tech J 1945;24:46, level crossings: n = sqrt(<k2>/3) exp(-t2/2) / pi per unit length.
Allen J E et al. Int J Radiat Biol 1995;68:669.
ICRP 116 (2010): 50 um layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError, QuantityError
from hemadose.model._checks import frozen_array, require_positive
from hemadose.physics.skeleton.sites import Microstructure

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RED, YELLOW, BONE = 0, 1, 2
"""Values of `Spongiosa.tissue`."""

VOXEL_MM = 0.05
SIZE = 128
SHALLOW_MM = 0.05
RING_WIDTH = 0.2
"""Standard deviation of the ring of wave numbers, in units of its radius."""


class Form(Enum):
    """Shape of the trabeculae."""

    PLATES = "plates"
    RODS = "rods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spongiosa:
    """A cube of spongiosa that repeats periodically.

    Attributes
    ----------
    tissue : uint8 array (n, n, n)
        RED, YELLOW or BONE.
    shallow : bool array (n, n, n)
        Marrow, red or yellow, near bone.
    voxel_mm : float
        Side of a voxel.
    microstructure : Microstructure
        What it was fitted to.
    cellularity : float
        Red marrow over all marrow, by volume.
    form : Form
        Shape of the trabeculae.
    """

    tissue: npt.NDArray[np.uint8]
    shallow: Bools
    voxel_mm: float
    microstructure: Microstructure
    cellularity: float
    form: Form

    def __post_init__(self) -> None:
        """Lock the arrays."""
        if self.tissue.ndim != 3 or self.tissue.shape != self.shallow.shape:
            raise QuantityError("a piece of spongiosa needs two equal volumes", value=str(self.tissue.shape))
        object.__setattr__(self, "tissue", frozen_array(self.tissue, np.uint8))
        object.__setattr__(self, "shallow", frozen_array(self.shallow, np.bool_))

    @property
    def volume_fraction(self) -> tuple[float, float, float]:
        """Shares of red marrow, yellow marrow and bone."""
        counts = np.bincount(self.tissue.ravel(), minlength=3) / self.tissue.size
        return float(counts[RED]), float(counts[YELLOW]), float(counts[BONE])

    @property
    def mean_chords_mm(self) -> tuple[float, float]:
        """Mean chords of cavities and of trabeculae."""
        return mean_chords_mm(self.tissue == BONE, self.voxel_mm)


def mean_chords_mm(bone: Bools, voxel_mm: float) -> tuple[float, float]:
    """Mean chords of cavities and trabeculae along the lines of a periodic grid.

    Lines run along all three axes; a pair of crossings bounds one chord of each kind.

    Returns
    -------
    tuple of float
        Cavity, trabecula (mm).

    Examples
    --------
    >>> slabs = np.zeros((8, 8, 8), dtype=bool)
    >>> slabs[:2] = True
    >>> mean_chords_mm(slabs, 1.0)
    (18.0, 6.0)
    """
    crossings = sum(int(np.count_nonzero(bone != np.roll(bone, 1, axis))) for axis in range(bone.ndim))
    if crossings == 0:
        raise QuantityError("a structure without surfaces has no chords")
    length = bone.ndim * bone.size * voxel_mm
    share = float(np.count_nonzero(bone)) / bone.size
    per_chord = length / (crossings / 2.0)
    return (1.0 - share) * per_chord, share * per_chord


def spongiosa(
    microstructure: Microstructure,
    *,
    cellularity: float,
    seed: int,
    form: Form = Form.PLATES,
    size: int = SIZE,
    voxel_mm: float = VOXEL_MM,
) -> Spongiosa:
    """Make a piece of spongiosa with the chords of a site.

    Parameters
    ----------
    microstructure : Microstructure
        Mean chords to reach.
    cellularity : float
        Red marrow over all marrow, by volume.
    seed : int
        Seed of field and fat cells.
    form : Form
        Shape of the trabeculae.
    size : int
        Voxels along a side.
    voxel_mm : float
        Side of a voxel, and of a fat cell.

    Returns
    -------
    Spongiosa
        Bone volume fraction to one voxel, mean chords to 1 %.

    Raises
    ------
    FitError
        If the chords cannot be reached: piece too small or voxels too large.
    """
    require_positive("spongiosa", voxel_mm=voxel_mm, size=float(size))
    if not 0.0 < cellularity <= 1.0:
        raise QuantityError("cellularity lies between 0 and 1", value=f"{cellularity:g}")
    rng = np.random.default_rng(seed)
    bone = _fitted_bone(microstructure, form, rng.standard_normal((size,) * 3), voxel_mm)
    tissue = np.where(bone, BONE, RED).astype(np.uint8)
    cavity = np.flatnonzero(~bone)
    fat = rng.permutation(cavity)[: round((1.0 - cellularity) * cavity.size)]
    tissue.ravel()[fat] = YELLOW
    return Spongiosa(
        tissue=tissue,
        shallow=shallow_marrow(bone, voxel_mm),
        voxel_mm=voxel_mm,
        microstructure=microstructure,
        cellularity=cellularity,
        form=form,
    )


def _fitted_bone(wanted: Microstructure, form: Form, noise: Floats, voxel_mm: float) -> Bools:
    """Turn white noise into bone whose chords agree to 1 %."""
    spectrum = np.fft.rfftn(noise)
    wave = expected_wave_number(wanted, form)
    for _ in range(12):
        field = _ring_field(spectrum, wave, noise.shape[0], voxel_mm)
        bone = _cut(field, wanted.bone_volume_fraction, form)
        ratio = mean_chords_mm(bone, voxel_mm)[1] / wanted.trabecula_chord_mm
        if abs(ratio - 1.0) < 0.01:
            return bone
        wave *= ratio
    raise FitError(
        f"no random structure reaches the chords of the {wanted.name}",
        value=f"{ratio:.3f} of the chord",
        remedy="use a larger piece or smaller voxels",
    )


def expected_wave_number(wanted: Microstructure, form: Form) -> float:
    """Radius of the ring of wave numbers (1/mm) that gives the chords in an infinite field (Rice)."""
    level = _level(wanted.bone_volume_fraction, form)
    crossings = 2.0 / (wanted.cavity_chord_mm + wanted.trabecula_chord_mm)
    surfaces = 2.0 if form is Form.PLATES else 1.0
    root_mean_square = crossings * math.pi * math.sqrt(3.0) / surfaces * math.exp(level * level / 2.0)
    s2 = RING_WIDTH**2
    return root_mean_square / math.sqrt((1.0 + 6.0 * s2 + 3.0 * s2 * s2) / (1.0 + s2))


def _level(bone_volume_fraction: float, form: Form) -> float:
    """Level, in standard deviations, at which a normal field is cut."""
    from scipy.special import ndtri

    share = (1.0 + bone_volume_fraction) / 2.0 if form is Form.PLATES else 1.0 - bone_volume_fraction
    return float(ndtri(share))


def _ring_field(spectrum: npt.NDArray[np.complex128], wave: float, size: int, voxel_mm: float) -> Floats:
    """Keep the wave numbers about a ring; mean 0, standard deviation 1."""
    full = 2.0 * np.pi * np.fft.fftfreq(size, voxel_mm)
    half = 2.0 * np.pi * np.fft.rfftfreq(size, voxel_mm)
    radius = np.sqrt(full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2)
    gain = np.exp(-0.25 * ((radius - wave) / (RING_WIDTH * wave)) ** 2)
    gain[0, 0, 0] = 0.0
    field = np.fft.irfftn(spectrum * gain, s=(size,) * 3, axes=(0, 1, 2))
    return np.asarray(field / field.std())


def _cut(field: Floats, share: float, form: Form) -> Bools:
    """Make bone of the wanted share of voxels: those nearest to the mean, or the highest ones."""
    key = np.abs(field) if form is Form.PLATES else -field
    count = round(share * key.size)
    return np.asarray(key <= np.partition(key.ravel(), count)[count])


def shallow_marrow(bone: Bools, voxel_mm: float, depth_mm: float = SHALLOW_MM) -> Bools:
    """Marrow voxels whose centre lies within a depth of the centre of a voxel of the (periodic) bone.

    With a depth of one voxel these are the voxels that share a face with bone. Over planes of random direction
    the layer is 0.85 of that depth thick on average; its own mass belongs to it.
    """
    from scipy.ndimage import distance_transform_edt

    reach = math.ceil(depth_mm / voxel_mm) + 1
    wrapped = np.pad(~bone, reach, mode="wrap")
    distance: Any = distance_transform_edt(wrapped, sampling=voxel_mm)
    inner = distance[(slice(reach, -reach),) * bone.ndim]
    return np.asarray((inner <= depth_mm * (1.0 + 1e-9)) & ~bone)


def surface_weight(bone: Bools) -> npt.NDArray[np.float32]:
    """Weights of a source spread over the surface of bone: half in each of the voxels that share a face.

    Returns
    -------
    float32 array
        Sums to 1; zero away from the surface.
    """
    found = np.zeros(bone.shape, dtype=np.float32)
    for axis in range(bone.ndim):
        for step in (1, -1):
            found += bone != np.roll(bone, step, axis)
    return np.asarray(found / found.sum(), dtype=np.float32)
