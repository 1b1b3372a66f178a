"""Organ doses of another program as a small table: one organ a line, with its unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemadose.errors import QuantityError
from hemadose.io.tables import number, read_rows
from hemadose.model import OrganDose, StudyDoses
from hemadose.units import GBQ

# what a number of each unit is in Gy/Bq
UNITS = {
    "Gy/GBq": 1.0 / GBQ,
    "mGy/MBq": 1e-9,
    "Gy/MBq": 1e-6,
    "mGy/GBq": 1e-12,
    "mSv/MBq": 1e-9,
    "cGy/mCi": 1e-2 / 37e6,
    "rad/mCi": 1e-2 / 37e6,
    "Gy/Bq": 1.0,
}


def read_dose_table(path: Path) -> StudyDoses:
    """Read ``organ,value,unit[,sd]`` into doses per activity.

    Parameters
    ----------
    path : Path
        CSV with a header; `sd` is a standard uncertainty in the same unit.

    Returns
    -------
    StudyDoses
        Uncertainty as two draws at plus and minus one standard deviation.

    Raises
    ------
    InputError
        If the file or a column is missing.
    QuantityError
        If a number or unit is not understood, or an organ stands twice.
    """
    organs: dict[str, OrganDose] = {}
    for line, row in enumerate(read_rows(path, required=("organ", "value", "unit")), start=2):
        name = row["organ"].strip().lower().replace(" ", "_")
        factor = UNITS.get(row["unit"])
        if factor is None:
            raise QuantityError(
                f"line {line} has an unknown unit", source=path.name, field="unit", value=row["unit"],
                expected=", ".join(UNITS),
            )  # fmt: skip
        if name in organs:
            raise QuantityError(f"line {line} names an organ again", source=path.name, field="organ", value=name)
        value = number(row, "value", source=path.name, line=line) * factor
        sd = number(row, "sd", source=path.name, line=line) * factor if row.get("sd") else 0.0
        if value < 0.0 or sd < 0.0:
            raise QuantityError(f"line {line} has a negative dose or uncertainty", source=path.name, field="value, sd")
        # two draws at +/- sd/sqrt(2) have sd as their standard deviation
        half = sd / 2.0**0.5
        organs[name] = OrganDose(
            target=name, gy_per_bq=value, gy_per_bq_draws=np.array([value - half, value + half]), contributions=(),
            mass_kg=1.0, method=f"table {path.name}",
        )  # fmt: skip
    return StudyDoses(organs=tuple(organs.values()), marrow_residual=None, s_value_source=f"table {path.name}")
