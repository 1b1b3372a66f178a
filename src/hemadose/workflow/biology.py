"""Answers of `hemadose bed` and `hemadose total`: radiobiology of one dose, and of a whole course."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose.radiobiology import (
    Fractions,
    Repair,
    TissueResponse,
    bed_gy,
    daily_times_s,
    eqd2_gy,
    lea_catcheside,
    sampled_lea_catcheside,
    total_effect,
)
from hemadose.dose.radiobiology.overlap import Floats
from hemadose.errors import InputError
from hemadose.refdata.radiobiology import tissue_response
from hemadose.units import HOUR_S, LN2

_SEPARATE = (
    "radionuclide and fractions are added as if all repair were done between them; hemadose total counts the rest"
)
INSTANT_NOTE = "a fraction counts as an instant; one that takes as long as repair does less than this"


@dataclass(frozen=True, slots=True, kw_only=True)
class BedRequest:
    """What `hemadose bed` is asked.

    Attributes
    ----------
    dose_gy : float or None
        Of a radionuclide.
    half_lives_h, shares : tuple of float
        Of its dose rate.
    curve : Path or None
        CSV of time_h, Gy_per_h instead.
    organ : str or None
        Whose packaged parameters to take where none are given.
    alpha_beta_gy : float or None
        Own value.
    repair_h, repair_weights : tuple of float
        Own values.
    fractions, per_day : int
        External radiation.
    fraction_gy, gap_h : float or None
        External radiation.
    """

    dose_gy: float | None = None
    half_lives_h: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    curve: Path | None = None
    organ: str | None = None
    alpha_beta_gy: float | None = None
    repair_h: tuple[float, ...] = ()
    repair_weights: tuple[float, ...] = ()
    fractions: int = 0
    fraction_gy: float | None = None
    per_day: int = 1
    gap_h: float | None = None


def bed_answer(request: BedRequest) -> dict[str, Any]:
    """BED and EQD2 of a radionuclide, of fractions, or both.

    Raises
    ------
    InputError
        If neither is given, or a number that is needed is missing.
    """
    tissue = _tissue(request)
    parts: list[dict[str, Any]] = []
    notes = list(tissue.notes)
    if request.dose_gy is not None or request.curve is not None:
        parts.append(_radionuclide(request, tissue, notes))
    if request.fractions:
        parts.append(_external(request, tissue))
        notes.append(INSTANT_NOTE)
    if not parts:
        raise InputError(
            "nothing to compute", field="--dose-Gy", remedy="give --dose-Gy and --half-life-h, --curve, or --fractions"
        )
    if len(parts) == 2:
        notes.append(_SEPARATE)
    bed = sum(part["bed_Gy"] for part in parts)
    return {
        "tissue": tissue_facts(tissue),
        "parts": parts,
        "dose_Gy": sum(part["dose_Gy"] for part in parts),
        "bed_Gy": bed,
        "eqd2_Gy": float(eqd2_gy(bed=bed, alpha_beta_gy=tissue.alpha_beta_gy)),
        "notes": notes,
    }


def _tissue(request: BedRequest) -> TissueResponse:
    ratio, repair = request.alpha_beta_gy, request.repair_h
    if request.organ is None:
        for option, missing in (("--alpha-beta-Gy", ratio is None), ("--repair-h", not repair)):
            if missing:
                raise InputError("the tissue is not known", field=option, remedy=f"give --organ, or {option}")
    packaged = None if ratio is not None and repair else tissue_response(str(request.organ))
    weights = request.repair_weights or ((1.0,) if len(repair) < 2 else ())
    own_repair = Repair(half_lives_s=tuple(HOUR_S * h for h in repair), weights=weights) if repair else None
    if packaged is None:
        assert ratio is not None
        assert own_repair is not None
        return TissueResponse(organ=request.organ or "tissue", alpha_beta_gy=ratio, repair=own_repair)
    dropped = "alpha/beta" if ratio is not None else "repair" if own_repair else "-"
    return TissueResponse(
        organ=packaged.organ,
        alpha_beta_gy=packaged.alpha_beta_gy if ratio is None else ratio,
        alpha_beta_range_gy=packaged.alpha_beta_range_gy if ratio is None else None,
        alpha_beta_source=packaged.alpha_beta_source if ratio is None else "given",
        repair=own_repair or packaged.repair,
        repair_range_s=None if own_repair else packaged.repair_range_s,
        repair_source="given" if own_repair else packaged.repair_source,
        notes=tuple(n for n in packaged.notes if not n.startswith(dropped)),
    )


def _radionuclide(request: BedRequest, tissue: TissueResponse, notes: list[str]) -> dict[str, Any]:
    if request.curve is not None:
        if request.half_lives_h:
            raise InputError("a curve and half-lives are two answers", field="--half-life-h", remedy="give one")
        times, rates = _read_curve(request.curve)
        dose = float(np.trapezoid(rates, times)) / HOUR_S
        g = sampled_lea_catcheside(times_s=times, dose_rates=rates, repair=tissue.repair)
        notes.append(f"dose after the last point ({times[-1] / HOUR_S:g} h) does not count")
        if request.dose_gy is not None:
            dose = request.dose_gy
            notes.append("the curve gives the shape only; the dose is as given")
    else:
        hours = np.array(request.half_lives_h)
        if not hours.size or (hours <= 0.0).any():
            raise InputError("an effective half-life is needed", field="--half-life-h", value=str(hours.tolist()))
        shares = np.array(request.shares or ((1.0,) if len(hours) == 1 else ()))
        if shares.shape != hours.shape:
            raise InputError(
                "several half-lives need one share each",
                field="--share",
                value=str(shares.tolist()),
                expected="e.g. 1 -1",
            )
        assert request.dose_gy is not None
        dose = request.dose_gy
        g = float(lea_catcheside(amplitudes=shares, rates_per_s=LN2 / (HOUR_S * hours), repair=tissue.repair))
    if not 0.0 <= dose < np.inf:
        raise InputError("a dose is a finite number and not negative", field="--dose-Gy", value=f"{dose:g}")
    bed = float(bed_gy(dose_gy=dose, protraction=g, alpha_beta_gy=tissue.alpha_beta_gy))
    return {"part": "radionuclide", "dose_Gy": dose, "protraction": g, "bed_Gy": bed, "eqd2_Gy": _eqd2(bed, tissue)}


def _external(request: BedRequest, tissue: TissueResponse) -> dict[str, Any]:
    if request.fraction_gy is None or request.fraction_gy <= 0.0:
        raise InputError("fractions need a dose", field="--fraction-Gy", value=str(request.fraction_gy), expected="> 0")
    if request.per_day > 1 and request.gap_h is None:
        raise InputError("several fractions a day need the hours between them", field="--gap-h")
    times = daily_times_s(
        fractions=request.fractions, per_day=request.per_day, gap_s=HOUR_S * (request.gap_h or 24.0), first_s=0.0
    )
    series = Fractions(name="fractions", times_s=times, doses_gy=np.full(len(times), request.fraction_gy))
    effect = total_effect([series], tissue=tissue)
    return {
        "part": "fractions",
        "dose_Gy": effect.dose_gy,
        "protraction": float(effect.protraction[0]),
        "bed_Gy": effect.bed_gy,
        "eqd2_Gy": effect.eqd2_gy,
    }


def _eqd2(bed: float, tissue: TissueResponse) -> float:
    return float(eqd2_gy(bed=bed, alpha_beta_gy=tissue.alpha_beta_gy))


def _read_curve(path: Path) -> tuple[Floats, Floats]:
    from hemadose.io.tables import number, read_rows

    rows = read_rows(path, required=("time_h", "Gy_per_h"))
    if len(rows) < 2:
        raise InputError("a curve needs two points", source=str(path), value=str(len(rows)))
    pairs = np.array(
        [
            [number(row, column, source=str(path), line=line) for column in ("time_h", "Gy_per_h")]
            for line, row in enumerate(rows, start=2)
        ]
    )
    return pairs[:, 0] * HOUR_S, pairs[:, 1]


def tissue_facts(tissue: TissueResponse) -> dict[str, Any]:
    """Parameters of a tissue as rows for people and JSON."""
    return {
        "organ": tissue.organ,
        "alpha_beta_Gy": tissue.alpha_beta_gy,
        "alpha_beta_range_Gy": tissue.alpha_beta_range_gy,
        "alpha_beta_source": tissue.alpha_beta_source,
        "repair_half_life_h": [t / HOUR_S for t in tissue.repair.half_lives_s],
        "repair_weights": list(tissue.repair.weights),
        "repair_range_h": None if tissue.repair_range_s is None else [t / HOUR_S for t in tissue.repair_range_s],
        "repair_source": tissue.repair_source,
    }
