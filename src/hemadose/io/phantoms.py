"""Labelled voxel phantoms from files: a label image (NIfTI, MetaImage, Interfile) and a table of its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hemadose.errors import GeometryError, InputError
from hemadose.io.interfile import read_interfile
from hemadose.io.label_tables import HIGHEST_LABEL, read_label_table
from hemadose.io.metaimage import read_metaimage
from hemadose.io.nifti import read_image
from hemadose.model.anatomy import Anatomy, Tissue
from hemadose.model.image import Grid, Image, Quantity
from hemadose.physics.matter import Medium, medium

_NIFTI = (".nii", ".nii.gz")
_METAIMAGE = (".mha", ".mhd")
_INTERFILE = (".h33", ".hv", ".hs", ".hdr")

AIR = Tissue(label=0, name="air", medium="air", density_g_per_ml=0.001205, hounsfield=-1000.0)
"""What label 0 means where a phantom does not say: dry air outside the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhantom:
    """An anatomy and what its media are made of.

    Attributes
    ----------
    anatomy : Anatomy
        Labels and tissues; slices run to the head, rows to the back, columns to the left.
    media : Mapping[str, Medium]
        Composition by the name that `Tissue.medium` has.
    notes : tuple of str
        Doubts.
    """

    anatomy: Anatomy
    media: Mapping[str, Medium]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Every medium of the anatomy must have a composition."""
        bare = sorted({t.medium for t in self.anatomy.tissues} - set(self.media))
        if bare:
            raise InputError(
                f"no composition of a medium of {self.anatomy.name}",
                field="media",
                value=", ".join(bare),
                expected="one for each medium of the tissues",
            )
        object.__setattr__(self, "media", MappingProxyType(dict(self.media)))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (_rebuild, (self.anatomy, dict(self.media), self.notes))

    def mass_kg(self, tissue: str) -> float:
        """Mass of a tissue: its voxels times its density.

        Raises
        ------
        RegionError
            If there is none of that name.
        """
        found = self.anatomy.tissue(tissue)
        voxels = int(np.count_nonzero(self.anatomy.labels.values == found.label))
        return voxels * self.anatomy.labels.grid.voxel_volume_ml * found.density_g_per_ml * 1e-3


def read_labelled_phantom(
    image: Path,
    table: Path,
    *,
    frame_of_reference_uid: str,
    name: str | None = None,
    source: str = "",
    media: Mapping[str, Medium] | None = None,
    flip_rows: bool = False,
    flip_slices: bool = False,
) -> LabelledPhantom:
    """Read a label image with its label table.

    Label 0 may be left out of the table: it is then air outside the body.

    Parameters
    ----------
    image : Path
        ``.nii``, ``.nii.gz``, ``.mha``, ``.mhd`` (with SimpleITK) or an Interfile header (``.h33``, ``.hv``, ``.hdr``).
    table : Path
        See `hemadose.io.label_tables.read_label_table`.
    frame_of_reference_uid : str
        None of these formats has one.
    name, source : str, optional
        Recorded in the anatomy; the name of the file if not given.
    media : Mapping, optional
        Compositions beside those that hemadose knows.
    flip_rows, flip_slices : bool
        For Interfile, which does not say how it lies: arrays must run to the back and to the head.

    Returns
    -------
    LabelledPhantom

    Raises
    ------
    InputError
        For an unknown format, a broken file, a label without a row, or a broken table.
    GeometryError
        If the image lies oblique to the body axes.
    """
    labels = to_axial(_labels(image, frame_of_reference_uid, flip_rows=flip_rows, flip_slices=flip_slices))
    tissues, compositions = read_label_table(table, media=media)
    if 0 not in [t.label for t in tissues]:
        tissues, compositions = (AIR, *tissues), {AIR.medium: medium("air"), **compositions}
    present = set(np.unique(labels.values).tolist())
    bare = sorted(present - {t.label for t in tissues})
    if bare:
        raise InputError(
            "the image holds labels without a row in the label table",
            source=str(table),
            field="label",
            value=", ".join(str(label) for label in bare[:10]),
            expected=f"a row for each label of {image.name}",
            remedy="add the rows",
        )
    empty = [t.name for t in tissues if t.label not in present and t.label != 0]
    return LabelledPhantom(
        anatomy=Anatomy(name=name or image.name.split(".")[0], labels=labels, tissues=tissues, source=source),
        media=compositions,
        notes=(f"no voxel of the image is {', '.join(empty)}",) if empty else (),
    )


def to_axial(image: Image) -> Image:
    """Turn and flip an image so that slices run to the head, rows to the back, columns to the left.

    No voxel is resampled.

    Raises
    ------
    GeometryError
        If the axes of the image are not those of the body.
    """
    matrix = image.grid.affine[:3, :3]
    largest = np.abs(matrix).argmax(axis=0)
    rest = np.abs(matrix).sum(axis=0) - np.abs(matrix).max(axis=0)
    if sorted(largest) != [0, 1, 2] or np.any(rest > 1e-3 * np.abs(matrix).max(axis=0)):
        raise GeometryError(
            "the image lies oblique to the body",
            field="affine",
            value=str(np.round(matrix, 4).tolist()),
            expected="axes along left, back and head",
            remedy="resample it onto an axial grid first",
        )
    order = [int(np.flatnonzero(largest == axis)[0]) for axis in (2, 1, 0)]
    values, affine = image.values.transpose(order), image.grid.affine[:, [*order, 3]].copy()
    for place, axis in enumerate((2, 1, 0)):
        if affine[axis, place] < 0.0:
            affine[:3, 3] += affine[:3, place] * (values.shape[place] - 1)
            affine[:3, place] *= -1.0
            values = np.flip(values, axis=place)
    shape = (values.shape[0], values.shape[1], values.shape[2])
    grid = Grid(shape=shape, affine=affine, frame_of_reference_uid=image.grid.frame_of_reference_uid)
    return Image(values=np.ascontiguousarray(values), grid=grid, quantity=image.quantity)


def _labels(path: Path, uid: str, *, flip_rows: bool, flip_slices: bool) -> Image:
    lower = path.name.lower()
    if lower.endswith(_NIFTI):
        image = read_image(path, quantity=Quantity.LABEL, frame_of_reference_uid=uid)
    elif lower.endswith(_METAIMAGE):
        image = read_metaimage(path, frame_of_reference_uid=uid)
    elif lower.endswith(_INTERFILE):
        image = read_interfile(path, frame_of_reference_uid=uid, flip_rows=flip_rows, flip_slices=flip_slices)
    else:
        raise InputError(
            "unknown format of a label image",
            source=str(path),
            field="suffix",
            value=path.suffix,
            expected=", ".join((*_NIFTI, *_METAIMAGE, *_INTERFILE)),
            remedy="convert it to NIfTI",
        )
    low, high = int(image.values.min()), int(image.values.max())
    if low < 0 or high > HIGHEST_LABEL:
        raise InputError(
            "a label image holds small whole numbers from 0 on",
            source=str(path),
            field="labels",
            value=f"{low} to {high}",
            expected=f"0 to {HIGHEST_LABEL}",
            remedy="check that this is the label image and not the CT",
        )
    return image


def _rebuild(anatomy: Anatomy, media: dict[str, Medium], notes: tuple[str, ...]) -> LabelledPhantom:
    return LabelledPhantom(anatomy=anatomy, media=media, notes=notes)
