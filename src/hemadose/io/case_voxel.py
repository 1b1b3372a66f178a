"""The section of a case file for dose by voxel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class VoxelSection(BaseModel):
    """Named choices from a registered SPECT series to a dose map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["local", "convolution", "hybrid", "montecarlo"] = "hybrid"
    curves: Literal["voxel", "regions"] = "voxel"
    """A curve for each voxel, or the image with most activity scaled by the curves of regions that the plan fits."""
    phases: Literal[1, 2] = 1
    """Exponentials of a voxel's curve."""
    partial_volume: Literal["none", "regions"] = "none"
    """Whether a region's voxels are scaled to the region's activity after the recovery correction of the case."""
    chain: bool = False
    """With the daughters that live shorter."""
    target_sd: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.03
    decays: Annotated[int, Field(ge=1000)] = 10_000_000
    seed: Annotated[int, Field(ge=0)] = 20261121
    eud_exponent: dict[str, float] = {}
    dose_levels_Gy: tuple[Positive, ...] = ()  # noqa: N815
    density_curve: str | None = None
    """CSV hounsfield,g_per_ml of the scanner."""

    @model_validator(mode="after")
    def _phases(self) -> VoxelSection:
        if self.curves == "regions" and self.phases != 1:
            raise ValueError("phases belongs to curves = voxel; curves of regions follow [kinetics]")
        return self
