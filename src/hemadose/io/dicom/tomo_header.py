"""SPECT projections, what the header says: the maker's style, windows, nuclide, and what makes counts unusable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import corrections as corrections_of
from hemadose.io.dicom.nm import windows
from hemadose.model import EnergyWindow

_GE_PRIVATE = "GEMS_GENIE_1"
"""Private creator of GE's nuclear-medicine elements (names as in pydicom's private dictionary)."""
_UNDOING = {
    "SCAT": "scatter is already subtracted",
    "ATTN": "attenuation is already corrected",
    "DECY": "decay is already corrected frame by frame",
    "MOTN": "frames were shifted against motion",
}
_NOTED = {"DTIM": "dead time is already corrected"}


class HeaderStyle(StrEnum):
    """Whose habits a header follows."""

    SIEMENS = "Siemens"
    GE = "GE"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class TomoStatements:
    """What the user says where a file is silent; nothing of it is ever guessed.

    Attributes
    ----------
    nuclide : str or None
        Radionuclide.
    patient_position : str or None
        HFS, FFS, HFP or FFP.
    stored_in : str or None
        "patient": angles and pixels are in patient coordinates, as the standard demands. "camera": as if every
        patient lay head first and supine.
    start_angle_deg : tuple of float
        Start angle of each detector, DICOM sense; () to take the file's.
    radius_mm : float or None
        Axis of rotation to collimator face, for files without radial positions.
    place_mm : tuple of float, or None
        x and y of the axis of rotation and z of the uppermost row, LPS.
    allow_unplaced : bool
        Accept files that do not say where they lie in the patient: their image then fits no CT.
    """

    nuclide: str | None = None
    patient_position: str | None = None
    stored_in: str | None = None
    start_angle_deg: tuple[float, ...] = ()
    radius_mm: float | None = None
    place_mm: tuple[float, float, float] | None = None
    allow_unplaced: bool = False

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        if self.stored_in not in (None, "patient", "camera"):
            raise DicomError(
                "projections are stored in patient or camera coordinates",
                field="stored_in",
                value=str(self.stored_in),
                expected="patient or camera",
            )


def header_style(dataset: Any) -> HeaderStyle:
    """Recognise the maker's habits by Manufacturer.

    Examples
    --------
    >>> header_style({"Manufacturer": "GE MEDICAL SYSTEMS"}), header_style({"Manufacturer": "SIEMENS NM"})
    (<HeaderStyle.GE: 'GE'>, <HeaderStyle.SIEMENS: 'Siemens'>)
    """
    maker = str(dataset.get("Manufacturer") or "").upper()
    if "SIEMENS" in maker:
        return HeaderStyle.SIEMENS
    if maker.startswith(("GE ", "GEMS", "GENERAL ELECTRIC")) or maker == "GE":
        return HeaderStyle.GE
    return HeaderStyle.OTHER


def camera_name(dataset: Any) -> str:
    """Maker and model, as the file spells them."""
    parts = (dataset.get("Manufacturer"), dataset.get("ManufacturerModelName"))
    return " ".join(str(part).strip() for part in parts if part)


def energy_windows(dataset: Any, path: Path) -> tuple[EnergyWindow, ...]:
    """Read the windows in file order, each with a name of its own.

    Windows that share a name (a maker's habit for windows of one isotope) get their limits appended.

    Raises
    ------
    DicomError
        If there are none, or one lacks its limits or has several ranges.
    """
    for number, item in enumerate(dataset.get("EnergyWindowInformationSequence") or [], start=1):
        for limits in item.get("EnergyWindowRangeSequence") or []:
            for keyword in ("EnergyWindowLowerLimit", "EnergyWindowUpperLimit"):
                if limits.get(keyword) in (None, ""):
                    raise DicomError(f"energy window {number} lacks a limit", source=str(path), field=keyword)
    found = windows(dataset, path)
    names = [window.name for window in found]
    return tuple(
        window
        if names.count(window.name) == 1
        else replace(window, name=f"{window.name} {window.lower_kev:g}-{window.upper_kev:g} keV")
        for window in found
    )


def radionuclide(dataset: Any, path: Path, stated: TomoStatements) -> tuple[str, tuple[str, ...]]:
    """Name of the radionuclide as the file spells it, else as stated; with notes.

    Looked for in RadionuclideCodeSequence, in GE's private element (0011,xx0D), in the user's word.

    Raises
    ------
    DicomError
        If nothing names it, or the file names several.
    """
    items = dataset.get("RadiopharmaceuticalInformationSequence") or []
    coded = [
        str(code.get("CodeMeaning") or "") for item in items for code in item.get("RadionuclideCodeSequence") or []
    ]
    named = sorted({name for name in coded if name})
    if len(named) > 1:
        raise DicomError(
            "the study has several radionuclides",
            source=str(path),
            field="RadionuclideCodeSequence",
            value=", ".join(named),
            remedy="export the windows of one nuclide: their scatter cannot be told apart here",
        )
    if named:
        return named[0], ()
    private = private_value(dataset, 0x0011, 0x0D)
    if private:
        return str(private).strip(), ("the radionuclide was read from a private element of GE (0011,xx0D)",)
    if stated.nuclide:
        return stated.nuclide, ("the file does not name the radionuclide; the stated one is used",)
    raise DicomError(
        "the file does not name the radionuclide",
        source=str(path),
        field="RadionuclideCodeSequence",
        remedy="state it, e.g. --nuclide Lu-177",
    )


def private_value(dataset: Any, group: int, element: int, creator: str = _GE_PRIVATE) -> Any:
    """Value of a vendor's private element, found through its creator; None if the vendor's block is not there."""
    try:
        return dataset.private_block(group, creator)[element].value
    except KeyError:
        return None


def require_raw_counts(dataset: Any, path: Path) -> tuple[str, ...]:
    """Refuse counts that were worked on before; give notes for what is harmless.

    Raises
    ------
    DicomError
        For transmission images and for counts already corrected for scatter, attenuation or decay.
    """
    image_type = [str(v) for v in dataset.ImageType]
    if len(image_type) > 3 and image_type[3] != "EMISSION":
        raise DicomError(
            "these projections are not of the patient's own radiation",
            source=str(path),
            field="ImageType",
            value="\\".join(image_type),
            expected="EMISSION",
        )
    done = corrections_of(dataset)
    for code, what in _UNDOING.items():
        if code in done:
            raise DicomError(
                f"the projections are not raw: {what}",
                source=str(path),
                field="CorrectedImage",
                value="\\".join(sorted(done)),
                remedy="export the projections as acquired",
            )
    notes = [text for code, text in _NOTED.items() if code in done]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope not in (None, "", 1) or intercept not in (None, "", 0):
        notes.append(
            f"counts were rescaled as the file says (slope {float(slope or 1):g}, intercept "
            f"{float(intercept or 0):g}): their noise may not be that of counting"
        )
    return tuple(notes)


def collimator(dataset: Any, path: Path) -> tuple[str | None, tuple[str, ...]]:
    """Name of the collimator, the same on every detector; with notes.

    Raises
    ------
    DicomError
        If it is not a parallel-hole collimator, or differs between detectors.
    """
    notes: list[str] = []
    names = set()
    for item in dataset.get("DetectorInformationSequence") or []:
        kind = str(item.get("CollimatorType") or "UNKN")
        if kind not in ("PARA", "UNKN"):
            raise DicomError(
                "only parallel-hole collimators can be reconstructed",
                source=str(path),
                field="CollimatorType",
                value=kind,
                expected="PARA",
            )
        if kind == "UNKN":
            notes.append("the file does not say that the collimator has parallel holes; it is taken to")
        names.add(str(item.get("CollimatorGridName") or ""))
    if len(names) > 1:
        raise DicomError(
            "the detectors carry different collimators",
            source=str(path),
            field="CollimatorGridName",
            value=", ".join(sorted(names)),
        )
    name = next(iter(names), "")
    return name or None, tuple(dict.fromkeys(notes))
