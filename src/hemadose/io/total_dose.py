"""Several therapies of one patient from a TOML file: components on one clock, organs, limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose.radiobiology import Component, DoseRate, Evidence, Fractions, Repair, TissueResponse, daily_times_s
from hemadose.errors import InputError
from hemadose.units import DAY_S, HOUR_S

QUANTITIES = ("dose", "bed", "eqd2")
_KINDS = ("radionuclide", "fractions")
_RADIONUCLIDE = ("name", "kind", "day", "organ")
_FRACTIONS = ("name", "kind", "first_day", "fraction_Gy", "fractions", "per_day", "gap_h", "relative_sd", "organ")
_IN_ORGAN = ("dose_Gy", "relative_sd", "half_life_h", "half_life_relative_sd", "shares")
_TISSUE = ("alpha_beta_Gy", "alpha_beta_range_Gy", "repair_half_life_h", "repair_weights", "repair_range_h", "limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganTherapies:
    """Everything that irradiates one organ.

    Attributes
    ----------
    organ : str
        Name.
    components : tuple of DoseRate or Fractions
        On the clock of the file.
    tissue : TissueResponse
        From the file, or else the packaged table.
    limits_gy : dict of str to float
        By quantity: ``"dose"``, ``"bed"``, ``"eqd2"``.
    """

    organ: str
    components: tuple[Component, ...]
    tissue: TissueResponse
    limits_gy: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TherapyCourse:
    """A file read: its title, what day 0 is, and the organs."""

    title: str
    day_zero: str
    organs: tuple[OrganTherapies, ...]


def read_total_dose(path: Path, *, packaged: Mapping[str, TissueResponse], draws: int, seed: int) -> TherapyCourse:
    """Read a course of several therapies.

    Parameters
    ----------
    path : Path
        TOML file, see ``hemadose total`` in the reference of the commands.
    packaged : Mapping[str, TissueResponse]
        Parameters by organ, for what the file does not give.
    draws, seed : int
        Of the uncertainty of each administration.

    Returns
    -------
    TherapyCourse

    Raises
    ------
    InputError
        Naming file, key and value, if the file does not follow its form.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("no such file", source=path.name) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not valid TOML", source=path.name, value=str(problem)) from problem
    reader = _Reader(path.name)
    reader.keys(table, ("title", "day_zero", "component", "organ"), where="the file")
    entries = table.get("component", [])
    if not isinstance(entries, list) or not entries:
        raise reader.error("no therapy is given", field="[[component]]", remedy="add a [[component]]")
    organs = list(table.get("organ", {}))
    for entry in entries:
        organs += [o for o in entry.get("organ", {}) if o not in organs]
    rng = np.random.default_rng([seed, 5])
    parts: dict[str, list[Component]] = {organ: [] for organ in organs}
    for index, entry in enumerate(entries):
        for organ, component in _components(reader, entry, organs, index=index, draws=draws, rng=rng):
            parts[organ].append(component)
    bare = [organ for organ, found in parts.items() if not found]
    if bare or not organs:
        raise reader.error("nothing irradiates an organ", field="organ", value=", ".join(bare) or "none named")
    return TherapyCourse(
        title=str(table.get("title", path.stem)),
        day_zero=str(table.get("day_zero", "day 0")),
        organs=tuple(
            OrganTherapies(
                organ=organ,
                components=tuple(parts[organ]),
                tissue=_tissue(reader, organ, packaged, table.get("organ", {}).get(organ, {})),
                limits_gy=_limits(reader, organ, table.get("organ", {}).get(organ, {}).get("limits", {})),
            )
            for organ in organs
        ),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes numbers out of tables, naming the file where one is missing or wrong."""

    file: str

    def error(self, message: str, **details: str) -> InputError:
        return InputError(message, source=self.file, **details)

    def keys(self, table: Mapping[str, Any], known: tuple[str, ...], *, where: str) -> None:
        if not isinstance(table, Mapping):
            raise self.error(f"{where} is not a table", value=repr(table))
        unknown = [key for key in table if key not in known]
        if unknown:
            raise self.error(f"unknown key in {where}", field=", ".join(unknown), expected=", ".join(known))

    def number(self, table: Mapping[str, Any], key: str, *, where: str, default: float | None = None) -> float:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            word = "a number is missing" if value is None else "not a number"
            raise self.error(f"{word} in {where}", field=key, value="none" if value is None else repr(value))
        return float(value)

    def positive(self, table: Mapping[str, Any], key: str, *, where: str, default: float | None = None) -> float:
        value = self.number(table, key, where=where, default=default)
        if value <= 0.0:
            raise self.error(f"a number in {where} must be positive", field=key, value=f"{value:g}", expected="> 0")
        return value

    def spread(self, table: Mapping[str, Any], key: str, *, where: str) -> float:
        value = self.number(table, key, where=where, default=0.0)
        if not 0.0 <= value < 2.0:
            raise self.error(
                f"a relative uncertainty in {where} is out of range", field=key, value=f"{value:g}", expected="0 ... 2"
            )
        return value

    def whole(self, table: Mapping[str, Any], key: str, *, where: str, default: float | None = None) -> int:
        value = self.positive(table, key, where=where, default=default)
        if value != int(value):
            raise self.error(f"a whole number is needed in {where}", field=key, value=f"{value:g}")
        return int(value)

    def numbers(self, table: Mapping[str, Any], key: str, *, where: str) -> tuple[float, ...]:
        """One number or a list of numbers."""
        value = table.get(key)
        items = value if isinstance(value, list) else [value]
        return tuple(self.number({key: item}, key, where=where) for item in items)


def _components(
    reader: _Reader,
    entry: Mapping[str, Any],
    organs: list[str],
    *,
    index: int,
    draws: int,
    rng: np.random.Generator,
) -> list[tuple[str, Component]]:
    name = str(entry.get("name", f"component {index + 1}"))
    kind = entry.get("kind")
    if kind not in _KINDS:
        raise reader.error(f"kind of {name}", field="kind", value=repr(kind), expected=" or ".join(_KINDS))
    if kind == "radionuclide":
        reader.keys(entry, _RADIONUCLIDE, where=name)
        start = DAY_S * reader.number(entry, "day", where=name)
        return [
            (organ, _dose_rate(reader, name, organ, table, start=start, draws=draws, rng=rng))
            for organ, table in entry.get("organ", {}).items()
        ]
    reader.keys(entry, _FRACTIONS, where=name)
    per_day = reader.whole(entry, "per_day", where=name, default=1)
    times = daily_times_s(
        fractions=reader.whole(entry, "fractions", where=name),
        per_day=per_day,
        gap_s=HOUR_S * reader.positive(entry, "gap_h", where=name, default=None if per_day > 1 else 24.0),
        first_s=DAY_S * reader.number(entry, "first_day", where=name),
    )
    dose = reader.positive(entry, "fraction_Gy", where=name)
    sd = reader.spread(entry, "relative_sd", where=name)
    found: list[tuple[str, Component]] = []
    for organ in organs:
        where = f"{name}, {organ}"
        own = entry.get("organ", {}).get(organ, {})
        reader.keys(own, ("factor",), where=where)
        factor = reader.number(own, "factor", where=where, default=1.0)
        if factor < 0.0:
            raise reader.error(f"a factor in {where} is negative", field="factor", value=f"{factor:g}")
        doses = np.full(len(times), dose * factor)
        found.append((organ, Fractions(name=name, times_s=times, doses_gy=doses, relative_sd=sd)))
    return found


def _dose_rate(
    reader: _Reader,
    name: str,
    organ: str,
    table: Mapping[str, Any],
    *,
    start: float,
    draws: int,
    rng: np.random.Generator,
) -> DoseRate:
    where = f"{name}, {organ}"
    reader.keys(table, _IN_ORGAN, where=where)
    hours = reader.numbers(table, "half_life_h", where=where)
    if min(hours) <= 0.0:
        raise reader.error(f"a half-life in {where} must be positive", field="half_life_h", value=f"{min(hours):g}")
    if "shares" not in table and len(hours) > 1:
        raise reader.error(
            f"several half-lives in {where} need shares", field="shares", remedy="e.g. shares = [1.0, -1.0] for uptake"
        )
    return DoseRate.from_dose(
        name,
        start_s=start,
        dose_gy=reader.positive(table, "dose_Gy", where=where),
        half_lives_s=tuple(HOUR_S * h for h in hours),
        shares=reader.numbers(table, "shares", where=where) if "shares" in table else (1.0,),
        dose_relative_sd=reader.spread(table, "relative_sd", where=where),
        half_life_relative_sd=reader.spread(table, "half_life_relative_sd", where=where),
        draws=draws,
        rng=rng,
    )


def _tissue(
    reader: _Reader, organ: str, packaged: Mapping[str, TissueResponse], table: Mapping[str, Any]
) -> TissueResponse:
    """Own numbers over the packaged ones; both must be own for an organ that is not packaged."""
    where = f"[organ.{organ}]"
    reader.keys(table, _TISSUE, where=where)
    own_ratio, own_repair = "alpha_beta_Gy" in table, "repair_half_life_h" in table
    if organ not in packaged and not (own_ratio and own_repair):
        raise reader.error(
            f"no packaged alpha/beta for {organ}",
            field=where,
            expected=", ".join(packaged),
            remedy="give alpha_beta_Gy and repair_half_life_h",
        )
    for key, base in (
        ("alpha_beta_range_Gy", own_ratio),
        ("repair_range_h", own_repair),
        ("repair_weights", own_repair),
    ):
        if key in table and not base:
            raise reader.error(f"{key} needs the best value beside it", field=where)
    if own_ratio and own_repair:
        return TissueResponse(organ=organ, **_ratio(reader, table, where=where), **_repair(reader, table, where=where))
    base_tissue = packaged[organ]
    changes: dict[str, Any] = {}
    if own_ratio:
        changes |= _ratio(reader, table, where=where)
    if own_repair:
        changes |= _repair(reader, table, where=where)
    word = "alpha/beta" if own_ratio else "repair"
    kept = tuple(n for n in base_tissue.notes if not (changes and n.startswith(word)))
    return replace(base_tissue, **changes, notes=kept)


def _ratio(reader: _Reader, table: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    limits = reader.numbers(table, "alpha_beta_range_Gy", where=where) if "alpha_beta_range_Gy" in table else None
    return {
        "alpha_beta_gy": reader.positive(table, "alpha_beta_Gy", where=where),
        "alpha_beta_range_gy": limits,
        "alpha_beta_source": "given",
        "alpha_beta_evidence": Evidence.USER,
    }


def _repair(reader: _Reader, table: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    hours = reader.numbers(table, "repair_half_life_h", where=where)
    weights = reader.numbers(table, "repair_weights", where=where) if "repair_weights" in table else (1.0,)
    limits = reader.numbers(table, "repair_range_h", where=where) if "repair_range_h" in table else None
    return {
        "repair": Repair(half_lives_s=tuple(HOUR_S * h for h in hours), weights=weights),
        "repair_range_s": None if limits is None else tuple(HOUR_S * h for h in limits),
        "repair_source": "given",
        "repair_evidence": Evidence.USER,
    }


def _limits(reader: _Reader, organ: str, table: Mapping[str, Any]) -> dict[str, float]:
    names = {f"{quantity}_Gy": quantity for quantity in QUANTITIES}
    where = f"[organ.{organ}] limits"
    reader.keys(table, tuple(names), where=where)
    return {names[key]: reader.positive(table, key, where=where) for key in table}
