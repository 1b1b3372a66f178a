"""`hemadose kernel` and `hemadose sphere`: dose from one voxel to its neighbours, and inside a sphere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
NuclideOption = Annotated[str | None, typer.Option(help="E.g. Y-90: any nuclide of ICRP Publication 107.")]
PhotonOption = Annotated[
    float | None, typer.Option("--photon-keV", help="One photon of this energy per decay instead.")
]
ElectronOption = Annotated[
    float | None, typer.Option("--electron-keV", help="One electron of this energy per decay instead.")
]
MediumOption = Annotated[str, typer.Option(help="E.g. soft-tissue, water, lung, cortical-bone, adipose, red-marrow.")]
DensityOption = Annotated[float | None, typer.Option(help="g/ml, if not the medium's own.")]
EmissionsOption = Annotated[str, typer.Option(help="all, beta, electrons or photons.")]
ChainOption = Annotated[bool, typer.Option("--chain", help="With the daughters that live shorter than the nuclide.")]
ParticlesOption = Annotated[int, typer.Option(help="Electrons, and photons, to follow for the point kernel.")]
SeedOption = Annotated[int, typer.Option(help="Of the random numbers.")]

_SHOWN = 4


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("kernel")(kernel)
    app.command("sphere")(sphere)


def kernel(
    nuclide: NuclideOption = None,
    photon_kev: PhotonOption = None,
    electron_kev: ElectronOption = None,
    voxel_mm: Annotated[list[float] | None, typer.Option(help="Side; or three times: slice, row, column.")] = None,
    half_width: Annotated[int, typer.Option(help="Voxels on each side of the source voxel.")] = 6,
    medium: MediumOption = "soft-tissue",
    density: DensityOption = None,
    emissions: EmissionsOption = "all",
    chain: ChainOption = False,
    particles: ParticlesOption = 1_000_000,
    seed: SeedOption = 20261121,
    npy: Annotated[Path | None, typer.Option(help="Write the whole kernel, Gy/(Bq s), to this NumPy file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute a voxel S kernel of any nuclide, voxel size, medium and density."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.errors import InputError
    from hemadose.workflow.kernels import KernelRequest, kernel_answer

    sides = tuple(voxel_mm or ())
    if len(sides) not in (1, 3):
        raise InputError(
            "one side or three are needed", field="--voxel-mm", value=str(list(sides)), expected="e.g. 4.42"
        )
    size = (sides[0], sides[0], sides[0]) if len(sides) == 1 else (sides[0], sides[1], sides[2])
    request = KernelRequest(
        nuclide=nuclide,
        photon_kev=photon_kev,
        electron_kev=electron_kev,
        medium=medium,
        density_g_per_ml=density,
        which=emissions,
        chain=chain,
        particles=particles,
        seed=seed,
    )
    with followed("Following decays", quiet=as_json) as progress:
        answer = kernel_answer(request, voxel_mm=size, half_width=half_width, npy=npy, progress=progress)
    if as_json:
        print_json(answer)
        return
    rows = [
        {
            "offset": " ".join(str(i) for i in v["offset"]),
            "S mGy/(MBq s)": v["s_mGy_per_MBq_s"],
            "± %": round(100.0 * v["rel_sd"], 2),
        }
        for v in answer["values"]
        if v["offset"] == sorted(v["offset"]) and max(v["offset"]) < _SHOWN
    ]
    print_table(f"Voxel kernel of {answer['nuclide']} in {answer['medium']}, {answer['density_g_per_ml']:g} g/ml", rows)
    energy = answer["energy_keV_per_decay"]
    typer.echo(
        f"Emitted {energy['emitted']:.5g} keV per decay, {energy['beyond_kernel']:.4g} keV of it beyond the kernel"
    )
    _print_end(answer, print_notes)


def sphere(
    nuclide: NuclideOption = None,
    photon_kev: PhotonOption = None,
    electron_kev: ElectronOption = None,
    mass_g: Annotated[list[float] | None, typer.Option(help="Mass (repeatable).")] = None,
    axes: Annotated[str, typer.Option(help="Ratio of the semi-axes of an ellipsoid, e.g. 1:1:2.")] = "1:1:1",
    medium: MediumOption = "soft-tissue",
    density: DensityOption = None,
    emissions: EmissionsOption = "all",
    chain: ChainOption = False,
    particles: ParticlesOption = 1_000_000,
    seed: SeedOption = 20261121,
    as_json: AsJson = False,
) -> None:
    """Compute the self-dose of a sphere or ellipsoid: lesions of any mass and composition."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.errors import InputError
    from hemadose.workflow.kernels import KernelRequest, sphere_answer

    try:
        ratio = tuple(float(part) for part in axes.split(":"))
    except ValueError:
        ratio = ()
    if len(ratio) != 3 or min(ratio) <= 0.0:
        raise InputError("three positive numbers are needed", field="--axes", value=axes, expected="1:1:2")
    request = KernelRequest(
        nuclide=nuclide,
        photon_kev=photon_kev,
        electron_kev=electron_kev,
        medium=medium,
        density_g_per_ml=density,
        which=emissions,
        chain=chain,
        particles=particles,
        seed=seed,
    )
    with followed("Following decays", quiet=as_json) as progress:
        answer = sphere_answer(
            request, masses_g=tuple(mass_g or ()), axis_ratio=(ratio[0], ratio[1], ratio[2]), progress=progress
        )
    if as_json:
        print_json(answer)
        return
    rows = [
        {
            "mass g": row["mass_g"],
            "semi-axes cm": " × ".join(f"{a:.3g}" for a in row["semi_axes_cm"]),
            "φ electrons": row["phi_electrons"],
            "φ photons": row["phi_photons"],
            "S mGy/(MBq s)": row["s_mGy_per_MBq_s"],
            "mGy/(MBq h)": row["dose_mGy_per_MBq_h"],
            "± %": round(100.0 * row["rel_sd"], 3),
        }
        for row in answer["spheres"]
    ]
    print_table(f"Self-dose of {answer['nuclide']} in {answer['medium']}, {answer['density_g_per_ml']:g} g/ml", rows)
    _print_end(answer, print_notes)


def _print_end(answer: dict[str, Any], print_notes: Any) -> None:
    typer.echo(f"Method: {answer['method']}{'; reused from the cache' if answer['reused'] else ''}")
    if answer.get("written"):
        typer.echo(f"Written: {answer['written']}")
    print_notes(answer["notes"])


class followed:  # noqa: N801
    """A progress bar on standard error for long transport; silent where asked to be."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        self.title, self.quiet = title, quiet

    def __enter__(self) -> Any:
        """Start the bar; give what transport calls."""
        if self.quiet:
            return None
        from rich.console import Console
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True)
        self.bar.start()
        task = self.bar.add_task(self.title, total=None)
        return lambda done, total: self.bar.update(task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if not self.quiet:
            self.bar.stop()
