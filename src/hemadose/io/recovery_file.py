"""A fitted recovery curve, read back from the answer of `hemadose calibrate spheres`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.imaging.calibration.recovery_fit import RecoveryFit
from hemadose.imaging.calibration.recovery_forms import FORMS, PARAMETERS

_REMEDY = "give spheres.json as hemadose calibrate spheres wrote it"


def read_recovery_fit(path: Path) -> RecoveryFit:
    """Read ``spheres.json`` of `hemadose calibrate spheres`.

    Returns
    -------
    RecoveryFit
        Curve in use (not the other candidates) with its covariance. The scatter about it is taken anew from the
        spheres in the file.

    Raises
    ------
    InputError
        If the file is absent, is not the answer of that experiment, or holds a curve that cannot be one.
    """
    source = str(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("the recovery file does not exist", source=source, field="calibration.recovery_file") from (
            problem
        )
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError) as problem:
        raise InputError("the recovery file is not JSON", source=source, value=str(problem), remedy=_REMEDY) from (
            problem
        )
    kind = data.get("experiment") if isinstance(data, dict) else None
    if kind != "spheres":
        raise InputError(
            "the file is not a recovery curve",
            source=source,
            field="experiment",
            value=str(kind),
            expected="spheres",
            remedy=_REMEDY,
        )
    try:
        fit = _fit(data)
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise InputError(
            "the recovery curve is incomplete", source=source, field="curve", value=str(problem), remedy=_REMEDY
        ) from problem
    _check(fit, source)
    return fit


def _fit(data: dict[str, Any]) -> RecoveryFit:
    curve, spheres = data["curve"], data["spheres"]
    if curve["form"] not in FORMS:
        raise ValueError(f"form {curve['form']!r}")
    names = PARAMETERS[curve["form"]]
    dof, count = int(curve["degrees_of_freedom"]), len(spheres)
    values, curves = (np.array([float(s[key]) for s in spheres]) for key in ("recovery", "curve"))
    stated = [s["sd"] for s in spheres if s["sd"] is not None]
    chi2 = float(curve["chi_square"])
    if stated:
        scatter = np.sqrt(np.mean((np.array(stated, dtype=np.float64) / curves) ** 2) * max(chi2 / dof, 1.0))
    else:
        scatter = np.sqrt(np.mean(((values - curves) / curves) ** 2) * count / dof)
    return RecoveryFit(
        form=curve["form"],
        parameters=np.array([float(curve["parameters"][name]["value"]) for name in names]),
        covariance=np.array(curve["covariance"], dtype=np.float64),
        scatter=float(scatter),
        shared_relative_sd=float(data["shared_relative_sd"]),
        stated=bool(stated),
        chi_square=chi2,
        degrees_of_freedom=dof,
        aicc=float(curve["aicc"]),
        smallest_ml=float(curve["range_ml"][0]),
        largest_ml=float(curve["range_ml"][1]),
        notes=tuple(str(n) for n in data.get("notes", ())),
    )


def _check(fit: RecoveryFit, source: str) -> None:
    """Positive parameters, a covariance of their number that is one, a range of volumes."""
    if not (np.isfinite(fit.parameters).all() and (fit.parameters > 0.0).all()):
        _refuse(source, "curve.parameters", str(fit.parameters.tolist()), "positive numbers")
    v, k = fit.covariance, fit.parameters.size
    sound = v.shape == (k, k) and np.isfinite(v).all() and np.allclose(v, v.T, rtol=1e-6)
    if not sound or np.linalg.eigvalsh(v).min() < -1e-9 * np.abs(v).max():
        _refuse(source, "curve.covariance", str(v.tolist()), f"a covariance matrix {k} x {k}")
    if not 0.0 < fit.smallest_ml <= fit.largest_ml:
        _refuse(source, "curve.range_ml", f"{fit.smallest_ml:g}, {fit.largest_ml:g}", "0 < smallest <= largest")


def _refuse(source: str, field: str, value: str, expected: str) -> None:
    raise InputError(
        "the recovery curve cannot be one", source=source, field=field, value=value, expected=expected, remedy=_REMEDY
    )
