"""Voxel kernels and spheres for the command line: point kernels made once, then geometry alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic
from hemadose.io.point_kernels import cache_folder, read_point_kernel, write_point_kernel
from hemadose.io.transport_tables import keep_medium, recall_medium, transport_tables_path
from hemadose.model.emissions import Emissions
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import mono_energetic
from hemadose.physics.kernels import PointKernel, ellipsoid_self_dose, point_kernel, voxel_kernel
from hemadose.physics.matter.media import Medium, medium
from hemadose.physics.transport.run import Progress
from hemadose.physics.transport.tables import tables_are_made
from hemadose.provenance import digest_bytes, digest_parameters
from hemadose.refdata.emissions import emissions
from hemadose.units import GRAM_KG, KEV_J

EMISSIONS = ("all", "beta", "electrons", "photons")
GY_PER_BQ_TO_MGY_PER_MBQ = 1e9
MIN_PARTICLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRequest:
    """What a point kernel is made of.

    Attributes
    ----------
    nuclide : str or None
        Emitter; or one of the two energies instead.
    photon_kev, electron_kev : float or None
        One photon or electron of this energy per decay.
    medium : str
        A medium's name.
    density_g_per_ml : float or None
        Another density than the medium's own.
    which : str
        ``all``, ``beta``, ``electrons`` or ``photons``.
    chain : bool
        With short-lived daughters.
    particles : int
        Electrons and photons to follow.
    seed : int
        Of the random numbers.
    """

    nuclide: str | None = None
    photon_kev: float | None = None
    electron_kev: float | None = None
    medium: str = "soft-tissue"
    density_g_per_ml: float | None = None
    which: str = "all"
    chain: bool = False
    particles: int = 1_000_000
    seed: int = 20261121

    def emitter(self) -> Emissions:
        """Give the emissions asked for.

        Raises
        ------
        InputError
            If none or several emitters are named, or nothing is left of the emissions.
        """
        named = [x for x in (self.nuclide, self.photon_kev, self.electron_kev) if x is not None]
        if len(named) != 1:
            raise InputError("name one emitter", expected="one of --nuclide, --photon-keV, --electron-keV")
        if self.which not in EMISSIONS:
            raise InputError("no such choice", field="--emissions", value=self.which, expected=", ".join(EMISSIONS))
        if self.which != "all" and self.nuclide is None:
            raise InputError(
                "one particle is emitted: there is nothing to choose", field="--emissions", value=self.which
            )
        if self.photon_kev is not None:
            return mono_energetic(Radiation.PHOTON, _energy(self.photon_kev, "--photon-keV"))
        if self.electron_kev is not None:
            return mono_energetic(Radiation.ELECTRON, _energy(self.electron_kev, "--electron-keV"))
        whole = emissions(str(self.nuclide), chain=self.chain)
        if self.which == "all":
            return whole
        lines = tuple(
            x
            for x in whole.lines
            if (x.kind.is_photon if self.which == "photons" else x.kind.is_electron and self.which == "electrons")
        )
        betas = () if self.which == "photons" else whole.betas
        if not lines and not betas:
            raise InputError(f"{whole.nuclide} emits none of these", field="--emissions", value=self.which)
        return replace(whole, lines=lines, betas=betas)

    def matter(self) -> Medium:
        """Give the medium; its own density, at which transport runs."""
        return medium(self.medium)


def _energy(value: float, option: str) -> float:
    if not 10.0 <= value <= 3000.0:
        raise InputError("energy outside the data", field=option, value=f"{value:g} keV", expected="10-3000 keV")
    return value


@cache
def physics_digest() -> str:
    """Digest of the code and data that kernels and absorbed energies depend on."""
    root = Path(__file__).parents[1] / "physics"
    kept = [*(root / "matter").rglob("*"), *(root / "transport").rglob("*")]
    kept += [root / "kernels.py", root / "anatomy_transport.py"]
    files = sorted(p for p in kept if p.suffix in (".py", ".csv"))
    return digest_bytes(b"".join(p.read_bytes() for p in files))


def recall_transport_tables(media: Iterable[Medium]) -> int:
    """Bring the transport tables of media into this process: from the cache, or made and kept there for the next one.

    Transport makes what is missing itself, in about two seconds a medium; calling this first saves that time.

    Parameters
    ----------
    media : iterable of Medium
        Of the geometry to be followed.

    Returns
    -------
    int
        How many had to be made.
    """
    made = 0
    for one in media:
        if tables_are_made(one):
            continue
        path = transport_tables_path({"physics": physics_digest(), "medium": medium_key(one)[1:]})
        if not recall_medium(one, path):
            made += 1
            keep_medium(one, path)
    return made


def medium_key(matter: Medium) -> list[Any]:
    """All that tells one medium from another."""
    return [matter.name, matter.density_g_per_ml, matter.mean_excitation_ev, sorted(matter.mass_fraction.items())]


def line_key(emitter: Emissions) -> list[list[Any]]:
    """Kind, energy and yield of every line."""
    return [[x.kind.value, x.energy_kev, x.yield_per_decay] for x in emitter.lines]


def beta_key(emitter: Emissions) -> list[list[Any]]:
    """Charge and digest of every beta spectrum."""
    return [[b.charge, digest_bytes(b.energy_kev.tobytes() + b.density_per_kev.tobytes())] for b in emitter.betas]


def stored_point_kernel(request: KernelRequest, *, progress: Progress | None = None) -> tuple[PointKernel, bool]:
    """Give the point kernel of a request at its density, and whether it lay on disk already."""
    if request.particles < MIN_PARTICLES:
        raise InputError(
            "too few particles for an uncertainty", field="--particles", value=str(request.particles),
            expected=f">= {MIN_PARTICLES}",
        )  # fmt: skip
    density = request.density_g_per_ml
    if density is not None and not 1e-4 <= density <= 25.0:
        raise InputError("implausible density", field="--density", value=f"{density:g} g/ml", expected="0.0001-25")
    emitter, matter = request.emitter(), request.matter()
    key = {
        "physics": physics_digest(),
        "medium": medium_key(matter),
        "lines": line_key(emitter),
        "betas": beta_key(emitter),
        "particles": request.particles,
        "seed": request.seed,
    }
    path = cache_folder() / "point-kernels" / f"{digest_parameters(key)[:32]}.npz"
    found = read_point_kernel(path)
    reused = found is not None
    if found is None:
        recall_transport_tables((matter,))
        found = point_kernel(
            matter,
            emitter,
            electrons=request.particles,
            photons=request.particles,
            seed=request.seed,
            progress=progress,
        )
        write_point_kernel(found, path)
    if request.density_g_per_ml is not None:
        found = found.at_density(request.density_g_per_ml)
    return found, reused


def kernel_answer(
    request: KernelRequest,
    *,
    voxel_mm: tuple[float, float, float],
    half_width: int,
    npy: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make a voxel kernel: S against offset in mGy/(MBq s), with its energy balance.

    Offsets are (slice, row, column), none negative: the kernel is symmetric in each axis.
    """
    if not 0 <= half_width <= 60:
        raise InputError("kernel of implausible width", field="--half-width", value=str(half_width), expected="0-60")
    if not all(0.05 <= side <= 100.0 for side in voxel_mm):
        raise InputError("implausible voxel", field="--voxel-mm", value=str(voxel_mm), expected="0.05-100 mm")
    point, reused = stored_point_kernel(request, progress=progress)
    kernel = voxel_kernel(point, voxel_mm=voxel_mm, half_width=(half_width, half_width, half_width))
    centre = half_width
    s = kernel.s_gy_per_bq_s[centre:, centre:, centre:] * GY_PER_BQ_TO_MGY_PER_MBQ
    sd = kernel.relative_uncertainty[centre:, centre:, centre:]
    if npy is not None:
        write_bytes_atomic(npy, _npy(kernel.s_gy_per_bq_s))
    inside = float(kernel.s_gy_per_bq_s.sum()) * point.density_g_per_ml * float(np.prod(voxel_mm)) * 1e-6 / KEV_J
    return {
        "nuclide": point.nuclide,
        "emissions": request.which,
        "medium": point.medium,
        "density_g_per_ml": point.density_g_per_ml,
        "voxel_mm": list(voxel_mm),
        "offset_order": "slice, row, column; symmetric in each axis",
        "values": [
            {"offset": [i, j, k], "s_mGy_per_MBq_s": float(s[i, j, k]), "rel_sd": float(sd[i, j, k])}
            for i, j, k in product(range(half_width + 1), repeat=3)
        ],
        "energy_keV_per_decay": {
            "emitted": kernel.emitted_kev,
            "inside_kernel": inside,
            "beyond_kernel": kernel.outside_kev,
        },
        "method": _method(point, request),
        "reused": reused,
        "written": None if npy is None else str(npy),
        "notes": [
            "unbounded uniform medium: across lung or bone, follow decays in the real geometry instead",
            "rel_sd is statistical, one standard deviation; physics and cross sections add about 0.3 % near the source",
        ],
    }


def sphere_answer(
    request: KernelRequest,
    *,
    masses_g: tuple[float, ...],
    axis_ratio: tuple[float, float, float] = (1.0, 1.0, 1.0),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Give the self-dose of spheres or ellipsoids of given masses."""
    if not masses_g:
        raise InputError("a mass is needed", field="--mass-g", expected="e.g. --mass-g 10")
    point, reused = stored_point_kernel(request, progress=progress)
    rows = []
    for mass in masses_g:
        one = ellipsoid_self_dose(point, mass_kg=mass * GRAM_KG, axis_ratio=axis_ratio)
        s = one.s_gy_per_bq_s * GY_PER_BQ_TO_MGY_PER_MBQ
        rows.append(
            {
                "mass_g": mass,
                "semi_axes_cm": [float(a) for a in one.semi_axes_cm],
                "phi_electrons": one.electron_fraction,
                "phi_photons": one.photon_fraction,
                "s_mGy_per_MBq_s": s,
                "rel_sd": one.relative_uncertainty,
                "dose_mGy_per_MBq_h": s * 3600.0,
            }
        )
    return {
        "nuclide": point.nuclide,
        "medium": point.medium,
        "density_g_per_ml": point.density_g_per_ml,
        "spheres": rows,
        "method": _method(point, request),
        "reused": reused,
        "notes": ["activity uniform in the region, surroundings of the same medium without end and without activity"],
    }


def _method(point: PointKernel, request: KernelRequest) -> str:
    return (
        f"Monte Carlo point kernel ({point.electron_decays} decays for electrons, {point.photon_decays} for photons, "
        f"seed {request.seed}), then exact geometry"
    )


def _npy(values: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()
