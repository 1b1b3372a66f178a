"""What is known of a patient before endoradiotherapy; what is not known is None and is said to be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from hemadose.model import Donor, Sex
from hemadose.therapy.eligibility.discordance import LesionHistory

DISEASES = ("AML", "MM", "DLBCL", "TCL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indication:
    """E1: disease and the frame of an individual treatment."""

    disease: str | None = None
    extramedullary: bool | None = None
    relapsed_or_refractory: bool | None = None
    alternatives_exhausted: bool | None = None
    compassionate_use: bool | None = None
    consent: bool | None = None
    ethics: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PetFinding:
    """E2: the CXCR4 scan."""

    visually_above_normal: bool | None = None
    certified_reader: bool | None = None
    suv_max: float | None = None
    blood_pool_suv_mean: float | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraftState:
    """E4: who gives the graft, and whether it is there."""

    kind: str | None = None
    donor: Donor | None = None
    donor_confirmed: bool | None = None
    graft_confirmed: bool | None = None
    cd34_per_kg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organs:
    """E5: measured organ function, in the units of the names."""

    age_years: float | None = None
    sex: Sex | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    creatinine_mg_per_dl: float | None = None
    bilirubin_mg_per_dl: float | None = None
    platelets_per_nl: float | None = None
    dlco_percent: float | None = None
    lvef_percent: float | None = None
    hct_ci: int | None = None
    fludarabine_planned: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLimit:
    """A numeric organ limit of the site, with the site's reason.

    Attributes
    ----------
    quantity : str
        Field of `Organs`, or ``"creatinine_clearance_ml_per_min"``.
    least, most : float or None
        Bounds, either or both.
    source : str
        Where the site wrote it down.
    """

    quantity: str
    source: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Infection:
    """E6."""

    uncontrolled: bool | None = None
    broad_spectrum_antibiotics: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedDoses:
    """E7: predicted by dosimetry, in Gy and GBq, with the limits that apply."""

    kidneys_gy: float | None = None
    kidneys_limit_gy: float = 23.0
    residual_marrow_gy: float | None = None
    residual_marrow_limit_gy: float = 1.0
    activity_gbq: float | None = None
    activity_cap_gbq: float | None = None
    tbi_gy: float | None = None
    tbi_fraction_gy: float = 2.0
    tbi_kidneys_gy: float | None = None
    tbi_lungs_gy: float | None = None
    kidneys_effective_half_life_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """E8: radiation protection and nephroprotection."""

    pregnancy: str | None = None
    isolation_possible: bool | None = None
    continent: bool | None = None
    lysis_prophylaxis: bool | None = None
    potassium_mmol_per_l: float | None = None
    hydration_possible: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """E9: dates and what decays in the marrow."""

    ert_on: date | None = None
    day_zero_on: date | None = None
    marrow_dose_gy: float | None = None
    marrow_effective_half_life_d: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityFacts:
    """Everything the nine rules look at."""

    indication: Indication = Indication()
    pet: PetFinding = PetFinding()
    lesions: tuple[LesionHistory, ...] = ()
    graft: GraftState = GraftState()
    organs: Organs = Organs()
    site_limits: tuple[SiteLimit, ...] = field(default=())
    infection: Infection = Infection()
    doses: PredictedDoses = PredictedDoses()
    protection: Protection = Protection()
    timeline: Timeline = Timeline()
