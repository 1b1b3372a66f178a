"""What is found about red marrow: where it was measured, how much there is, its dose before and after an event."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import QuantityError
from hemadose.model._checks import require_finite, require_non_negative, require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowSite:
    """A part of the skeleton whose share of the red marrow is known.

    Attributes
    ----------
    name : str
        Region name, e.g. ``"sacrum"``.
    title : str
        In words.
    fraction : float
        Share of the red marrow that lies there.
    relative_sd : float
        Its relative standard uncertainty between patients.
    source : str
        Where the share comes from.
    evidence : str
        ``"publication"``, ``"unverified"`` or ``"given"`` (by the user).
    """

    name: str
    title: str
    fraction: float
    relative_sd: float
    source: str
    evidence: str

    def __post_init__(self) -> None:
        """Check the share."""
        require_finite(self.name, fraction=self.fraction)
        if not 0.0 < self.fraction <= 1.0:
            raise QuantityError(
                f"the share of red marrow in {self.title} lies between 0 and 1",
                field="fraction",
                value=f"{self.fraction:g}",
                expected="0-1",
            )
        require_non_negative(self.name, relative_sd=self.relative_sd)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEstimate:
    """The whole red marrow as one site shows it.

    Attributes
    ----------
    site : MarrowSite
        Where.
    tia_bq_s, sd_bq_s : float
        Time-integrated activity of the whole marrow, and its standard uncertainty.
    weight : float
        Share in the combined estimate.
    """

    site: MarrowSite
    tia_bq_s: float
    sd_bq_s: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowMass:
    """Red-marrow mass by one rule, and the dose that it would mean.

    Attributes
    ----------
    rule : str
        Name of the rule.
    mass_kg : float
        Mass of the patient's red marrow.
    source : str
        Publication of the rule.
    gy_per_bq : float or None
        Dose coefficient of the marrow with this mass; None while it is not known.
    chosen : bool
        Whether the doses of the study use it.
    """

    rule: str
    mass_kg: float
    source: str
    gy_per_bq: float | None = None
    chosen: bool = False

    def __post_init__(self) -> None:
        """Refuse a mass that is none."""
        require_positive(f"red-marrow mass ({self.rule})", mass_kg=self.mass_kg)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowEvent:
    """Marrow dose before and after a clinical event, and the dose rate at it, for one activity.

    Attributes
    ----------
    name : str
        E.g. ``"infusion of stem cells"``.
    at_s : float
        After the administration.
    activity_bq : float
        Administered.
    before_gy, after_gy : float
        Delivered until then, and still to come; they add up to the whole marrow dose.
    before_sd_gy, after_sd_gy : float
        Standard uncertainties; the two parts are correlated.
    rate_gy_per_h, rate_sd_gy_per_h : float
        Dose rate at the event.
    """

    name: str
    at_s: float
    activity_bq: float
    before_gy: float
    before_sd_gy: float
    after_gy: float
    after_sd_gy: float
    rate_gy_per_h: float
    rate_sd_gy_per_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowFindings:
    """What the marrow dose of a study rests on.

    Attributes
    ----------
    method : str
        ``"image"``, ``"blood"``, ``"combined"`` or ``"none"``.
    sites : tuple of SiteEstimate
        Estimates by site; empty without images.
    masses : tuple of MarrowMass
        By every rule that the patient's data allow.
    events : tuple of MarrowEvent
        Dose before and after.
    notes : tuple of str
        Doubts.
    """

    method: str
    sites: tuple[SiteEstimate, ...] = ()
    masses: tuple[MarrowMass, ...] = ()
    events: tuple[MarrowEvent, ...] = ()
    notes: tuple[str, ...] = ()
