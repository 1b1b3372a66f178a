"""Functional forms of a recovery curve, and the phantom spheres they are fitted to.

`gear2` R = 1 / (1 + (b1/v)^b2), the function of Gear 2018, the same as 1 - 1/(1 + (v/b1)^b2); `gear3` with a free
plateau, for images whose large volumes do not reach 1; `gaussian`, the closed form of a sphere blurred with one
resolution, which has a meaning (FWHM) and can be carried to other shapes.

References
----------
Gear J. et al., Eur J Nucl Med Mol Imaging 2018;45:2456 (fit function).
NEMA NU 2 image quality phantom: inner diameters 10, 13, 17, 22, 28, 37 mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model._checks import require_positive

Floats: TypeAlias = npt.NDArray[np.float64]
Form: TypeAlias = Literal["gear2", "gear3", "gaussian"]

FORMS: tuple[Form, ...] = ("gear2", "gear3", "gaussian")
PARAMETERS: dict[Form, tuple[str, ...]] = {
    "gear2": ("alpha_ml", "beta"),
    "gear3": ("alpha_ml", "beta", "plateau"),
    "gaussian": ("fwhm_mm",),
}
NEMA_DIAMETERS_MM = (10.0, 13.0, 17.0, 22.0, 28.0, 37.0)


def sphere_ml(diameter_mm: float) -> float:
    """Volume of a sphere.

    >>> round(sphere_ml(37.0), 2)
    26.52
    """
    return pi * diameter_mm**3 / 6000.0


def sphere_diameter_mm(volume_ml: float) -> float:
    """Diameter of the sphere of a volume."""
    return float((6000.0 * volume_ml / pi) ** (1.0 / 3.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SphereMeasurement:
    """Recovery of one phantom sphere.

    Attributes
    ----------
    volume_ml : float
        Inner volume.
    recovery : float
        Measured over true activity in it.
    sd : float or None
        Standard uncertainty of its own (noise, filling); None where unknown.
    name : str
        Label.
    """

    volume_ml: float
    recovery: float
    sd: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"sphere {self.name}".strip(), volume_ml=self.volume_ml, recovery=self.recovery)
        if self.sd is not None:
            require_positive(f"sphere {self.name}".strip(), sd=self.sd)
        if self.recovery > 2.0:
            raise QuantityError(
                "a recovery coefficient above 2 is not a ratio of activities",
                field="recovery",
                value=f"{self.recovery:g}",
                remedy="give a share, not percent",
            )


def curve_value(form: Form, parameters: npt.ArrayLike, volume_ml: npt.ArrayLike) -> Floats:
    """Recovery of volumes by one of the forms.

    >>> round(float(curve_value("gear2", (4.0, 2 / 3), 32.0)), 12)
    0.8
    """
    p = np.asarray(parameters, dtype=np.float64)
    v = np.asarray(volume_ml, dtype=np.float64)
    if form == "gaussian":
        radius = (3000.0 * v / (4.0 * pi)) ** (1.0 / 3.0)
        found = [sphere_recovery(radius_mm=float(r), fwhm_mm=float(p[0])) for r in np.atleast_1d(radius).ravel()]
        return np.asarray(found).reshape(v.shape)
    plateau = p[2] if form == "gear3" else 1.0
    return np.asarray(plateau / (1.0 + (p[0] / v) ** p[1]))
