"""What a population knows about one patient: cohort fit, Bayesian update from few samples, sampling times."""

from hemadose.kinetics.population.cohort import CohortFit, fit_cohort
from hemadose.kinetics.population.forms import FORMS, PopulationForm, population_form
from hemadose.kinetics.population.individual import population_curve
from hemadose.kinetics.population.posterior import SampleSet, posterior_draws
from hemadose.kinetics.population.preposterior import Preposterior, preposterior
from hemadose.kinetics.population.prior import PopulationPrior
from hemadose.kinetics.population.schedule import (
    ScheduleQuality,
    expected_relative_sd,
    recommend_times,
    reduce_schedule,
)

__all__ = [
    "FORMS",
    "CohortFit",
    "PopulationForm",
    "PopulationPrior",
    "Preposterior",
    "SampleSet",
    "ScheduleQuality",
    "expected_relative_sd",
    "fit_cohort",
    "population_curve",
    "population_form",
    "posterior_draws",
    "preposterior",
    "recommend_times",
    "reduce_schedule",
]
