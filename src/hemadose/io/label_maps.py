"""Regions as NIfTI label maps with a table of names, and the names that other programs put into the file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hemadose.errors import InputError, RegionError
from hemadose.io.files import write_text_atomic
from hemadose.io.nifti import write_image
from hemadose.model import Image, Quantity, Region

_LABEL = re.compile(r'<Label\s+[^>]*Key="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^\]<]+)', re.S)


def write_label_regions(regions: Sequence[Region], path: Path) -> tuple[Path, Path]:
    """Write regions as one label map (``.nii.gz``) and its names (``.json``), as `read_label_regions` reads them.

    Returns
    -------
    tuple of Path
        The map and the table.

    Raises
    ------
    RegionError
        If two regions share a voxel or a name: a label map cannot hold that.
    """
    if not regions:
        raise RegionError("there is no region to write", source=path.name)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise InputError("a label map is written as NIfTI", source=path.name, expected=".nii.gz")
    names = [r.name for r in regions]
    if len(set(names)) != len(names):
        raise RegionError(
            "two regions have one name", value=", ".join(sorted({n for n in names if names.count(n) > 1}))
        )
    labels = np.zeros(regions[0].grid.shape, dtype=np.int32)
    for number, region in enumerate(regions, start=1):
        region.grid.require_match(regions[0].grid, what=f"regions {regions[0].name} and {region.name}")
        taken = labels[region.mask]
        if taken.any():
            other = names[int(taken[taken > 0][0]) - 1]
            raise RegionError(
                f"regions {other} and {region.name} overlap, which a label map cannot hold",
                value=f"{np.count_nonzero(taken)} voxels",
                remedy="write a DICOM SEG or RTSTRUCT (.dcm), or write them to two files",
            )
        labels[region.mask] = number
    write_image(Image(values=labels, grid=regions[0].grid, quantity=Quantity.LABEL), path)
    table = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    write_text_atomic(table, json.dumps({str(n): name for n, name in enumerate(names, start=1)}, indent=1) + "\n")
    return path, table


def embedded_names(path: Path) -> dict[int, str]:
    """Read the names that a label map carries in its own header (TotalSegmentator, Workbench); empty if none.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    import nibabel

    try:
        extensions = list(nibabel.load(path).header.extensions)
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except Exception as problem:  # nibabel raises many kinds for a broken file
        raise InputError("not a readable NIfTI file", source=str(path), value=type(problem).__name__) from problem
    found: dict[int, str] = {}
    for extension in extensions:
        content = extension.get_content()
        text = content.decode("utf-8", errors="replace") if isinstance(content, bytes) else str(content)
        found.update({int(key): name.strip() for key, name in _LABEL.findall(text)})
    return found
