"""Packaged tables with their sources; `manifest.toml` cites every file."""

from hemadose.refdata.agents import (
    ActivityRule,
    Agent,
    AgentRole,
    Coefficient,
    Evidence,
    MarrowMethod,
    agent,
    agents,
    read_agent,
)
from hemadose.refdata.cohorts import cohort, cohorts
from hemadose.refdata.nuclides import canonical_name, nuclide, nuclide_names
from hemadose.refdata.reference_masses import reference_masses_kg
from hemadose.refdata.regimens import read_regimen, regimen, regimens

__all__ = [
    "ActivityRule",
    "Agent",
    "AgentRole",
    "Coefficient",
    "Evidence",
    "MarrowMethod",
    "agent",
    "agents",
    "canonical_name",
    "cohort",
    "cohorts",
    "nuclide",
    "nuclide_names",
    "read_agent",
    "read_regimen",
    "reference_masses_kg",
    "regimen",
    "regimens",
]
