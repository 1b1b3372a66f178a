"""`hemadose sampling`: recommended times through the command line, cohorts, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.sampling import register
from hemadose.errors import FitError, InputError


@pytest.fixture
def run():
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)

    def give(*arguments):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return give


@pytest.fixture
def answer(run):
    return lambda *arguments: json.loads(run(*arguments, "--json"))


def test_one_scan_of_a_50_h_half_life_is_at_72_h(answer):
    # mean life 50 h / ln 2 = 72 h, the time Hou et al. 2021 find best for 177Lu-DOTATATE
    told = answer("--half-life-h", 50, "--spread", 0.1, "--error", 0.02, "--samples", 1)
    assert told["recommended"][0]["times_h"][0] == pytest.approx(72.0, abs=3.0)
    assert told["recommended"][0]["rel_sd"] < told["without_samples_rel_sd"]


def test_fixed_candidates_reduction_and_simulation(answer):
    told = answer(
        *("--half-life-h", 41, "--spread", 0.25, "--uptake-half-life-h", 2, "--samples", 1),
        *("--fixed-h", 4, "--candidate-h", 24, "--candidate-h", 96, "--candidate-h", 168),
        *("--reduce-h", 4, "--reduce-h", 24, "--reduce-h", 96, "--simulate", 200),
    )
    assert told["recommended"][0]["times_h"][0] == 4.0
    assert len(told["recommended"]) == 3
    assert [len(row["times_h"]) for row in told["reduced"]] == [3, 2, 1]
    assert 0.9 <= told["simulated"]["coverage_95"] <= 1.0
    assert told["simulated"]["relative_rmse"] == pytest.approx(told["recommended"][0]["rel_sd"], rel=0.3)


def test_a_cohort_is_fitted(answer, tmp_path):
    rng = np.random.default_rng(3)
    lines = ["patient,time_h,value"]
    for patient in range(25):
        half_life = 45.0 * np.exp(0.2 * rng.standard_normal())
        for hour in (4.0, 24.0, 96.0, 168.0):
            value = 0.02 * np.exp2(-hour / half_life) * (1 + 0.05 * rng.standard_normal())
            lines.append(f"p{patient},{hour},{value}")
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join(lines))
    told = answer("--cohort", path, "--samples", 1)
    assert told["population"]["subjects"] == 25
    assert told["population"]["effective_half_life_h"] == pytest.approx(45.0, rel=0.1)
    assert told["population"]["error_of_one_sample"] == pytest.approx(0.05, rel=0.2)


def test_what_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="one population"):
        run()
    with pytest.raises(InputError, match="without spread"):
        run("--half-life-h", 41)
    with pytest.raises(InputError, match="spread is relative"):
        run("--half-life-h", 41, "--spread", 25)
    with pytest.raises(InputError, match="one population"):
        run("--half-life-h", 41, "--cohort", tmp_path / "x.csv")
    with pytest.raises(InputError, match="shorter than the physical"):
        run("--half-life-h", 200, "--spread", 0.2)
    with pytest.raises(FitError, match="fewer possible times"):
        run("--half-life-h", 41, "--spread", 0.2, "--samples", 3, "--candidate-h", 24)
    with pytest.raises(InputError, match="too few patients to simulate"):
        run("--half-life-h", 41, "--spread", 0.2, "--simulate", 5)
    (tmp_path / "c.csv").write_text("patient,time_h,value,sd\na,4,1,0.1\na,24,0.5,\n")
    with pytest.raises(InputError, match="some samples have an uncertainty"):
        run("--cohort", tmp_path / "c.csv")


def test_tables_for_people(run):
    shown = run("--half-life-h", 41, "--spread", 0.25, "--samples", 2)
    assert "Best schedules" in shown
    assert "Without a sample" in shown


def test_a_population_becomes_a_prior_that_a_case_can_name(run, tmp_path):
    from hemadose.io.population_prior import read_population_priors
    from hemadose.refdata.nuclides import nuclide

    path = tmp_path / "prior.toml"
    said = run(
        "--half-life-h", 41, "--spread", 0.25, "--prior-out", path, "--region", "kidney", "--amplitude", "fraction"
    )
    assert "Written" in said
    stored = read_population_priors(path, nuclide=nuclide("Lu-177"))["kidney"]
    assert stored.per_administered
    draws = stored.prior.drawn(4000, rng=np.random.default_rng(1))
    _, rates = stored.prior.form.terms(draws, physical_rate=stored.prior.physical_rate_per_s)
    assert np.median(np.log(2.0) / rates.min(axis=-1) / 3600.0) == pytest.approx(41.0, rel=0.03)
    with pytest.raises(InputError, match="region"):
        run("--half-life-h", 41, "--spread", 0.25, "--prior-out", path)
