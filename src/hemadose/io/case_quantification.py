"""The sections of a case file that say how counts become activity: camera facts and named choices.

A key of a choice that was not taken is refused: who writes it expects it to count.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationSection(_Section):
    """Camera facts, with their relative standard uncertainty."""

    spect_cps_per_MBq: Positive | None = None  # noqa: N815
    spect_relative_sd: NonNegative = 0.0
    spect_fwhm_mm: Positive | None = None
    spect_fwhm_sd_mm: NonNegative = 0.0
    spect_dead_time_us: NonNegative = 0.0
    """Paralysable; together with the next one a hybrid camera."""
    spect_dead_time_sd_us: NonNegative = 0.0
    spect_nonparalysable_dead_time_us: NonNegative = 0.0
    spect_nonparalysable_dead_time_sd_us: NonNegative = 0.0
    planar_cps_per_MBq: Positive | None = None  # noqa: N815
    planar_relative_sd: NonNegative = 0.0
    planar_fwhm_mm: Positive | None = None
    planar_dead_time_us: NonNegative = 0.0
    planar_dead_time_sd_us: NonNegative = 0.0
    planar_nonparalysable_dead_time_us: NonNegative = 0.0
    planar_nonparalysable_dead_time_sd_us: NonNegative = 0.0
    recovery_alpha_ml: Positive | None = None
    recovery_beta: Positive | None = None
    recovery_relative_sd: NonNegative = 0.0
    recovery_file: str | None = None
    """``spheres.json`` of `hemadose calibrate spheres`: any form of curve, with its covariance."""

    @model_validator(mode="after")
    def _one_curve(self) -> CalibrationSection:
        given = [n for n in ("recovery_alpha_ml", "recovery_beta", "recovery_relative_sd") if getattr(self, n)]
        if self.recovery_file is not None and given:
            raise ValueError(f"recovery_file and {', '.join(given)} are two recovery curves: give one")
        return self

    @model_validator(mode="after")
    def _uncertain_of_something(self) -> CalibrationSection:
        times = [f"{images}_{kind}dead_time" for images in ("spect", "planar") for kind in ("", "nonparalysable_")]
        for name in ("spect_fwhm", *times):
            unit = "mm" if name.endswith("fwhm") else "us"
            if getattr(self, f"{name}_sd_{unit}") > 0.0 and not getattr(self, f"{name}_{unit}"):
                raise ValueError(f"{name}_sd_{unit} is the uncertainty of {name}_{unit}, which is not given")
        return self


class TransmissionSection(_Section):
    """Transmission measured through one planar region: count rates of the flood without and with the patient."""

    open_cps: Positive
    through_cps: Positive
    organ_mm: NonNegative = 0.0
    """Thickness of the organ, for its self-attenuation and background; 0: a thin source."""


class QuantificationSection(_Section):
    """Named choices from counts to activity."""

    method: Literal["spect", "planar", "hybrid"]
    planar_method: Literal["conjugate_view", "template_fit"] = "template_fit"
    planar_calibration: Literal["probe", "sensitivity"] = "probe"
    scatter: Literal["tew", "dew", "none"] = "tew"
    attenuation: Literal["ct", "transmission", "none"] = "ct"
    transmission: dict[str, TransmissionSection] = {}
    transmission_attenuation_ratio: Positive | None = None
    """Attenuation of soft tissue at the imaged line over that at the flood's."""
    background: Literal["braitsch", "none", "full"] = "braitsch"
    overlap: Literal["none", "partner"] = "none"
    partner_shape_relative_sd: Positive | None = None
    """By how much two kidneys may differ in the shape of their curves, per time."""
    recovery: Literal["geometric_transfer", "sphere_curve", "ellipsoid", "reconstruction", "none"] = (
        "geometric_transfer"
    )
    volume_uncertainty: Literal["relative_sd", "gear2018"] = "relative_sd"
    volume_relative_sd: NonNegative = 0.0
    """Of the activity by the drawn volume; with gear2018 of the volume between observers."""
    outline_voxel_mm: Positive | None = None
    outline_fwhm_mm: NonNegative | None = None
    """Voxel and resolution of the image the volumes were drawn on."""

    @model_validator(mode="after")
    def _outline(self) -> QuantificationSection:
        given = self.outline_voxel_mm is not None, self.outline_fwhm_mm is not None
        if self.volume_uncertainty == "gear2018" and not all(given):
            raise ValueError(
                "volume_uncertainty gear2018 needs outline_voxel_mm and outline_fwhm_mm of the image the volumes were "
                "drawn on"
            )
        if self.volume_uncertainty != "gear2018" and any(given):
            raise ValueError("outline_voxel_mm and outline_fwhm_mm belong to volume_uncertainty = gear2018")
        if self.volume_uncertainty == "gear2018" and self.recovery == "reconstruction":
            raise ValueError("volume_uncertainty gear2018 knows no recovery = reconstruction: give volume_relative_sd")
        return self

    @model_validator(mode="after")
    def _partner(self) -> QuantificationSection:
        if self.overlap != "partner":
            if self.partner_shape_relative_sd is not None:
                raise ValueError("partner_shape_relative_sd belongs to overlap = partner")
            return self
        if self.method != "hybrid" or self.planar_method != "conjugate_view":
            raise ValueError("overlap partner needs method hybrid (SPECT gives the scale) and conjugate_view")
        if self.partner_shape_relative_sd is None:
            raise ValueError("overlap partner needs partner_shape_relative_sd, which is never assumed")
        return self

    @model_validator(mode="after")
    def _transmission(self) -> QuantificationSection:
        given = bool(self.transmission) or self.transmission_attenuation_ratio is not None
        if self.attenuation != "transmission":
            if given:
                raise ValueError("transmission and its attenuation ratio belong to attenuation = transmission")
            return self
        if self.method == "spect" or self.planar_method != "conjugate_view":
            raise ValueError("attenuation transmission belongs to conjugate_view; the template fit takes it from CT")
        if not self.transmission or self.transmission_attenuation_ratio is None:
            raise ValueError(
                "attenuation transmission needs transmission (open_cps, through_cps by region) and "
                "transmission_attenuation_ratio"
            )
        if self.planar_calibration == "probe" and "whole_body" not in self.transmission:
            raise ValueError("calibration by probe needs the transmission of whole_body too: only the ratio counts")
        return self
