"""Tissue weighting factors of effective dose as packaged data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from hemadose.dose.effective import Surrogate, TissueWeights
from hemadose.errors import ReferenceDataError
from hemadose.model import Sex
from hemadose.refdata._toml import parse

_SOURCE = "tissue_weights.toml"
SETS = ("icrp60", "icrp103")


@cache
def tissue_weights(name: str) -> TissueWeights:
    """Give a set of weights: ``icrp60`` or ``icrp103``.

    Raises
    ------
    ReferenceDataError
        If there is none of that name.

    Examples
    --------
    >>> tissue_weights("icrp103").weights["breasts"], tissue_weights("icrp60").weights["breasts"]
    (0.12, 0.05)
    """
    if name not in SETS:
        raise ReferenceDataError("unknown tissue weights", value=name, expected=", ".join(SETS))
    text = files("hemadose.refdata").joinpath(f"data/{_SOURCE}").read_text(encoding="utf-8")
    table = parse(text, source=_SOURCE)
    entry = table[name]
    return TissueWeights(
        name=name,
        title=entry["title"],
        weights={tissue: float(w) for tissue, w in entry["weights"].items()},
        remainder=tuple(entry["remainder"]),
        remainder_weight=float(entry["remainder_weight"]),
        splitting=bool(entry.get("splitting", False)),
        gonads={Sex(sex): region for sex, region in table["gonads"].items()},
        only_in={tissue: Sex(sex) for tissue, sex in table["only_in"].items()},
        surrogates={
            tissue: Surrogate(regions=tuple(s["regions"]), reason=s["reason"])
            for tissue, s in table["surrogates"].items()
        },
    )
