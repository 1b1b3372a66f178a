"""From CT numbers to linear attenuation at a gamma line.

A CT number says how much more a tissue attenuates than water at the CT's energies, around 60 to 80 keV; at a gamma line
bone exceeds water by less. The curve runs straight between tissues whose CT number (at the effective energy of the tube
voltage) and whose coefficient (at the line) both follow from composition and density.

References
----------
Carney J P J, Townsend D W, Rappoport V, Bendriem B. Med Phys 33:976 (2006): slopes for bone by tube voltage.
Bai C, Shao L, Da Silva A J, Zhao Z. IEEE Trans Nucl Sci 50:1510 (2003): mixtures of air, water and cortical bone.
Compositions and coefficients: `hemadose.physics.matter` (ICRU 44 and 46, XCOM).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.imaging.registration.resampling import require_one_frame, sample_onto
from hemadose.model import Grid, Image, Quantity
from hemadose.physics.matter import medium, photon_table

Floats = npt.NDArray[np.float64]

CT_KV = (80.0, 100.0, 110.0, 120.0, 130.0, 140.0)
CT_EFFECTIVE_KEV = (57.3, 65.4, 70.8, 72.8, 77.7, 79.4)
"""Where cortical bone (ICRU 44) has the CT number that Carney's slopes for 511 keV imply (table I: 3.64, 4.43, 4.92,
5.10, 5.51 and 5.64e-5 /cm per HU beside 9.6e-5 for water)."""
LOWEST_KV, HIGHEST_KV = 70.0, 150.0
TISSUES = {
    "bilinear": ("water", "soft-tissue-icru44", "cortical-bone"),
    "tissues": ("lung", "adipose", "water", "soft-tissue-icru44", "spongiosa", "cortical-bone"),
}
METAL_HU = 2500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HounsfieldCurve:
    """Attenuation by CT number: straight lines between nodes, the last one prolonged.

    Attributes
    ----------
    hounsfield, mu_per_cm : ndarray, shape (nodes,)
        Air first.
    energy_kev, kvp : float
        Gamma line and tube voltage it holds for.
    method : str
        ``tissues`` or ``bilinear``.
    """

    hounsfield: Floats
    mu_per_cm: Floats
    energy_kev: float
    kvp: float
    method: str

    def __call__(self, hounsfield: npt.ArrayLike) -> Floats:
        """Give linear attenuation coefficients, /cm."""
        hu = np.asarray(hounsfield, dtype=np.float64)
        slope = (self.mu_per_cm[-1] - self.mu_per_cm[-2]) / (self.hounsfield[-1] - self.hounsfield[-2])
        beyond = np.maximum(hu - self.hounsfield[-1], 0.0) * slope
        return np.asarray(np.interp(hu, self.hounsfield, self.mu_per_cm) + beyond)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttenuationMap:
    """Linear attenuation coefficients on a grid.

    Attributes
    ----------
    image_per_cm : ndarray of float32, shape of the grid
        Per cm.
    grid : Grid
        Where they lie.
    curve : HounsfieldCurve
        What they were made with.
    notes : tuple of str
        Doubts.
    """

    image_per_cm: npt.NDArray[np.float32]
    grid: Grid
    curve: HounsfieldCurve
    notes: tuple[str, ...] = ()

    @property
    def energy_kev(self) -> float:
        """Gamma line."""
        return self.curve.energy_kev

    @property
    def kvp(self) -> float:
        """Tube voltage of the CT."""
        return self.curve.kvp


def effective_kev(kvp: float) -> float:
    """Effective energy of a CT at a tube voltage: at which a single energy gives bone the same CT number.

    Raises
    ------
    QuantityError
        Beyond 70 to 150 kV.

    Examples
    --------
    >>> effective_kev(120.0), effective_kev(125.0)
    (72.8, 75.25)
    """
    if not LOWEST_KV <= kvp <= HIGHEST_KV:
        raise QuantityError(
            "no conversion of CT numbers for this tube voltage",
            field="KVP",
            value=f"{kvp:g} kV",
            expected=f"{LOWEST_KV:g} to {HIGHEST_KV:g} kV",
        )
    step = int(np.clip(np.searchsorted(CT_KV, kvp) - 1, 0, len(CT_KV) - 2))
    rise = (CT_EFFECTIVE_KEV[step + 1] - CT_EFFECTIVE_KEV[step]) / (CT_KV[step + 1] - CT_KV[step])
    return round(CT_EFFECTIVE_KEV[step] + rise * (kvp - CT_KV[step]), 6)


@cache
def hounsfield_curve(*, energy_kev: float, kvp: float, method: str = "tissues") -> HounsfieldCurve:
    """Give the conversion of CT numbers to attenuation at a gamma line.

    Parameters
    ----------
    energy_kev : float
        Gamma line, 30 to 3000 keV.
    kvp : float
        Tube voltage of the CT, 70 to 150 kV.
    method : str
        ``tissues``: nodes at air, lung, adipose tissue, water, soft tissue, spongiosa, cortical bone. ``bilinear``:
        air, water, soft tissue, cortical bone, as scanners do; fat comes out 3 % too low.

    Returns
    -------
    HounsfieldCurve

    Raises
    ------
    QuantityError
        If energy, voltage or method are out of range.

    Examples
    --------
    >>> curve = hounsfield_curve(energy_kev=208.4, kvp=130.0)
    >>> [round(float(mu), 4) for mu in curve([-1000, 0, 1000])]
    [0.0, 0.1351, 0.2167]
    """
    if not 30.0 <= energy_kev <= 3000.0:
        raise QuantityError(
            "no attenuation for this energy", field="energy_kev", value=f"{energy_kev:g}", expected="30 to 3000 keV"
        )
    if method not in TISSUES:
        raise QuantityError(
            "no such conversion of CT numbers", field="method", value=method, expected=" or ".join(TISSUES)
        )
    at_ct, at_line = (_coefficients(e) for e in (effective_kev(kvp), energy_kev))
    names = TISSUES[method]
    hounsfield = [-1000.0, *(1000.0 * (at_ct[n] / at_ct["water"] - 1.0) for n in names)]
    return HounsfieldCurve(
        hounsfield=np.array(hounsfield),
        mu_per_cm=np.array([0.0, *(at_line[n] for n in names)]),
        energy_kev=energy_kev,
        kvp=kvp,
        method=method,
    )


@cache
def _coefficients(energy_kev: float) -> dict[str, float]:
    """Linear attenuation coefficients of all nodes, /cm."""
    found = {}
    for name in dict.fromkeys(n for names in TISSUES.values() for n in names):
        matter = medium(name)
        found[name] = matter.density_g_per_ml * float(photon_table(matter, np.array([energy_kev])).total[0])
    return found


def attenuation_map(ct: Image, grid: Grid, *, energy_kev: float, kvp: float, method: str = "tissues") -> AttenuationMap:
    """Convert a CT and average it over the voxels of another grid.

    Parameters
    ----------
    ct : Image
        In HU.
    grid : Grid
        Axial grid of the SPECT, of the same frame of reference.
    energy_kev, kvp, method
        As for `hounsfield_curve`.

    Returns
    -------
    AttenuationMap
        Zero where there is no CT.

    Raises
    ------
    GeometryError
        If the CT is not in HU, belongs to another frame of reference, or does not meet the grid.
    QuantityError
        As `hounsfield_curve`.
    """
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise GeometryError("attenuation comes from a CT in HU", field="quantity", value=str(ct.quantity))
    require_one_frame(ct.grid, grid, what="CT and SPECT")
    curve = hounsfield_curve(energy_kev=energy_kev, kvp=kvp, method=method)
    table = curve(np.arange(-1024, 4096)).astype(np.float32)
    if _is_axial(ct.grid) and _is_axial(grid):
        values = _averaged(ct, grid, table)
    else:
        values = sample_onto(_looked_up(ct.values, table), ct.grid, grid, order=1, outside=0.0)
    if not values.any():
        raise GeometryError(
            "no matter of the CT lies within the SPECT",
            field="ImagePositionPatient",
            remedy="use the CT acquired with this SPECT",
        )
    return AttenuationMap(
        image_per_cm=np.maximum(values, 0.0).astype(np.float32), grid=grid, curve=curve, notes=_notes(ct)
    )


def _notes(ct: Image) -> tuple[str, ...]:
    metal = np.count_nonzero(np.asarray(ct.values) > METAL_HU) * ct.grid.voxel_volume_ml
    if metal < 0.5:
        return ()
    return (f"{metal:.1f} ml of the CT exceed {METAL_HU:g} HU: metal attenuates more than the bone it is taken for",)


def _looked_up(values: npt.NDArray[np.generic], table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rounded = np.clip(np.rint(np.asarray(values, dtype=np.float32)), -1024, 4095).astype(np.int16)
    return np.asarray(table[rounded + np.int16(1024)])


def _is_axial(grid: Grid) -> bool:
    """Slices along z, rows along y, columns along x, of either sign."""
    turned = grid.affine[:3, :3][::-1]
    return bool(np.allclose(turned, np.diag(np.diag(turned)), atol=1e-6))


def _averaged(ct: Image, grid: Grid, table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean over each target voxel of an axial CT, one slice after the other."""
    along, down, across = (_overlaps(ct.grid, grid, axis) for axis in range(3))
    covered = along.sum(axis=1)
    along = np.divide(along, covered[:, None], out=np.zeros_like(along), where=covered[:, None] > 1e-6)
    found = np.zeros(grid.shape, dtype=np.float32)
    for index in np.flatnonzero(along.any(axis=0)):
        plane = down @ _looked_up(ct.values[index], table) @ across.T
        for target in np.flatnonzero(along[:, index]):
            found[target] += along[target, index] * plane
    return found


def _overlaps(source: Grid, target: Grid, axis: int) -> npt.NDArray[np.float32]:
    """Share of each target voxel that each source voxel fills, along one axis."""

    def edges(grid: Grid) -> tuple[Floats, Floats]:
        row = 2 - axis
        pitch, first = float(grid.affine[row, axis]), float(grid.affine[row, 3])
        centres = first + pitch * np.arange(grid.shape[axis], dtype=np.float64)
        return centres - abs(pitch) / 2.0, centres + abs(pitch) / 2.0

    (low, high), (target_low, target_high) = edges(source), edges(target)
    shared = np.minimum(high, target_high[:, None]) - np.maximum(low, target_low[:, None])
    width = (target_high - target_low)[:, None]
    return np.asarray(np.maximum(shared, 0.0) / width, dtype=np.float32)
