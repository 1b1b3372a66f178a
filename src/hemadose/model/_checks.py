"""Checks that several values share: finite numbers, read-only arrays, aware times."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, TimingError


def require_finite(owner: str, **numbers: float) -> None:
    """Refuse NaN and infinity, naming the field."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise QuantityError(f"{owner} needs a finite number", field=name, value=str(number))


def require_non_negative(owner: str, **numbers: float) -> None:
    """Refuse NaN, infinity and negative numbers, naming the field."""
    require_finite(owner, **numbers)
    for name, number in numbers.items():
        if number < 0.0:
            raise QuantityError(f"{owner} cannot be negative", field=name, value=f"{number:g}", expected=">= 0")


def require_positive(owner: str, **numbers: float) -> None:
    """Refuse NaN, infinity, zero and negative numbers, naming the field."""
    require_finite(owner, **numbers)
    for name, number in numbers.items():
        if number <= 0.0:
            raise QuantityError(f"{owner} must be positive", field=name, value=f"{number:g}", expected="> 0")


def require_aware(owner: str, **moments: datetime) -> None:
    """Refuse a date-time without a time zone, naming the field."""
    for name, moment in moments.items():
        if moment.tzinfo is None or moment.utcoffset() is None:
            raise TimingError(
                f"{owner} needs a time zone",
                field=name,
                value=moment.isoformat(),
                remedy="state the time zone of the clinic, e.g. Europe/Berlin",
            )


def frozen_array(values: npt.ArrayLike, dtype: Any) -> npt.NDArray[Any]:
    """Give a read-only array of the given type (copied unless it is one already)."""
    array = np.asarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array
