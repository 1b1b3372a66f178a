"""Radiopharmaceuticals on request: the packaged ones, and those of the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hemadose.model.agent import ActivityRule, Agent, Coefficient, Evidence, Refusal
from hemadose.refdata.agents import agents, find_agent, read_agents
from hemadose.units import DAY_S, GBQ


def site_agents(path: Path | None) -> tuple[Agent, ...]:
    """Read the agents of a site from a file or folder; none without a path.

    Raises
    ------
    ReferenceDataError
        If one does not follow the schema.
    """
    return () if path is None else read_agents(path)


def agent_rows(path: Path | None = None) -> list[dict[str, Any]]:
    """Give the agents in brief; one of the site replaces a packaged one of the same id.

    Parameters
    ----------
    path : Path, optional
        File or folder of the site.

    Raises
    ------
    ReferenceDataError
        If an agent of the site does not follow the schema.
    """
    own = site_agents(path)
    ids = {a.id for a in own}
    return [
        {
            "id": a.id,
            "title": a.title,
            "role": a.role.value,
            "nuclide": a.nuclide,
            "target": a.target,
            "settings": ", ".join(s.id for s in a.settings),
            "limits": ", ".join(f"{x.name} {x.value:g} Gy" if x.target else x.name for x in a.limits),
            "from": "site" if a.id in ids else "packaged",
        }
        for a in (*own, *(p for p in agents() if p.id not in ids))
    ]


def agent_details(name: str, path: Path | None = None) -> dict[str, Any]:
    """Give everything about one agent, with sources; what is not verified says so.

    Parameters
    ----------
    name : str
        Id.
    path : Path, optional
        File or folder of the site.

    Raises
    ------
    ReferenceDataError
        If it is unknown.
    """
    a = find_agent(name, site_agents(path))
    return {
        "id": a.id,
        "title": a.title,
        "role": a.role.value,
        "nuclide": a.nuclide,
        "target": a.target,
        "vector": a.vector,
        "indications": list(a.indications),
        "marrow": f"{a.marrow_method.value}" + (" (binds in the marrow)" if a.marrow_targeting else ""),
        "organs_at_risk": list(a.organs_at_risk),
        "settings": [f"{s.id}: {s.title}" for s in a.settings],
        "rules": [_rule(r) for r in a.rules],
        "refusals": [_refusal(r) for r in a.refusals],
        "limits": [f"{x.name}: {x.value:g} ({x.kind.value}; {x.source})" for x in a.limits],
        "coefficients": [_coefficient(c) for c in a.coefficients],
        "effective_half_lives": [f"{organ}: {hours:g} h" for organ, hours in a.half_lives_h],
        "surrogates": [f"{s.agent}: {s.note} ({s.source}){_mark(s.evidence)}" for s in a.surrogates],
        "dosimetry_protocol": a.dosimetry_protocol,
        "nephroprotection": a.nephroprotection,
        "predosing": a.predosing,
        "contraindications": list(a.contraindications),
        "notes": list(a.notes),
        "sources": list(a.sources),
    }


def _mark(evidence: Evidence) -> str:
    return " [UNVERIFIED]" if evidence is Evidence.UNVERIFIED else ""


def _rule(rule: ActivityRule) -> str:
    parts = [rule.kind.value]
    if rule.target:
        parts.append(rule.target)
    if rule.amount is not None:
        parts.append(f"{rule.amount:g} {rule.unit}")
    if rule.levels:
        parts.append("levels " + ", ".join(f"{x:g}" for x in rule.levels))
    if rule.fractions > 1:
        parts.append(f"{rule.fractions} fractions {(rule.fraction_interval_s or 0.0) / DAY_S:g} d apart")
    head = f"{rule.setting}: " if rule.setting else ""
    return f"{head}{' '.join(parts)}; {rule.condition} ({rule.source}){_mark(rule.evidence)}"


def _refusal(rule: Refusal) -> str:
    where = f" in {', '.join(rule.settings)}" if rule.settings else ""
    return f"{rule.code}{where}: {rule.text} ({rule.source}){_mark(rule.evidence)}"


def _coefficient(c: Coefficient) -> str:
    text = f"{c.target}: {c.best_gy_per_bq * GBQ:.3g}"
    if c.sd_gy_per_bq is not None:
        text += f" ± {c.sd_gy_per_bq * GBQ:.2g}"
    text += " Gy/GBq"
    if c.low_gy_per_bq is not None and c.high_gy_per_bq is not None:
        text += f", range {c.low_gy_per_bq * GBQ:.3g}-{c.high_gy_per_bq * GBQ:.3g}"
    return f"{text} ({c.statistic}{f', n = {c.n}' if c.n else ''}; {c.source}){_mark(c.evidence)}"
