"""A virtual gamma camera: what it is made of.

Planar: attenuated line integrals along the antero-posterior axis, blurred by a resolution that
worsens with distance, plus scatter with a broad kernel in three energy windows, plus Poisson noise.
SPECT: the activity blurred by one isotropic Gaussian, with noise of the correlation and level that
an iterative reconstruction with attenuation, scatter and resolution correction leaves. Collimator
penetration, dead time and reconstruction artefacts are not simulated here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hemadose.errors import QuantityError
from hemadose.model import EnergyWindow

FWHM_PER_SIGMA = math.sqrt(8.0 * math.log(2.0))

PHOTOPEAK = EnergyWindow(name="photopeak", lower_kev=195.52, upper_kev=220.48)
LOWER_SCATTER = EnergyWindow(name="lower_scatter", lower_kev=174.72, upper_kev=195.52)
UPPER_SCATTER = EnergyWindow(name="upper_scatter", lower_kev=220.48, upper_kev=251.68)
"""208 keV: 12 % photopeak, 10 % lower and 15 % upper scatter window (Braitsch 2025)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A dual-headed camera with medium-energy low-penetration collimators.

    Attributes
    ----------
    planar_counts_per_s_per_bq : float
        Sensitivity in air of one head, photopeak window.
    spect_counts_per_s_per_bq : float
        Reconstructed counts per second of acquisition time and Bq.
    scan_speed_mm_per_s : float
        Whole-body sweep; 12 cm/min in Braitsch 2025.
    field_length_mm : float
        Length of the field along the sweep: with the speed it gives the dwell time.
    planar_pixel_mm : float
        Side of the square pixels of the whole-body images.
    intrinsic_fwhm_mm, fwhm_at_face_mm, fwhm_per_mm : float
        FWHM(d) = sqrt(intrinsic^2 + (at_face + per_mm d)^2).
    gap_mm : float
        From the skin to the collimator.
    scatter_to_primary : float
        In the photopeak window.
    scatter_fwhm_mm : float
        Width of the broad scatter kernel.
    scatter_slope : tuple of float
        Scatter per keV in the (lower, photopeak, upper) windows, relative to the photopeak. The
        mean of the outer two, 0.985, is how well a triple-energy-window estimate can do.
    spect_fwhm_mm : float
        Resolution of the reconstruction as a line source shows it: filter and averaging over the
        voxel are part of it.
    spect_noise_share : float
        Detected counts per reconstructed count without attenuation: sets the noise level.
        Attenuation lowers it further, voxel by voxel.
    spect_filter_fwhm_mm : float
        Part of the resolution that is smoothing after the noise arose.
    spect_duration_s : float
        Projections per head times time per projection (32 x 40 s).
    spect_voxel_mm, spect_matrix, spect_slices : float and int
        Reconstructed matrix.
    """

    planar_counts_per_s_per_bq: float = 11.5e-6
    spect_counts_per_s_per_bq: float = 9.1e-6
    scan_speed_mm_per_s: float = 2.0
    field_length_mm: float = 400.0
    planar_pixel_mm: float = 4.8
    intrinsic_fwhm_mm: float = 3.9
    fwhm_at_face_mm: float = 3.5
    fwhm_per_mm: float = 0.062
    gap_mm: float = 30.0
    scatter_to_primary: float = 0.35
    scatter_fwhm_mm: float = 95.0
    scatter_slope: tuple[float, float, float] = (1.25, 1.0, 0.72)
    spect_fwhm_mm: float = 12.0
    spect_noise_share: float = 0.7
    spect_filter_fwhm_mm: float = 8.0
    spect_duration_s: float = 1280.0
    spect_voxel_mm: float = 4.8
    spect_matrix: int = 128
    spect_slices: int = 80

    def __post_init__(self) -> None:
        """Refuse impossible cameras."""
        for name in (
            "planar_counts_per_s_per_bq", "spect_counts_per_s_per_bq", "scan_speed_mm_per_s",
            "field_length_mm", "planar_pixel_mm", "scatter_fwhm_mm", "spect_voxel_mm",
            "spect_noise_share", "spect_duration_s",
        ):  # fmt: skip
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise QuantityError("impossible camera", field=name, value=f"{value:g}", expected="> 0")
        rest = self.spect_fwhm_mm**2 - self.spect_filter_fwhm_mm**2 - self._voxel_width_mm**2
        if self.spect_filter_fwhm_mm < 0.0 or not rest >= 0.0:
            raise QuantityError(
                "filter and voxel are wider than the resolution they are part of",
                field="spect_filter_fwhm_mm",
                value=f"{self.spect_filter_fwhm_mm:g} mm with voxels of {self.spect_voxel_mm:g} mm",
                expected=f"less than {self.spect_fwhm_mm:g} mm together",
            )
        if self.scatter_to_primary < 0.0:
            raise QuantityError("scatter cannot be negative", field="scatter_to_primary")

    @property
    def _voxel_width_mm(self) -> float:
        """FWHM of the Gaussian with the variance of a voxel's side."""
        return FWHM_PER_SIGMA * self.spect_voxel_mm / math.sqrt(12.0)

    @property
    def spect_blur_before_filter_mm(self) -> float:
        """Gaussian that, with filter and voxel, makes `spect_fwhm_mm`.

        >>> round(Camera().spect_blur_before_filter_mm, 2)
        8.33
        """
        rest = self.spect_fwhm_mm**2 - self.spect_filter_fwhm_mm**2 - self._voxel_width_mm**2
        return math.sqrt(max(rest, 0.0))

    @property
    def dwell_s(self) -> float:
        """Time every point of the patient is seen in a sweep.

        >>> Camera().dwell_s
        200.0
        """
        return self.field_length_mm / self.scan_speed_mm_per_s

    def planar_fwhm_mm(self, distance_mm: float) -> float:
        """Resolution at a distance from the collimator.

        >>> round(Camera().planar_fwhm_mm(100.0), 1)
        10.5
        """
        return math.hypot(self.intrinsic_fwhm_mm, self.fwhm_at_face_mm + self.fwhm_per_mm * distance_mm)
