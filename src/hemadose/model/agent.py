"""A radiopharmaceutical as values: target, rules for its activity, refusals, published dose coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import PlanningError
from hemadose.model.prescription import Limit


class AgentRole(StrEnum):
    """What an agent is used for."""

    THERAPY = "therapy"
    DIAGNOSTIC = "diagnostic"


class Evidence(StrEnum):
    """How sure a number is: read in the cited text or abstract, or general knowledge to be confirmed before use."""

    PUBLICATION = "publication"
    UNVERIFIED = "unverified"


class MarrowMethod(StrEnum):
    """How the red-marrow dose of an agent may be found.

    ``image``: the agent binds in the marrow, blood tells nothing about it. ``image_or_blood``:
    no specific binding in marrow. ``none``: not needed.
    """

    IMAGE = "image"
    IMAGE_OR_BLOOD = "image_or_blood"
    NONE = "none"


class RuleKind(StrEnum):
    """How a rule sets or bounds the activity."""

    PER_KG = "per_kg"
    PER_M2 = "per_m2"
    FIXED = "fixed"
    MAXIMUM = "maximum"
    WHOLE_BODY_DOSE = "whole_body_dose"
    ORGAN_LIMIT = "organ_limit"
    RESIDUAL_MARROW_LIMIT = "residual_marrow_limit"
    DOSE_LEVEL = "dose_level"
    MINIMUM_DOSE = "minimum_dose"
    OBSERVED = "observed"
    """What was given, for orientation; never sets an activity."""


class RefusalKind(StrEnum):
    """What forbids the therapy."""

    PLATELETS_BELOW = "platelets_below"
    MARROW_INVOLVEMENT_FROM = "marrow_involvement_from"
    ALTERED_BIODISTRIBUTION = "altered_biodistribution"
    UNFAVOURABLE_BIODISTRIBUTION = "unfavourable_biodistribution"
    RESIDENCE_TIME_OUTSIDE = "residence_time_outside"
    NO_GRAFT = "no_graft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """Published absorbed dose per administered activity of one target.

    Attributes
    ----------
    target : str
        Organ.
    best_gy_per_bq : float
        Median or mean, see `statistic`.
    low_gy_per_bq, high_gy_per_bq : float or None
        Range, where published.
    sd_gy_per_bq : float or None
        Standard deviation, where published.
    statistic : str
        ``"median"``, ``"mean"`` or ``"single value"``.
    n : int or None
        Patients.
    source : str
        Publication.
    evidence : Evidence
        How sure it is.
    """

    target: str
    best_gy_per_bq: float
    low_gy_per_bq: float | None
    high_gy_per_bq: float | None
    sd_gy_per_bq: float | None
    statistic: str
    n: int | None
    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRule:
    """One way the administered activity is set or bounded, as published.

    Attributes
    ----------
    kind : RuleKind
        What it does.
    amount, unit : float and str, or None
        As published, e.g. 14.8, ``"MBq/kg"``.
    condition : str
        When it holds, in words.
    source : str
        Publication.
    evidence : Evidence
        How sure it is.
    setting : str
        Way of treatment that it belongs to (``"label"``, ``"myeloablative"`` ...); ``""`` holds in all.
    target : str
        Organ of a dose rule.
    platelets_from_e9_per_l, platelets_below_e9_per_l : float or None
        Platelet count (10^9/l) from which, and below which, it holds.
    requires : str
        What must be true and no number here can tell, e.g. a diagnosis.
    levels : tuple of float
        Dose-escalation levels in the unit of the amount.
    fractions : int
        Times that the activity is given.
    fraction_interval_s : float or None
        From one to the next.
    """

    kind: RuleKind
    amount: float | None
    unit: str | None
    condition: str
    source: str
    evidence: Evidence
    setting: str = ""
    target: str = ""
    platelets_from_e9_per_l: float | None = None
    platelets_below_e9_per_l: float | None = None
    requires: str = ""
    levels: tuple[float, ...] = ()
    fractions: int = 1
    fraction_interval_s: float | None = None

    @property
    def depends_on_platelets(self) -> bool:
        """Tell whether the platelet count decides if it holds."""
        return self.platelets_from_e9_per_l is not None or self.platelets_below_e9_per_l is not None

    def holds_for_platelets(self, platelets_e9_per_l: float) -> bool:
        """Tell whether it holds for a platelet count in 10^9/l."""
        low, high = self.platelets_from_e9_per_l, self.platelets_below_e9_per_l
        return (low is None or platelets_e9_per_l >= low) and (high is None or platelets_e9_per_l < high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What forbids a therapy, as published.

    Attributes
    ----------
    code : str
        Short name.
    kind : RefusalKind
        What is looked at.
    text : str
        In words.
    value : float or None
        10^9/l for platelets, fraction for marrow involvement.
    low_s, high_s : float or None
        Bounds of a residence time.
    targets : tuple of str
        Organs that must receive more than every other one.
    settings : tuple of str
        Ways of treatment that it holds in; empty for all.
    source : str
        Publication.
    evidence : Evidence
        How sure it is.
    """

    code: str
    kind: RefusalKind
    text: str
    value: float | None
    low_s: float | None
    high_s: float | None
    targets: tuple[str, ...]
    settings: tuple[str, ...]
    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """Another label whose images stand for those of an agent, and what to doubt about it."""

    agent: str
    note: str
    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A way of treatment with its own rules."""

    id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A radiopharmaceutical.

    Attributes
    ----------
    id, title : str
        Identifier and name.
    role : AgentRole
        Therapy or diagnostic.
    nuclide : str
        Name of the radionuclide.
    target, vector : str
        What it binds to, and what binds.
    indications : tuple of str
        Diseases it was used for.
    marrow_targeting, marrow_method : bool, MarrowMethod
        Whether it binds to cells in the marrow, and how the marrow dose may be found.
    organs_at_risk : tuple of str
        Organs that bound the activity.
    limits, rules : tuple of Limit, tuple of ActivityRule
        What bounds or sets the activity.
    coefficients : tuple of Coefficient
        Published dose coefficients; the first of a target counts.
    half_lives_h : tuple of (str, float)
        Published effective half-lives by organ, for plausibility.
    dosimetry_protocol, nephroprotection, predosing : str
        In words; ``""`` where not applicable.
    contraindications, notes, sources : tuple of str
        In words.
    settings : tuple of Setting
        Ways of treatment; the first is taken unless another is named.
    refusals : tuple of Refusal
        What forbids the therapy.
    surrogates : tuple of Surrogate
        Labels whose images stand for this one's.
    """

    id: str
    title: str
    role: AgentRole
    nuclide: str
    target: str
    vector: str
    indications: tuple[str, ...]
    marrow_targeting: bool
    marrow_method: MarrowMethod
    organs_at_risk: tuple[str, ...]
    limits: tuple[Limit, ...]
    coefficients: tuple[Coefficient, ...]
    rules: tuple[ActivityRule, ...]
    half_lives_h: tuple[tuple[str, float], ...]
    dosimetry_protocol: str
    nephroprotection: str
    predosing: str
    contraindications: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    settings: tuple[Setting, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    surrogates: tuple[Surrogate, ...] = ()

    def coefficient(self, target: str) -> Coefficient | None:
        """Give the published coefficient of a target, or None."""
        return next((c for c in self.coefficients if c.target == target), None)

    def require_marrow_method(self, method: str) -> None:
        """Refuse a marrow method that is not valid for this agent.

        Parameters
        ----------
        method : str
            ``"image"`` or ``"blood"``.

        Raises
        ------
        PlanningError
            For blood-based marrow dosimetry of an agent that binds in the marrow.
        """
        if method == "blood" and self.marrow_method is not MarrowMethod.IMAGE_OR_BLOOD:
            raise PlanningError(
                f"the marrow dose of {self.title} cannot be found from blood alone",
                field="marrow method",
                value=method,
                expected="image",
                remedy="the agent binds in the marrow; quantify L2-L4 on the images",
            )
