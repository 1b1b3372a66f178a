"""Doses by the masses of other programs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConventionDose:
    """Dose coefficient of one target as one dosimetry program would refer it to a mass.

    Attributes
    ----------
    convention : str
        Id of the convention.
    target : str
        Organ.
    mass_kg : float
        Mass that its self-dose refers to.
    gy_per_bq : float
        Best estimate.
    chosen : bool
        Whether the doses of the study follow it.
    """

    convention: str
    target: str
    mass_kg: float
    gy_per_bq: float
    chosen: bool
