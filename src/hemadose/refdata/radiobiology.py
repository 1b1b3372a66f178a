"""Alpha/beta, repair half-life and clinical experience of organs, as packaged, cited data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from hemadose.dose.radiobiology import Evidence, Repair, TissueResponse
from hemadose.errors import ReferenceDataError
from hemadose.refdata._toml import check_keys, parse, take
from hemadose.units import HOUR_S

_SOURCE = "radiobiology.toml"
_REQUIRED = (
    "alpha_beta_Gy",
    "alpha_beta_source",
    "alpha_beta_evidence",
    "repair_half_life_h",
    "repair_source",
    "repair_evidence",
)
_OPTIONAL = ("alpha_beta_range_Gy", "repair_range_h", "notes", "experience")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What patients have borne: a value to compare with, not a limit.

    Attributes
    ----------
    organ : str
        Organ.
    quantity : str
        ``"dose"``, ``"bed"`` or ``"eqd2"``.
    low_gy, high_gy : float
        Range; alike for one value.
    setting, source : str
        In which therapy; publication.
    evidence : Evidence
        How sure it is.
    """

    organ: str
    quantity: str
    low_gy: float
    high_gy: float
    setting: str
    source: str
    evidence: Evidence


@cache
def _table() -> Mapping[str, Any]:
    text = files("hemadose.refdata").joinpath("data", _SOURCE).read_text(encoding="utf-8")
    return parse(text, source=_SOURCE)


def tissue_organs() -> tuple[str, ...]:
    """Organs of the packaged table.

    >>> tissue_organs()
    ('kidneys', 'liver', 'lungs', 'red_marrow', 'tumour')
    """
    return tuple(_table())


def tissue_response(organ: str) -> TissueResponse:
    """Give the linear-quadratic parameters of an organ.

    Parameters
    ----------
    organ : str
        One of `tissue_organs`.

    Returns
    -------
    TissueResponse
        With its sources; what is not confirmed stands in the notes.

    Raises
    ------
    ReferenceDataError
        If there is none of that name.

    Examples
    --------
    >>> kidneys = tissue_response("kidneys")
    >>> kidneys.alpha_beta_gy, kidneys.alpha_beta_range_gy
    (2.6, (1.5, 3.0))
    """
    entry = _entry(organ)
    where = f"{_SOURCE} [{organ}]"
    check_keys(entry, source=where, required=_REQUIRED, optional=_OPTIONAL)
    evidence = {name: _evidence(entry, f"{name}_evidence", where) for name in ("alpha_beta", "repair")}
    notes = [str(note) for note in entry.get("notes", ())]
    for name, words in (("alpha_beta", "alpha/beta"), ("repair", "repair half-life")):
        if evidence[name] is Evidence.UNVERIFIED:
            notes.append(f"{words} of {organ}: not confirmed in a source that was read ({entry[f'{name}_source']})")
    return TissueResponse(
        organ=organ,
        alpha_beta_gy=take(entry, "alpha_beta_Gy", float, source=where),
        alpha_beta_range_gy=_range(entry, "alpha_beta_range_Gy", 1.0),
        alpha_beta_source=take(entry, "alpha_beta_source", str, source=where),
        alpha_beta_evidence=evidence["alpha_beta"],
        repair=Repair(half_lives_s=(HOUR_S * take(entry, "repair_half_life_h", float, source=where),)),
        repair_range_s=_range(entry, "repair_range_h", HOUR_S),
        repair_source=take(entry, "repair_source", str, source=where),
        repair_evidence=evidence["repair"],
        notes=tuple(notes),
    )


def tissue_experience(organ: str) -> tuple[Experience, ...]:
    """Give what patients have borne in an organ; empty if nothing is packaged for it.

    >>> [e.high_gy for e in tissue_experience("kidneys") if e.quantity == "eqd2"]
    [17.0, 12.0]
    """
    where = f"{_SOURCE} [{organ}]"
    return tuple(
        Experience(
            organ=organ,
            quantity=take(item, "quantity", str, source=where),
            low_gy=take(item, "low_Gy", float, source=where),
            high_gy=take(item, "high_Gy", float, source=where),
            setting=take(item, "setting", str, source=where),
            source=take(item, "source", str, source=where),
            evidence=_evidence(item, "evidence", where),
        )
        for item in _table().get(organ, {}).get("experience", ())
    )


def _entry(organ: str) -> Mapping[str, Any]:
    try:
        return dict(_table()[organ])
    except KeyError as problem:
        raise ReferenceDataError(
            "no packaged alpha/beta for this organ",
            source=_SOURCE,
            field="organ",
            value=organ,
            expected=", ".join(_table()),
            remedy="give alpha/beta and the repair half-life yourself",
        ) from problem


def _range(entry: Mapping[str, Any], key: str, unit: float) -> tuple[float, float] | None:
    pair = entry.get(key)
    return None if pair is None else (unit * float(pair[0]), unit * float(pair[1]))


def _evidence(entry: Mapping[str, Any], key: str, where: str) -> Evidence:
    text = take(entry, key, str, source=where)
    try:
        return Evidence(text)
    except ValueError as problem:
        raise ReferenceDataError(
            "unknown evidence", source=where, field=key, value=text, expected=", ".join(Evidence)
        ) from problem
