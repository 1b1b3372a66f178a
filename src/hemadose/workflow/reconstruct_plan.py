"""What to reconstruct and how: the request, and what follows from it and the projections for every bed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hemadose.errors import DicomError, InputError, QuantityError, ReferenceDataError
from hemadose.imaging.camera.peaks import photopeak_window, scatter_windows
from hemadose.io.dicom.ct_tube import ct_tube_kv
from hemadose.io.dicom.tomo_header import TomoStatements
from hemadose.model import EnergyWindow, Nuclide
from hemadose.model.projections import ProjectionSet
from hemadose.refdata.nuclides import nuclide

if TYPE_CHECKING:
    from hemadose.imaging.camera.response import DetectorResponse

SCATTER = ("tew", "dew", "none")
NO_COLLIMATOR = "none"
WIDEST_FILTER_MM = 50.0
Progress = Callable[[int, int], None]
"""Called with sub-iterations done and in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionRequest:
    """What to reconstruct and how.

    Attributes
    ----------
    files : tuple of Path
        NM TOMO objects of one study: several windows and beds may lie in files of their own.
    ct : Path or None
        Folder of the CT acquired with it, for attenuation.
    iterations, subsets : int
        Of OSEM; 8 and 4 as in Braitsch 2025.
    scatter : str
        ``tew``, ``dew`` or ``none``.
    scatter_filter_mm : float
        FWHM of the Gaussian filter of the scatter estimate (its windows hold few counts).
    collimator : str or None
        Name in the collimator tables; None to go by the file, ``none`` for no resolution recovery.
    post_filter_mm : float
        FWHM of the Gaussian filter after reconstruction.
    photopeak_kev : float or None
        Gamma line to use; None for the most abundant one that was acquired.
    calibration_cps_per_mbq : float or None
        Sensitivity of one detector for images made this way; gives Bq/ml.
    kvp : float or None
        Tube voltage, where the CT does not state it.
    zone : ZoneInfo or None
        Of the clinic, for files without a time-zone offset.
    stated : TomoStatements
        What the user says where the file is silent.
    """

    files: tuple[Path, ...]
    ct: Path | None = None
    iterations: int = 8
    subsets: int = 4
    scatter: str = "tew"
    scatter_filter_mm: float = 0.0
    collimator: str | None = None
    post_filter_mm: float = 0.0
    photopeak_kev: float | None = None
    calibration_cps_per_mbq: float | None = None
    kvp: float | None = None
    zone: ZoneInfo | None = None
    stated: TomoStatements = field(default_factory=TomoStatements)

    def __post_init__(self) -> None:
        """Check what can be checked without files."""
        if self.scatter not in SCATTER:
            raise InputError(
                "no such scatter correction", field="--scatter", value=self.scatter, expected=", ".join(SCATTER)
            )
        if self.iterations < 1 or self.subsets < 1:
            raise InputError(
                "at least one iteration and one subset are needed",
                field="--iterations, --subsets",
                value=f"{self.iterations} x {self.subsets}",
            )
        for option, width in (
            ("--post-filter-mm", self.post_filter_mm),
            ("--scatter-filter-mm", self.scatter_filter_mm),
        ):
            if not 0.0 <= width <= WIDEST_FILTER_MM:
                raise InputError(
                    "implausible filter", field=option, value=f"{width:g}", expected=f"0-{WIDEST_FILTER_MM:g} mm"
                )
        if self.calibration_cps_per_mbq is not None:
            if not self.calibration_cps_per_mbq > 0.0:
                raise InputError("a sensitivity is positive", field="--cps-per-MBq")
            if self.ct is None:
                raise InputError(
                    "Bq/ml need attenuation correction",
                    field="--cps-per-MBq",
                    remedy="give the CT with --ct, or reconstruct in counts",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionPlan:
    """What all beds of a study share.

    Attributes
    ----------
    nuclide : Nuclide
        Emitter.
    window : EnergyWindow
        Photopeak window.
    energy_kev : float
        Gamma line in it.
    lower, upper : EnergyWindow or None
        Windows beside it.
    response : DetectorResponse or None
        Blur of the collimator; None for no resolution recovery.
    collimator : str or None
        Its name.
    kvp : float or None
        Tube voltage of the CT; None without CT.
    """

    nuclide: Nuclide
    window: EnergyWindow
    energy_kev: float
    lower: EnergyWindow | None
    upper: EnergyWindow | None
    response: DetectorResponse | None
    collimator: str | None
    kvp: float | None


def plan_reconstruction(
    request: ReconstructionRequest, beds: Sequence[ProjectionSet]
) -> tuple[ReconstructionPlan, list[str]]:
    """Choose windows, collimator and tube voltage; they hold for every bed.

    Parameters
    ----------
    request : ReconstructionRequest
        The user's choices.
    beds : sequence of ProjectionSet
        With the nuclide under its name in the tables.

    Returns
    -------
    plan : ReconstructionPlan
        For all beds.
    notes : list of str
        What is not corrected or not used.

    Raises
    ------
    HemadoseError
        If windows for the scatter correction are missing, no window lies on a line of the nuclide, or collimator
        or tube voltage are unknown.
    """
    emitter = nuclide(beds[0].nuclide)
    windows = beds[0].windows
    window, energy = photopeak_window(windows, emitter.gamma_lines, energy_kev=request.photopeak_kev)
    lower, upper = scatter_windows(windows, window)
    _require_scatter_windows(request, window, lower, upper, windows)
    notes = []
    others = [
        w.name
        for line in emitter.gamma_lines
        for w in windows
        if w not in (window, lower, upper) and w.holds(line.energy_kev)
    ]
    if others:
        notes.append(f"window {window.name} ({energy:g} keV) was reconstructed; not used: {', '.join(others)}")
    if request.scatter == "none":
        notes.append("scatter was not corrected: activity comes out too high")
    response, name = _response(request, beds[0], energy)
    if response is None:
        notes.append("no resolution recovery: small structures lose more activity")
    if request.ct is None:
        notes.append("attenuation was not corrected (no CT): the image is not quantitative")
    kvp = None if request.ct is None else _kvp(request)
    plan = ReconstructionPlan(
        nuclide=emitter, window=window, energy_kev=energy, lower=lower, upper=upper, response=response,
        collimator=name, kvp=kvp,
    )  # fmt: skip
    return plan, notes


def _require_scatter_windows(
    request: ReconstructionRequest,
    window: EnergyWindow,
    lower: EnergyWindow | None,
    upper: EnergyWindow | None,
    windows: Sequence[EnergyWindow],
) -> None:
    needed = {"tew": (lower, upper), "dew": (lower,), "none": ()}[request.scatter]
    if all(w is not None for w in needed):
        return
    side = "below" if lower is None else "above"
    raise QuantityError(
        f"the scatter window {side} the photopeak is missing",
        source=str(request.files[0]),
        field="EnergyWindowInformationSequence",
        value="; ".join(f"{w.name} {w.lower_kev:g}-{w.upper_kev:g} keV" for w in windows),
        expected=f"a window next to {window.lower_kev:g}-{window.upper_kev:g} keV",
        remedy="export all windows"
        + (", use --scatter dew (lower window alone)" if lower is not None else "")
        + ", or go without with --scatter none",
    )


def _response(
    request: ReconstructionRequest, bed: ProjectionSet, energy_kev: float
) -> tuple[DetectorResponse | None, str | None]:
    """Blur of the collimator, by the user's choice or by the name in the file."""
    from hemadose.refdata.collimators import collimator, collimator_ids

    name = request.collimator or bed.collimator
    if name == NO_COLLIMATOR:
        return None, None
    remedy = "choose one with --collimator, or go without resolution recovery with --collimator none"
    if not name:
        raise InputError(
            "the files do not name the collimator",
            field="CollimatorGridName",
            expected=", ".join(collimator_ids()),
            remedy=remedy,
        )
    try:
        found = collimator(name, camera=bed.camera)
    except (InputError, ReferenceDataError) as problem:
        raise InputError(
            f"this collimator is not in the tables: {problem.message}",
            field="--collimator" if request.collimator else "CollimatorGridName",
            value=name,
            expected=problem.expected or ", ".join(collimator_ids()),
            remedy=remedy,
        ) from problem
    return found.response(energy_kev), found.id


def _kvp(request: ReconstructionRequest) -> float:
    assert request.ct is not None
    found = request.kvp or ct_tube_kv(request.ct)
    if found is None:
        raise DicomError(
            "the CT does not state its tube voltage",
            source=str(request.ct),
            field="KVP",
            remedy="state it with --kvp",
        )
    return found


def reconstruction_settings(
    request: ReconstructionRequest, plan: ReconstructionPlan, beds: Sequence[ProjectionSet]
) -> dict[str, Any]:
    """Give every choice by name, with its unit."""
    return {
        "algorithm": "OSEM",
        "iterations": request.iterations,
        "subsets": request.subsets,
        "post_filter_fwhm_mm": request.post_filter_mm,
        "nuclide": plan.nuclide.name,
        "window": plan.window.name,
        "window_keV": f"{plan.window.lower_kev:g}-{plan.window.upper_kev:g}",
        "line_keV": plan.energy_kev,
        "scatter": request.scatter,
        "scatter_filter_fwhm_mm": request.scatter_filter_mm if request.scatter != "none" else None,
        "scatter_lower": plan.lower.name if plan.lower and request.scatter != "none" else None,
        "scatter_upper": plan.upper.name if plan.upper and request.scatter == "tew" else None,
        "attenuation": "CT" if request.ct is not None else "none",
        "kvp": plan.kvp,
        "collimator": plan.collimator or "none",
        "calibration_cps_per_MBq": request.calibration_cps_per_mbq,
        "beds": len(beds),
        "views": beds[0].views,
        "camera": beds[0].camera,
        "patient_position": beds[0].patient_position,
    }
