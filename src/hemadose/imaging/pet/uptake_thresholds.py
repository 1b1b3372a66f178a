"""From which uptake on a voxel counts as tumour: every choice has a name, none is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import InputError, QuantityError
from hemadose.imaging.pet.uptake import Uptake


class ThresholdKind(StrEnum):
    """What a threshold refers to."""

    FIXED = "fixed"
    FRACTION_OF_MAX = "fraction_of_max"
    LIVER = "liver"
    BLOOD = "blood_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class UptakeThreshold:
    """A threshold of uptake.

    Attributes
    ----------
    kind : ThresholdKind
        What it refers to.
    value : float
        SUV; fraction of each lesion's own maximum; or factor on the mean of liver or blood pool.
    sd_factor : float
        Standard deviations of the reference added to it.
    """

    kind: ThresholdKind
    value: float
    sd_factor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that select everything or nothing."""
        top = 1.0 if self.kind is ThresholdKind.FRACTION_OF_MAX else 1000.0
        if not 0.0 < self.value < top or not self.sd_factor >= 0.0:
            raise QuantityError(
                "this threshold selects everything or nothing",
                field="threshold",
                value=f"{self.value:g}",
                expected=f"between 0 and {top:g}",
            )

    @property
    def words(self) -> str:
        """The choice in words.

        >>> UptakeThreshold(kind=ThresholdKind.LIVER, value=1.5, sd_factor=2.0).words
        '1.5 × liver mean + 2 SD'
        """
        if self.kind is ThresholdKind.FIXED:
            return f"SUV {self.value:g}"
        if self.kind is ThresholdKind.FRACTION_OF_MAX:
            return f"{100.0 * self.value:g} % of each lesion's maximum"
        added = f" + {self.sd_factor:g} SD" if self.sd_factor else ""
        return f"{self.value:g} × {self.kind.replace('_', ' ')} mean{added}"

    def level(self, references: Mapping[str, Uptake]) -> float:
        """SUV of the threshold.

        Parameters
        ----------
        references : Mapping of str to Uptake
            ``liver`` and ``blood_pool`` as measured.

        Returns
        -------
        float

        Raises
        ------
        InputError
            If the reference was not measured, or the threshold is relative to each lesion.
        """
        if self.kind is ThresholdKind.FIXED:
            return self.value
        if self.kind is ThresholdKind.FRACTION_OF_MAX:
            raise InputError("a share of the maximum has no level before the lesion is known", field="threshold")
        reference = references.get(self.kind.value)
        if reference is None:
            raise InputError(
                f"the threshold refers to the {self.kind.replace('_', ' ')}, which was not measured",
                field="threshold",
                value=self.words,
                expected=f"a region named {self.kind.value}",
                remedy="add the region, or choose a fixed threshold",
            )
        return self.value * reference.suv_mean + self.sd_factor * reference.suv_sd


DEFAULT_FACTORS = {ThresholdKind.LIVER: (1.5, 2.0), ThresholdKind.BLOOD: (2.0, 2.0)}
"""PERCIST 1.0 (Wahl, J Nucl Med 2009;50 Suppl 1:122S): 1.5 x liver mean + 2 SD; 2.0 x blood mean + 2 SD where the
liver is diseased. Made for FDG and lean body mass: for another tracer they are a convention, not a finding."""


def parse_threshold(text: str) -> UptakeThreshold:
    """Read a threshold as people write it.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> parse_threshold("4").words, parse_threshold("41%").words, parse_threshold("liver").words
    ('SUV 4', "41 % of each lesion's maximum", '1.5 × liver mean + 2 SD')
    >>> parse_threshold("blood*1.6+1sd").words
    '1.6 × blood pool mean + 1 SD'
    """
    cleaned = text.strip().lower().replace(" ", "")
    number = r"\d+(?:\.\d+)?"
    if re.fullmatch(number, cleaned):
        return UptakeThreshold(kind=ThresholdKind.FIXED, value=float(cleaned))
    if re.fullmatch(number + "%", cleaned):
        return UptakeThreshold(kind=ThresholdKind.FRACTION_OF_MAX, value=float(cleaned[:-1]) / 100.0)
    found = re.fullmatch(rf"(liver|blood)(?:\*({number}))?(?:\+({number})sd)?", cleaned)
    if found is None:
        raise InputError(
            "this threshold cannot be read",
            field="--threshold",
            value=text,
            expected="4 (SUV), 41%, liver, blood, liver*1.5+2sd, blood*2",
        )
    kind = ThresholdKind.LIVER if found[1] == "liver" else ThresholdKind.BLOOD
    if found[2] is None and found[3] is None:
        factor, deviations = DEFAULT_FACTORS[kind]
        return UptakeThreshold(kind=kind, value=factor, sd_factor=deviations)
    return UptakeThreshold(kind=kind, value=float(found[2] or 1.0), sd_factor=float(found[3] or 0.0))
