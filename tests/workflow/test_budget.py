"""The budget of a virtual patient's plan: it answers as the plan does, and says what the plan cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import budget as command
from hemadose.errors import FitError, InputError, PlanningError, QuantityError
from hemadose.io.case import read_case
from hemadose.kinetics import FitOptions
from hemadose.model import LimitKind
from hemadose.model.activity import SharedParts
from hemadose.model.budget import Component, QuantityKind
from hemadose.units import DAY_S
from hemadose.workflow.budget import plan_budget
from hemadose.workflow.budget_chain import held, mass_following, relative_spread, responses
from hemadose.workflow.budget_command import allowed_probability, budget_case
from hemadose.workflow.budget_curves import draw_curve
from hemadose.workflow.budget_spreads import stated_spreads
from hemadose.workflow.doses import dose_study
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.study import case_administration

DRAWS = 8000


class Study:
    """What a plan hands over."""

    def __init__(self, folder, report):
        self.folder, self.report = folder, report
        self.case = read_case(folder / "case.toml")
        self.administration = case_administration(self.case)
        self.quantified = Quantified(series=report.series, methods=(), notes=())

    def doses(self, fits=None, series=None, case=None):
        quantified = self.quantified if series is None else replace(self.quantified, series=series)
        used = self.report.fits if fits is None else fits
        return dose_study(case or self.case, quantified, used, self.administration, self.folder).doses

    def budget(self, **changes):
        given = {"case": self.case, "quantified": self.quantified, "fits": self.report.fits, "doses": self.report.doses}
        given |= {"prescription": self.report.prescription} | changes
        return plan_budget(**given, administration=self.administration, folder=self.folder, draws=DRAWS)


@pytest.fixture(scope="module")
def study(study_folder, planned):
    return Study(study_folder, planned.report)


@pytest.fixture(scope="module")
def budget(study):
    return study.budget()


def test_responses_give_back_the_doses(study):
    """Linear: own + cross times the integrals is the dose of the plan, remainder included."""
    found = responses(lambda f: study.doses(fits=f), study.report.fits)
    integrals = np.array([f.tia_bq_s for f in study.report.fits])
    for row, name in enumerate(found.targets):
        expected = study.report.doses.organ(name).gy_per_bq
        assert (found.own + found.cross)[row] @ integrals + found.fixed[row] == pytest.approx(expected, rel=1e-6)
    body = found.regions.index("whole_body")
    kidney = found.regions.index("kidney_left")
    row = found.targets.index("kidneys")
    assert found.own[row, kidney] > 0.0
    assert found.own[row, body] == 0.0
    assert found.difference["kidneys"][kidney] == pytest.approx(-found.difference["kidneys"][body], rel=1e-4)


def test_doses_that_do_not_follow_their_curves_are_refused(study):
    """A dose stage that squares its curves has no linear response."""
    best = study.doses()

    def squared(fits):
        factor = (fits[0].tia_bq_s / study.report.fits[0].tia_bq_s) ** 40
        parts = lambda o: tuple(replace(c, gy_per_bq=c.gy_per_bq * factor) for c in o.contributions)  # noqa: E731
        organs = tuple(replace(o, gy_per_bq=o.gy_per_bq * factor, contributions=parts(o)) for o in best.organs)
        return replace(best, organs=organs)

    with pytest.raises(QuantityError, match="linearly"):
        responses(squared, study.report.fits)


def test_what_the_dose_stage_varies_is_found_in_its_draws(study):
    """Masses 5 %, marrow mass 20 %, L2-L4 fraction 10 %: the numbers of the case, found without being told."""
    known = stated_spreads(study.case, lambda c: study.doses(held(study.report.fits, draws=c.kinetics.draws), case=c))
    assert known.mass["kidneys"] == study.case.dose.mass_relative_sd
    assert known.mass["red_marrow"] == study.case.marrow.mass_relative_sd
    assert known.marrow_fraction == study.case.marrow.l2_l4_fraction_relative_sd
    sharp = study.case.model_copy(update={"dose": study.case.dose.model_copy(update={"mass_relative_sd": 0.0})})
    none = stated_spreads(sharp, lambda c: study.doses(held(study.report.fits, draws=c.kinetics.draws), case=c))
    assert none.mass["kidneys"] == 0.0


def test_held_curves_leave_no_spread_of_their_own(study):
    case = study.case.model_copy(
        update={
            "dose": study.case.dose.model_copy(update={"mass_relative_sd": 0.0, "s_value_relative_sd": 0.0}),
            "marrow": study.case.marrow.model_copy(update={"mass_relative_sd": 0.0, "l2_l4_fraction_relative_sd": 0.0}),
        }
    )
    fits = held(study.report.fits, draws=case.kinetics.draws)
    assert set(relative_spread(study.doses(fits=fits, case=case)).values()) == {0.0}


def test_self_dose_follows_the_mass_of_its_own_region_only(study):
    """Electrons as 1/m, photons as m^(-2/3): between the two for Lu-177; the kidneys share by their masses."""
    follows = mass_following(lambda s: study.doses(series=s), study.report.series)
    doses = study.report.doses
    row = [o.target for o in doses.organs].index("kidneys")
    place = [s.region for s in study.report.series]
    both = follows[row, place.index("kidney_left")] + follows[row, place.index("kidney_right")]
    assert 0.95 < both <= 1.0 + 1e-3
    assert follows[row, place.index("liver")] == 0.0


def test_both_ways_agree_and_differences_are_explained(budget):
    """To first order and by draws: within 5 %, or the budget says why."""
    for line in budget.quantities:
        ratio = line.relative_sd / line.analytic_relative_sd
        assert 0.95 <= ratio <= 1.05 or line.why_different
        assert sum(s.analytic for s in line.shares) == pytest.approx(1.0, abs=0.01)
    kidneys = budget.quantity("kidneys", QuantityKind.DOSE)
    assert kidneys.relative_sd == pytest.approx(kidneys.analytic_relative_sd, rel=0.05)


def test_probabilities_agree_with_the_prescription(budget, planned):
    """2000 draws of the plan against the budget: within four binomial standard errors and 3 % for the model."""
    outcomes = {o.limit.name: o for o in planned.report.prescription.outcomes}
    assert len(budget.probabilities) == 2
    for p in budget.probabilities:
        assert p.activity_bq == planned.report.prescription.activity_bq
        assert p.prescribed == outcomes[p.limit.name].probability_exceeding
        assert p.probability == pytest.approx(p.prescribed, abs=0.03 + 4.0 * np.sqrt(0.25 / 2000))


def test_best_estimates_are_those_of_the_plan(budget, planned):
    doses, prescription = planned.report.doses, planned.report.prescription
    for organ in doses.organs:
        assert budget.quantity(organ.target, QuantityKind.DOSE).best == pytest.approx(organ.gy_per_bq, rel=1e-6)
    tail = doses.marrow_residual.gy_per_bq(from_s=14 * DAY_S)
    assert budget.quantity("red_marrow", QuantityKind.RESIDUAL).best == pytest.approx(tail, rel=1e-3)
    for outcome in prescription.outcomes:
        line = budget.quantity(outcome.limit.name, QuantityKind.PERMITTED)
        assert line.best == pytest.approx(outcome.max_activity_bq, rel=1e-3)
    with pytest.raises(QuantityError, match="no absorbed dose"):
        budget.quantity("brain", QuantityKind.DOSE)


def test_parts_of_the_shared_uncertainty_are_used_where_they_are_told(study, budget):
    """An outline of 10 %, activity as v^0.6 and mass as v: the kidneys' dose moves by 0.1 (0.6 - 1), split by two."""
    assert budget.quantity("kidneys", QuantityKind.DOSE).share(Component.SHARED) is None
    bare = tuple(replace(s, shared_parts=None) for s in study.report.series)
    untold = study.budget(quantified=replace(study.quantified, series=bare))
    assert untold.quantity("kidneys", QuantityKind.DOSE).share(Component.SHARED) is not None
    assert any("one number" in note for note in untold.notes)
    parts = SharedParts(calibration=0.03, recovery=0.04, outline=0.06, volume=0.1, volume_exponent=0.6)
    series = tuple(
        s if s.region == "whole_body" else replace(s, shared_parts=parts, shared_relative_sd=parts.relative_sd)
        for s in study.report.series
    )
    found = study.budget(quantified=replace(study.quantified, series=series))
    line = found.quantity("kidneys", QuantityKind.DOSE)
    assert line.share(Component.SHARED) is None or line.share(Component.SHARED).analytic < 0.01
    variance = line.analytic_relative_sd**2
    calibration = line.share(Component.CALIBRATION).analytic * variance
    assert np.sqrt(calibration) == pytest.approx(0.03, rel=0.06)
    outline = line.share(Component.VOLUME).analytic * variance
    assert np.sqrt(outline) == pytest.approx(0.1 * 0.4 / np.sqrt(2.0), rel=0.15)
    mass = line.share(Component.MASS)
    assert mass is None or mass.analytic < 0.05  # the outline explains more than the 5 % stated


def test_a_tail_of_other_curves_is_refused(study):
    """A marrow dose that does not come from the fitted curves has no budget; never a wrong one."""
    residual = study.report.doses.marrow_residual
    other = replace(residual, amplitudes_gy_per_bq_s=2.0 * residual.amplitudes_gy_per_bq_s)
    with pytest.raises(PlanningError, match="no budget"):
        study.budget(doses=replace(study.report.doses, marrow_residual=other))


def test_curves_of_other_samples_are_refused(study):
    series, fit = study.report.series[0], study.report.fits[0]
    wrong = replace(series, samples=tuple(replace(s, activity_bq=2.0 * s.activity_bq) for s in series.samples))
    given = {
        "nuclide": study.administration.nuclide,
        "options": FitOptions(),
        "from_s": (0.0,),
        "unshared": lambda: None,
    }
    with pytest.raises(FitError, match="does not belong"):
        draw_curve(wrong, fit, draws=2000, **given)
    for draws in (0, 999, 2001):
        with pytest.raises(QuantityError, match="even number"):
            draw_curve(series, fit, draws=draws, **given)


def test_a_single_time_point_brings_its_own_draws(study):
    """It cannot be fitted again: its ensemble is resampled, and all of it counts as scatter."""
    fit = study.report.fits[0]
    single = replace(fit, model="haenscheid", candidates=())
    found = draw_curve(
        study.report.series[0],
        single,
        nuclide=study.administration.nuclide,
        options=FitOptions(),
        from_s=(0.0, 1e6),
        draws=20_000,
        unshared=lambda: fit.ensemble,
    )
    assert not found.refitted
    assert found.stated_share == 0.0
    assert found.draws.samples[0].std() == pytest.approx(fit.ensemble.integral_bq_s().std(), rel=0.05)


def test_a_limit_after_infusion_needs_the_day_of_infusion(study):
    with pytest.raises(PlanningError, match="infusion"):
        study.budget(case=study.case.model_copy(update={"transplant": None}))


@pytest.fixture(scope="module")
def app():
    found = typer.Typer()
    command.register(found)
    found.command("other")(lambda: None)
    return found


def test_the_command_writes_table_and_figure(study_folder, planned, app, tmp_path_factory):
    out = tmp_path_factory.mktemp("budget")
    case = study_folder / "case.toml"
    done = CliRunner().invoke(app, ["budget", str(case), "--out", str(out), "--draws", "4000", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert {p.name for p in out.iterdir() if p.is_file()} == set(answer["files"])
    assert {q["kind"] for q in answer["quantities"]} == {
        "dose coefficient", "dose coefficient after infusion", "permitted activity", "largest activity",
    }  # fmt: skip
    assert answer["activity_GBq"] == pytest.approx(planned.report.prescription.activity_bq / 1e9)
    assert (out / "budget.png").stat().st_size > 10_000
    assert "VP-" not in (out / "budget.json").read_text()
    said = CliRunner().invoke(
        app, ["budget", str(case), "--out", str(out), "--draws", "4000", "--check", "--max-probability", "0.01"]
    )
    assert said.exit_code == 3
    assert "What would help most" in said.stdout


def test_the_command_refuses_odd_draws_and_impossible_probabilities(study_folder):
    for draws in (0, -2, 999, 2001):
        with pytest.raises(InputError, match="even number"):
            budget_case(study_folder / "case.toml", draws=draws)
    for bad in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            allowed_probability(study_folder / "case.toml", bad)
    assert allowed_probability(study_folder / "case.toml", None) == 0.5


def test_limits_of_the_case_are_those_of_the_budget(budget):
    kinds = {q.limit.kind for q in budget.quantities if q.kind is QuantityKind.PERMITTED}
    assert kinds == {LimitKind.TOTAL_DOSE, LimitKind.RESIDUAL_DOSE}
