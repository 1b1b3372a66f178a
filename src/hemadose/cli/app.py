"""The commands. Each one parses, calls `workflow`, prints; nothing is computed here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.provenance import __version__

app = typer.Typer(
    name="hemadose",
    help=(
        "Theranostics in haematology: from images to a defensible prescription and calendar.\n\n"
        "Research software: every prescription is a proposal to be confirmed by the responsible "
        "physician and medical physics expert."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
OutFolder = Annotated[Path, typer.Option("--out", help="Result folder.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"hemadose {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


from hemadose.cli.activity import register as register_activity  # noqa: E402
from hemadose.cli.agents import register as register_agents  # noqa: E402
from hemadose.cli.biology import register as register_biology  # noqa: E402
from hemadose.cli.budget import register as register_budget  # noqa: E402
from hemadose.cli.calibrate import register as register_calibrate  # noqa: E402
from hemadose.cli.cohort import register as register_cohort  # noqa: E402
from hemadose.cli.cohort_report import register as register_cohort_report  # noqa: E402
from hemadose.cli.compare import register as register_compare  # noqa: E402
from hemadose.cli.course import register as register_course  # noqa: E402
from hemadose.cli.crf import register as register_crf  # noqa: E402
from hemadose.cli.effective import register as register_effective  # noqa: E402
from hemadose.cli.eligibility import register as register_eligibility  # noqa: E402
from hemadose.cli.evidence import register as register_evidence  # noqa: E402
from hemadose.cli.followup import register as register_followup  # noqa: E402
from hemadose.cli.kernel import register as register_kernel  # noqa: E402
from hemadose.cli.nuclide import register as register_nuclide  # noqa: E402
from hemadose.cli.numbers import register as register_numbers  # noqa: E402
from hemadose.cli.plan import register as register_plan  # noqa: E402
from hemadose.cli.quantify import register as register_quantify  # noqa: E402
from hemadose.cli.reconstruct import register as register_reconstruct  # noqa: E402
from hemadose.cli.register import register as register_register  # noqa: E402
from hemadose.cli.release import register as register_release  # noqa: E402
from hemadose.cli.reproduce import register as register_reproduce  # noqa: E402
from hemadose.cli.sampling import register as register_sampling  # noqa: E402
from hemadose.cli.segment import register as register_segment  # noqa: E402
from hemadose.cli.simulate import register as register_simulate  # noqa: E402
from hemadose.cli.simulate_cohort import register as register_simulate_cohort  # noqa: E402
from hemadose.cli.suv import register as register_suv  # noqa: E402
from hemadose.cli.svalue import register as register_svalue  # noqa: E402
from hemadose.cli.tandem import register as register_tandem  # noqa: E402
from hemadose.cli.translate import register as register_translate  # noqa: E402
from hemadose.cli.transplant import register as register_transplant  # noqa: E402
from hemadose.cli.trial import register as register_trial  # noqa: E402
from hemadose.cli.verify import register as register_verify  # noqa: E402
from hemadose.cli.voxel import register as register_voxel  # noqa: E402

# in the order in which a patient meets them
for register in (
    register_plan,
    register_budget,
    register_quantify,
    register_reconstruct,
    register_calibrate,
    register_suv,
    register_segment,
    register_register,
    register_voxel,
    register_numbers,
    register_sampling,
    register_effective,
    register_svalue,
    register_kernel,
    register_nuclide,
    register_biology,
    register_compare,
    register_agents,
    register_activity,
    register_translate,
    register_transplant,
    register_tandem,
    register_release,
    register_course,
    register_verify,
    register_eligibility,
    register_followup,
    register_cohort_report,
    register_cohort,
    register_reproduce,
    register_evidence,
    register_trial,
    register_crf,
    register_simulate_cohort,
    register_simulate,
):
    register(app)
