"""A virtual study and its plan, made once a session and shared by all processes' tests; examples that repeat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples on every run; HYPOTHESIS_PROFILE=search looks for new ones
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory) -> Path:
    """A small hybrid study of the stylised male (6 mm voxels)."""
    from hemadose.workflow.simulate import SimulationOptions, simulate_study

    folder = tmp_path_factory.mktemp("study") / "study"
    simulate_study(folder, SimulationOptions(seed=11, voxel_mm=6.0))
    return folder


@pytest.fixture(scope="session")
def planned(study_folder, tmp_path_factory):
    """The finished plan of that study."""
    from hemadose.workflow.plan import plan

    return plan(study_folder / "case.toml", tmp_path_factory.mktemp("plan") / "result")
