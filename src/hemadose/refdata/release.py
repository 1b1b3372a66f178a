"""Rules of release, dose-rate constants, contact patterns and clearance levels as packaged, cited data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReferenceDataError
from hemadose.refdata._toml import check_keys, packaged_ids, parse, read_packaged, take
from hemadose.therapy.protection.exposure import Contact, ContactPattern
from hemadose.therapy.protection.release import ReleaseRule, RuleKind
from hemadose.units import GBQ, HOUR_S, MBQ

Floats: TypeAlias = npt.NDArray[Any]

_TABLES = ("ambient", "clearance", "constants", "contacts", "instructions")
_USV_PER_H = 1e-6 / HOUR_S
_UNITS = {
    RuleKind.STAY: {"h": HOUR_S},
    RuleKind.RATE: {"uSv/h": _USV_PER_H},
    RuleKind.DOSE: {"mSv": 1e-3},
    RuleKind.ACTIVITY: {"MBq": MBQ, "GBq": GBQ},
}
_EVIDENCE = ("publication", "unverified")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRateConstant:
    """Dose rate at 1 m per activity in the body.

    Attributes
    ----------
    nuclide : str
        Name.
    kind : str
        ``"patient"`` (measured) or ``"point"`` (in air, no patient).
    sv_per_s_bq : float
        Best value.
    low_sv_per_s_bq, high_sv_per_s_bq : float or None
        Range.
    statistic, source, evidence : str
        What it is, where from, how sure.
    """

    nuclide: str
    kind: str
    sv_per_s_bq: float
    low_sv_per_s_bq: float | None
    high_sv_per_s_bq: float | None
    statistic: str
    source: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRules:
    """Rules of one country or site; all must be met.

    Attributes
    ----------
    id, title : str
        Identifier and words.
    rules : tuple of ReleaseRule
        Conditions.
    notes : tuple of str
        Doubts.
    """

    id: str
    title: str
    rules: tuple[ReleaseRule, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One sentence for the patient, and until when it holds."""

    id: str
    until: str
    text: str


def release_countries() -> tuple[str, ...]:
    """Packaged sets of rules.

    >>> release_countries()
    ('european-union', 'germany', 'usa')
    """
    return tuple(name for name in packaged_ids("release") if name not in _TABLES)


@cache
def release_rules(name: str) -> ReleaseRules:
    """Give the rules of a country.

    Raises
    ------
    ReferenceDataError
        If there are none.

    Examples
    --------
    >>> [rule.id for rule in release_rules("germany").rules]
    ['ward', 'year-2m', 'iodine-2m']
    """
    if name not in release_countries():
        raise ReferenceDataError(
            "no rules of release are packaged for this country",
            field="country",
            value=name,
            expected=", ".join(release_countries()),
            remedy="give a file of your own",
        )
    return _rules(read_packaged("release", name), source=f"release/{name}.toml")


def read_release_rules(path: Path) -> ReleaseRules:
    """Read a site's own rules (same schema as the packaged ones).

    Raises
    ------
    ReferenceDataError
        If the file cannot be read or does not follow the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ReferenceDataError("rules of release cannot be read", source=path.name) from problem
    return _rules(parse(text, source=path.name), source=path.name)


def _rules(table: Mapping[str, Any], *, source: str) -> ReleaseRules:
    check_keys(table, source=source, required=("id", "title", "rule"), optional=("notes",))
    rules = tuple(_rule(entry, source) for entry in table["rule"])
    unsure = tuple(f"{r.title}: not confirmed in a source that was read" for r in rules if r.evidence == "unverified")
    return ReleaseRules(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        rules=rules,
        notes=(*table.get("notes", ()), *unsure),
    )


def _rule(entry: Mapping[str, Any], source: str) -> ReleaseRule:
    where = f"{source} [[rule]]"
    required = ("id", "title", "kind", "value", "unit", "source", "evidence")
    optional = ("distance_m", "occupancy", "physical_decay", "per_year", "nuclides")
    check_keys(entry, source=where, required=required, optional=optional)
    try:
        kind = RuleKind(entry["kind"])
        unit = _UNITS[kind][entry["unit"]]
    except (ValueError, KeyError) as problem:
        known = "; ".join(f"{k.value} in {' or '.join(units)}" for k, units in _UNITS.items())
        raise ReferenceDataError(
            "unknown kind or unit of a rule",
            source=where,
            field=str(entry["id"]),
            value=f"{entry['kind']} in {entry['unit']}",
            expected=known,
        ) from problem
    return ReleaseRule(
        id=take(entry, "id", str, source=where),
        title=take(entry, "title", str, source=where),
        kind=kind,
        value=unit * take(entry, "value", float, source=where),
        distance_m=take(entry, "distance_m", float, source=where) if "distance_m" in entry else None,
        occupancy=take(entry, "occupancy", float, source=where, default=1.0),
        physical_decay=take(entry, "physical_decay", bool, source=where, default=False),
        per_year=take(entry, "per_year", bool, source=where, default=False),
        nuclides=tuple(entry.get("nuclides", ())),
        source=take(entry, "source", str, source=where),
        evidence=_evidence(entry, where),
    )


def _evidence(entry: Mapping[str, Any], where: str) -> str:
    found = take(entry, "evidence", str, source=where)
    if found not in _EVIDENCE:
        raise ReferenceDataError("unknown evidence", source=where, value=found, expected=", ".join(_EVIDENCE))
    return found


def dose_rate_constants(nuclide: str) -> tuple[DoseRateConstant, ...]:
    """Give the published constants of a nuclide, the first being the one to take; empty if there is none.

    >>> [round(c.sv_per_s_bq * 3.6e18, 2) for c in dose_rate_constants("Lu-177")]
    [3.7, 4.62, 5.94]
    """
    unit, where = _USV_PER_H / GBQ, "release/constants.toml"
    return tuple(
        DoseRateConstant(
            nuclide=nuclide,
            kind=take(entry, "kind", str, source=where),
            sv_per_s_bq=unit * take(entry, "uSv_per_h_GBq_at_1m", float, source=where),
            low_sv_per_s_bq=unit * float(entry["low"]) if "low" in entry else None,
            high_sv_per_s_bq=unit * float(entry["high"]) if "high" in entry else None,
            statistic=take(entry, "statistic", str, source=where),
            source=take(entry, "source", str, source=where),
            evidence=_evidence(entry, where),
        )
        for entry in read_packaged("release", "constants")["constant"]
        if entry["nuclide"] == nuclide
    )


def ambient_dose_per_kerma(energy_kev: Floats) -> Floats:
    """Ambient dose equivalent H*(10) per air kerma of photons in Sv/Gy, same shape as `energy_kev`.

    Between the tabulated energies it runs linearly in the logarithm of the energy.

    >>> import numpy as np
    >>> ambient_dose_per_kerma(np.array([100.0, 200.0])).tolist()
    [1.65, 1.4]
    """
    table = read_packaged("release", "ambient")
    return np.asarray(np.interp(np.log(energy_kev), np.log(table["energy_keV"]), table["Sv_per_Gy"]))


def contact_patterns(path: Path | None = None) -> tuple[ContactPattern, ...]:
    """Give the packaged scenarios of contact, or those of a file of the same form.

    >>> [pattern.id for pattern in contact_patterns()][:2]
    ['partner-apart', 'partner-same-bed']
    """
    where = "release/contacts.toml" if path is None else path.name
    if path is None:
        table = read_packaged("release", "contacts")
    else:
        try:
            table = parse(path.read_text(encoding="utf-8"), source=where)
        except (OSError, UnicodeDecodeError) as problem:
            raise ReferenceDataError("contact patterns cannot be read", source=where) from problem
    check_keys(table, source=where, required=("pattern",))
    return tuple(_pattern(entry, where) for entry in table["pattern"])


def _pattern(entry: Mapping[str, Any], where: str) -> ContactPattern:
    check_keys(entry, source=where, required=("id", "title", "contact"), optional=("limit_mSv", "limit_source"))
    for item in entry["contact"]:
        check_keys(item, source=where, required=("from_day", "distance_m", "hours_per_day"), optional=("to_day",))
    return ContactPattern(
        id=take(entry, "id", str, source=where),
        title=take(entry, "title", str, source=where),
        contacts=tuple(
            Contact(
                from_day=take(item, "from_day", float, source=where),
                to_day=take(item, "to_day", float, source=where, default=math.inf),
                distance_m=take(item, "distance_m", float, source=where),
                hours_per_day=take(item, "hours_per_day", float, source=where),
            )
            for item in entry["contact"]
        ),
        limit_sv=1e-3 * take(entry, "limit_mSv", float, source=where) if "limit_mSv" in entry else None,
        source=take(entry, "limit_source", str, source=where, default=""),
    )


def clearance_bq_per_g(nuclide: str) -> tuple[float, str, str]:
    """Clearance level of a nuclide with its source and evidence.

    Raises
    ------
    ReferenceDataError
        If none is packaged.

    Examples
    --------
    >>> clearance_bq_per_g("Lu-177")[0], clearance_bq_per_g("Lu-177")[2]
    (100.0, 'unverified')
    """
    table = read_packaged("release", "clearance")
    levels = table["Bq_per_g"]
    if nuclide not in levels:
        raise ReferenceDataError(
            "no clearance level is packaged for this nuclide",
            field="nuclide",
            value=nuclide,
            expected=", ".join(levels),
            remedy="give one",
        )
    return float(levels[nuclide]), str(table["source"]), str(table["evidence"])


def instructions() -> tuple[Instruction, ...]:
    """Give the sentences for the patient."""
    where = "release/instructions.toml"
    return tuple(
        Instruction(**{key: take(entry, key, str, source=where) for key in ("id", "until", "text")})
        for entry in read_packaged("release", "instructions")["instruction"]
    )
