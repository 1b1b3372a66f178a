"""What the labels of a voxel phantom mean: a CSV table with name, medium and density of each label.

Columns ``label,name,medium,density_g_per_ml`` and, if wanted, ``red_marrow_fraction`` and ``hounsfield``; lines that
begin with ``#`` are comments. A CT number that is not given is computed from density and composition at 70 keV.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from hemadose.errors import InputError, ReferenceDataError
from hemadose.io.tables import read_rows
from hemadose.model.anatomy import Tissue
from hemadose.physics.matter import Medium, medium, medium_names

COLUMNS = ("label", "name", "medium", "density_g_per_ml")

ALIASES: Mapping[str, str] = {"skeleton": "stylised-bone"}
"""Media that anatomies name and that stand under another name among the compositions."""

HOUNSFIELD_KEV = 70.0
"""Energy at which a CT number is computed, near the mean of a 120 kV beam behind a patient."""

HIGHEST_LABEL = 65535
"""Above it a label image is something else (a CT, a float image)."""


def read_label_table(
    path: Path, *, media: Mapping[str, Medium] | None = None
) -> tuple[tuple[Tissue, ...], dict[str, Medium]]:
    """Read the tissues of a label table and the compositions they are made of.

    Parameters
    ----------
    path : Path
        The CSV file.
    media : Mapping, optional
        Compositions by name, beside those that `hemadose.physics.matter` knows.

    Returns
    -------
    tissues, media
        Media by the name the table uses.

    Raises
    ------
    InputError
        For a missing column, a label or name used twice, an unknown medium, a density that is not positive
        (zero is allowed for ``air``), marrow fractions above 1 together, or text where a number belongs.
    """
    rows = read_rows(path, required=())
    missing = [column for column in COLUMNS if column not in (rows[0] if rows else {})]
    if missing:
        raise InputError(
            "the label table lacks a column, or has no rows",
            source=str(path),
            field=", ".join(missing),
            value=", ".join(rows[0]) if rows else "no rows",
            expected=",".join(COLUMNS) + "[,red_marrow_fraction][,hounsfield]",
            remedy="add the column to the heading and to every row",
        )
    tissues, found = list[Tissue](), dict[str, Medium]()
    for number, row in enumerate(rows, start=1):
        where = f"row {number} of the label table"
        matter = _composition(path, where, row["medium"], media or {})
        found[row["medium"]] = matter
        tissues.append(_tissue(path, where, row, matter))
    _require_unique(path, tissues)
    return tuple(tissues), found


def hounsfield(matter: Medium, density_g_per_ml: float) -> float:
    """CT number from composition and density: attenuation at 70 keV against that of water.

    >>> round(hounsfield(medium("water"), 1.0)), round(hounsfield(medium("air"), 0.0))
    (0, -1000)
    """
    water = medium("water")
    return 1000.0 * (_attenuation(matter) * density_g_per_ml / _attenuation(water) - 1.0)


def _attenuation(matter: Medium) -> float:
    """Mass attenuation coefficient with coherent scattering in cm2/g."""
    import xraylib

    return float(
        sum(
            fraction * xraylib.CS_Total(xraylib.SymbolToAtomicNumber(symbol), HOUNSFIELD_KEV)
            for symbol, fraction in matter.mass_fraction.items()
        )
    )


def _composition(path: Path, where: str, name: str, media: Mapping[str, Medium]) -> Medium:
    if name in media:
        return media[name]
    try:
        return medium(ALIASES.get(name, name))
    except ReferenceDataError as problem:
        raise InputError(
            f"{where} names an unknown medium",
            source=str(path),
            field="medium",
            value=name or "''",
            expected=", ".join((*media, *ALIASES, *medium_names())),
            remedy="use one of these, or pass its composition in media",
        ) from problem


def _tissue(path: Path, where: str, row: Mapping[str, str], matter: Medium) -> Tissue:
    label = _number(path, where, row, "label")
    if label != int(label) or not 0 <= label <= HIGHEST_LABEL:
        raise InputError(
            f"{where} needs a whole number as label",
            source=str(path),
            field="label",
            value=row["label"],
            expected=f"0 to {HIGHEST_LABEL}",
            remedy="use the numbers of the label image",
        )
    if not row["name"]:
        raise InputError(f"{where} names no tissue", source=str(path), field="name", remedy="give it a name")
    density = _number(path, where, row, "density_g_per_ml")
    if density < 0.0 or (density == 0.0 and matter.name != "air"):
        raise InputError(
            f"{where} needs a positive density",
            source=str(path),
            field="density_g_per_ml",
            value=f"{density:g} for {row['name']}",
            expected="> 0 g/ml, or 0 for air",
            remedy=f"{matter.name} usually has {matter.density_g_per_ml:g}",
        )
    marrow = _number(path, where, row, "red_marrow_fraction") if row.get("red_marrow_fraction") else 0.0
    if not 0.0 <= marrow <= 1.0:
        raise InputError(
            f"{where} needs a share of the red marrow",
            source=str(path),
            field="red_marrow_fraction",
            value=f"{marrow:g}",
            expected="0 to 1",
            remedy="give the share of the body's red marrow, not per cent",
        )
    return Tissue(
        label=int(label),
        name=row["name"],
        medium=row["medium"],
        density_g_per_ml=density,
        hounsfield=_number(path, where, row, "hounsfield") if row.get("hounsfield") else hounsfield(matter, density),
        red_marrow_fraction=marrow,
    )


def _number(path: Path, where: str, row: Mapping[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where} needs a number",
            source=str(path),
            field=column,
            value=repr(row[column]),
            remedy="use a decimal point",
        )
    return value


def _require_unique(path: Path, tissues: Sequence[Tissue]) -> None:
    for field, values in (("label", [t.label for t in tissues]), ("name", [t.name for t in tissues])):
        twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
        if twice is not None:
            raise InputError(
                f"the label table uses a {field} twice",
                source=str(path),
                field=field,
                value=str(twice),
                remedy=f"give each row its own {field}",
            )
    total = sum(t.red_marrow_fraction for t in tissues)
    if total > 1.0 + 1e-6:
        raise InputError(
            "the tissues hold more than all red marrow",
            source=str(path),
            field="red_marrow_fraction",
            value=f"{total:g}",
            expected="1 or less together",
            remedy="give shares of the whole body's red marrow",
        )
