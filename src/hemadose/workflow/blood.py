"""The blood-based marrow dose: reported beside the image-based one, never instead of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hemadose.dose import marrow_tia_from_blood_bq_s, marrow_to_blood_ratio
from hemadose.io.case import Case
from hemadose.io.tables import number, read_rows
from hemadose.kinetics import fit_series
from hemadose.model import ActivitySample, ActivitySeries, Administration
from hemadose.physics.svalues import MarrowModel
from hemadose.units import HOUR_S, KBQ, KEV_J


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodMarrow:
    """Self-dose of red marrow from blood samples.

    Attributes
    ----------
    gy_per_bq : float
        Per administered activity.
    ratio : float
        Marrow-to-blood concentration ratio used.
    notes : tuple of str
        Doubts.
    """

    gy_per_bq: float
    ratio: float
    notes: tuple[str, ...]


def blood_marrow(case: Case, folder: Path, administration: Administration, marrow: MarrowModel) -> BloodMarrow | None:
    """Fit the blood samples and give the marrow self-dose, or None without samples.

    Raises
    ------
    InputError
        If the table cannot be used.
    """
    if case.marrow.blood is None:
        return None
    path = folder / case.marrow.blood.samples
    rows = read_rows(path, required=("time_h", "activity_kBq_per_ml"))
    samples = tuple(
        ActivitySample(
            region="blood_per_ml",
            time_s=number(row, "time_h", source=str(path), line=line) * HOUR_S,
            activity_bq=number(row, "activity_kBq_per_ml", source=str(path), line=line) * KBQ,
            method="blood",
        )
        for line, row in enumerate(rows, start=2)
    )
    series = ActivitySeries(region="blood_per_ml", samples=tuple(sorted(samples, key=lambda s: s.time_s)))
    fit = fit_series(series, nuclide=administration.nuclide)
    ratio = marrow_to_blood_ratio(haematocrit=case.marrow.blood.haematocrit)
    tia = marrow_tia_from_blood_bq_s(
        blood_tia_bq_s_per_ml=fit.tia_bq_s, marrow_to_blood=ratio, marrow_mass_kg=marrow.mass_kg
    )
    energy_j = administration.nuclide.electron_energy_kev * KEV_J * marrow.absorbed_fraction
    dose = tia * energy_j / marrow.mass_kg / administration.administered_activity_bq
    text = (
        f"the blood-based marrow dose is {dose * 1e9:.3f} Gy/GBq; for an agent that binds in the marrow it is "
        "no substitute for the image-based one"
    )
    return BloodMarrow(gy_per_bq=dose, ratio=ratio, notes=(text, *fit.notes))
