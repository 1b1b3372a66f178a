"""Tables of media are made once for all processes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hemadose.physics.matter.media import medium
from hemadose.physics.transport import tables
from hemadose.workflow.kernels import recall_transport_tables

WATER = replace(medium("water"), density_g_per_ml=1.04)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A cache of this test, and a process that has made nothing."""
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))
    monkeypatch.setattr(tables, "_MADE", {})
    return tmp_path


def test_the_next_process_makes_nothing(empty, monkeypatch):
    """Made, known, then read by a process that cannot make any."""
    assert recall_transport_tables([WATER]) == 1
    assert recall_transport_tables([WATER]) == 0
    files = list((empty / "transport-tables").iterdir())
    assert len(files) == 1
    monkeypatch.setattr(tables, "_MADE", {})
    monkeypatch.setattr(tables, "_made_for", None)
    assert recall_transport_tables([WATER, WATER]) == 0
    assert tables.tables_are_made(WATER)
    assert list((empty / "transport-tables").iterdir()) == files


def test_other_physics_make_other_tables(empty, monkeypatch):
    """The digest of code and data is part of the name."""
    recall_transport_tables([WATER])
    monkeypatch.setattr(tables, "_MADE", {})
    monkeypatch.setattr("hemadose.workflow.kernels.physics_digest", lambda: "other")
    assert recall_transport_tables([WATER]) == 1
    assert len(list((empty / "transport-tables").iterdir())) == 2
