"""Any image that a command is given: CT folder, reconstructed NM, PET folder, or NIfTI with its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from hemadose.errors import InputError
from hemadose.io.dicom import read_ct_series, read_regions, read_spect
from hemadose.io.dicom.headers import open_dataset
from hemadose.io.label_maps import embedded_names
from hemadose.io.nifti import read_image, read_label_regions
from hemadose.model import Grid, Image, Quantity, Region

_UTC = ZoneInfo("UTC")
"""Times of day play no part where only the image is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """An image and where it came from.

    Attributes
    ----------
    image : Image
        Values on their grid.
    files : tuple of Path
        DICOM files of the series; empty for NIfTI.
    """

    image: Image
    files: tuple[Path, ...] = ()


def is_nifti(path: Path) -> bool:
    """Tell by the ending."""
    return path.name.endswith((".nii", ".nii.gz"))


def load_image(path: Path, *, quantity: str | None = None, frame_uid: str = "nifti:image") -> LoadedImage:
    """Read an image of any kind.

    Parameters
    ----------
    path : Path
        NIfTI file, folder of one CT or PET series, or one reconstructed NM object.
    quantity : str, optional
        ``HU``, ``counts`` or ``Bq/ml``: NIfTI does not hold it, DICOM does.
    frame_uid : str
        Frame of reference of a NIfTI.

    Returns
    -------
    LoadedImage

    Raises
    ------
    InputError
        If the file is missing, of another kind, or a NIfTI comes without its quantity.
    """
    if not path.exists():
        raise InputError("no such file or folder", source=str(path))
    if is_nifti(path):
        return LoadedImage(image=read_image(path, quantity=_quantity(quantity, path), frame_of_reference_uid=frame_uid))
    files = tuple(sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))) if path.is_dir() \
        else (path,)  # fmt: skip
    if not files:
        raise InputError("the folder is empty", source=str(path))
    modality = str(open_dataset(files[0], pixels=False).get("Modality", ""))
    if modality == "CT":
        return LoadedImage(image=read_ct_series(path), files=files)
    if modality == "PT":
        from hemadose.io.dicom.pet import read_pet

        return LoadedImage(image=read_pet(path, zone=_UTC).image, files=files)
    if modality == "NM" and len(files) == 1:
        return LoadedImage(image=read_spect(files[0], zone=_UTC).image, files=files)
    raise InputError(
        "this image is not read here",
        source=str(path),
        field="Modality",
        value=modality or "none",
        expected="a folder of CT or PET slices, one reconstructed NM object, or NIfTI",
        remedy="projections are reconstructed first (hemadose reconstruct)" if modality == "NM" else None,
    )


def _quantity(text: str | None, path: Path) -> Quantity:
    allowed = {q.value.lower(): q for q in (Quantity.HOUNSFIELD, Quantity.COUNTS, Quantity.ACTIVITY_CONCENTRATION)}
    found = allowed.get((text or "").lower())
    if found is None:
        raise InputError(
            "NIfTI does not say what its values are",
            source=str(path),
            field="--quantity",
            value=text,
            expected="HU, counts or Bq/ml",
        )
    return found


def load_regions(path: Path, *, reference: Grid, names: Sequence[str] | None = None) -> tuple[Region, ...]:
    """Read regions of any kind: SEG, RTSTRUCT, label map with names, TotalSegmentator output.

    Raises
    ------
    InputError
        If the file is missing, or does not hold a name that was asked for.
    """
    from hemadose.workflow.totalsegmentator import read_totalsegmentator

    if not path.exists():
        raise InputError("no such file or folder", source=str(path))
    if path.is_dir() or (is_nifti(path) and embedded_names(path)):
        return read_totalsegmentator(path, reference=reference, classes=names)
    found = read_label_regions(path, reference=reference) if is_nifti(path) else read_regions(path, reference=reference)
    if names is None:
        return found
    kept = {r.name: r for r in found}
    missing = [n for n in names if n not in kept]
    if missing:
        raise InputError(
            "the file holds no such region",
            source=str(path),
            value=", ".join(missing),
            expected=", ".join(sorted(kept)),
        )
    return tuple(kept[n] for n in names)


def in_frame(image: Image, frame_uid: str) -> Image:
    """Put a NIfTI image into a frame of reference, by the user's word."""
    return replace(image, grid=replace(image.grid, frame_of_reference_uid=frame_uid))
