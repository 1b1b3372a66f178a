"""Stomach, gallbladder and colon of the stylised adults (phantom sheet, section 2.3)."""

from __future__ import annotations

import numpy as np

from hemadose.physics.phantoms.parameters import AdultParameters, Gallbladder
from hemadose.physics.phantoms.solids import (
    Array,
    Box,
    Mask,
    Predicate,
    Solid,
    box_of,
    difference,
    in_ellipsoid,
    shrink,
    union,
)


def digestive_solids(p: AdultParameters) -> tuple[Solid, ...]:
    """Gallbladder and stomach, contents and wall."""
    contents = shrink(p.stomach, p.stomach_wall)
    g = p.gallbladder
    bile = _gallbladder(g, g.inner)
    box = (
        g.x - g.outer, g.x + g.outer + 0.2687 * g.height,
        g.y - g.outer, g.y + g.outer + 0.2090 * g.height,
        g.z - g.outer, g.z + g.outer + 0.9403 * g.height,
    )  # fmt: skip
    return (
        Solid(name="gallbladder_contents", box=box, inside=bile),
        Solid(name="gallbladder_wall", box=box, inside=difference(_gallbladder(g, g.outer), bile)),
        Solid(name="stomach_contents", box=box_of(contents), inside=in_ellipsoid(contents)),
        Solid(
            name="stomach_wall",
            box=box_of(p.stomach),
            inside=difference(in_ellipsoid(p.stomach), in_ellipsoid(contents)),
        ),
    )


def colon_solids(p: AdultParameters) -> tuple[Solid, ...]:
    """The four parts of the colon, contents and wall."""
    parts = {
        "ascending_colon": (_ascending, _ascending_box(p), p.ascending_colon.wall),
        "transverse_colon": (_transverse, _transverse_box(p), p.transverse_colon.wall),
        "descending_colon": (_descending, _descending_box(p), p.descending_colon.wall),
        "sigmoid": (_sigmoid, _sigmoid_box(p), p.sigmoid.wall),
    }
    solids = []
    for name, (shape, box, wall) in parts.items():
        outer, filled = shape(p, 0.0), shape(p, wall)
        solids.append(Solid(name=f"{name}_contents", box=box, inside=filled))
        solids.append(Solid(name=f"{name}_wall", box=box, inside=difference(outer, filled)))
    return tuple(solids)


def in_colon(p: AdultParameters) -> Predicate:
    """Points of any part of the colon, wall or contents."""
    return union(_ascending(p, 0.0), _transverse(p, 0.0), _descending(p, 0.0), _sigmoid(p, 0.0))


def _gallbladder(g: Gallbladder, radius: float) -> Predicate:
    def inside(x: Array, y: Array, z: Array) -> Mask:
        dx, dy, dz = x - g.x, y - g.y, z - g.z
        x1 = 0.9615 * dx - 0.2748 * dz
        y1 = -0.0574 * dx + 0.9779 * dy - 0.2008 * dz
        z1 = 0.2687 * dx + 0.2090 * dy + 0.9403 * dz
        across = x1**2 + y1**2
        ball = (z1 < 0.0) & (across + z1**2 <= radius**2)
        cone = (z1 >= 0.0) & (z1 <= g.height)
        taper = np.maximum(radius - g.taper * z1, 0.0)
        return np.asarray(ball | (cone & (across <= taper**2)))

    return inside


def _ascending(p: AdultParameters, wall: float) -> Predicate:
    c = p.ascending_colon

    def inside(x: Array, y: Array, z: Array) -> Mask:
        ring = ((x - c.x) / (c.a - wall)) ** 2 + ((y - c.y) / (c.b - wall)) ** 2 <= 1.0
        return np.asarray(ring & (z >= c.bottom) & (z <= c.top))

    return inside


def _ascending_box(p: AdultParameters) -> Box:
    c = p.ascending_colon
    return (c.x - c.a, c.x + c.a, c.y - c.b, c.y + c.b, c.bottom, c.top)


def _transverse(p: AdultParameters, wall: float) -> Predicate:
    c = p.transverse_colon

    def inside(x: Array, y: Array, z: Array) -> Mask:
        ring = ((y - c.y) / (c.b - wall)) ** 2 + ((z - c.z) / (c.c - wall)) ** 2 <= 1.0
        return np.asarray(ring & (np.abs(x) <= c.half_length))

    return inside


def _transverse_box(p: AdultParameters) -> Box:
    c = p.transverse_colon
    return (-c.half_length, c.half_length, c.y - c.b, c.y + c.b, c.z - c.c, c.z + c.c)


def _descending(p: AdultParameters, wall: float) -> Predicate:
    c = p.descending_colon
    length = c.top - c.bottom

    def inside(x: Array, y: Array, z: Array) -> Mask:
        xc = c.x_top + c.lean_x * (z - c.top) / length
        yc = c.lean_y * (c.bottom - z) / length
        ring = ((x - xc) / (c.a - wall)) ** 2 + ((y - yc) / (c.b - wall)) ** 2 <= 1.0
        return np.asarray(ring & (z >= c.bottom) & (z <= c.top))

    return inside


def _descending_box(p: AdultParameters) -> Box:
    c = p.descending_colon
    return (
        c.x_top - c.lean_x - c.a,
        c.x_top + c.a,
        -c.lean_y - c.b,
        c.b,
        c.bottom,
        c.top,
    )


def _sigmoid(p: AdultParameters, wall: float) -> Predicate:
    s = p.sigmoid
    tube = s.tube - wall

    def inside(x: Array, y: Array, z: Array) -> Mask:
        upper = (np.hypot(x - s.x, z - s.z) - s.upper_ring) ** 2 + y**2 <= tube**2
        lower = (np.hypot(x - s.x, z) - s.lower_ring) ** 2 + y**2 <= tube**2
        return np.asarray((upper & (x >= s.x) & (z <= s.z)) | (lower & (x <= s.x) & (z >= 0.0)))

    return inside


def _sigmoid_box(p: AdultParameters) -> Box:
    s = p.sigmoid
    left = s.x + s.upper_ring + s.tube
    right = s.x - s.lower_ring - s.tube
    return (right, left, -s.tube, s.tube, 0.0, s.z)
