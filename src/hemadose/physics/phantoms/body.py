"""Outline and skin of the stylised adults (phantom sheet, body parts)."""

from __future__ import annotations

import numpy as np

from hemadose.physics.phantoms.parameters import AdultParameters, Ellipsoid
from hemadose.physics.phantoms.solids import (
    Array,
    Box,
    Mask,
    Predicate,
    Solid,
    difference,
    in_ellipse,
    in_ellipsoid,
    union,
)


def body_solids(p: AdultParameters) -> tuple[Solid, ...]:
    """Trunk, head, legs, breasts and, in the male, the genitalia region."""
    a, b, height = p.trunk
    head_a, head_b, cylinder, cap = p.head
    top = height + cylinder + cap
    breast = p.breasts
    reach = breast.x + breast.a
    parts = [
        Solid(name="trunk", box=(-a, a, -b, b, 0.0, height), inside=_trunk(p)),
        Solid(name="head", box=(-head_a, head_a, -head_b, head_b, height, top), inside=_head(p)),
        Solid(name="legs", box=(-a, a, -a / 2, a / 2, -p.leg_length, 0.0), inside=_legs(p)),
        Solid(
            name="breasts",
            box=(-reach, reach, breast.y - breast.b, breast.y + breast.b,
                 breast.z - breast.c, breast.z + breast.c),
            inside=_breasts(p),
        ),
    ]  # fmt: skip
    if p.genitalia_depth is not None:
        box: Box = (-a / 2, a / 2, -a / 2, 0.0, -p.genitalia_depth, 0.0)
        parts.append(Solid(name="genitalia", box=box, inside=_genitalia(p)))
    return tuple(parts)


def skin_solid(p: AdultParameters) -> Solid:
    """Layer of thickness S inside the outer surface, without the skin of the breasts."""
    s = p.skin
    outer = [_trunk(p), _head(p), _legs(p)]
    inner = [_trunk(p, skin=s), _head(p, skin=s), _legs(p, skin=s)]
    if p.genitalia_depth is not None:
        outer.append(_genitalia(p))
        inner.append(_genitalia(p, skin=s))
    a, b, height = p.trunk
    top = height + p.head[2] + p.head[3]
    box = (-a, a, -max(b, p.head[1], a / 2), max(b, p.head[1], a / 2), -p.leg_length, top)
    return Solid(name="skin", box=box, inside=difference(union(*outer), *inner))


def _trunk(p: AdultParameters, *, skin: float = 0.0) -> Predicate:
    a, b, height = p.trunk
    ellipse = in_ellipse(a - skin, b - skin)
    neck = in_ellipse(p.head[0] - skin, p.head[1] - skin)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        found = ellipse(x, y) & (z >= 0.0)
        if skin == 0.0:
            return found & (z <= height)
        return found & ((z <= height - skin) | (neck(x, y) & (z <= height)))

    return inside


def _head(p: AdultParameters, *, skin: float = 0.0) -> Predicate:
    a, b, cylinder, cap = p.head
    height = p.trunk[2]
    centre = height + cylinder
    ellipse = in_ellipse(a - skin, b - skin)
    dome = in_ellipsoid(Ellipsoid(0.0, 0.0, centre, a - skin, b - skin, cap - skin))

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return (z > height) & ((ellipse(x, y) & (z <= centre)) | (dome(x, y, z) & (z > centre)))

    return inside


def _legs(p: AdultParameters, *, skin: float = 0.0) -> Predicate:
    half = p.trunk[0] / 2.0

    def inside(x: Array, y: Array, z: Array) -> Mask:
        r = half * (1.0 + z / p.leg_cone)
        inner = np.maximum(r - skin, 0.0)
        found = (np.abs(x) - r) ** 2 + y**2 <= inner**2
        return np.asarray(found & (z >= skin - p.leg_length) & (z < 0.0))

    return inside


def _genitalia(p: AdultParameters, *, skin: float = 0.0) -> Predicate:
    half = p.trunk[0] / 2.0
    depth = p.genitalia_depth or 0.0

    def inside(x: Array, y: Array, z: Array) -> Mask:
        r = half * (1.0 + z / p.leg_cone)
        found = (np.abs(x) <= r) & (y >= skin - r) & (y <= 0.0)
        found = found & ((np.abs(x) - r) ** 2 + y**2 >= r**2)
        return np.asarray(found & (z >= skin - depth) & (z < 0.0))

    return inside


def _breasts(p: AdultParameters) -> Predicate:
    a, b, height = p.trunk
    ellipse = in_ellipse(a, b)
    pair = in_ellipsoid(p.breasts)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return pair(np.abs(x), y, z) & ~ellipse(x, y) & (z <= height) & (z >= 0.0)

    return inside
