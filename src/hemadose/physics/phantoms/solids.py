"""Solids: a box and an inequality. Points are given in cm as arrays that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.physics.phantoms.parameters import Ellipsoid

Array: TypeAlias = npt.NDArray[np.floating]
Mask: TypeAlias = npt.NDArray[np.bool_]
Predicate: TypeAlias = Callable[[Array, Array, Array], Mask]
Box: TypeAlias = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """A named part of a phantom.

    Attributes
    ----------
    name : str
        Tissue name.
    box : tuple of float
        (x low, x high, y low, y high, z low, z high) in cm; the solid lies inside.
    inside : callable
        Tells for points (x, y, z) in cm whether they belong; boundaries belong.

    Examples
    --------
    >>> ball = Solid(name="ball", box=(-1, 1, -1, 1, -1, 1),
    ...              inside=in_ellipsoid(Ellipsoid(0, 0, 0, 1, 1, 1)))
    >>> bool(ball.inside(np.float64(1.0), np.float64(0.0), np.float64(0.0)))
    True
    """

    name: str
    box: Box
    inside: Predicate


def in_ellipsoid(e: Ellipsoid) -> Predicate:
    """Points with ((x-x0)/a)^2 + ((y-y0)/b)^2 + ((z-z0)/c)^2 <= 1."""

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return np.asarray(((x - e.x) / e.a) ** 2 + ((y - e.y) / e.b) ** 2 + ((z - e.z) / e.c) ** 2 <= 1.0)

    return inside


def shrink(e: Ellipsoid, wall: float) -> Ellipsoid:
    """The ellipsoid with every semi-axis reduced by `wall` (negative: enlarged).

    >>> shrink(Ellipsoid(0, 0, 0, 3, 2, 1), 0.5)[3:]
    (2.5, 1.5, 0.5)
    """
    return e._replace(a=e.a - wall, b=e.b - wall, c=e.c - wall)


def box_of(e: Ellipsoid) -> Box:
    """The box around an ellipsoid."""
    return (e.x - e.a, e.x + e.a, e.y - e.b, e.y + e.b, e.z - e.c, e.z + e.c)


def in_ellipse(a: float, b: float, *, y0: float = 0.0) -> Callable[[Array, Array], Mask]:
    """Points of a plane with (x/a)^2 + ((y-y0)/b)^2 <= 1."""

    def inside(x: Array, y: Array) -> Mask:
        return np.asarray((x / a) ** 2 + ((y - y0) / b) ** 2 <= 1.0)

    return inside


def difference(first: Predicate, *others: Predicate) -> Predicate:
    """Points of the first that lie in none of the others."""

    def inside(x: Array, y: Array, z: Array) -> Mask:
        found = first(x, y, z)
        for other in others:
            found = found & ~other(x, y, z)
        return found

    return inside


def union(*parts: Predicate) -> Predicate:
    """Points of any part."""

    def inside(x: Array, y: Array, z: Array) -> Mask:
        found = parts[0](x, y, z)
        for part in parts[1:]:
            found = found | part(x, y, z)
        return found

    return inside


def between(part: Predicate, *, bottom: float, top: float) -> Predicate:
    """Points of a part with bottom <= z < top."""

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return part(x, y, z) & (z >= bottom) & (z < top)

    return inside


def side(part: Predicate, *, left: bool) -> Predicate:
    """Points of a part on one side of the midline (left is x > 0)."""

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return part(x, y, z) & ((x > 0.0) if left else (x <= 0.0))

    return inside


def half_box(box: Box, *, left: bool) -> Box:
    """The half of a box on one side of the midline."""
    return (0.0, *box[1:]) if left else (box[0], 0.0, *box[2:])
