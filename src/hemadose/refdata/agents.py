"""Radiopharmaceuticals as packaged, cited data: target, limits, published dose coefficients.

Every number names its source and how sure it is: ``publication`` (read in the cited text or
abstract) or ``unverified`` (general knowledge, to be confirmed before use).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from hemadose.errors import PlanningError, ReferenceDataError
from hemadose.model import Limit, LimitKind
from hemadose.refdata._toml import check_keys, packaged_ids, parse, read_packaged, take
from hemadose.units import GBQ


class AgentRole(StrEnum):
    """What an agent is used for."""

    THERAPY = "therapy"
    DIAGNOSTIC = "diagnostic"


class Evidence(StrEnum):
    """How sure a number is."""

    PUBLICATION = "publication"
    UNVERIFIED = "unverified"


class MarrowMethod(StrEnum):
    """How the red-marrow dose of an agent may be found.

    ``image``: the agent binds in the marrow, blood tells nothing about it. ``image_or_blood``:
    no specific binding in marrow. ``none``: not needed.
    """

    IMAGE = "image"
    IMAGE_OR_BLOOD = "image_or_blood"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """Published absorbed dose per administered activity of one target.

    Attributes
    ----------
    target : str
        Organ.
    best_gy_per_bq : float
        Median or mean, see `statistic`.
    low_gy_per_bq, high_gy_per_bq : float or None
        Range, where published.
    sd_gy_per_bq : float or None
        Standard deviation, where published.
    statistic : str
        ``"median"``, ``"mean"`` or ``"single value"``.
    n : int or None
        Patients.
    source : str
        Publication.
    evidence : Evidence
        How sure it is.
    """

    target: str
    best_gy_per_bq: float
    low_gy_per_bq: float | None
    high_gy_per_bq: float | None
    sd_gy_per_bq: float | None
    statistic: str
    n: int | None
    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRule:
    """One way the administered activity is set, as published.

    Attributes
    ----------
    kind : str
        ``"organ_limit"``, ``"residual_marrow_limit"``, ``"per_kg"``, ``"per_m2"``,
        ``"whole_body_dose"``, ``"dose_level"``, ``"fixed"``, ``"maximum"``.
    amount, unit : float and str, or None
        As published, e.g. 14.8, ``"MBq/kg"``.
    condition : str
        When it holds.
    source : str
        Publication.
    evidence : Evidence
        How sure it is.
    """

    kind: str
    amount: float | None
    unit: str | None
    condition: str
    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A radiopharmaceutical.

    Attributes
    ----------
    id, title : str
        Identifier and name.
    role : AgentRole
        Therapy or diagnostic.
    nuclide : str
        Name of the radionuclide, see `hemadose.refdata.nuclide`.
    target, vector : str
        What it binds to, and what binds.
    indications : tuple of str
        Diseases it was used for.
    marrow_targeting : bool
        Binds to cells in the marrow.
    marrow_method : MarrowMethod
        How the marrow dose may be found.
    organs_at_risk : tuple of str
        Organs that bound the activity.
    limits : tuple of Limit
        Limits that bound the activity.
    coefficients : tuple of Coefficient
        Published dose coefficients.
    rules : tuple of ActivityRule
        Published rules for the activity.
    half_lives_h : tuple of (str, float)
        Published effective half-lives by organ, for plausibility.
    dosimetry_protocol, nephroprotection, predosing : str
        In words; ``""`` where not applicable.
    contraindications, notes, sources : tuple of str
        In words.
    """

    id: str
    title: str
    role: AgentRole
    nuclide: str
    target: str
    vector: str
    indications: tuple[str, ...]
    marrow_targeting: bool
    marrow_method: MarrowMethod
    organs_at_risk: tuple[str, ...]
    limits: tuple[Limit, ...]
    coefficients: tuple[Coefficient, ...]
    rules: tuple[ActivityRule, ...]
    half_lives_h: tuple[tuple[str, float], ...]
    dosimetry_protocol: str
    nephroprotection: str
    predosing: str
    contraindications: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]

    def coefficient(self, target: str) -> Coefficient | None:
        """Give the published coefficient of a target, or None."""
        return next((c for c in self.coefficients if c.target == target), None)

    def require_marrow_method(self, method: str) -> None:
        """Refuse a marrow method that is not valid for this agent.

        Parameters
        ----------
        method : str
            ``"image"`` or ``"blood"``.

        Raises
        ------
        PlanningError
            For blood-based marrow dosimetry of an agent that binds in the marrow.
        """
        if method == "blood" and self.marrow_method is not MarrowMethod.IMAGE_OR_BLOOD:
            raise PlanningError(
                f"the marrow dose of {self.title} cannot be found from blood alone",
                field="marrow method",
                value=method,
                expected="image",
                remedy="the agent binds in the marrow; quantify L2-L4 on the images",
            )


@cache
def agents() -> tuple[Agent, ...]:
    """Give all packaged agents, in order of id."""
    return tuple(
        agent_from_table(read_packaged("agents", name), source=f"agents/{name}.toml") for name in packaged_ids("agents")
    )


def agent(id: str) -> Agent:
    """Give one packaged agent.

    Raises
    ------
    ReferenceDataError
        If there is none of that id.

    Examples
    --------
    >>> [limit.value for limit in agent("lu177-pentixather").limits]
    [23.0, 1.0]
    """
    for known in agents():
        if known.id == id:
            return known
    raise ReferenceDataError("unknown agent", field="agent", value=id, expected=", ".join(a.id for a in agents()))


def read_agent(path: Path) -> Agent:
    """Read a site's own agent (same schema as the packaged ones).

    Raises
    ------
    ReferenceDataError
        If the file cannot be read or does not follow the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ReferenceDataError("the agent cannot be read", source=str(path)) from problem
    return agent_from_table(parse(text, source=str(path)), source=str(path))


_REQUIRED = (
    "id",
    "title",
    "role",
    "nuclide",
    "target",
    "vector",
    "marrow_targeting",
    "marrow_method",
    "sources",
)
_OPTIONAL = (
    "indications",
    "organs_at_risk",
    "limit",
    "coefficient",
    "rule",
    "effective_half_life_h",
    "dosimetry_protocol",
    "nephroprotection",
    "predosing",
    "contraindications",
    "notes",
)


def agent_from_table(table: Mapping[str, Any], *, source: str) -> Agent:
    """Check a table and make the agent.

    Raises
    ------
    ReferenceDataError
        If the table does not follow the schema, or would allow a blood-based marrow dose for
        an agent that binds in the marrow.
    """
    check_keys(table, source=source, required=_REQUIRED, optional=_OPTIONAL)
    targeting = take(table, "marrow_targeting", bool, source=source)
    method = _choice(MarrowMethod, table["marrow_method"], "marrow_method", source)
    if targeting and method is MarrowMethod.IMAGE_OR_BLOOD:
        raise ReferenceDataError(
            "an agent that binds in the marrow needs image-based marrow dosimetry",
            source=source,
            field="marrow_method",
            value=method.value,
            expected="image",
        )
    return Agent(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        role=_choice(AgentRole, table["role"], "role", source),
        nuclide=take(table, "nuclide", str, source=source),
        target=take(table, "target", str, source=source),
        vector=take(table, "vector", str, source=source),
        indications=tuple(table.get("indications", ())),
        marrow_targeting=targeting,
        marrow_method=method,
        organs_at_risk=tuple(table.get("organs_at_risk", ())),
        limits=tuple(_limit(entry, source) for entry in table.get("limit", ())),
        coefficients=tuple(_coefficient(entry, source) for entry in table.get("coefficient", ())),
        rules=tuple(_rule(entry, source) for entry in table.get("rule", ())),
        half_lives_h=tuple((k, float(v)) for k, v in table.get("effective_half_life_h", {}).items()),
        dosimetry_protocol=take(table, "dosimetry_protocol", str, source=source, default=""),
        nephroprotection=take(table, "nephroprotection", str, source=source, default=""),
        predosing=take(table, "predosing", str, source=source, default=""),
        contraindications=tuple(table.get("contraindications", ())),
        notes=tuple(table.get("notes", ())),
        sources=tuple(table["sources"]),
    )


def _choice(kind: Any, value: Any, field: str, source: str) -> Any:
    try:
        return kind(value)
    except ValueError as problem:
        raise ReferenceDataError(
            "unknown value in a reference table",
            source=source,
            field=field,
            value=str(value),
            expected=", ".join(kind),
        ) from problem


def _limit(table: Mapping[str, Any], source: str) -> Limit:
    check_keys(table, source=f"{source} [[limit]]", required=("name", "kind", "target", "value", "unit", "source"))
    kinds = {"total_dose": LimitKind.TOTAL_DOSE, "residual_dose": LimitKind.RESIDUAL_DOSE}
    if table["kind"] not in kinds or table["unit"] != "Gy":
        raise ReferenceDataError(
            "a dose limit is total or residual, in Gy",
            source=source,
            field="limit",
            value=f"{table['kind']}, {table['unit']}",
        )
    return Limit(
        name=take(table, "name", str, source=source),
        kind=kinds[table["kind"]],
        target=take(table, "target", str, source=source),
        value=take(table, "value", float, source=source),
        source=take(table, "source", str, source=source),
    )


def _coefficient(table: Mapping[str, Any], source: str) -> Coefficient:
    required = ("target", "value_Gy_per_GBq", "statistic", "source", "evidence")
    optional = ("low_Gy_per_GBq", "high_Gy_per_GBq", "sd_Gy_per_GBq", "n")
    check_keys(table, source=f"{source} [[coefficient]]", required=required, optional=optional)
    low, high, sd = (take(table, key, float, source=source) / GBQ if key in table else None for key in optional[:3])
    best = take(table, "value_Gy_per_GBq", float, source=source) / GBQ
    if best <= 0.0 or (low is not None and high is not None and not low <= best <= high):
        raise ReferenceDataError(
            "a published coefficient lies outside its own range",
            source=source,
            field=str(table["target"]),
            value=f"{best * GBQ:g} Gy/GBq",
        )
    return Coefficient(
        target=take(table, "target", str, source=source),
        best_gy_per_bq=best,
        low_gy_per_bq=low,
        high_gy_per_bq=high,
        sd_gy_per_bq=sd,
        statistic=take(table, "statistic", str, source=source),
        n=take(table, "n", int, source=source) if "n" in table else None,
        source=take(table, "source", str, source=source),
        evidence=_choice(Evidence, table["evidence"], "evidence", source),
    )


def _rule(table: Mapping[str, Any], source: str) -> ActivityRule:
    check_keys(
        table,
        source=f"{source} [[rule]]",
        required=("kind", "condition", "source", "evidence"),
        optional=("amount", "unit"),
    )
    if ("amount" in table) != ("unit" in table):
        raise ReferenceDataError("a rule needs both an amount and a unit, or neither", source=source)
    return ActivityRule(
        kind=take(table, "kind", str, source=source),
        amount=take(table, "amount", float, source=source) if "amount" in table else None,
        unit=take(table, "unit", str, source=source) if "unit" in table else None,
        condition=take(table, "condition", str, source=source),
        source=take(table, "source", str, source=source),
        evidence=_choice(Evidence, table["evidence"], "evidence", source),
    )
