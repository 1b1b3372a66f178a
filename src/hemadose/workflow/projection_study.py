"""A virtual study whose SPECT are projections: images, probe, case file and truth, ready for `hemadose plan`."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hemadose.io.files import write_text_atomic
from hemadose.simulate.study import Schedule
from hemadose.units import MBQ
from hemadose.workflow.calibrate_virtual import cylinder_sensitivity
from hemadose.workflow.simulate import SimulationOptions, simulate_study
from hemadose.workflow.simulate_projections import (
    LUTETIUM,
    ProjectionOptions,
    camera_of,
    imaged_lines,
    simulate_projections,
)
from hemadose.workflow.stages import Progress

FOLDER = "projections"


def simulate_projection_study(
    folder: Path,
    options: SimulationOptions,
    *,
    camera: Literal["siemens", "ge"] = "siemens",
    progress: Progress | None = None,
) -> list[Path]:
    """Write a study with SPECT at all times, and beside it the same patient's projections with a case file.

    Parameters
    ----------
    folder : Path
        New folder; ``projections/case.toml`` is the case to plan.
    options : SimulationOptions
        What to simulate.
    camera : {"siemens", "ge"}
        Collimator and header habits.
    progress : Progress, optional
        The screen.

    Returns
    -------
    list of Path
        What was written.
    """
    study = replace(options, schedule="spect")
    written = simulate_study(folder, study, progress=progress)
    wanted = ProjectionOptions(study=study, camera=camera, hours=Schedule.spect_at_every_time().spect_h)
    made = simulate_projections(folder / FOLDER, wanted, progress=progress)
    lines = imaged_lines(LUTETIUM.name)
    sensitivity = cylinder_sensitivity(
        camera_of(wanted), lines, nuclide=LUTETIUM.name, half_life_s=LUTETIUM.half_life_s
    )
    shutil.copyfile(folder / "probe.csv", folder / FOLDER / "probe.csv")
    tomo = [str(p.relative_to(folder / FOLDER)) for p in made if p.suffix == ".dcm" and p.parent.name == "tomo"]
    text = projection_case((folder / "case.toml").read_text(encoding="utf-8"), tomo=tomo, cps_per_mbq=sensitivity * MBQ)
    write_text_atomic(folder / FOLDER / "case.toml", text)
    return [*written, *made, folder / FOLDER / "case.toml"]


def projection_case(text: str, *, tomo: list[str], cps_per_mbq: float) -> str:
    """Turn the case of a virtual study into that of its projections.

    Parameters
    ----------
    text : str
        Case file with reconstructed SPECT.
    tomo : list of str
        Projections, by time.
    cps_per_mbq : float
        Sensitivity of one detector, from a phantom.
    """
    listed = "[\n" + "".join(f'  {{ projections = "{name}", scatter_filter_mm = 15 }},\n' for name in tomo) + "]"
    text = re.sub(r"(?m)^spect = \[.*?^\]", f"spect = {listed}", text, count=1, flags=re.S)
    text = re.sub(r"(?ms)^planar = \[.*?^\]\n", "", text, count=1)
    text = re.sub(r"(?m)^# patient coordinates .*\n^planar_origin_mm.*\n", "", text, count=1)
    text = re.sub(r"(?m)^planar = \".*\n", "", text, count=1)
    text = re.sub(r"(?m)^planar_(cps_per_MBq|relative_sd|fwhm_mm|method) = .*\n", "", text)
    text = re.sub(r"(?m)^spect_fwhm_mm = .*\n", "", text)
    text = re.sub(r"(?m)^spect_cps_per_MBq = .*$", f"spect_cps_per_MBq = {cps_per_mbq:.5g}", text)
    return re.sub(r'(?m)^recovery = "geometric_transfer"', 'recovery = "reconstruction"', text)
