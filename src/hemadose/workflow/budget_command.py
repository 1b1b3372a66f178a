"""The budget of a case file as a person asks for it: the stages of a plan, then the budget, its table and figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.case import read_case
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.tables import csv_text
from hemadose.model.budget import Budget
from hemadose.report.budget_rows import budget_rows, correlation_rows, probability_rows, share_rows
from hemadose.units import GBQ
from hemadose.workflow.budget import DRAWS, plan_budget
from hemadose.workflow.doses import dose_study
from hemadose.workflow.figure_files import figure_bytes
from hemadose.workflow.measured import measured
from hemadose.workflow.prescribing import prescribe_case
from hemadose.workflow.stages import Progress, Silent, Stages

FILES = ("budget.json", "budget.csv", "shares.csv", "budget.svg", "budget.png")


def budget_case(
    case_path: Path, out: Path | None = None, *, draws: int = DRAWS, progress: Progress | None = None
) -> tuple[Budget, dict[str, Any]]:
    """Make the uncertainty budget of a case.

    Parameters
    ----------
    case_path : Path
        The TOML case file of a plan.
    out : Path, optional
        Result folder; the stored stages of a plan in it are used. Nothing is written if not given.
    draws : int
        An even number, 1000 or more.
    progress : Progress, optional
        The screen.

    Returns
    -------
    budget : Budget
        All values.
    answer : dict
        ``{"draws", "activity_GBq", "quantities", "shares", "probabilities", "correlation", "notes", "files"}``.

    Raises
    ------
    HemadoseError
        For anything that cannot be used; nothing is written then.
    """
    if draws < 1000 or draws % 2:
        raise InputError(
            "a budget needs an even number of draws", field="--draws", value=str(draws), expected=">= 1000"
        )
    screen = progress or Silent()
    stages = Stages(folder=None if out is None else out / ".cache", progress=screen)
    begun = measured(case_path, stages)
    case, folder, administration = begun.case, begun.folder, begun.administration
    quantified, fits = begun.quantified, begun.fits
    doses = dose_study(case, quantified, fits, administration, folder).doses
    prescription = prescribe_case(case, doses)
    budget = _timed(
        screen,
        lambda: plan_budget(case, quantified, fits, doses, prescription, administration, folder, draws=draws),
    )
    answer = budget_answer(budget)
    answer["files"] = [] if out is None else write_budget(budget, answer, out)
    return budget, answer


def allowed_probability(case_path: Path, given: float | None) -> float:
    """Probability of exceeding a limit that is still accepted: the given one, the case's, or one half.

    Raises
    ------
    InputError
        If it does not lie between 0 and 1.
    """
    if given is None:
        stated = read_case(case_path).limits.max_probability_exceeding
        return 0.5 if stated is None else stated
    if not 0.0 < given < 1.0:
        raise InputError("a probability lies between 0 and 1", field="--max-probability", value=f"{given:g}")
    return given


def budget_answer(budget: Budget) -> dict[str, Any]:
    """Give a budget in field units."""
    return {
        "draws": budget.draws,
        "activity_GBq": None if budget.activity_bq is None else budget.activity_bq / GBQ,
        "quantities": budget_rows(budget),
        "shares": share_rows(budget),
        "probabilities": probability_rows(budget),
        "correlation": correlation_rows(budget),
        "notes": list(budget.notes),
    }


def write_budget(budget: Budget, answer: dict[str, Any], out: Path) -> list[str]:
    """Write table, shares and figure; give the names of the files."""
    from hemadose.report.figures.budget import budget_figure

    figure = budget_figure(budget)
    content = {name: figure_bytes(figure, Path(name)) for name in ("budget.svg", "budget.png")}
    out.mkdir(parents=True, exist_ok=True)
    write_text_atomic(out / "budget.json", json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text_atomic(out / "budget.csv", csv_text(budget_rows(budget)))
    write_text_atomic(out / "shares.csv", csv_text(share_rows(budget)))
    for name, data in content.items():
        write_bytes_atomic(out / name, data)
    return list(FILES)


def _timed(screen: Progress, compute: Callable[[], Budget]) -> Budget:
    screen.begin("uncertainty budget")
    budget = compute()
    screen.end("uncertainty budget", reused=False)
    return budget
