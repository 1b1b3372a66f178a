"""The sections of a case file that say how activity becomes dose: curves, red marrow, S values and conventions.

Every choice is named. What belongs to a choice that was not taken is refused.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hemadose.io.svalue_tables import DEFAULT_UNIT, UNITS

Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
MassRule = Literal["given", "spongiosa-volume", "body-mass", "lean-body-mass", "reference"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RatioPoint(_Section):
    """Marrow-to-blood ratio at one time."""

    time_h: NonNegative
    ratio: Positive


class BloodSection(_Section):
    """Blood samples for the blood-based marrow model."""

    samples: str
    """CSV with time_h, activity_kBq_per_ml."""
    haematocrit: Annotated[float, Field(gt=0.1, lt=0.7)]
    counted: Literal["whole_blood", "plasma"] = "whole_blood"
    ratio: Literal["sgouros"] | Positive | tuple[RatioPoint, ...] = "sgouros"
    """Marrow to what was counted: by haematocrit, one number, or a table over time."""

    @model_validator(mode="after")
    def _rising(self) -> BloodSection:
        if isinstance(self.ratio, tuple):
            times = [p.time_h for p in self.ratio]
            if len(times) < 2 or any(b <= a for a, b in itertools.pairwise(times)):
                raise ValueError("a ratio over time needs two or more rising times")
        return self


class SiteFraction(_Section):
    """Share of red marrow in a site, given by the user."""

    fraction: Fraction
    relative_sd: NonNegative
    source: str


class SpongiosaSection(_Section):
    """Spongiosa of the whole skeleton from CT."""

    volume_ml: Positive
    marrow_volume_fraction: Fraction
    cellularity: Fraction


class MarrowEventSection(_Section):
    """A clinical event that splits the marrow dose, beside infusion and TBI, which the calendar knows."""

    name: str
    after_h: NonNegative


class MarrowSection(_Section):
    """Named choices for the red marrow."""

    method: Literal["image", "blood", "combined"] | None = None
    """None: from images; from blood where there are none and the agent allows it."""
    sites: tuple[str, ...] = ()
    """Regions that stand for the marrow; none named: lumbar_l2_l4 if it was drawn, else every known site."""
    site_fractions: dict[str, SiteFraction] = {}
    l2_l4_fraction: Fraction = 0.067
    l2_l4_fraction_relative_sd: NonNegative = 0.10
    l2_l4_source: Literal["volume", "spheres"] = "volume"
    mass_g: Positive | None = None
    """None: by `mass_rule`."""
    mass_rule: MassRule | None = None
    """None: the given mass, else the reference mass of the chosen set scaled by body mass."""
    mass_relative_sd: NonNegative = 0.20
    spongiosa: SpongiosaSection | None = None
    reference: Literal["icrp89", "stylised"] = "icrp89"
    absorbed_fraction: Fraction | Literal["skeletal-model"]
    blood: BloodSection | None = None
    events: tuple[MarrowEventSection, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> MarrowSection:
        if self.method in ("blood", "combined") and self.blood is None:
            raise ValueError(f"marrow.method {self.method} needs [marrow.blood]")
        if self.mass_rule == "given" and self.mass_g is None:
            raise ValueError('marrow.mass_rule "given" needs marrow.mass_g')
        if self.mass_rule not in (None, "given") and self.mass_g is not None:
            raise ValueError("marrow.mass_g belongs to marrow.mass_rule = given")
        if self.mass_rule == "spongiosa-volume" and self.spongiosa is None:
            raise ValueError('marrow.mass_rule "spongiosa-volume" needs [marrow.spongiosa]')
        if "lumbar_l2_l4" in self.site_fractions:
            raise ValueError("the share of lumbar_l2_l4 is marrow.l2_l4_fraction")
        if len(set(self.sites)) != len(self.sites):
            raise ValueError("a marrow site is named twice")
        return self


class KineticsSection(_Section):
    """Named choices of the fit."""

    models: tuple[str, ...] = ()
    averaging: bool = False
    single_time_point: Literal["haenscheid", "madsen", "population"] | None = None
    population_half_life_h: dict[str, Positive] = {}
    """By organ; with "population" those that are not given are the agent's published ones."""
    population_half_life_relative_sd: NonNegative = 0.25
    population_prior_file: str | None = None
    """Priors of a cohort by organ (TOML), for single_time_point = "population"."""
    population_sample_relative_sd: Positive = 0.10
    """Error of a sample that states none, with priors made of half-lives."""
    draws: Annotated[int, Field(ge=200, le=100_000)] = 2000
    seed: Annotated[int, Field(ge=0)] = 20250101

    @model_validator(mode="after")
    def _population(self) -> KineticsSection:
        if self.single_time_point != "population":
            if self.population_prior_file is not None:
                raise ValueError('population_prior_file belongs to single_time_point = "population"')
        elif self.population_prior_file is None and self.population_half_life_relative_sd == 0.0:
            raise ValueError("a population has a spread: population_half_life_relative_sd > 0")
        return self


class DoseSection(_Section):
    """Named choices from time-integrated activity to dose."""

    organ_masses_g: dict[str, Positive] = {}
    """Given masses; otherwise the drawn volume times 1.04 g/ml (SPECT regions)."""
    organ_density_g_per_ml: Positive = 1.04
    mass_relative_sd: NonNegative = 0.05
    s_value_relative_sd: NonNegative = 0.03
    s_values: Literal["stylised-adult", "local-electrons"] = "stylised-adult"
    """Transport in the stylised adult of the patient's sex, or electrons in place and photons evenly spread."""
    s_value_file: str | None = None
    """A table of the user instead: CSV (matrix or list), or .csv.gz of hemadose."""
    s_value_unit: str = DEFAULT_UNIT
    s_value_masses_g: dict[str, Positive] = {}
    """Masses that the table's targets refer to, where the file does not say."""
    convention: Literal["hemadose", "olinda-1", "olinda-2", "idac-2.1"] = "hemadose"
    """Whose masses and scaling rules the doses follow."""
    masses: Literal["patient", "reference", "table"] | None = None
    """Masses of the self-dose; None: as the convention has it. "table": S values as they stand."""

    @model_validator(mode="after")
    def _table(self) -> DoseSection:
        if self.s_values == "local-electrons" and self.s_value_file is not None:
            raise ValueError('dose.s_value_file and dose.s_values = "local-electrons" exclude each other')
        if self.s_value_masses_g and self.s_value_file is None:
            raise ValueError("dose.s_value_masses_g belongs to dose.s_value_file")
        if self.s_value_unit not in UNITS:
            raise ValueError(f"unknown dose.s_value_unit; known: {', '.join(UNITS)}")
        if self.masses == "table" and self.s_values == "local-electrons":
            raise ValueError('dose.masses = "table" needs a table of S values')
        if self.masses == "reference" and self.convention == "hemadose":
            raise ValueError('dose.masses = "reference" needs a dose.convention with reference masses')
        if self.masses == "table" and self.convention != "hemadose":
            raise ValueError('dose.masses = "table" takes no convention: the table is one')
        return self
