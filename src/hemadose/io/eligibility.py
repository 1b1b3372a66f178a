"""The eligibility file: a small TOML text of facts, with units beside every laboratory value, into values.

The schema is strict: an unknown key or word is an error that names section and key. A fact that is left out stays
unknown; nothing is assumed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

from hemadose.errors import InputError, QuantityError
from hemadose.model import Donor, Sex
from hemadose.therapy.conditioning.laboratory import laboratory_value
from hemadose.therapy.eligibility.discordance import LesionHistory, LesionScan
from hemadose.therapy.eligibility.facts import (
    EligibilityFacts,
    GraftState,
    Indication,
    Infection,
    Organs,
    PetFinding,
    PredictedDoses,
    Protection,
    SiteLimit,
    Timeline,
)

T = TypeVar("T")

SECTIONS = (
    "indication", "pet", "lesion", "graft", "organs", "site", "infection", "doses", "protection", "timeline",
)  # fmt: skip
_WORDS = {
    ("graft", "kind"): ("allogeneic", "autologous"),
    ("pet", "target"): ("marrow", "lesions", "both"),
    ("protection", "pregnancy"): ("excluded", "not applicable", "pregnant"),
}
_RANGES = {
    "age_years": (18.0, 100.0), "height_cm": (100.0, 250.0), "weight_kg": (25.0, 350.0), "dlco_percent": (5.0, 200.0),
    "lvef_percent": (5.0, 90.0), "hct_ci": (0.0, 26.0), "suv_max": (0.0, 500.0), "blood_pool_suv_mean": (0.05, 20.0),
    "cd34_per_kg": (1e4, 1e8), "kidneys_gy": (0.0, 200.0), "residual_marrow_gy": (0.0, 50.0), "tbi_gy": (0.5, 20.0),
    "activity_gbq": (0.01, 100.0), "marrow_dose_gy": (0.001, 100.0), "marrow_effective_half_life_d": (0.1, 10.0),
    "kidneys_effective_half_life_h": (1.0, 200.0), "tbi_kidneys_gy": (0.0, 20.0), "tbi_lungs_gy": (0.0, 20.0),
}  # fmt: skip
_FIELD_UNITS = {"_Gy": "_gy", "_GBq": "_gbq"}
LABORATORY = {"creatinine": "mg_per_dl", "bilirubin": "mg_per_dl", "platelets": "per_nl"}
SITE_QUANTITIES = (
    "creatinine_mg_per_dl", "creatinine_clearance_ml_per_min", "bilirubin_mg_per_dl", "platelets_per_nl",
    "dlco_percent", "lvef_percent", "hct_ci",
)  # fmt: skip


def read_eligibility(path: Path, *, site: Path | None = None) -> EligibilityFacts:
    """Read an eligibility file, and the limits of the site from one of their own where it is given.

    Parameters
    ----------
    path : Path
        TOML, see ``docs/reference/eligibility-file.md``.
    site : Path or None
        TOML with a ``[site]`` section alone; the patient's file then has none.

    Raises
    ------
    InputError
        Naming file, section and key.
    QuantityError
        For a number that is implausible, or a laboratory value without its unit or in another one.
    """
    table = _read(path)
    if site is not None:
        limits = _read(site)
        if set(limits) != {"site"}:
            found = ", ".join(limits)
            raise InputError("a file of the site holds [site] alone", source=site.name, value=found, expected="[site]")
        if "site" in table:
            raise InputError("limits of the site stand in two files", source=path.name, field="[site]")
        table = {**table, **limits}
    return eligibility_from_table(table, source=path.name)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as problem:
        raise InputError("no such file", source=path.name) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not valid TOML", source=path.name, value=str(problem)) from problem


def eligibility_from_table(table: Mapping[str, Any], *, source: str) -> EligibilityFacts:
    """Check a table and make the facts.

    Parameters
    ----------
    table : Mapping
        As read from TOML.
    source : str
        Name for messages.
    """
    unknown = [key for key in table if key not in SECTIONS]
    if unknown:
        raise InputError("unknown section", source=source, field=", ".join(unknown), expected=", ".join(SECTIONS))

    def section(name: str, kind: type[T], given: Mapping[str, Any] | None = None) -> T:
        return _section(kind, table.get(name, {}) if given is None else given, f"{source} [{name}]", name)

    return EligibilityFacts(
        indication=section("indication", Indication),
        pet=section("pet", PetFinding),
        lesions=tuple(_lesion(entry, f"{source} [[lesion]]") for entry in table.get("lesion", ())),
        graft=section("graft", GraftState),
        organs=section("organs", Organs, _laboratory(table.get("organs", {}), f"{source} [organs]")),
        site_limits=_site(table.get("site", {}), f"{source} [site]"),
        infection=section("infection", Infection),
        doses=section("doses", PredictedDoses),
        protection=section("protection", Protection, _potassium(table.get("protection", {}))),
        timeline=section("timeline", Timeline),
    )


def _section(kind: type[T], table: Mapping[str, Any], source: str, name: str) -> T:
    if not isinstance(table, Mapping):
        raise InputError("a section is not a table", source=source, value=repr(table))
    hints = get_type_hints(kind)
    known = {field.name for field in fields(cast(Any, kind))}
    values: dict[str, Any] = {}
    for key, value in table.items():
        own = _own_key(key)
        if own not in known:
            raise InputError("unknown key", source=source, field=key, expected=", ".join(sorted(known)))
        values[own] = _value(key, own, value, hints[own], source, name)
    return kind(**values)


def _own_key(key: str) -> str:
    for written, own in _FIELD_UNITS.items():
        if key.endswith(written):
            return key.removesuffix(written) + own
    return key


def _value(key: str, own: str, value: Any, hint: Any, source: str, name: str) -> Any:
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    kind = kinds[0]
    right: bool
    if kind is float:
        right = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind is int:
        right = isinstance(value, int) and not isinstance(value, bool)
    elif kind is date:
        right = isinstance(value, date) and not isinstance(value, datetime)
    else:
        right = isinstance(value, str) if kind in (Donor, Sex, str) else isinstance(value, kind)
    if not right:
        raise InputError(
            "a value of the wrong type", source=source, field=key, value=repr(value), expected=kind.__name__
        )
    if kind in (Donor, Sex):
        return _word(kind, value, source, key)
    allowed = _WORDS.get((name, own))
    if allowed is not None and value not in allowed:
        raise InputError("unknown word", source=source, field=key, value=value, expected=", ".join(allowed))
    low, high = _RANGES.get(own, (float("-inf"), float("inf")))
    if kind in (float, int) and not low <= value <= high:
        raise QuantityError(
            "implausible value", source=source, field=key, value=f"{value:g}", expected=f"{low:g} to {high:g}"
        )
    return float(value) if kind is float else value


def _word(kind: Any, value: str, source: str, key: str) -> Any:
    try:
        return kind(value)
    except ValueError as problem:
        what = "unknown donor type" if kind is Donor else "unknown word"
        raise InputError(
            what, source=source, field=key, value=value, expected=", ".join(str(k.value) for k in kind)
        ) from problem


def _laboratory(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Replace ``creatinine`` and ``creatinine_unit`` by the value in the unit used here, and so on."""
    if not isinstance(table, Mapping):
        raise InputError("a section is not a table", source=source, value=repr(table))
    found = dict(table)
    for name, unit in LABORATORY.items():
        value, written = found.pop(name, None), found.pop(f"{name}_unit", None)
        if value is None and written is None:
            continue
        if value is None or not isinstance(written, str) or not _is_number(value):
            raise QuantityError(
                f"{name} needs a number and its unit", source=source, field=f"{name}, {name}_unit", value=repr(value)
            )
        found[f"{name}_{unit}"] = laboratory_value(name, float(value), written)
    return found


def _potassium(table: Mapping[str, Any]) -> Mapping[str, Any]:
    value = table.get("potassium_mmol_per_l") if isinstance(table, Mapping) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        laboratory_value("potassium", float(value), "mmol/l")
    return table


def _site(table: Mapping[str, Any], source: str) -> tuple[SiteLimit, ...]:
    if not isinstance(table, Mapping):
        raise InputError("a section is not a table", source=source, value=repr(table))
    unknown = [key for key in table if key not in SITE_QUANTITIES]
    if unknown:
        raise InputError(
            "unknown quantity", source=source, field=", ".join(unknown), expected=", ".join(SITE_QUANTITIES)
        )
    limits = []
    for quantity, given in table.items():
        entry = given if isinstance(given, Mapping) else {}
        bad = [key for key in entry if key not in ("least", "most", "source")]
        bounds = {key: float(entry[key]) for key in ("least", "most") if _is_number(entry.get(key))}
        bad += [key for key in ("least", "most") if key in entry and key not in bounds]
        text = entry.get("source", "")
        if bad or not bounds or not isinstance(text, str) or not text.strip():
            raise InputError(
                f"a limit of {quantity} needs least or most, and its source",
                source=source,
                field=", ".join(bad) or quantity,
                expected='{ least = 60, source = "SOP 12" }',
            )
        limits.append(SiteLimit(quantity=quantity, source=text, **bounds))
    return tuple(limits)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _lesion(entry: Any, source: str) -> LesionHistory:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("scan", []), list):
        raise InputError("a lesion needs a name and scans", source=source, value=repr(entry), expected="[[lesion]]")
    unknown = [key for key in entry if key not in ("name", "after_car_t", "scan")]
    if unknown or not isinstance(entry.get("name"), str) or not entry.get("scan"):
        raise InputError("a lesion needs a name and scans", source=source, field=", ".join(unknown) or "name, scan")
    scans = []
    for scan in entry["scan"]:
        if not isinstance(scan, Mapping):
            raise InputError("a scan is a table", source=source, field="scan", value=repr(scan))
        odd = [key for key in scan if key not in ("month", "fdg", "cxcr4")]
        month, marks = scan.get("month", 0.0), (scan.get("fdg"), scan.get("cxcr4"))
        if odd or not _is_number(month) or any(m is not None and not isinstance(m, bool) for m in marks):
            raise InputError(
                "a scan holds month (number), fdg and cxcr4 (true or false)",
                source=source,
                field=", ".join(odd) or "scan",
                value=str(dict(scan)),
            )
        scans.append(LesionScan(month=float(month), fdg=marks[0], cxcr4=marks[1]))
    return LesionHistory(name=entry["name"], scans=tuple(scans), after_car_t=entry.get("after_car_t") is True)
