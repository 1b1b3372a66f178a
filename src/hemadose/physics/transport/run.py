"""Energy deposited per decay, with its statistical uncertainty, in voxels, regions or shells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions
from hemadose.physics.matter.media import Medium
from hemadose.physics.transport.decay import Limits, Source, alias_table, emitted
from hemadose.physics.transport.tables import ABSORPTION, ATTENUATION, Tables, transport_tables
from hemadose.physics.transport.world import World

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

DEFAULT_LIMITS = Limits(electron_kev=10.0, photon_kev=2.0, step_loss=0.15)
CM_PER_MM = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelGeometry:
    """Matter in voxels.

    Attributes
    ----------
    medium_index : array (slice, row, column) of uint8
        Which of `media` fills a voxel.
    density_g_per_ml : array of the same shape
        Density, above 0 everywhere.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    media : tuple of Medium
        What there is.
    periodic : bool
        The box repeats itself without end.
    """

    medium_index: npt.NDArray[np.uint8]
    density_g_per_ml: npt.NDArray[np.float32]
    voxel_mm: tuple[float, float, float]
    media: tuple[Medium, ...]
    periodic: bool = False

    def __post_init__(self) -> None:
        """Check that every voxel can be traversed."""
        if self.medium_index.ndim != 3 or self.medium_index.shape != self.density_g_per_ml.shape:
            raise QuantityError(
                "medium and density must be given for the same voxels",
                value=f"{self.medium_index.shape} and {self.density_g_per_ml.shape}",
                expected="(slice, row, column)",
            )
        if int(self.medium_index.max()) >= len(self.media):
            raise QuantityError(
                "a voxel has no medium", value=f"index {int(self.medium_index.max())}", expected=f"< {len(self.media)}"
            )
        density = self.density_g_per_ml
        if not (np.all(np.isfinite(density)) and float(density.min()) > 0.0):
            bad = int(np.count_nonzero(~(density > 0.0)))
            raise QuantityError(
                "a voxel without matter cannot be traversed: give air its 0.0012 g/ml",
                field="density_g_per_ml",
                value=f"{bad} voxels of zero, negative or no density",
                expected="> 0",
            )
        if float(density.max()) > 25.0:
            raise QuantityError("implausible density", value=f"{float(density.max()):g} g/ml", expected="<= 25")
        if not all(0.0 < side < 1e6 for side in self.voxel_mm):
            raise QuantityError("voxels need a size", field="voxel_mm", value=str(self.voxel_mm))

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.voxel_mm)) / 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposition:
    """Energy deposited per decay.

    Attributes
    ----------
    energy_kev_per_decay : array
        By voxel (slice, row, column), by tally index, or by shell.
    standard_uncertainty : array of the same shape
        Of the mean over batches, in keV per decay.
    escaped_kev_per_decay : float
        What left the box.
    decays, batches, seed : int
        How it was made.
    by_batch : array (batches, ...) or None
        Mean of each batch, where asked for.
    """

    energy_kev_per_decay: Array
    standard_uncertainty: Array
    escaped_kev_per_decay: float
    decays: int
    batches: int
    seed: int
    by_batch: Array | None = None

    @property
    def deposited_kev_per_decay(self) -> float:
        """Sum of all deposits."""
        return float(self.energy_kev_per_decay.sum())


def transport_voxels(
    *,
    geometry: VoxelGeometry,
    source: npt.NDArray[np.floating[Any]],
    emissions: Emissions,
    decays: int,
    seed: int,
    tally: npt.NDArray[np.int32] | None = None,
    batches: int = 32,
    threads: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    keep_batches: bool = False,
    progress: Progress | None = None,
    device: str = "cpu",
    estimator: str = "deposits",
    absorption: Mapping[int, Array] | None = None,
    each_batch: Callable[[Array], Array] | None = None,
) -> Deposition:
    """Follow decays spread over voxels.

    Parameters
    ----------
    geometry : VoxelGeometry
        Matter.
    source : array (slice, row, column)
        Activity of the voxels on any scale.
    emissions : Emissions
        What a decay emits.
    decays : int
        Number to follow.
    seed : int
        The same seed gives the same answer, whatever the number of threads.
    tally : array (slice, row, column) of int32, optional
        Index (from 0) of the region that a voxel counts for; every voxel for itself if not given.
    batches : int
        Parts whose scatter gives the uncertainty.
    threads : int, optional
        All cores if not given.
    limits : Limits
        Where following ends.
    keep_batches : bool
        Keep the means of the batches.
    progress : callable, optional
        Told (batches done, batches in all).
    device : str
        ``"cpu"`` or ``"cuda"``.
    estimator : str
        ``"deposits"``: energy counts where it is given. ``"kerma"``: photons alone, the energy expected along their
        ways, electrons not followed (see `variants`); energy balance then holds within the statistics only.
    absorption : Mapping of index of a medium to array (energies,), optional
        With ``"kerma"``: what counts in a medium instead of its own mu_en / rho (cm2/g), at the energies of
        `tables.energy_grid`; photons go on as before.
    each_batch : callable, optional
        Gets the energies per decay of a batch (n,), in the order of the voxels or tally indices, and gives what shall
        be taken in their place; mean, uncertainty and `by_batch` are then those of its answers.

    Raises
    ------
    QuantityError
        If the source is empty, negative, of another shape, electrons are emitted where only photons can be counted, or
        the numbers make no sense.
    """
    shape = geometry.medium_index.shape
    weights = np.asarray(source, dtype=np.float64)
    if weights.shape != shape:
        raise QuantityError("the source must cover the geometry", value=str(weights.shape), expected=str(shape))
    if not (np.all(np.isfinite(weights)) and float(weights.min()) >= 0.0):
        raise QuantityError("the activity of a voxel cannot be negative or missing", field="source")
    if estimator not in ("deposits", "kerma"):
        raise QuantityError("no such estimator", field="estimator", value=estimator, expected="deposits or kerma")
    if estimator == "kerma":
        limits = _photons_alone(emissions, limits)
    elif absorption:
        raise QuantityError("only kerma can count another absorption", field="estimator", value=estimator)
    cells = np.flatnonzero(weights)
    if cells.size == 0:
        raise QuantityError("the source is empty: no voxel holds activity", field="source")
    if tally is not None and (tally.shape != shape or int(tally.min()) < 0):
        raise QuantityError("every voxel needs a tally index from 0", field="tally", value=str(tally.shape))
    material, medium, density, sums = _materials(geometry, tally)
    world = World(
        shape=(shape[2], shape[1], shape[0]),
        size_cm=tuple(side * CM_PER_MM for side in geometry.voxel_mm[::-1]),  # type: ignore[arg-type]
        material=material,
        medium=medium,
        density=density,
        tally=sums,
        periodic=int(geometry.periodic),
        resolution_cm=1e30,
        radial=0,
        centre_cm=(0.0, 0.0, 0.0),
        bins_per_e=0.0,
        first_log_cm=0.0,
    )
    place = Source(
        cells=cells.astype(np.int64), alias=alias_table(weights.ravel()[cells]), at_point=0, point_cm=(0.0, 0.0, 0.0)
    )
    found = _batched(
        world,
        geometry.media,
        place,
        emissions,
        sums=weights.size if tally is None else int(tally.max()) + 1,
        decays=decays,
        seed=seed,
        batches=batches,
        threads=threads,
        limits=limits,
        keep=keep_batches,
        progress=progress,
        device=device,
        estimator=estimator,
        absorption=absorption,
        each_batch=each_batch,
    )
    return found if tally is not None else _shaped(found, shape)


def transport_point(
    *,
    medium: Medium,
    emissions: Emissions,
    decays: int,
    seed: int,
    radius_cm: Array,
    batches: int = 32,
    threads: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Deposition:
    """Follow decays at a point of an unbounded medium; deposits are counted in spherical shells.

    Parameters
    ----------
    radius_cm : array (n,)
        Outer radii of the first n shells, even in their logarithm; what lies beyond counts as escaped.
    medium, emissions, decays, seed, batches, threads, limits, progress
        As in `transport_voxels`; the medium has its own density.
    """
    step = np.diff(np.log(radius_cm))
    if radius_cm.size < 2 or not np.allclose(step, step[0], rtol=1e-6):
        raise QuantityError("the radii of shells must be even in their logarithm", field="radius_cm")
    half = 20.0 * float(radius_cm[-1])
    world = World(
        shape=(1, 1, 1),
        size_cm=(2.0 * half, 2.0 * half, 2.0 * half),
        material=np.zeros(1, dtype=np.uint16),
        medium=np.zeros(1, dtype=np.int64),
        density=np.full(1, medium.density_g_per_ml),
        tally=np.zeros(1, dtype=np.int64),
        periodic=0,
        resolution_cm=float(radius_cm[0]),
        radial=1,
        centre_cm=(half, half, half),
        bins_per_e=1.0 / float(step[0]),
        first_log_cm=float(np.log(radius_cm[0])),
    )
    place = Source(
        cells=np.zeros(1, dtype=np.int64), alias=alias_table(np.ones(1)), at_point=1, point_cm=(half, half, half)
    )
    return _batched(
        world,
        (medium,),
        place,
        emissions,
        sums=radius_cm.size,
        decays=decays,
        seed=seed,
        batches=batches,
        threads=threads,
        limits=limits,
        keep=True,
        progress=progress,
        device="cpu",
    )


def _photons_alone(emissions: Emissions, limits: Limits) -> Limits:
    """Limits under which no electron is followed."""
    if emissions.betas or any(x.kind.is_electron for x in emissions.lines):
        raise QuantityError(
            f"{emissions.nuclide} emits electrons, and kerma counts photons alone",
            field="estimator",
            value="kerma",
            expected="emissions of photons only",
            remedy="give the photons of the nuclide, or count deposits",
        )
    return limits._replace(electron_kev=1e9)


def _materials(
    geometry: VoxelGeometry, tally: npt.NDArray[np.int32] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], Array, npt.NDArray[np.int64]]:
    """Distinct triples of medium, density (to 0.05 %) and tally, and which of them each voxel is made of."""
    step = 1e-3
    level = np.rint(np.log(geometry.density_g_per_ml.ravel()) / step).astype(np.int64)
    level -= level.min()
    key = level * len(geometry.media) + geometry.medium_index.ravel()
    if tally is not None:
        key = key * (int(tally.max()) + 1) + tally.ravel()
    inverse, count = _ranked(key)
    flat = geometry.density_g_per_ml.ravel().astype(np.float64)
    density = np.bincount(inverse, weights=flat) / count
    first = np.zeros(count.size, dtype=np.int64)
    first[inverse] = np.arange(inverse.size)
    medium = geometry.medium_index.ravel()[first].astype(np.int64)
    region = np.full(count.size, -1, dtype=np.int64) if tally is None else tally.ravel()[first].astype(np.int64)
    return inverse.astype(np.uint16 if count.size <= 65536 else np.uint32), medium, density, region


def _ranked(key: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rank of each key among the distinct ones, and how often each occurs; without sorting where that is possible."""
    span = int(key.max()) + 1
    if span > 50_000_000:
        _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
        return inverse.ravel(), count
    often = np.bincount(key, minlength=span)
    rank = np.cumsum(often > 0) - 1
    return rank[key], often[often > 0]


def _shaped(found: Deposition, shape: tuple[int, ...]) -> Deposition:
    by_batch = None if found.by_batch is None else found.by_batch.reshape(found.batches, *shape)
    return Deposition(
        energy_kev_per_decay=found.energy_kev_per_decay.reshape(shape),
        standard_uncertainty=found.standard_uncertainty.reshape(shape),
        escaped_kev_per_decay=found.escaped_kev_per_decay,
        decays=found.decays,
        batches=found.batches,
        seed=found.seed,
        by_batch=by_batch,
    )


def majorant(world: World, tables: Tables) -> Array:
    """Largest attenuation coefficient (1/cm) of any voxel, at each energy of the grid."""
    densest = np.zeros(tables.photon.shape[0])
    np.maximum.at(densest, world.medium, world.density)
    return np.asarray((tables.photon[:, :, ATTENUATION] * densest[:, None]).max(axis=0) * 1.0000001)


def _batched(
    world: World,
    media: tuple[Medium, ...],
    source: Source,
    emissions: Emissions,
    *,
    sums: int,
    decays: int,
    seed: int,
    batches: int,
    threads: int | None,
    limits: Limits,
    keep: bool,
    progress: Progress | None,
    device: str,
    estimator: str = "deposits",
    absorption: Mapping[int, Array] | None = None,
    each_batch: Callable[[Array], Array] | None = None,
) -> Deposition:
    if batches < 2 or decays < batches:
        raise QuantityError(
            "decays must fill at least two batches",
            value=f"{decays} decays, {batches} batches",
            expected=">= 2 batches",
        )
    if not (5.0 <= limits.electron_kev <= 1000.0 or estimator == "kerma") or not 1.0 <= limits.photon_kev <= 1000.0:
        raise QuantityError("cut-off energies outside the data", value=str(limits), expected="5-1000 and 1-1000 keV")
    if not 0 <= seed < 2**63:
        raise QuantityError("a seed is not negative", field="seed", value=str(seed), expected="0 to 2^63 - 1")
    if threads is not None and threads < 1:
        raise QuantityError("at least one thread is needed", field="threads", value=str(threads), expected=">= 1")
    if not 0.005 <= limits.step_loss <= 0.3:
        raise QuantityError("steps must lose a sensible share of the energy", value=str(limits), expected="0.005-0.3")
    tables = transport_tables(media)
    for index, values in (absorption or {}).items():
        tables.photon[index, :, ABSORPTION] = values
    per_batch = decays // batches
    shifts = np.random.default_rng([seed, 1]).random(batches)
    shared = (world, tables, limits, majorant(world, tables), source, emitted(emissions, limits=limits))
    total, squares = np.zeros(sums + 1), np.zeros(sums + 1)
    kept = []
    jobs = _device_jobs(device, shared, seed, per_batch, shifts, sums, threads, estimator)
    for done, result in enumerate(jobs, start=1):
        mean = result / per_batch
        if each_batch is not None:
            mean[:-1] = each_batch(mean[:-1])
        total += mean
        squares += mean * mean
        if keep:
            kept.append(mean[:-1])
        if progress is not None:
            progress(done, batches)
    mean = total / batches
    variance = np.maximum(squares / batches - mean * mean, 0.0) / (batches - 1)
    return Deposition(
        energy_kev_per_decay=mean[:-1],
        standard_uncertainty=np.sqrt(variance[:-1]),
        escaped_kev_per_decay=float(mean[-1]),
        decays=per_batch * batches,
        batches=batches,
        seed=seed,
        by_batch=np.asarray(kept) if keep else None,
    )


def _device_jobs(
    device: str,
    shared: tuple[Any, ...],
    seed: int,
    per_batch: int,
    shifts: Array,
    sums: int,
    threads: int | None,
    estimator: str,
) -> Iterator[Array]:
    """Sums of one batch after another, in their order."""
    if device == "cuda":
        from hemadose.physics.transport.cuda import batch_sums

        yield from batch_sums(shared, seed=seed, per_batch=per_batch, shifts=shifts, sums=sums, estimator=estimator)
        return
    if device != "cpu":
        raise QuantityError("no such device", field="device", value=device, expected="cpu or cuda")
    from hemadose.physics.transport.cpu import batch_function

    run_batch = batch_function(estimator)
    workers = threads or os.cpu_count() or 1

    def job(batch: int) -> Array:
        result = np.zeros(sums + 1)
        run_batch(*shared, np.uint64(seed), batch * per_batch, per_batch, float(shifts[batch]), result)
        return result

    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[Array]] = []
        try:
            for batch in range(shifts.size):
                waiting.append(pool.submit(job, batch))
                if len(waiting) > workers:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
