"""A gamma camera that counts photons by energy: what of a photon before the collimator becomes a count in a window.

A photon passes the holes with the geometric efficiency of the collimator, is stopped in the crystal with
``1 - exp(-mu t)`` (and then taken as absorbed whole), and shows up with an energy that is off by a Gaussian whose width
goes as the root of the energy. Septal penetration, lead X-rays and scatter in the collimator are not modelled.

References
----------
Cherry S R, Sorenson J A, Phelps M E. Physics in Nuclear Medicine, 4th ed. (2012), ch. 10 (energy resolution, crystal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.camera.response import FWHM_PER_SIGMA, DetectorResponse
from hemadose.model import EnergyWindow
from hemadose.model._checks import require_positive
from hemadose.simulate.camera import LOWER_SCATTER, PHOTOPEAK, UPPER_SCATTER

Floats = npt.NDArray[np.float64]

_TC99M_KEV = 140.5
_IODIDE = ((11, 22.990, 0.1534), (53, 126.904, 0.8466))  # atomic number, molar mass, mass share of NaI
_IODIDE_G_PER_ML = 3.67


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaCamera:
    """Collimator, crystal and electronics of one head.

    Attributes
    ----------
    response : DetectorResponse
        Blur by distance at the main line.
    geometric_efficiency : tuple of (keV, share)
        Share of all photons of a source that the holes let through, at rising energies.
    windows : tuple of EnergyWindow
        Counted; the photopeak is the one that holds the main line best.
    crystal_mm : float
        Thickness of the NaI(Tl).
    energy_fwhm_140kev : float
        Relative energy resolution at 140.5 keV.
    dead_time : DeadTime
        Acts on the counts of all windows together.
    collimator, name : str
        As written to files.
    """

    response: DetectorResponse
    geometric_efficiency: tuple[tuple[float, float], ...]
    windows: tuple[EnergyWindow, ...] = (LOWER_SCATTER, PHOTOPEAK, UPPER_SCATTER)
    crystal_mm: float = 9.5
    energy_fwhm_140kev: float = 0.10
    dead_time: DeadTime = field(default_factory=DeadTime)
    collimator: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse impossible cameras."""
        require_positive("a gamma camera", crystal_mm=self.crystal_mm, energy_fwhm_140kev=self.energy_fwhm_140kev)
        if not self.windows:
            raise QuantityError("a camera needs an energy window", field="windows", value="none")
        nodes = np.asarray(self.geometric_efficiency, dtype=np.float64)
        rising = nodes.ndim == 2 and nodes.shape[1:] == (2,) and bool((np.diff(nodes[:, 0]) > 0.0).all())
        if not rising or not (np.isfinite(nodes).all() and (nodes > 0.0).all() and (nodes[:, 1] < 1.0).all()):
            raise QuantityError(
                "the geometric efficiency is given as pairs of rising energies and shares between 0 and 1",
                field="geometric_efficiency",
                value=str(self.geometric_efficiency),
            )

    def energy_sigma_kev(self, energy_kev: npt.ArrayLike) -> Floats:
        """Standard deviation of the energy shown by a photon.

        >>> import numpy as np
        >>> camera = GammaCamera(response=DetectorResponse(intrinsic_fwhm_mm=3, at_face_mm=3, per_mm=0.07),
        ...                      geometric_efficiency=((208.0, 2e-4),))
        >>> round(float(camera.energy_sigma_kev(140.5)) * 2.3548, 2)
        14.05
        """
        energy = np.asarray(energy_kev, dtype=np.float64)
        return np.asarray(self.energy_fwhm_140kev * np.sqrt(_TC99M_KEV * energy) / FWHM_PER_SIGMA)

    def share_in_window(self, energy_kev: npt.ArrayLike, window: EnergyWindow) -> Floats:
        """Share of the absorbed photons of an energy that show up inside a window."""
        from scipy.special import erf

        energy = np.asarray(energy_kev, dtype=np.float64)
        scale = math.sqrt(2.0) * self.energy_sigma_kev(energy)
        return np.asarray(0.5 * (erf((window.upper_kev - energy) / scale) - erf((window.lower_kev - energy) / scale)))

    def crystal_efficiency(self, energy_kev: npt.ArrayLike) -> Floats:
        """Share of the photons that interact in the crystal other than by coherent scattering."""
        from hemadose.physics.matter.attenuation import element_coefficients

        energy = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
        per_gram = np.zeros_like(energy)
        for number, molar, share in _IODIDE:
            photo, incoherent, _ = element_coefficients(number, molar, energy)
            per_gram += share * (photo + incoherent)
        stopped = -np.expm1(-per_gram * _IODIDE_G_PER_ML * self.crystal_mm / 10.0)
        return np.asarray(stopped.reshape(np.shape(energy_kev)))

    def collimator_efficiency(self, energy_kev: npt.ArrayLike) -> Floats:
        """Geometric efficiency at an energy, straight lines between the nodes."""
        nodes = np.asarray(self.geometric_efficiency, dtype=np.float64)
        return np.asarray(np.interp(np.asarray(energy_kev, dtype=np.float64), nodes[:, 0], nodes[:, 1]))

    def counts_per_photon(self, energy_kev: npt.ArrayLike) -> Floats:
        """Counts in each window per photon emitted in air, of energies (n,): shape (windows, n)."""
        energy = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
        passed = self.collimator_efficiency(energy) * self.crystal_efficiency(energy)
        return np.stack([passed * self.share_in_window(energy, window) for window in self.windows])

    @property
    def lowest_kev(self) -> float:
        """Photons of less energy hardly count: four standard deviations below the lowest window."""
        edge = min(window.lower_kev for window in self.windows)
        return float(edge - 4.0 * self.energy_sigma_kev(edge))


@dataclass(frozen=True, slots=True, kw_only=True)
class TomoProtocol:
    """How the heads go round the patient.

    Attributes
    ----------
    views : int
        Over 360 degrees, all heads together.
    heads : int
        Opposite or at equal angles; each takes an equal arc.
    frame_s : float
        Time of each view.
    bins, slices : int
        Detector pixels across and along.
    bin_mm, slice_mm : float
        Their pitch.
    orbit : str
        ``contour``: each view as near as the body allows; ``circular``: all as far as the farthest.
    gap_mm : float
        Between body and collimator.
    first_deg : float
        Angle of the first view.
    """

    views: int = 64
    heads: int = 2
    frame_s: float = 40.0
    bins: int = 128
    slices: int = 80
    bin_mm: float = 4.8
    slice_mm: float = 4.8
    orbit: str = "contour"
    gap_mm: float = 20.0
    first_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible rotations."""
        require_positive(
            "a protocol", frame_s=self.frame_s, bin_mm=self.bin_mm, slice_mm=self.slice_mm, gap_mm=self.gap_mm
        )
        if self.orbit not in ("contour", "circular"):
            raise QuantityError("no such orbit", field="orbit", value=self.orbit, expected="contour or circular")
        if min(self.views, self.heads, self.bins, self.slices) < 1 or self.views % self.heads:
            raise QuantityError(
                "the heads share the views evenly",
                field="views, heads",
                value=f"{self.views} views, {self.heads} heads",
            )

    @property
    def angle_deg(self) -> Floats:
        """Detector angle of each view."""
        return np.asarray(self.first_deg + 360.0 / self.views * np.arange(self.views))

    @property
    def frame_start_s(self) -> Floats:
        """Start of each view: the heads count at the same time."""
        return np.asarray(self.frame_s * (np.arange(self.views) % (self.views // self.heads)), dtype=np.float64)

    @property
    def duration_s(self) -> float:
        """Length of the acquisition."""
        return self.frame_s * (self.views // self.heads)
