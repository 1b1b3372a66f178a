"""Packaged absorbed fractions of the stylised adults, as bytes of their files: `io` reads them."""

from __future__ import annotations

from importlib.resources import files

from hemadose.errors import ReferenceDataError
from hemadose.model import Sex
from hemadose.model.saf import Radiation


def stylised_saf_file(sex: Sex, radiation: Radiation) -> tuple[str, bytes]:
    """Give the name and content of a packaged table.

    Raises
    ------
    ReferenceDataError
        If there is none for this sex and radiation.
    """
    name = f"saf/{sex.value}-{radiation.value}.csv.gz"
    path = files("hemadose.refdata").joinpath(f"data/{name}")
    if not path.is_file():
        raise ReferenceDataError("no packaged absorbed fractions", value=f"{sex.value}, {radiation.value}")
    return name, path.read_bytes()
