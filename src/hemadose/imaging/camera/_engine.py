"""The projector on volumes in blocks of slices and planes (views, bins, slices): what iterations work on.

Tasks are independent of each other and of the number of threads, and partial sums are added in a fixed order, so that
results agree to the last bit whatever the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hemadose.imaging.camera._lattice import Lattice, Mask, Volume, crop, overlap

LANES = 32
"""Slices that are projected together (as the kernels have it)."""
VIEWS_AT_ONCE = 16
"""Views whose planes are held in memory together."""
GROUPS = 2
"""Parts that the views of a batch are divided into for backprojection, whatever the number of threads."""


def run(task: Callable[..., None], arguments: Iterable[tuple[int, ...]], threads: int) -> None:
    """Do independent tasks on several threads; their order does not matter."""
    if threads == 1:
        for argument in arguments:
            task(*argument)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(task, *argument) for argument in arguments]:
            done.result()


def batches(views: Sequence[int]) -> list[list[int]]:
    """Views in batches whose planes fit into memory."""
    return [list(views[i : i + VIEWS_AT_ONCE]) for i in range(0, len(views), VIEWS_AT_ONCE)]


def to_blocks(volume: Volume, rows: slice, columns: slice) -> Volume:
    """Cut a volume (slices, rows, columns) and bring it into blocks (block, row, column, lane)."""
    cut = crop(volume, rows, columns)
    blocks = -(-cut.shape[0] // LANES)
    whole = np.zeros((blocks * LANES, *cut.shape[1:]), dtype=np.float32)
    whole[: cut.shape[0]] = cut
    return np.ascontiguousarray(whole.reshape(blocks, LANES, *cut.shape[1:]).transpose(0, 2, 3, 1))


class Scratch:
    """Arrays to write on, used again instead of being allocated: their pages cost more than the work done on them."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, ...], list[Volume]] = {}

    def take(self, *shape: int) -> Volume:
        """Give an array with any content."""
        free = self._free.setdefault(shape, [])
        try:
            return free.pop()
        except IndexError:
            return np.empty(shape, dtype=np.float32)

    def give(self, *arrays: Volume) -> None:
        """Take arrays back."""
        for array in arrays:
            self._free[array.shape].append(array)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Forward and backprojection of blocks.

    Attributes
    ----------
    lattice : Lattice
        The samples.
    passed : array (blocks, samples, lanes) of uint16
        Transmission of each sample, 65535 for all.
    slices, bins : int
        Of the detector.
    support : array of bool (slices, rows, columns)
        Where activity may be.
    threads : int
        How many work at once.
    scratch : Scratch
        Of this engine.
    """

    lattice: Lattice
    passed: npt.NDArray[np.uint16]
    slices: int
    bins: int
    support: Mask
    threads: int
    scratch: Scratch = field(default_factory=Scratch)

    def empty(self) -> Volume:
        """Give an empty volume in blocks."""
        rows, columns = self.lattice.rows, self.lattice.columns
        return np.zeros(
            (len(self.passed), rows.stop - rows.start, columns.stop - columns.start, LANES), dtype=np.float32
        )

    def load(self, volume: npt.ArrayLike) -> Volume:
        """Bring a volume into blocks, emptied outside the support."""
        kept = np.where(self.support, volume, 0.0).astype(np.float32)
        return to_blocks(kept, self.lattice.rows, self.lattice.columns)

    def unload(self, blocks: Volume) -> Volume:
        """Bring blocks back to the grid, zero outside the support."""
        whole = np.zeros(self.support.shape, dtype=np.float32)
        _, rows, columns = self.support.shape
        r, inner_r = overlap(self.lattice.rows, rows)
        c, inner_c = overlap(self.lattice.columns, columns)
        cut = blocks[:, inner_r, inner_c]
        whole[:, r, c] = cut.transpose(0, 3, 1, 2).reshape(-1, *cut.shape[1:3])[: self.slices]
        whole *= self.support
        return whole

    def forward(self, blocks: Volume, views: Sequence[int]) -> Volume:
        """Project blocks: planes (views, bins, slices)."""
        from hemadose.imaging.camera import _projector_kernels as kernels

        g = self.lattice
        seen = np.empty((len(views), self.bins, self.slices), dtype=np.float32)

        def project(i: int) -> None:
            v = views[i]
            planes, line, total, work = self._work_arrays()
            kernels.gather(
                blocks, self.passed, g.offset[v], g.geometry[v], g.low, g.first[v], g.last[v], g.base[v], g.stage[v],
                g.share[v], line, planes,
            )  # fmt: skip
            kernels.collapse(
                planes, g.low, g.margin, g.taps, g.last_along[v], g.last_across[v], total, work, seen[i]
            )  # fmt: skip
            self.scratch.give(planes, line, total, work)

        run(project, ((i,) for i in range(len(views))), self.threads)
        return seen

    def back(self, seen: Volume, views: Sequence[int], blocks: Volume) -> None:
        """Add the backprojection of planes (views, bins, slices) to blocks."""
        from hemadose.imaging.camera import _projector_kernels as kernels

        g = self.lattice
        stages: list[Volume] = [self._planes() for _ in views]
        parts = [blocks, *(self.scratch.take(*blocks.shape) for _ in range(min(GROUPS, len(views)) - 1))]
        for other in parts[1:]:
            other[:] = 0.0

        def expand(i: int) -> None:
            v = views[i]
            line, total, work = self._work_arrays(planes=False)
            kernels.expand(
                seen[i], g.low, g.margin, g.taps, g.last_along[v], g.last_across[v], total, work, stages[i]
            )  # fmt: skip
            self.scratch.give(line, total, work)

        def scatter(part: int, block: int) -> None:
            line, row = self.scratch.take(g.stages, LANES), self.scratch.take(LANES)
            for i in range(part, len(views), len(parts)):
                v = views[i]
                kernels.scatter(
                    stages[i], block, self.passed, g.offset[v], g.geometry[v], g.low, g.first[v], g.last[v], g.base[v],
                    g.stage[v], g.share[v], line, row, parts[part][block],
                )  # fmt: skip
            self.scratch.give(line, row)

        run(expand, ((i,) for i in range(len(views))), self.threads)
        run(scatter, ((p, b) for p in range(len(parts)) for b in range(len(blocks))), self.threads)
        for other in parts[1:]:
            blocks += other
        self.scratch.give(*stages, *parts[1:])

    def _planes(self) -> Volume:
        return self.scratch.take(self.lattice.stages, self.lattice.first.shape[1], len(self.passed) * LANES)

    def _work_arrays(self, *, planes: bool = True) -> list[Volume]:
        """Planes of all stages, a line of them, and two planes with their margin."""
        bins, slices = self.lattice.margin
        shape = (self.lattice.first.shape[1] + 2 * bins, self.slices + 2 * slices)
        rest = [self.scratch.take(self.lattice.stages, LANES), *(self.scratch.take(*shape) for _ in range(2))]
        return [self._planes(), *rest] if planes else rest


def transmission(
    mu_per_cm: Volume | None, *, step_mm: float, lattice: Lattice, slices: int, threads: int
) -> npt.NDArray[np.uint16]:
    """Transmission of every sample in 16 bits, (blocks, samples, lanes)."""
    from hemadose.imaging.camera import _projector_kernels as kernels

    count, samples = -(-slices // LANES), int(lattice.offset[-1])
    if mu_per_cm is None:
        return np.full((count, samples, LANES), 65535, dtype=np.uint16)
    rows, columns = slice(-1, mu_per_cm.shape[1] + 1), slice(-1, mu_per_cm.shape[2] + 1)
    steps = to_blocks(mu_per_cm * np.float32(step_mm / 10.0), rows, columns)
    geometry = lattice.geometry.copy()
    geometry[:, :2] += [lattice.rows.start + 1, lattice.columns.start + 1]
    passed = np.empty((count, samples, LANES), dtype=np.uint16)
    depths = lattice.stage.shape[1]

    def follow(view: int, block: int) -> None:
        kernels.transmit(
            steps[block], geometry[view], lattice.low, depths, lattice.first[view], lattice.last[view],
            lattice.base[view], *np.empty((2, LANES), dtype=np.float32),
            passed[block, lattice.offset[view] : lattice.offset[view + 1]],
        )  # fmt: skip

    run(follow, ((v, b) for v in range(len(geometry)) for b in range(count)), threads)
    return passed
