"""Effective dose of a diagnostic radiopharmaceutical, with every tissue that was replaced or left out.

E = sum over tissues of w_T H_T. The equivalent dose H_T is the absorbed dose here: electrons, positrons and photons
weigh one. A tissue that the anatomy lacks takes the dose of a named surrogate; a remainder tissue without one is left
out of the mean of the remainder; both are listed. Nothing is taken as zero.

References
----------
ICRP Publication 103 (2007), paragraphs on effective dose (mean of man and woman; remainder as mean of its tissues).
ICRP Publication 60 (1991) (splitting of the remainder weight).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Sex
from hemadose.model._checks import require_non_negative

GONADS = "gonads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """Regions that stand for a tissue, nearest first, and why."""

    regions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueWeights:
    """One set of tissue weighting factors.

    Attributes
    ----------
    name, title : str
        Id, and publication.
    weights : Mapping[str, float]
        Of the named tissues.
    remainder : tuple of str
        Tissues whose mean gets `remainder_weight`.
    remainder_weight : float
        Weight of the remainder.
    splitting : bool
        A remainder tissue that gets more than every named one takes half the weight of the remainder (ICRP 60).
    gonads : Mapping[Sex, str]
        Region of the gonads.
    only_in : Mapping[str, Sex]
        Remainder tissues that one sex has.
    surrogates : Mapping[str, Surrogate]
        For tissues that an anatomy lacks.
    """

    name: str
    title: str
    weights: Mapping[str, float]
    remainder: tuple[str, ...]
    remainder_weight: float
    splitting: bool
    gonads: Mapping[Sex, str]
    only_in: Mapping[str, Sex]
    surrogates: Mapping[str, Surrogate]

    def __post_init__(self) -> None:
        """The weights add up to one."""
        total = sum(self.weights.values()) + self.remainder_weight
        if abs(total - 1.0) > 1e-9:
            raise ReferenceDataError(
                f"the tissue weights of {self.title} do not add up", value=f"{total:g}", expected="1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueDose:
    """What one tissue adds to effective dose.

    Attributes
    ----------
    tissue : str
        As the weighting factors name it.
    region : str
        Whose dose was taken; ``""`` if the tissue was left out.
    sv_per_bq : float or None
        Equivalent dose coefficient.
    weight : float
        Applied weight.
    treatment : str
        ``"own"``, ``"surrogate"`` or ``"left out"``.
    reason : str
        Why it was replaced or left out.
    """

    tissue: str
    region: str
    sv_per_bq: float | None
    weight: float
    treatment: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveDose:
    """Effective dose coefficient of one adult.

    Attributes
    ----------
    weights : str
        Which weighting factors.
    sex : Sex
        Of the adult.
    sv_per_bq : float
        Per administered activity.
    tissues : tuple of TissueDose
        Named tissues first.
    """

    weights: str
    sex: Sex
    sv_per_bq: float
    tissues: tuple[TissueDose, ...]

    @property
    def surrogate_share(self) -> float:
        """Share of the effective dose that rests on surrogates."""
        part = sum(t.weight * t.sv_per_bq for t in self.tissues if t.treatment == "surrogate" and t.sv_per_bq)
        return part / self.sv_per_bq if self.sv_per_bq > 0.0 else 0.0


def effective_dose(organ_sv_per_bq: Mapping[str, float], *, sex: Sex, weights: TissueWeights) -> EffectiveDose:
    """Weigh the equivalent doses of one adult.

    Parameters
    ----------
    organ_sv_per_bq : Mapping
        Region to equivalent dose coefficient.
    sex : Sex
        Of the anatomy.
    weights : TissueWeights
        Weighting factors.

    Returns
    -------
    EffectiveDose

    Raises
    ------
    ReferenceDataError
        If a named tissue has neither dose nor surrogate, or no tissue of the remainder has.
    QuantityError
        If a dose is negative or not finite.

    Examples
    --------
    A uniform dose is its own effective dose:

    >>> weights = TissueWeights(name="x", title="x", weights={"liver": 0.9}, remainder=("spleen", "muscle"),
    ...     remainder_weight=0.1, splitting=False, gonads={}, only_in={}, surrogates={})
    >>> e = effective_dose({"liver": 2e-11, "spleen": 2e-11}, sex=Sex.MALE, weights=weights)
    >>> round(e.sv_per_bq * 1e11, 9), [t.tissue for t in e.tissues if t.treatment == "left out"]
    (2.0, ['muscle'])
    """
    for region, value in organ_sv_per_bq.items():
        require_non_negative(f"dose of {region}", sv_per_bq=value)
    named = [_tissue(t, w, organ_sv_per_bq, sex, weights) for t, w in weights.weights.items()]
    missing = [t.tissue for t in named if t.sv_per_bq is None]
    if missing:
        raise ReferenceDataError(
            f"effective dose needs the dose of {', '.join(missing)}",
            source=weights.title,
            expected="the tissue, or a region that may stand for it",
        )
    rest = _remainder(organ_sv_per_bq, sex, weights, named)
    tissues = (*named, *rest)
    return EffectiveDose(
        weights=weights.name,
        sex=sex,
        sv_per_bq=float(sum(t.weight * t.sv_per_bq for t in tissues if t.sv_per_bq is not None)),
        tissues=tissues,
    )


def _tissue(tissue: str, weight: float, doses: Mapping[str, float], sex: Sex, weights: TissueWeights) -> TissueDose:
    region = weights.gonads.get(sex, tissue) if tissue == GONADS else tissue
    if region in doses:
        return TissueDose(tissue=tissue, region=region, sv_per_bq=doses[region], weight=weight, treatment="own")
    stand_in = weights.surrogates.get(tissue)
    for other in stand_in.regions if stand_in else ():
        if other in doses:
            reason = stand_in.reason if stand_in else ""
            return TissueDose(
                tissue=tissue, region=other, sv_per_bq=doses[other], weight=weight, treatment="surrogate", reason=reason
            )
    return TissueDose(
        tissue=tissue, region="", sv_per_bq=None, weight=0.0, treatment="left out", reason="no dose and no surrogate"
    )


def _remainder(
    doses: Mapping[str, float], sex: Sex, weights: TissueWeights, named: Sequence[TissueDose]
) -> list[TissueDose]:
    """Tissues of the remainder with their shares of its weight."""
    present = [t for t in weights.remainder if weights.only_in.get(t, sex) is sex]
    found = [_tissue(t, 1.0, doses, sex, weights) for t in present]
    held = [t for t in found if t.sv_per_bq is not None]
    if not held:
        raise ReferenceDataError("effective dose needs one remainder tissue at least", source=weights.title)
    shares = _shares([float(t.sv_per_bq or 0.0) for t in held], named, weights)
    share = dict(zip([t.tissue for t in held], shares, strict=True))
    return [
        TissueDose(
            tissue=t.tissue,
            region=t.region,
            sv_per_bq=t.sv_per_bq,
            weight=share.get(t.tissue, 0.0),
            treatment=t.treatment,
            reason=t.reason if t.treatment != "left out" else f"{t.reason}: the mean is that of the others",
        )
        for t in found
    ]


def _shares(values: list[float], named: Sequence[TissueDose], weights: TissueWeights) -> list[float]:
    """Equal shares, or half to the one that gets more than every named tissue."""
    total, count = weights.remainder_weight, len(values)
    highest = int(np.argmax(values))
    if weights.splitting and count > 1 and values[highest] > max(t.sv_per_bq or 0.0 for t in named):
        return [total / 2.0 if i == highest else total / 2.0 / (count - 1) for i in range(count)]
    return [total / count] * count


def sex_average_sv_per_bq(doses: Sequence[EffectiveDose]) -> float:
    """Mean of man and woman by the same weights (ICRP 103).

    Raises
    ------
    QuantityError
        If it is not one man and one woman, or the weights differ.
    """
    if {d.sex for d in doses} != set(Sex) or len(doses) != len(Sex) or len({d.weights for d in doses}) != 1:
        raise QuantityError("the mean over the sexes needs one man and one woman with the same weights")
    return float(np.mean([d.sv_per_bq for d in doses]))
