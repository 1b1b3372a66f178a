"""The device code on CUDA: in numba's simulator, as PTX where the compiler is there, and on a GPU where there is one.

What it is held against is the processor path, history by history: both draw the same random numbers.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.physics.matter.media import medium
from hemadose.physics.transport import cuda as on_cuda
from hemadose.physics.transport import run
from hemadose.physics.transport.decay import STACK_DEPTH
from hemadose.physics.transport.run import Deposition, VoxelGeometry, transport_point, transport_voxels
from hemadose.refdata.emissions import emissions


def beta(charge: int, end_kev: float, number: float) -> BetaSpectrum:
    """Give a triangular spectrum."""
    energy = np.array([0.0, 0.4 * end_kev, end_kev])
    return BetaSpectrum(charge=charge, energy_kev=energy, density_per_kev=np.array([0.0, 2.0, 0.0]) * number / end_kev)


# every branch of the device code: conversion electrons, beta particles of both charges, K X-rays, pairs
MIXED = Emissions(
    nuclide="mixed",
    half_life_s=1.0,
    lines=(
        EmissionLine(kind=LineKind.AUGER, energy_kev=4.0, yield_per_decay=1.0),
        EmissionLine(kind=LineKind.CONVERSION, energy_kev=400.0, yield_per_decay=0.7),
        EmissionLine(kind=LineKind.X_RAY, energy_kev=12.0, yield_per_decay=0.3),
        EmissionLine(kind=LineKind.GAMMA, energy_kev=150.0, yield_per_decay=0.6),
        EmissionLine(kind=LineKind.GAMMA, energy_kev=2500.0, yield_per_decay=0.5),
    ),
    betas=tuple(beta(charge, 2200.0, 0.6) for charge in (-1, 1)),
    source="made up",
)
PHOTONS = Emissions(
    nuclide="photons",
    half_life_s=1.0,
    lines=tuple(EmissionLine(kind=LineKind.GAMMA, energy_kev=e, yield_per_decay=0.5) for e in (30.0, 150.0, 2500.0)),
    betas=(),
    source="made up",
)
# more particles than the stack holds
CROWD = Emissions(nuclide="crowd", half_life_s=1.0, lines=(), betas=(beta(-1, 50.0, 120.0),), source="made up")
DECAYS = 400
SHELLS = {
    "medium": medium("water"),
    "emissions": emissions("Lu-177"),
    "decays": DECAYS,
    "seed": 3,
    "batches": 2,
    "radius_cm": np.geomspace(1e-3, 1.0, 13),
}


def geometry() -> VoxelGeometry:
    bone = np.zeros((3, 4, 5), dtype=np.uint8)
    bone[:, 1:, 3:] = 1
    density = np.where(bone == 1, 1.92, 1.0).astype(np.float32)
    density[0, 0] = 0.3
    return VoxelGeometry(
        medium_index=bone,
        density_g_per_ml=density,
        voxel_mm=(2.0, 1.5, 1.0),
        media=(medium("water"), medium("cortical-bone")),
    )


def source() -> np.ndarray:
    return np.arange(60.0).reshape(3, 4, 5) % 7


REGIONS = (np.arange(60, dtype=np.int32) % 4).reshape(3, 4, 5)
# Python rounds the float32 shares of bremsstrahlung that compiled code carries as float64: a few 1e-9
COMPARED = {
    "lutetium": {"emissions": emissions("Lu-177"), "tally": REGIONS, "rtol": 1e-9},
    "mixed": {"emissions": MIXED, "tally": None, "rtol": 1e-8},
    "kerma": {"emissions": PHOTONS, "tally": None, "rtol": 1e-9, "estimator": "kerma"},
}
CASES = {**COMPARED, "crowd": {"emissions": CROWD, "tally": None}}

IN_SIMULATOR = """
import pickle, sys, warnings
warnings.simplefilter("ignore")  # unsigned numbers wrap, as they should
from hemadose.errors import QuantityError
from hemadose.physics.transport import run
from hemadose.physics.transport.cuda import describe_device
assert describe_device() == "CUDA simulator"
with open(sys.argv[1], "rb") as file:
    tables, water, calls = pickle.load(file)
run.transport_tables = lambda media: tables if len(media) == 2 else water
jobs = run._device_jobs
run._device_jobs = lambda device, *rest: jobs("cuda", *rest)
found = []
for function, call in calls:
    try:
        found.append(getattr(run, function)(**call))
    except QuantityError as error:
        found.append(str(error))
with open(sys.argv[2], "wb") as file:
    pickle.dump(found, file)
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deposition | str]:
    """Run all cases in a process of its own: the simulator is chosen when numba is imported."""
    folder: Path = tmp_path_factory.mktemp("simulator")
    calls = [*(("transport_voxels", call(name)) for name in CASES), ("transport_point", SHELLS)]
    media = geometry().media
    tables = [run.transport_tables(media), run.transport_tables(media[:1])]
    (folder / "in.pickle").write_bytes(pickle.dumps((*tables, calls)))
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", IN_SIMULATOR, str(folder / "in.pickle"), str(folder / "out.pickle")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip([*CASES, "shells"], pickle.loads((folder / "out.pickle").read_bytes()), strict=True))


def call(name: str, decays: int = DECAYS) -> dict:
    settings = {"geometry": geometry(), "source": source(), "decays": decays, "seed": 11, "batches": 2}
    chosen = CASES[name]
    return {
        **settings,
        "emissions": chosen["emissions"],
        "tally": chosen["tally"],
        "estimator": chosen.get("estimator", "deposits"),
    }


@pytest.mark.parametrize("name", COMPARED)
def test_simulator_follows_the_same_histories(name, simulated):
    here, there = transport_voxels(**call(name)), simulated[name]
    scale, rtol = here.energy_kev_per_decay.max(), CASES[name]["rtol"]
    np.testing.assert_allclose(there.energy_kev_per_decay, here.energy_kev_per_decay, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(there.standard_uncertainty, here.standard_uncertainty, rtol=1e-5, atol=1e-7 * scale)
    assert there.escaped_kev_per_decay == pytest.approx(here.escaped_kev_per_decay, rel=rtol)
    assert there.decays == here.decays == DECAYS


def test_simulator_counts_shells_alike(simulated):
    here, there = transport_point(**SHELLS), simulated["shells"]
    np.testing.assert_allclose(there.energy_kev_per_decay, here.energy_kev_per_decay, rtol=1e-9, atol=1e-9)


def test_another_seed_gives_other_histories(simulated):
    """The agreement above is not one of all runs."""
    other = transport_voxels(**{**call("lutetium"), "seed": 12})
    assert abs(other.deposited_kev_per_decay / simulated["lutetium"].deposited_kev_per_decay - 1.0) > 1e-4


def test_a_full_stack_is_no_silent_loss(simulated):
    assert "stack" in simulated["crowd"]
    assert str(STACK_DEPTH) in simulated["crowd"]


@pytest.mark.skipif(on_cuda.cuda_available(), reason="there is a GPU")
def test_without_a_gpu_the_error_says_what_to_do():
    assert on_cuda.cuda_available() is False
    for attempt in (lambda: transport_voxels(**call("lutetium"), device="cuda"), on_cuda.describe_device):
        with pytest.raises(QuantityError, match=r"no CUDA device.*Remedy: .*cpu.*hemadose\[gpu\]"):
            attempt()


def shared_of(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple:
    """Return what transport would hand to the device."""
    seen = []

    def noted(shared, *, shifts, sums, **_):
        seen.append(shared)
        return (np.zeros(sums + 1) for _ in shifts)

    monkeypatch.setattr(on_cuda, "batch_sums", noted)
    transport_voxels(**call(name), device="cuda")
    return seen[0]


def test_kernels_compile_for_hopper(monkeypatch):
    """To PTX for compute capability 9.0: needs NVIDIA's compiler library, but no GPU."""
    pathfinder = pytest.importorskip("cuda.pathfinder")
    from numba import cuda, float64, int64, typeof, uint64

    try:
        for library in ("nvvm", "nvrtc"):
            pathfinder.load_nvidia_dynamic_lib(library)
    except pathfinder.DynamicLibNotFoundError:
        pytest.skip("NVIDIA's compiler libraries are not installed")
    hopper = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: hopper)
    arrays = float64[:, ::1], float64[::1], int64[::1]
    numbers = uint64, int64, int64, float64
    shared = tuple(typeof(part) for part in shared_of("mixed", monkeypatch))
    options = {"cc": (9, 0), "device": False, "abi": "numba"}
    run_ptx, _ = cuda.compile(on_cuda.batch_function(), (*shared, *numbers, arrays[0], arrays[2]), **options)
    fold_ptx, _ = cuda.compile(on_cuda.fold_function, arrays[:2], **options)
    assert ".target sm_90" in run_ptx
    assert "atom.add.f64" in run_ptx or "red.add.f64" in run_ptx or "atom.global.add.f64" in run_ptx
    assert ".entry" in fold_ptx


@pytest.mark.skipif(not on_cuda.cuda_available(), reason="no GPU")
@pytest.mark.parametrize("name", COMPARED)
def test_gpu_follows_the_same_histories(name):
    """Rounding turns a rare decision: a history in many thousand goes another way."""
    settings = call(name, decays=1_000_000)
    here, there = transport_voxels(**settings), transport_voxels(**settings, device="cuda")
    assert there.deposited_kev_per_decay == pytest.approx(here.deposited_kev_per_decay, rel=1e-5)
    assert there.escaped_kev_per_decay == pytest.approx(here.escaped_kev_per_decay, rel=1e-5)
    apart = np.abs(there.energy_kev_per_decay - here.energy_kev_per_decay)
    assert np.all(apart <= 0.05 * here.standard_uncertainty + 1e-9 * here.energy_kev_per_decay)
    assert on_cuda.describe_device()
