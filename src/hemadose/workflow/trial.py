"""Two-stage designs in words and numbers, and the figures of all designs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.io.files import write_bytes_atomic
from hemadose.outcome.trial.boin import OperatingCharacteristics
from hemadose.outcome.trial.two_stage import TwoStageDesign, simon_designs, two_stage
from hemadose.workflow.figure_files import figure_bytes, require_figure_ending

SIMON_SOURCE = "Simon R. Control Clin Trials 1989;10:1-10"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnswer:
    """What a command prints and draws.

    Attributes
    ----------
    payload : dict
        JSON-ready.
    characteristics : OperatingCharacteristics or None
        For the figure.
    designs : tuple of TwoStageDesign
        For the figure.
    """

    payload: dict[str, Any]
    characteristics: OperatingCharacteristics | None = None
    designs: tuple[TwoStageDesign, ...] = ()


def simon_answer(
    *,
    poor: float,
    good: float,
    alpha: float = 0.05,
    beta: float = 0.2,
    largest_n: int = 120,
    given: tuple[int, int, int, int] | None = None,
    responders: int | None = None,
    treated: int | None = None,
) -> TrialAnswer:
    """Search Simon's designs, or judge a given one; say what counts so far mean.

    Parameters
    ----------
    poor, good, alpha, beta, largest_n
        As `simon_designs`.
    given : tuple of 4 int, optional
        r1, n1, r, n of a design to judge instead.
    responders, treated : int, optional
        Counts so far.

    Raises
    ------
    QuantityError, PlanningError
        As `simon_designs`; or if there are more responders than patients.
    """
    if given is None:
        designs = simon_designs(poor=poor, good=good, alpha=alpha, beta=beta, largest_n=largest_n)
    else:
        r1, n1, r, n = given
        designs = (two_stage(r1=r1, n1=n1, r=r, n=n, poor=poor, good=good),)  # type: ignore[assignment]
    rates = [round(x, 2) for x in np.linspace(0.0, 1.0, 21).tolist()]
    curve = [{"true_rate": p, **{f"{d.kind}_goes_on": _goes_on(d, p) for d in designs}} for p in rates]
    payload: dict[str, Any] = {
        "design": "Simon two-stage", "source": SIMON_SOURCE, "designs": [asdict(d) for d in designs],
        "operating_characteristics": curve,
    }  # fmt: skip
    if responders is not None and treated is not None:
        payload["decisions"] = [{"design": d.kind, "decision": simon_decision(d, responders, treated)} for d in designs]
    elif (responders is None) != (treated is None):
        raise InputError("a decision needs both counts", field="responders, treated")
    return TrialAnswer(payload=payload, designs=tuple(designs))


def _goes_on(design: TwoStageDesign, rate: float) -> float:
    """Probability of going on at a true rate."""
    low, high = (rate, min(1.0, rate + 0.5)) if rate < 1.0 else (0.5, 1.0)
    found = two_stage(r1=design.r1, n1=design.n1, r=design.r, n=design.n, poor=low, good=high)
    return found.alpha if rate < 1.0 else found.power


def simon_decision(design: TwoStageDesign, responders: int, treated: int) -> str:
    """Say what the counts so far mean for a design.

    Raises
    ------
    QuantityError
        If there are more responders than patients.
    """
    if not 0 <= responders <= treated:
        raise QuantityError("more responders than patients", field="responders", value=f"{responders}/{treated}")
    if treated > design.n:
        return f"{treated} patients are more than the {design.n} of the design: it says nothing"
    if responders > design.r:
        return f"worth pursuing: {responders} responders exceed {design.r}"
    if treated == design.n:
        return f"not worth pursuing: {responders} of {treated} responded, more than {design.r} were needed"
    if treated < design.n1:
        out_of_reach = responders + design.n1 - treated <= design.r1
        return (
            f"stop: more than {design.r1} of {design.n1} cannot be reached" if out_of_reach
            else f"continue the first stage: {design.n1 - treated} more patients"
        )  # fmt: skip
    if treated == design.n1 and responders <= design.r1:
        return f"stop after the first stage: {responders} of {treated} responded, more than {design.r1} were needed"
    if responders + design.n - treated <= design.r:
        return f"stop: more than {design.r} of {design.n} cannot be reached"
    return f"continue the second stage: {design.n - treated} more patients"


def write_trial_figure(answer: TrialAnswer, path: Path) -> None:
    """Draw what a design does, as PNG, SVG or PDF.

    Raises
    ------
    InputError
        If the ending is unknown, or operating characteristics were not asked for.
    """
    from hemadose.report.figures.trial import titration_figure, two_stage_figure

    require_figure_ending(path, option="--figure")
    if answer.designs:
        drawn = two_stage_figure(answer.designs)
    elif answer.characteristics is not None:
        drawn = titration_figure(
            answer.characteristics, levels_gbq=answer.payload["levels_GBq"],
            target=answer.payload["target_toxicity"], title=answer.payload["design"],
        )  # fmt: skip
    else:
        raise InputError("nothing to draw", field="--figure", remedy="give true rates of toxicity with --truth")
    write_bytes_atomic(path, figure_bytes(drawn, path))
