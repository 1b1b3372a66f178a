"""Point kernels on disk: round trip, damage, where the cache lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError
from hemadose.io.point_kernels import cache_folder, read_point_kernel, write_point_kernel
from hemadose.physics.kernels import PointKernel, shell_radii_cm


@pytest.fixture
def kernel():
    """Some numbers in the shape of a kernel."""
    radius = shell_radii_cm()
    rng = np.random.default_rng(2)
    return PointKernel(
        nuclide="Lu-177",
        medium="soft-tissue",
        density_g_per_ml=1.04,
        radius_cm=radius,
        electron_kev=rng.random((8, radius.size)),
        photon_kev=rng.random((8, radius.size)),
        emitted_electron_kev=147.92,
        emitted_photon_kev=35.1,
        electron_decays=1000,
        photon_decays=0,
    )


def same(one, two):
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in PointKernel.__slots__)


def test_what_is_written_is_read(tmp_path, kernel):
    path = tmp_path / "new" / "folder" / "kernel.npz"
    write_point_kernel(kernel, path)
    found = read_point_kernel(path)
    assert found is not None
    assert same(found, kernel)
    assert isinstance(found.electron_decays, int)
    assert [p.name for p in path.parent.iterdir()] == ["kernel.npz"]  # no temporary file is left


def test_another_kernel_takes_the_place(tmp_path, kernel):
    path = tmp_path / "kernel.npz"
    write_point_kernel(kernel, path)
    write_point_kernel(replace(kernel, nuclide="Y-90"), path)
    assert read_point_kernel(path).nuclide == "Y-90"


def test_nothing_and_damage_mean_that_it_must_be_made_again(tmp_path, kernel):
    path = tmp_path / "kernel.npz"
    assert read_point_kernel(path) is None
    write_point_kernel(kernel, path)
    whole = path.read_bytes()
    for damaged in (b"", b"PK\x03\x04", b"no archive at all", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(damaged)
        assert read_point_kernel(path) is None
    np.savez(path, nuclide=np.array("Lu-177"))  # an archive of something else
    assert read_point_kernel(path) is None
    path.write_bytes(whole)
    assert read_point_kernel(path) is not None


def test_any_damage_means_that_it_must_be_made_again(tmp_path, kernel):
    """One byte after another is turned over: read, or none, never an error of zip, zlib or NumPy."""
    path = tmp_path / "kernel.npz"
    write_point_kernel(kernel, path)
    whole = path.read_bytes()
    for place in np.random.default_rng(1).integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        found = read_point_kernel(path)
        assert found is None or found.radius_cm.shape == kernel.radius_cm.shape


def test_a_cache_that_cannot_be_is_an_error_of_input(tmp_path, kernel):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="HEMADOSE_CACHE"):
        write_point_kernel(kernel, tmp_path / "file" / "kernel.npz")


def test_the_cache_lies_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "all"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("HEMADOSE_CACHE")
    assert cache_folder() == tmp_path / "all" / "hemadose"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "hemadose"
