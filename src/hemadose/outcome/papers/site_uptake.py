"""Uptake of one patient by site, where a paper prints only ranges by site and mean and range of that patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemadose.errors import InputError
from hemadose.outcome.papers.summaries import slack_of
from hemadose.outcome.papers.values import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class SolvedSites:
    """What one patient's values must be.

    Attributes
    ----------
    low, high : dict of str to float
        Bounds at each site that can belong to the patient.
    impossible : tuple of str
        Sites whose lowest value of all patients is above the highest of this one: not measured there.
    total, mean : float
        Sum and mean of the lower bounds.
    slack : float
        What all sites together may lie above their lower bounds.
    """

    low: dict[str, float]
    high: dict[str, float]
    impossible: tuple[str, ...]
    total: float
    mean: float
    slack: float


def solve_sites(sites: Mapping[str, Summary], patient: Summary) -> SolvedSites:
    """Find a patient's value at each site from the lowest value of each site.

    Parameters
    ----------
    sites : mapping of str to Summary
        Range over all patients at each site; the patient is among them wherever this is possible.
    patient : Summary
        Mean and range of the patient over the sites.

    Returns
    -------
    SolvedSites
        Printed minima taken as exact; the mean may be anything that rounds to the printed one.

    Raises
    ------
    InputError
        If no values agree with all that is printed.

    Notes
    -----
    At every site the patient is at or above the lowest value. Where the sum of the lowest values nearly reaches the
    largest sum that the printed mean allows, the patient must have the lowest value nearly everywhere.
    """
    ceiling = float(patient.high)
    impossible = tuple(name for name, site in sites.items() if float(site.low) > ceiling + slack_of(patient.high))
    low = {name: float(site.low) for name, site in sites.items() if name not in impossible}
    if not low:
        raise InputError("no site can belong to the patient", field=patient.name)
    total = sum(low.values())
    slack = len(low) * (float(patient.centre) + slack_of(patient.centre)) - total
    high = {name: min(value + slack, ceiling) for name, value in low.items()}
    half = max(slack_of(patient.low), slack_of(patient.high))
    reaches_low = any(value <= float(patient.low) + half <= high[name] + 2.0 * half for name, value in low.items())
    reaches_high = any(high[name] >= ceiling - half for name in high)
    if slack < 0.0 or not (reaches_low and reaches_high):
        raise InputError(
            "no values agree with ranges, mean and range", field=patient.name, value=f"sum of minima {total:.3f}"
        )
    return SolvedSites(
        low=low, high=high, impossible=impossible, total=total, mean=total / len(low), slack=slack
    )  # fmt: skip
