"""Radiopharmaceuticals on request."""

from __future__ import annotations

from typing import Any

from hemadose.refdata import agent, agents
from hemadose.units import GBQ


def agent_rows() -> list[dict[str, Any]]:
    """Give the agents in brief."""
    return [
        {
            "id": a.id,
            "title": a.title,
            "role": a.role.value,
            "nuclide": a.nuclide,
            "target": a.target,
            "limits": ", ".join(f"{x.name} {x.value:g} Gy" if x.target else x.name for x in a.limits),
        }
        for a in agents()
    ]


def agent_details(name: str) -> dict[str, Any]:
    """Give everything about one agent, with sources.

    Raises
    ------
    ReferenceDataError
        If it is unknown.
    """
    a = agent(name)
    return {
        "id": a.id,
        "title": a.title,
        "nuclide": a.nuclide,
        "target": a.target,
        "vector": a.vector,
        "indications": list(a.indications),
        "marrow": f"{a.marrow_method.value}" + (" (binds in the marrow)" if a.marrow_targeting else ""),
        "organs_at_risk": list(a.organs_at_risk),
        "limits": [f"{x.name}: {x.value:g} ({x.kind.value}; {x.source})" for x in a.limits],
        "coefficients": [
            f"{c.target}: {c.best_gy_per_bq * GBQ:.3g} Gy/GBq ({c.statistic}; {c.source})" for c in a.coefficients
        ],
        "dosimetry_protocol": a.dosimetry_protocol,
        "nephroprotection": a.nephroprotection,
        "predosing": a.predosing,
        "contraindications": list(a.contraindications),
        "notes": list(a.notes),
        "sources": list(a.sources),
    }
