"""Tube voltage of a CT series: attenuation at gamma energies depends on it."""

from __future__ import annotations

from pathlib import Path

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import open_dataset


def ct_tube_kv(folder: Path) -> float | None:
    """Read the tube voltage of a CT series.

    Parameters
    ----------
    folder : Path
        Holds the slices of one series (or is one slice).

    Returns
    -------
    float or None
        kV; None where no slice states it.

    Raises
    ------
    DicomError
        If slices state different voltages (dual energy), or an implausible one.
    """
    members = [folder] if folder.is_file() else sorted(p for p in folder.iterdir() if p.is_file())
    found = set()
    for path in members:
        if path.name.startswith("."):
            continue
        value = open_dataset(path, pixels=False).get("KVP")
        if value not in (None, ""):
            found.add(float(value))
    if len(found) > 1:
        raise DicomError(
            "the slices of the CT were taken at different tube voltages",
            source=str(folder),
            field="KVP",
            value=", ".join(f"{kv:g}" for kv in sorted(found)),
            remedy="use a series of one voltage",
        )
    voltage = next(iter(found), None)
    if voltage is not None and not 40.0 <= voltage <= 200.0:
        raise DicomError(
            "implausible tube voltage", source=str(folder), field="KVP", value=f"{voltage:g}", expected="40-200 kV"
        )
    return voltage
