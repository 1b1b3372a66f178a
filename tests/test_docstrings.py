"""numpydoc checks on everything a room exports."""

from __future__ import annotations

import importlib
import inspect

import pytest

ROOMS = (
    "hemadose.model",
    "hemadose.kinetics",
    "hemadose.imaging",
    "hemadose.dose",
    "hemadose.simulate",
    "hemadose.physics.phantoms",
    "hemadose.outcome",
    "hemadose.outcome.statistics",
    "hemadose.report",
    "hemadose.refdata",
    "hemadose.io.dicom",
)
CHECKS = {
    "GL01",
    "GL03",
    "GL05",
    "GL06",
    "GL07",
    "GL08",
    "SS01",
    "SS02",
    "SS03",
    "PR02",
    "PR05",
    "PR10",
    "RT02",
    "YD01",
}
"""numpydoc codes: a docstring that is there, well formed, and describes only parameters that exist."""


def exported():
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{thing.__module__}.{thing.__qualname__}"


@pytest.mark.parametrize("name", sorted(set(exported())))
def test_docstring_is_well_formed(name):
    from numpydoc.validate import validate

    found = [f"{code}: {text}" for code, text in validate(name)["errors"] if code in CHECKS]
    assert not found
