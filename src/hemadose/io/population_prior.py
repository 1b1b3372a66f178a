"""Priors of time-activity curves by region, as a TOML file.

One table for each region::

    [kidneys]
    nuclide = "Lu-177"
    form = "mono"                       # see docs/methods/population-kinetics.md
    parameters = ["amplitude", "biological_rate"]
    mean = [-3.1, -11.9]                # logarithms (shares: logits), rates per second
    covariance = [[0.4, 0.0], [0.0, 0.05]]
    relative_sd = 0.08
    subjects = 19
    amplitude = "fraction"              # of the administered activity, or "Bq"
    source = "own cohort 2024"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import HemadoseError, InputError
from hemadose.io.files import write_text_atomic
from hemadose.kinetics.population import PopulationPrior, population_form
from hemadose.model import Nuclide
from hemadose.units import LN2

_KEYS = ("nuclide", "form", "parameters", "mean", "covariance", "relative_sd", "amplitude", "source")
_AMPLITUDES = ("fraction", "Bq")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrior:
    """A prior and the unit of its amplitude.

    Attributes
    ----------
    prior : PopulationPrior
        Of one region.
    per_administered : bool
        Amplitude as a share of the administered activity; False: in Bq.
    """

    prior: PopulationPrior
    per_administered: bool


def read_population_priors(path: Path, *, nuclide: Nuclide) -> dict[str, StoredPrior]:
    """Read the priors of a file by region.

    Parameters
    ----------
    path : Path
        The TOML file.
    nuclide : Nuclide
        Of the study; every prior must be of it.

    Raises
    ------
    InputError
        If the file is missing or damaged, a key is missing or unknown, or the nuclide is another.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not valid TOML", source=str(path), value=str(problem)) from problem
    found = {region: _prior(region, table, path, nuclide) for region, table in tables.items()}
    if not found:
        raise InputError("the file holds no prior", source=str(path))
    return found


def _prior(region: str, table: Any, path: Path, nuclide: Nuclide) -> StoredPrior:
    if not isinstance(table, Mapping):
        raise InputError("a prior is a table", source=str(path), field=region)
    wrong = [key for key in _KEYS if key not in table] + [k for k in table if k not in (*_KEYS, "subjects")]
    if wrong:
        raise InputError(
            "a prior lacks keys or has unknown ones",
            source=str(path),
            field=f"{region}.{wrong[0]}",
            expected=", ".join((*_KEYS, "subjects (optional)")),
        )
    if table["nuclide"] != nuclide.name:
        raise InputError(
            "a prior of another nuclide",
            source=str(path),
            field=f"{region}.nuclide",
            value=str(table["nuclide"]),
            expected=nuclide.name,
        )
    if table["amplitude"] not in _AMPLITUDES:
        raise InputError(
            "unknown unit of the amplitude",
            source=str(path),
            field=f"{region}.amplitude",
            value=str(table["amplitude"]),
            expected=" or ".join(_AMPLITUDES),
        )
    try:
        form = population_form(table["form"])
        if tuple(table["parameters"]) != form.parameters:
            raise InputError(
                "the parameters are not those of the form",
                field="parameters",
                value=", ".join(map(str, table["parameters"])),
                expected=", ".join(form.parameters),
            )
        prior = PopulationPrior(
            form=form,
            mean=np.asarray(table["mean"], dtype=np.float64),
            covariance=np.asarray(table["covariance"], dtype=np.float64),
            relative_sd=float(table["relative_sd"]),
            physical_rate_per_s=LN2 / nuclide.half_life_s,
            subjects=table.get("subjects"),
            source=str(table["source"]),
        )
    except (HemadoseError, TypeError, ValueError) as problem:
        raise InputError("not a prior", source=str(path), field=region, value=str(problem)) from problem
    return StoredPrior(prior=prior, per_administered=table["amplitude"] == "fraction")


def write_population_priors(priors: Mapping[str, StoredPrior], path: Path, *, nuclide: str) -> None:
    """Write priors by region as `read_population_priors` reads them, atomically."""
    lines = ["# Priors of time-activity curves: parameters as logarithms (shares as logits), rates per second.", ""]
    for region, stored in priors.items():
        p = stored.prior
        entries: dict[str, Any] = {
            "nuclide": nuclide,
            "form": p.form.name,
            "parameters": list(p.form.parameters),
            "mean": p.mean.tolist(),
            "covariance": p.covariance.tolist(),
            "relative_sd": p.relative_sd,
            **({"subjects": p.subjects} if p.subjects is not None else {}),
            "amplitude": "fraction" if stored.per_administered else "Bq",
            "source": p.source,
        }
        lines += [f"[{region}]", *(f"{key} = {json.dumps(value)}" for key, value in entries.items()), ""]
    write_text_atomic(path, "\n".join(lines))
