"""The adult reference phantoms of ICRP Publication 110, as its electronic supplement holds them.

``AM.dat`` or ``AF.dat`` lists organ numbers as text, columns fastest (to the left), then rows (to the back), then
slices (from the toes to the head), which is the axial order of hemadose. ``_organs.dat`` gives number, name, medium
and density of each organ, ``_media.dat`` the mass percentages of 13 elements of each medium, and ``_spongiosa.dat``
the red-marrow mass ratio of the bone regions. The supplement is for the user to obtain; nothing of it is packaged.

References
----------
ICRP Publication 110. Ann ICRP 39(2) (2009), annexes A and B, Table 3, and the text that goes with the data.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.io.label_tables import hounsfield
from hemadose.io.phantoms import AIR, LabelledPhantom
from hemadose.model.anatomy import Anatomy, Tissue
from hemadose.model.image import Grid, Image, Quantity
from hemadose.physics.matter import Medium, medium
from hemadose.physics.matter.media import additive_excitation_ev

ELEMENTS = ("H", "C", "N", "O", "Na", "Mg", "P", "S", "Cl", "K", "Ca", "Fe", "I")
"""Columns of the media file."""

PER_LINE = 16
"""Organ numbers on a line; the last line may be filled up with zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Size of a phantom: (slices, rows, columns) and the same of a voxel in mm."""

    shape: tuple[int, int, int]
    voxel_mm: tuple[float, float, float]


REFERENCE: Mapping[str, Layout] = {
    "AM": Layout(shape=(222, 127, 254), voxel_mm=(8.0, 2.137, 2.137)),
    "AF": Layout(shape=(348, 137, 299), voxel_mm=(4.84, 1.775, 1.775)),
}
"""The adult male and female (Publication 110, Table 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Organ:
    number: int
    name: str
    medium: int
    density: float


def read_icrp110(
    folder: Path,
    *,
    phantom: str,
    frame_of_reference_uid: str,
    layout: Layout | None = None,
    keep_end_skin: bool = False,
) -> LabelledPhantom:
    """Read a reference phantom.

    Parameters
    ----------
    folder : Path
        With ``AM.dat``, ``AM_organs.dat``, ``AM_media.dat`` and, for the red marrow, ``AM_spongiosa.dat``
        (or the same of ``AF``).
    phantom : str
        ``"AM"``, ``"AF"``, or the first letters of other files in the same format.
    frame_of_reference_uid : str
        The files have none.
    layout : Layout, optional
        Size, for phantoms other than the two of `REFERENCE`.
    keep_end_skin : bool
        Keep the skin of the first and last slice; without it the phantom has the reference height and mass.

    Returns
    -------
    LabelledPhantom
        Names in small letters with ``_``; densities by organ, compositions by medium. The mean excitation energy
        follows from Bragg's additivity rule, in which iodine (0.1 % of the thyroid) is left out.

    Raises
    ------
    InputError
        If a file is missing or not in this format, or an organ of the image is not described.
    """
    form = layout or REFERENCE.get(phantom)
    if form is None:
        raise InputError(
            "no size is known of this phantom",
            source=str(folder),
            field="phantom",
            value=phantom,
            expected=", ".join(REFERENCE),
            remedy="pass layout",
        )
    organs = _organs(folder / f"{phantom}_organs.dat")
    media = _media(folder / f"{phantom}_media.dat")
    labels = _labels(folder / f"{phantom}.dat", form)
    present = set(np.unique(labels).tolist())
    bare = sorted(present - set(organs) - {0})
    undescribed = sorted({o.medium for n, o in organs.items() if n in present} - set(media))
    if bare or undescribed:
        raise InputError(
            "organs of the image or their media are not described",
            source=str(folder),
            field="organ number" if bare else "tissue number",
            value=", ".join(str(n) for n in (bare or undescribed)[:10]),
            expected="a line for each in the organ and media files",
            remedy="take all files from the same supplement",
        )
    ends = [o.number for o in organs.values() if re.search(r"skin.*\b(top|bottom)\b", o.name.lower())]
    if ends and not keep_end_skin:
        labels = np.where(np.isin(labels, ends), 0, labels)
        present -= set(ends)
    shares, notes = _marrow(folder / f"{phantom}_spongiosa.dat", organs, labels)
    return _phantom(
        phantom, labels, form, frame_of_reference_uid, [organs[n] for n in sorted(present - {0})], media, shares, notes
    )


def _phantom(
    name: str,
    labels: npt.NDArray[np.int16],
    form: Layout,
    uid: str,
    organs: list[_Organ],
    media: dict[int, tuple[str, dict[str, float]]],
    shares: dict[int, float],
    notes: tuple[str, ...],
) -> LabelledPhantom:
    compositions: dict[str, Medium] = {AIR.medium: medium("air")}
    tissues = [AIR]
    for organ in organs:
        title, fractions = media[organ.medium]
        key = f"icrp110_{organ.medium}_{_slug(title)}"
        if key not in compositions:
            known = {symbol: share for symbol, share in fractions.items() if symbol != "I"}
            compositions[key] = Medium(
                name=key,
                density_g_per_ml=organ.density,
                mass_fraction=fractions,
                mean_excitation_ev=additive_excitation_ev(known),
                source=f"ICRP Publication 110, medium {organ.medium}; I by additivity with ICRU 37",
            )
        slug = _slug(organ.name)
        taken = slug in {t.name for t in tissues}
        tissues.append(
            Tissue(
                label=organ.number,
                name=f"{slug}_{organ.number}" if taken else slug,
                medium=key,
                density_g_per_ml=organ.density,
                hounsfield=hounsfield(compositions[key], organ.density),
                red_marrow_fraction=shares.get(organ.number, 0.0),
            )
        )
    grid = Grid.axial(shape=form.shape, spacing_mm=form.voxel_mm, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid=uid)
    anatomy = Anatomy(
        name=f"ICRP 110 {name}",
        labels=Image(values=labels, grid=grid, quantity=Quantity.LABEL),
        tissues=tuple(tissues),
        source="ICRP Publication 110 (2009)",
    )
    return LabelledPhantom(anatomy=anatomy, media=compositions, notes=notes)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="latin-1")
    except FileNotFoundError as problem:
        raise InputError(
            "file not found", source=str(path), remedy="get the supplement of ICRP Publication 110 from its publisher"
        ) from problem


def _labels(path: Path, form: Layout) -> npt.NDArray[np.int16]:
    text = _text(path)
    count = int(np.prod(form.shape))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.fromstring(text, dtype=np.int16, sep=" ")
    except (DeprecationWarning, ValueError) as problem:
        raise InputError("the organ numbers hold something else", source=str(path), value=str(problem)) from problem
    if not count <= found.size < count + PER_LINE or found[count:].any():
        raise InputError(
            "the number of voxels is not that of the phantom",
            source=str(path),
            value=str(found.size),
            expected=f"{' x '.join(str(n) for n in form.shape)} = {count}",
            remedy="check phantom and layout, or get the file again",
        )
    if found.min() < 0:
        raise InputError("an organ number is negative", source=str(path), value=str(found.min()))
    return found[:count].reshape(form.shape)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines that begin with a number, split at blanks; what stands before the first is heading."""
    lines = [(number, line.split()) for number, line in enumerate(_text(path).splitlines(), start=1)]
    return [(number, words) for number, words in lines if words and words[0].isdigit()]


def _organs(path: Path) -> dict[int, _Organ]:
    organs: dict[int, _Organ] = {}
    for line, words in _rows(path):
        try:
            number, tissue, density = int(words[0]), int(words[-2]), float(words[-1])
        except (ValueError, IndexError) as problem:
            raise _malformed(path, line, words, "organ number, name, tissue number, density") from problem
        if len(words) < 4 or number in organs or not density > 0.0:
            raise _malformed(path, line, words, "each organ once, with a name and a density above 0 g/ml")
        organs[number] = _Organ(number=number, name=" ".join(words[1:-2]), medium=tissue, density=density)
    if not organs:
        raise InputError("no line describes an organ", source=str(path))
    return organs


def _media(path: Path) -> dict[int, tuple[str, dict[str, float]]]:
    """Name and mass fractions of each medium; a fourteenth number (density) is left to the organs."""
    media: dict[int, tuple[str, dict[str, float]]] = {}
    for line, words in _rows(path):
        numbers: list[float] = []
        while len(words) > 1 and re.fullmatch(r"\d*\.?\d+|\d+\.", words[-1]):
            numbers.insert(0, float(words.pop()))
        percent = numbers[: len(ELEMENTS)]
        if len(words) == 1:  # the heading with the atomic numbers
            continue
        if len(numbers) not in (len(ELEMENTS), len(ELEMENTS) + 1) or not 99.0 <= sum(percent) <= 101.0:
            raise _malformed(path, line, [*words, *(f"{n:g}" for n in numbers)], "number, name, 13 mass percentages")
        if int(words[0]) in media:
            raise _malformed(path, line, words, "each medium once")
        shares = {symbol: p / sum(percent) for symbol, p in zip(ELEMENTS, percent, strict=True) if p > 0.0}
        media[int(words[0])] = " ".join(words[1:]), shares
    if not media:
        raise InputError("no line describes a medium", source=str(path))
    return media


def _marrow(
    path: Path, organs: Mapping[int, _Organ], labels: npt.NDArray[np.int16]
) -> tuple[dict[int, float], tuple[str, ...]]:
    """Share of the red marrow by organ: voxels x density x mass ratio of red marrow."""
    if not path.exists():
        return {}, (f"{path.name} is not there: the phantom knows no red marrow",)
    try:
        ratio = {int(words[0]): float(words[1]) for _, words in _rows(path)}
    except (ValueError, IndexError) as problem:
        raise InputError(
            "not a list of marrow mass ratios", source=str(path), value=str(problem), expected="tissue number, ratios"
        ) from problem
    voxels = np.bincount(labels.ravel(), minlength=max(organs) + 1)
    mass = {n: float(voxels[n]) * o.density * ratio.get(o.medium, 0.0) for n, o in organs.items()}
    total = sum(mass.values())
    if not total > 0.0:
        raise InputError("no organ of the phantom holds red marrow", source=str(path))
    return {n: m / total for n, m in mass.items() if m > 0.0}, ()


def _malformed(path: Path, line: int, words: list[str], expected: str) -> InputError:
    return InputError(
        f"line {line} is not in the format of the supplement",
        source=str(path),
        value=" ".join(words)[:80],
        expected=expected,
        remedy="take the file as published",
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
