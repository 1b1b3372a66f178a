"""What forbids a therapy: published rules against what is known of the patient; a thing not known is never a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hemadose.errors import QuantityError
from hemadose.model.agent import Refusal, RefusalKind
from hemadose.units import HOUR_S

MAX_PLATELETS_E9_PER_L = 2000.0
_NOT_ORGANS = ("whole_body", "total_body", "remainder")


class Verdict(StrEnum):
    """What a refusal rule says."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is known of the patient; None where it is not.

    Attributes
    ----------
    platelets_e9_per_l : float or None
        10^9/l, which is 1000 per microlitre.
    marrow_involvement : float or None
        Fraction of the marrow that is lymphoma.
    altered_biodistribution : bool or None
        As read on the images of the tracer.
    residence_time_s : float or None
        Of the whole body.
    graft_confirmed : bool or None
        Donor or stored stem cells confirmed, day 0 booked.
    patient_gy_per_bq : Mapping[str, float]
        Dose coefficients measured in this patient.
    """

    platelets_e9_per_l: float | None = None
    marrow_involvement: float | None = None
    altered_biodistribution: bool | None = None
    residence_time_s: float | None = None
    graft_confirmed: bool | None = None
    patient_gy_per_bq: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that are in another unit."""
        if self.platelets_e9_per_l is not None:
            _check_platelets(self.platelets_e9_per_l)
        share = self.marrow_involvement
        if share is not None and not 0.0 <= share <= 1.0:
            raise QuantityError(
                "marrow involvement is a fraction",
                field="marrow involvement",
                value=f"{share:g}",
                expected="0-1",
                remedy="25 % is 0.25",
            )


def _check_platelets(count: float) -> None:
    if 1.0 <= count <= MAX_PLATELETS_E9_PER_L:
        return
    remedy = "check the count"
    if count > MAX_PLATELETS_E9_PER_L:
        remedy = f"divide a count per microlitre by 1000: {count:g} per microlitre is {count / 1000:g}"
    elif 0.0 < count < 1.0:
        remedy = f"multiply a count in 10^12/l by 1000: {count:g} x 10^12/l is {count * 1000:g}"
    raise QuantityError(
        "platelets are given in 10^9/l",
        field="platelets",
        value=f"{count:g}",
        expected=f"1-{MAX_PLATELETS_E9_PER_L:g} x 10^9/l",
        remedy=remedy,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalOutcome:
    """One rule, what it says and why."""

    rule: Refusal
    verdict: Verdict
    reason: str


def judge_refusals(rules: Sequence[Refusal], findings: Findings, *, setting: str = "") -> tuple[RefusalOutcome, ...]:
    """Hold every rule of a setting against the findings.

    Parameters
    ----------
    rules : sequence of Refusal
        Of the agent.
    findings : Findings
        What is known.
    setting : str
        Way of treatment; rules of other settings are left out.

    Returns
    -------
    tuple of RefusalOutcome
        In the order of the rules. `Verdict.NOT_JUDGED` where the finding is missing.

    Examples
    --------
    >>> from hemadose.model.agent import Evidence
    >>> rule = Refusal(code="PLATELETS", kind=RefusalKind.PLATELETS_BELOW, text="", value=100.0, low_s=None,
    ...     high_s=None, targets=(), settings=(), source="label", evidence=Evidence.PUBLICATION)
    >>> [judge_refusals([rule], Findings(platelets_e9_per_l=n))[0].verdict.value for n in (100, 99, None)]
    ['passed', 'refused', 'not judged']
    """
    return tuple(_judge(rule, findings) for rule in rules if not rule.settings or setting in rule.settings)


def _judge(rule: Refusal, known: Findings) -> RefusalOutcome:
    broken, reason = {
        RefusalKind.PLATELETS_BELOW: _platelets,
        RefusalKind.MARROW_INVOLVEMENT_FROM: _involvement,
        RefusalKind.ALTERED_BIODISTRIBUTION: _altered,
        RefusalKind.UNFAVOURABLE_BIODISTRIBUTION: _unfavourable,
        RefusalKind.RESIDENCE_TIME_OUTSIDE: _residence,
        RefusalKind.NO_GRAFT: _graft,
    }[rule.kind](rule, known)
    verdict = Verdict.NOT_JUDGED if broken is None else Verdict.REFUSED if broken else Verdict.PASSED
    return RefusalOutcome(rule=rule, verdict=verdict, reason=reason)


_Answer = tuple[bool | None, str]


def _platelets(rule: Refusal, known: Findings) -> _Answer:
    count = known.platelets_e9_per_l
    if count is None or rule.value is None:
        return None, "platelets not given"
    return count < rule.value, f"platelets {count:g} x 10^9/l, at least {rule.value:g} needed"


def _involvement(rule: Refusal, known: Findings) -> _Answer:
    share = known.marrow_involvement
    if share is None or rule.value is None:
        return None, "marrow involvement not given"
    return share >= rule.value, f"marrow involvement {share:.0%}, below {rule.value:.0%} needed"


def _altered(_: Refusal, known: Findings) -> _Answer:
    if known.altered_biodistribution is None:
        return None, "biodistribution not stated"
    return known.altered_biodistribution, "altered" if known.altered_biodistribution else "not altered"


def _graft(_: Refusal, known: Findings) -> _Answer:
    if known.graft_confirmed is None:
        return None, "graft not stated"
    return not known.graft_confirmed, "graft confirmed" if known.graft_confirmed else "no confirmed graft"


def _residence(rule: Refusal, known: Findings) -> _Answer:
    time = known.residence_time_s
    if time is None or rule.low_s is None or rule.high_s is None:
        return None, "residence time not measured"
    low, high = rule.low_s / HOUR_S, rule.high_s / HOUR_S
    text = f"residence time {time / HOUR_S:.1f} h, expected {low:g}-{high:g} h"
    return not rule.low_s <= time <= rule.high_s, text


def _unfavourable(rule: Refusal, known: Findings) -> _Answer:
    doses = known.patient_gy_per_bq
    normal = {k: v for k, v in doses.items() if k not in (*rule.targets, *_NOT_ORGANS) and not k.startswith("lesion")}
    missing = [target for target in rule.targets if target not in doses]
    if missing or not normal:
        return None, f"the patient's own dose of {', '.join(missing) or 'a normal organ'} is not given"
    most = max(normal, key=lambda organ: normal[organ])
    least = min(rule.targets, key=lambda target: doses[target])
    text = f"{least} {doses[least] * 1e9:.3g} Gy/GBq against {most} {normal[most] * 1e9:.3g} Gy/GBq"
    text += f" (given: {', '.join(sorted(normal))})"
    return doses[least] <= normal[most], text
