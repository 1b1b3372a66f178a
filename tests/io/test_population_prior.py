"""Files of population priors: round trip, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError
from hemadose.io.population_prior import StoredPrior, read_population_priors, write_population_priors
from hemadose.kinetics.population import PopulationPrior
from hemadose.refdata.nuclides import nuclide

LU = nuclide("Lu-177")


def stored(per_administered=True):
    prior = PopulationPrior.from_half_lives(
        physical_half_life_s=LU.half_life_s,
        effective_half_life_s=41 * 3600.0,
        half_life_relative_sd=0.25,
        amplitude=0.04,
        amplitude_relative_sd=0.4,
        source="a cohort",
    )
    return StoredPrior(prior=prior, per_administered=per_administered)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "prior.toml"
    write_population_priors({"kidney": stored(), "red_marrow": stored(False)}, path, nuclide="Lu-177")
    found = read_population_priors(path, nuclide=LU)
    assert set(found) == {"kidney", "red_marrow"}
    np.testing.assert_array_equal(found["kidney"].prior.mean, stored().prior.mean)
    np.testing.assert_array_equal(found["kidney"].prior.covariance, stored().prior.covariance)
    assert found["kidney"].per_administered
    assert not found["red_marrow"].per_administered
    assert found["kidney"].prior.source == "a cohort"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('nuclide = "Lu-177"', 'nuclide = "Y-90"', "another nuclide"),
        ('amplitude = "fraction"', 'amplitude = "percent"', "unknown unit"),
        ('form = "mono"', 'form = "cubic"', "not a prior"),
        ("relative_sd", "sd", "lacks keys"),
        ('"amplitude", ', "", "not a prior"),
        ("covariance = [[", "covariance = [[-1.0, 0.0], [", "not a prior"),
        ("[kidney]", "[kidney", "not valid TOML"),
    ],
)
def test_damaged_files_are_refused(tmp_path, old, new, message):
    path = tmp_path / "prior.toml"
    write_population_priors({"kidney": stored()}, path, nuclide="Lu-177")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_population_priors(path, nuclide=LU)


def test_missing_and_empty_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not found"):
        read_population_priors(tmp_path / "no.toml", nuclide=LU)
    (tmp_path / "empty.toml").write_text("# nothing\n")
    with pytest.raises(InputError, match="no prior"):
        read_population_priors(tmp_path / "empty.toml", nuclide=LU)
