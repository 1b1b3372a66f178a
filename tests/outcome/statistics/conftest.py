"""Data of the reference programs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "data" / "statistics"


def columns(name: str) -> dict[str, list[str]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {key: [row[key] for row in rows] for key in rows[0]}


@pytest.fixture(scope="session")
def bmt() -> dict[str, np.ndarray]:
    """35 patients, Scrucca, Santucci and Aversa, Bone Marrow Transplant 2007;40:381."""
    return {key: np.array(values, dtype=int) for key, values in columns("bmt_scrucca_2007.csv").items()}


@pytest.fixture(scope="session")
def cmprsk() -> dict[str, np.ndarray]:
    """100 random patients of the regression test of R's cmprsk."""
    raw = columns("cmprsk_test.csv")
    found = {"ss": np.array(raw["ss"], dtype=float), "dd": np.array(raw["dd"], dtype=float), "gg": np.array(raw["gg"])}
    found |= {key: np.array(raw[key], dtype=int) for key in ("cc", "strt")}
    found["cv"] = np.array([[float(v) if v else np.nan for v in raw[f"cv{j}"]] for j in (1, 2, 3)]).T
    return found
