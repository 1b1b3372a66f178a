"""Transport tables on disk: what is read is what was made, digit by digit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemadose.io.transport_tables import keep_medium, recall_medium, transport_tables_path
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.tables import medium_tables, tables_are_made, transport_tables


def test_what_is_kept_is_recalled(tmp_path):
    """Another density makes another medium: its tables are unknown until they are read."""
    one, other = replace(medium("water"), density_g_per_ml=1.01), replace(medium("water"), density_g_per_ml=1.02)
    path = tmp_path / "tables" / "one.npz"
    assert not recall_medium(one, path)
    assert not tables_are_made(one)
    keep_medium(one, path)
    assert tables_are_made(one)
    assert not tables_are_made(other)
    assert recall_medium(other, path)
    assert tables_are_made(other)
    kept, read = medium_tables(one), medium_tables(other)
    assert all(np.array_equal(kept[name], read[name]) and kept[name].dtype == read[name].dtype for name in kept)
    found = transport_tables((one, other))
    assert np.array_equal(found.charged[:, 0], found.charged[:, 1])


def test_damage_means_that_they_must_be_made_again(tmp_path):
    """Cut short, or not finite."""
    one = replace(medium("water"), density_g_per_ml=1.03)
    path = tmp_path / "one.npz"
    keep_medium(medium("water"), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not recall_medium(one, path)
    parts = {name: np.asarray(part) for name, part in medium_tables(medium("water")).items()}
    np.savez(path, **{**parts, "charged": np.full_like(parts["charged"], np.nan)})
    assert not recall_medium(one, path)
    assert not tables_are_made(one)


def test_they_lie_in_the_cache_by_what_they_were_made_from(tmp_path, monkeypatch):
    """Another key, another file."""
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))
    one, other = transport_tables_path({"physics": "a"}), transport_tables_path({"physics": "b"})
    assert one != other
    assert one.parent == tmp_path / "transport-tables"
