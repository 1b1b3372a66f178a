"""What the report says about how curves and doses were made."""

from __future__ import annotations

from hemadose.io.case import Case
from hemadose.kinetics import DEFAULT_MODELS
from hemadose.model.marrow import MarrowEvent, MarrowFindings
from hemadose.units import DAY_S, GBQ, GRAM_KG
from hemadose.workflow.doses import DoseOutcome


def dose_methods(case: Case, found: DoseOutcome, marrow: MarrowFindings) -> tuple[str, ...]:
    """Give the sentences of the method text from curves to doses.

    Parameters
    ----------
    case : Case
        With its choices.
    found : DoseOutcome
        Doses and what they rest on.
    marrow : MarrowFindings
        With its events.
    """
    blood = found.blood
    said = [
        "Curves: weighted least squares over the models "
        + ", ".join(case.kinetics.models or DEFAULT_MODELS)
        + "; choice by AICc with the acceptance rules of NUKFIT (CV < 50 %, |r| < 0.8); no rate slower than decay.",
        *_marrow_words(case, marrow),
        "Uncertainty: counting, fit and model choice, calibration, volume, mass, S value and marrow fraction are "
        f"propagated through {case.kinetics.draws} joint draws; ± is one standard uncertainty.",
    ]
    if blood is not None:
        beside = ", for comparison only" if marrow.method == "image" else ""
        said.append(
            f"Blood-based red-marrow self-dose{beside}: {blood.gy_per_bq * GBQ:.3f} Gy/GBq (ratio {blood.ratio:.2f}: "
            f"{blood.rule})."
        )
    said += [_event_words(event) for event in marrow.events]
    return tuple(said)


def _marrow_words(case: Case, marrow: MarrowFindings) -> list[str]:
    said = []
    if marrow.sites:
        shares = ", ".join(
            f"{e.site.title} divided by {e.site.fraction:.3f} (relative SD {e.site.relative_sd:.0%}"
            + (f", weight {e.weight:.2f})" if len(marrow.sites) > 1 else ")")
            for e in marrow.sites
        )
        said.append(f"Red marrow: activity in {shares}, absorbed fraction {case.marrow.absorbed_fraction}.")
    known = [m for m in marrow.masses if m.gy_per_bq is not None]
    if known:
        rules = ", ".join(
            f"{m.rule} {m.mass_kg / GRAM_KG:.0f} g: {(m.gy_per_bq or 0.0) * GBQ:.2f} Gy/GBq" for m in known
        )
        said.append(f"Red-marrow mass by every rule that the data allow, and the dose it would mean: {rules}.")
    return said


def _event_words(event: MarrowEvent) -> str:
    return (
        f"Red marrow of {event.activity_bq / GBQ:.4g} GBq at {event.name} (day {event.at_s / DAY_S:.1f} after "
        f"administration): {event.before_gy:.2f} ± {event.before_sd_gy:.2f} Gy delivered, "
        f"{event.after_gy:.2f} ± {event.after_sd_gy:.2f} Gy to come, "
        f"{event.rate_gy_per_h * 1e3:.2f} ± {event.rate_sd_gy_per_h * 1e3:.2f} mGy/h."
    )
