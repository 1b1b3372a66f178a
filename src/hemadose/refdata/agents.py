"""Radiopharmaceuticals as packaged, cited data: target, limits, rules, published dose coefficients.

Every number names its source and how sure it is: ``publication`` (read in the cited text or
abstract) or ``unverified`` (general knowledge, to be confirmed before use). A site adds its own files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.model import Limit, LimitKind
from hemadose.model.agent import (
    ActivityRule,
    Agent,
    AgentRole,
    Coefficient,
    Evidence,
    MarrowMethod,
    Refusal,
    RefusalKind,
    RuleKind,
    Setting,
    Surrogate,
)
from hemadose.refdata._agent_rules import choice, dose_limit, refusal_from_table, rule_from_table
from hemadose.refdata._toml import check_keys, packaged_ids, parse, read_packaged, take
from hemadose.refdata.nuclides import canonical_name, nuclide_names
from hemadose.units import GBQ

__all__ = [
    "ActivityRule",
    "Agent",
    "AgentRole",
    "Coefficient",
    "Evidence",
    "MarrowMethod",
    "Refusal",
    "RefusalKind",
    "RuleKind",
    "Setting",
    "Surrogate",
    "agent",
    "agent_from_table",
    "agents",
    "find_agent",
    "read_agent",
    "read_agents",
]


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
    return find_agent(id, ())


def find_agent(id: str, own: Sequence[Agent]) -> Agent:
    """Give an agent of the site or, if it has none of that id, the packaged one.

    Raises
    ------
    ReferenceDataError
        If there is none of that id.
    """
    known = (*own, *agents())
    for one in known:
        if one.id == id:
            return one
    raise ReferenceDataError("unknown agent", field="agent", value=id, expected=", ".join(a.id for a in known))


def read_agents(path: Path) -> tuple[Agent, ...]:
    """Read a site's own agents: one file, or every ``.toml`` file of a folder.

    Raises
    ------
    ReferenceDataError
        If there is none, one does not follow the schema, or two have the same id.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise ReferenceDataError("the folder holds no agent", source=str(path), expected="*.toml")
    found = tuple(read_agent(file) for file in files)
    ids = [a.id for a in found]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise ReferenceDataError("two agents have the same id", source=str(path), field="id", value=", ".join(twice))
    return found


def read_agent(path: Path) -> Agent:
    """Read a site's own agent (same schema as the packaged ones).

    Raises
    ------
    ReferenceDataError
        If the file cannot be read or does not follow the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
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
    "refusal",
    "surrogate",
    "settings",
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
    method = choice(MarrowMethod, table["marrow_method"], "marrow_method", source)
    if targeting and method is MarrowMethod.IMAGE_OR_BLOOD:
        raise ReferenceDataError(
            "an agent that binds in the marrow needs image-based marrow dosimetry",
            source=source,
            field="marrow_method",
            value=method.value,
            expected="image",
        )
    settings = tuple(
        Setting(id=key, title=str(text))
        for key, text in take(table, "settings", dict, source=source, default={}).items()
    )
    half_lives = take(table, "effective_half_life_h", dict, source=source, default={})
    known = tuple(s.id for s in settings)
    return Agent(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        role=choice(AgentRole, table["role"], "role", source),
        nuclide=_nuclide(take(table, "nuclide", str, source=source), source),
        target=take(table, "target", str, source=source),
        vector=take(table, "vector", str, source=source),
        indications=_texts(table, "indications", source),
        marrow_targeting=targeting,
        marrow_method=method,
        organs_at_risk=_texts(table, "organs_at_risk", source),
        limits=tuple(_limit(entry, source) for entry in _tables(table, "limit", source)),
        coefficients=tuple(_coefficient(entry, source) for entry in _tables(table, "coefficient", source)),
        rules=tuple(rule_from_table(e, source=source, settings=known) for e in _tables(table, "rule", source)),
        half_lives_h=tuple((k, take(half_lives, k, float, source=source)) for k in half_lives),
        dosimetry_protocol=take(table, "dosimetry_protocol", str, source=source, default=""),
        nephroprotection=take(table, "nephroprotection", str, source=source, default=""),
        predosing=take(table, "predosing", str, source=source, default=""),
        contraindications=_texts(table, "contraindications", source),
        notes=_texts(table, "notes", source),
        sources=_texts(table, "sources", source),
        settings=settings,
        refusals=tuple(refusal_from_table(e, source=source, settings=known) for e in _tables(table, "refusal", source)),
        surrogates=tuple(_surrogate(entry, source) for entry in _tables(table, "surrogate", source)),
    )


def _nuclide(name: str, source: str) -> str:
    if canonical_name(name) not in nuclide_names():
        raise ReferenceDataError(
            "no decay data are packaged for this nuclide",
            source=source,
            field="nuclide",
            value=name,
            expected=", ".join(nuclide_names()),
        )
    return canonical_name(name)


def _texts(table: Mapping[str, Any], key: str, source: str) -> tuple[str, ...]:
    found = take(table, key, list, source=source, default=[])
    if not all(isinstance(item, str) and item.strip() for item in found):
        raise ReferenceDataError("a list of texts is expected", source=source, field=key, value=repr(found))
    return tuple(found)


def _tables(table: Mapping[str, Any], key: str, source: str) -> list[Mapping[str, Any]]:
    found = take(table, key, list, source=source, default=[])
    if not all(isinstance(entry, dict) for entry in found):
        raise ReferenceDataError("a list of tables is expected", source=source, field=key, expected=f"[[{key}]]")
    return found


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
        value=dose_limit(table, "value", source),
        source=take(table, "source", str, source=source),
    )


def _coefficient(table: Mapping[str, Any], source: str) -> Coefficient:
    required = ("target", "value_Gy_per_GBq", "statistic", "source", "evidence")
    optional = ("low_Gy_per_GBq", "high_Gy_per_GBq", "sd_Gy_per_GBq", "n")
    check_keys(table, source=f"{source} [[coefficient]]", required=required, optional=optional)
    low, high, sd = (take(table, key, float, source=source) / GBQ if key in table else None for key in optional[:3])
    best = take(table, "value_Gy_per_GBq", float, source=source) / GBQ
    if (low is None) != (high is None):
        raise ReferenceDataError("a range has two ends", source=source, field=str(table["target"]))
    if not best > 0.0 or (low is not None and high is not None and not 0.0 <= low <= best <= high):
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
        evidence=choice(Evidence, table["evidence"], "evidence", source),
    )


def _surrogate(table: Mapping[str, Any], source: str) -> Surrogate:
    check_keys(table, source=f"{source} [[surrogate]]", required=("agent", "note", "source", "evidence"))
    return Surrogate(
        agent=take(table, "agent", str, source=source),
        note=take(table, "note", str, source=source),
        source=take(table, "source", str, source=source),
        evidence=choice(Evidence, table["evidence"], "evidence", source),
    )
