"""The device code on a CUDA device: one batch of decays a launch, every thread its own decays one after another.

Histories carry the same numbers as on the processor and draw the same random numbers. Sums differ by the order of
adding, and by a last digit of a logarithm that in a rare history turns a decision.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.transport.decay import STACK_DEPTH
from hemadose.physics.transport.device import device
from hemadose.physics.transport.variants import decay_of
from hemadose.physics.transport.world import shell

try:
    from numba import cuda, float64, uint64
except ImportError:  # numba without its CUDA target
    cuda = None

Array = npt.NDArray[np.float64]

_UNTOUCHED = 7.0
"""Never a kind of particle: where it still stands in the last row, the stack has never been full."""
_MOST_SUMS = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a batch is spread over the device.

    Attributes
    ----------
    threads : int
        Threads of a block.
    blocks : int
        Blocks for each multiprocessor; more than fit at once even out long and short histories.
    registers : int or None
        Most registers of a thread; fewer let more threads run at once, too few spill into memory.
    """

    threads: int = 128
    blocks: int = 16
    registers: int | None = 128


def cuda_available() -> bool:
    """Whether a CUDA device, its driver and the compiler for it are there (or numba's simulator is on)."""
    return _obstacle() is None


def describe_device() -> str:
    """Name the CUDA device in use, with its compute capability, multiprocessors and memory.

    Raises
    ------
    QuantityError
        If there is none.
    """
    _require_device()
    if _simulated():
        return "CUDA simulator"
    found = cuda.get_current_device()
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    major, minor = found.compute_capability
    memory = cuda.current_context().get_memory_info().total / 2**30
    return f"{name}, compute capability {major}.{minor}, {_multiprocessors()} multiprocessors, {memory:.0f} GiB"


def batch_sums(
    shared: tuple[Any, ...],
    *,
    seed: int,
    per_batch: int,
    shifts: Array,
    sums: int,
    estimator: str = "deposits",
    launch: Launch | None = None,
) -> Iterator[Array]:
    """Sums of one batch after another, in their order.

    Parameters
    ----------
    shared : tuple
        World, tables, limits, majorant, source and emission.
    seed : int
        Of the streams; decay i draws the same numbers as on the processor.
    per_batch : int
        Decays of a batch; batch b runs b * per_batch up to (b + 1) * per_batch - 1.
    shifts : array (batches,)
        Start of the sequence of beta energies in each batch.
    sums : int
        Number of sums; one more, the last, takes what leaves.
    estimator : str
        One of `variants.ESTIMATORS`.
    launch : Launch, optional
        How batches are spread over the device.

    Yields
    ------
    array (sums + 1,)
        Energy in keV.

    Raises
    ------
    QuantityError
        If there is no CUDA device, or a decay has more particles in flight than the stack holds.
    """
    _require_device()
    launch = launch or Launch()
    kernel, fold = _kernels(launch.registers, estimator)
    blocks = launch.blocks * _multiprocessors()
    grid = (blocks, launch.threads)
    there = _to_device(shared)
    copies = max(1, min(blocks, _MOST_SUMS // (sums + 1)))
    lanes = [_Lane(copies, sums + 1) for _ in range(min(2, shifts.size))]
    for batch in range(shifts.size + 1):
        if batch < shifts.size:
            lane = lanes[batch % 2]
            numbers = (np.uint64(seed), batch * per_batch, per_batch, float(shifts[batch]))
            kernel[(*grid, lane.stream)](*there, *numbers, lane.copies, lane.full)
            fold[(*grid, lane.stream)](lane.copies, lane.total)
        if batch > 0:
            yield lanes[(batch - 1) % 2].read()


class _Lane:
    """Sums on the device of a batch on its way; a second one is filled while the first is read.

    Threads of different blocks add to different copies of the sums, as long as these are few: a hundred regions
    would otherwise make a hundred thousand threads wait for each other.
    """

    def __init__(self, copies: int, sums: int) -> None:
        self.stream = cuda.stream()
        self.copies = cuda.to_device(np.zeros((copies, sums)))
        self.total = cuda.to_device(np.zeros(sums))
        self.full = cuda.to_device(np.zeros(1, dtype=np.int64))

    def read(self) -> Array:
        total, full = self.total.copy_to_host(stream=self.stream), self.full.copy_to_host(stream=self.stream)
        self.stream.synchronize()
        if full[0]:
            raise QuantityError(
                "more particles of one decay wait than the stack holds: some may be lost",
                value=f"in {int(full[0])} threads",
                expected=f"fewer than {STACK_DEPTH} at once",
                remedy="raise STACK_DEPTH in hemadose.physics.transport.decay, and report the nuclide",
            )
        return np.asarray(total)


@device
def add_deposit(world, sums, cell, x, y, z, energy):  # type: ignore[no-untyped-def]
    """Add a deposit to its sum while other threads do the same: `scoring.score`, but indivisible."""
    index = sums.shape[0] - 1
    if cell >= 0:
        if world.radial:
            index = min(shell(world, x, y, z), index)
        else:
            own = world.tally[world.material[cell]]
            index = cell if own < 0 else own
    cuda.atomic.add(sums, index, energy)


@cache
def batch_function(estimator: str = "deposits") -> Any:
    """Make the function, not yet compiled, that every thread runs for one batch."""
    decay = decay_of(estimator, score_by=add_deposit)

    def run(  # type: ignore[no-untyped-def]
        world, tables, limits, majorant, source, emission, seed, first, count, shift, copies, full
    ):
        state = cuda.local.array(2, dtype=uint64)
        stack = cuda.local.array((STACK_DEPTH, 8), dtype=float64)
        stack[STACK_DEPTH - 1, 0] = _UNTOUCHED
        sums = copies[cuda.blockIdx.x % copies.shape[0]]
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            decay(world, tables, limits, majorant, source, emission, seed, first + i, shift, sums, stack, state)
        if stack[STACK_DEPTH - 1, 0] != _UNTOUCHED:
            cuda.atomic.add(full, 0, 1)

    return run


def fold_function(copies, total):  # type: ignore[no-untyped-def]
    """Add the copies of every sum, and clear them for the next batch."""
    for i in range(cuda.grid(1), total.shape[0], cuda.gridsize(1)):
        value = 0.0
        for copy in range(copies.shape[0]):
            value += copies[copy, i]
            copies[copy, i] = 0.0
        total[i] = value


@cache
def _kernels(registers: int | None, estimator: str) -> tuple[Any, Any]:
    options = {} if _simulated() else {"max_registers": registers}
    return cuda.jit(**options)(batch_function(estimator)), cuda.jit(fold_function)


def _to_device(value: Any) -> Any:
    """Copy every array of nested named tuples to the device; numbers stay as they are."""
    if isinstance(value, np.ndarray):
        return cuda.to_device(np.ascontiguousarray(value))
    if isinstance(value, tuple):
        parts = [_to_device(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _simulated() -> bool:
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def _multiprocessors() -> int:
    return 1 if _simulated() else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def _require_device() -> None:
    obstacle = _obstacle()
    if obstacle is not None:
        raise QuantityError(
            f"no CUDA device can be used: {obstacle}",
            field="device",
            value="cuda",
            expected="an NVIDIA GPU with its driver, and numba-cuda with its compiler",
            remedy='choose device "cpu", or install hemadose[gpu] on a machine with an NVIDIA GPU',
        )


@cache
def _obstacle() -> str | None:
    """What stands in the way of a CUDA device, if anything; the compiler is tried on a few lines."""
    if cuda is None:
        return "numba-cuda is not installed"
    if _simulated():
        return None
    if not cuda.is_available():
        return "no GPU or no driver found"
    try:
        cuda.compile_ptx_for_current_device(fold_function, (float64[:, ::1], float64[::1]))
    except (ImportError, OSError, RuntimeError) as error:
        return f"its compiler does not run ({str(error).splitlines()[0]})"
    return None
