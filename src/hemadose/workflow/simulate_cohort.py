"""A simulated cohort as a folder, with the truth beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.io.files import write_text_atomic
from hemadose.outcome.summary.survival import LANDMARKS
from hemadose.simulate.followup import CohortTruth, simulate_cohort

TRUTH_FILE = "truth.json"


def write_simulated_cohort(
    count: int, out: Path, *, seed: int = 20261121, truth: CohortTruth | None = None
) -> dict[str, Any]:
    """Simulate a cohort and write it with what is true of it.

    Parameters
    ----------
    count : int
        Patients.
    out : Path
        New or empty folder.
    seed : int
        Of the random numbers.
    truth : CohortTruth, optional
        What is true of the patients.

    Returns
    -------
    dict
        The truth, as written to ``truth.json``, and the names of the files.

    Raises
    ------
    InputError
        If the folder holds something already.
    QuantityError
        If there is no patient.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the folder is not empty", source=out.name, remedy="name a new one")
    chosen = truth or CohortTruth()
    cohort = simulate_cohort(count, truth=chosen, seed=seed)
    written = write_cohort_folder(cohort, out)
    known = {
        "patients": count,
        "seed": seed,
        "parameters": asdict(chosen),
        "at": [
            {
                "at": label, "day": day, "overall_survival": chosen.survival(day),
                "progression_free_survival": 1.0 - sum(chosen.incidence(day)), "relapse": chosen.incidence(day)[0],
                "non_relapse_mortality": chosen.incidence(day)[1],
            }
            for label, day in LANDMARKS
        ],
    }  # fmt: skip
    write_text_atomic(out / TRUTH_FILE, json.dumps(known, indent=1) + "\n")
    return {**known, "files": [p.name for p in written] + [TRUTH_FILE]}
