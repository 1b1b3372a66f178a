"""One sample and a population in a plan: which prior, and the curve that comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import FitError
from hemadose.io.case import parse_case
from hemadose.io.population_prior import StoredPrior, write_population_priors
from hemadose.kinetics.population import PopulationPrior
from hemadose.model.activity import ActivitySample, ActivitySeries
from hemadose.units import HOUR_S, LN2, MBQ
from hemadose.workflow.curves import fit_all
from hemadose.workflow.population import prior_organ
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.study import case_administration


def case_of(**sections):
    data = {
        "case": {"title": "t", "zone": "Europe/Berlin"},
        "patient": {"pseudonym": "p", "sex": "male", "height_cm": 180, "weight_kg": 80},
        "administration": {
            "agent": "lu177-pentixather",
            "measured_activity_MBq": 200,
            "measured_at": "2025-03-03T10:00:00",
            "residual_activity_MBq": 0,
            "residual_measured_at": "2025-03-03T10:00:00",
            "administered_at": "2025-03-03T10:00:00",
        },
        "images": {"spect": ["a.dcm"]},
        "regions": {},
        "calibration": {},
        "quantification": {"method": "spect"},
        "marrow": {"absorbed_fraction": 0.57},
        "limits": {"kidneys_Gy": 23},
    }
    return parse_case({**data, **sections}, source="test")


def once(region, time_h=24.0, activity_mbq=4.0, sd=0.05):
    sample = ActivitySample(
        region=region,
        time_s=time_h * HOUR_S,
        activity_bq=activity_mbq * MBQ,
        sd_bq=sd * activity_mbq * MBQ,
        method="t",
    )
    return ActivitySeries(region=region, samples=(sample,))


def curve(case, series, folder=None):
    return fit_all(case, Quantified(series=(series,), methods=(), notes=()), case_administration(case), folder=folder)[
        0
    ]


POPULATION = {"draws": 4000, "single_time_point": "population"}


@pytest.mark.parametrize(
    ("region", "half_life_h"), [("kidney_left", 41.0), ("liver", 109.0), ("lumbar_l2_l4", 92.0), ("sacrum", 92.0)]
)
def test_half_lives_of_the_agent(region, half_life_h):
    """Haenscheid 2022: kidneys 41, liver 109, red marrow 92 h; A(t) exp(kt) / k with them, within the prior's spread."""
    found = curve(case_of(kinetics=POPULATION), once(region))
    madsen = 4.0 * MBQ * 2.0 ** (24.0 / half_life_h) * half_life_h * HOUR_S / LN2
    assert found.tia_bq_s == pytest.approx(madsen, rel=0.06)
    assert found.model == "population_mono"
    assert any("Haenscheid" in note and "as the case states" in note for note in found.notes)


def test_a_given_half_life_goes_before_the_agents():
    case = case_of(kinetics={**POPULATION, "population_half_life_h": {"kidneys": 60.0}})
    found = curve(case, once("kidney_left"))
    madsen = 4.0 * MBQ * 2.0 ** (24.0 / 60.0) * 60.0 * HOUR_S / LN2
    assert found.tia_bq_s == pytest.approx(madsen, rel=0.06)
    assert any("given in the case" in note for note in found.notes)


def test_a_wider_population_is_a_wider_answer():
    narrow = curve(case_of(kinetics={**POPULATION, "population_half_life_relative_sd": 0.05}), once("kidney_left"))
    wide = curve(case_of(kinetics={**POPULATION, "population_half_life_relative_sd": 0.4}), once("kidney_left"))
    assert narrow.tia_sd_bq_s < 0.5 * wide.tia_sd_bq_s


def test_the_amplitude_is_that_of_the_sample():
    found = curve(case_of(kinetics=POPULATION), once("kidney_left", sd=0.02))
    activities = found.ensemble.activity_bq([24.0 * HOUR_S])[:, 0] / MBQ
    assert np.mean(activities) == pytest.approx(4.0, rel=0.01)


def test_an_organ_without_a_half_life_is_refused():
    with pytest.raises(FitError, match="no population half-life is known of lungs"):
        curve(case_of(kinetics=POPULATION), once("lungs"))


def prior_file(path, region, fraction):
    prior = PopulationPrior.from_half_lives(
        physical_half_life_s=case_administration(case_of()).nuclide.half_life_s,
        effective_half_life_s=50 * HOUR_S,
        half_life_relative_sd=0.1,
        amplitude=fraction,
        amplitude_relative_sd=0.2,
        source="own cohort",
    )
    write_population_priors({region: StoredPrior(prior=prior, per_administered=True)}, path, nuclide="Lu-177")


def test_a_prior_file_in_shares_of_the_activity(tmp_path):
    """200 MBq x 2.8 % x 2^(-24/50) is 4.0 MBq at 24 h: sample and prior agree, so the half-life stays 50 h."""
    prior_file(tmp_path / "prior.toml", "kidney", 0.028)
    case = case_of(kinetics={**POPULATION, "population_prior_file": "prior.toml"})
    found = curve(case, once("kidney_left", activity_mbq=200 * 0.028 * 2.0 ** (-24 / 50)), folder=tmp_path)
    expected = 200 * 0.028 * MBQ * 50 * HOUR_S / LN2
    assert found.tia_bq_s == pytest.approx(expected, rel=0.03)
    assert any("own cohort" in note for note in found.notes)


def test_a_prior_of_both_kidneys_is_no_prior_of_one(tmp_path):
    prior_file(tmp_path / "prior.toml", "kidneys", 0.05)
    case = case_of(kinetics={**POPULATION, "population_prior_file": "prior.toml"})
    with pytest.raises(FitError, match="no prior of kidney_left"):
        curve(case, once("kidney_left"), folder=tmp_path)


def test_one_sample_without_a_choice_is_refused():
    with pytest.raises(FitError, match="measured once only"):
        curve(case_of(), once("liver"))


def test_marrow_sites_take_the_half_life_of_marrow():
    case = case_of()
    assert prior_organ(case, "kidney_right") == "kidneys"
    assert prior_organ(case, "pelvis") == "red_marrow"
    assert prior_organ(case, "spleen") == "spleen"
