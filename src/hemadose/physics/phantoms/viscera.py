"""Organs of chest and abdomen of the stylised adults (phantom sheet, section 2.3 and 2.4)."""

from __future__ import annotations

import math

import numpy as np

from hemadose.physics.phantoms.digestive import colon_solids, digestive_solids, in_colon
from hemadose.physics.phantoms.parameters import AdultParameters, Ellipsoid, Heart, Lung
from hemadose.physics.phantoms.solids import (
    Array,
    Mask,
    Predicate,
    Solid,
    box_of,
    difference,
    half_box,
    in_ellipse,
    in_ellipsoid,
    shrink,
    side,
)


def visceral_solids(p: AdultParameters) -> tuple[Solid, ...]:
    """All soft organs, first those that win where two overlap."""
    solids = [
        Solid(name="brain", box=box_of(p.brain), inside=in_ellipsoid(p.brain)),
        _adrenals(p),
        *_heart(p.heart),
        *_kidneys(p),
        Solid(name="spleen", box=box_of(p.spleen), inside=in_ellipsoid(p.spleen)),
        _pancreas(p),
        Solid(name="thymus", box=box_of(p.thymus), inside=in_ellipsoid(p.thymus)),
        _thyroid(p),
        *_bladder(p),
        _pair("ovaries", p.ovaries),
        _uterus(p),
    ]
    if p.testes is not None:
        solids.append(_pair("testes", p.testes))
    return (
        *solids,
        *digestive_solids(p),
        *colon_solids(p),
        _small_intestine(p, in_colon(p)),
        _lung("lung_left", p.lung_left, left=True),
        _lung("lung_right", p.lung_right, left=False),
        _liver(p),
    )


def _pair(name: str, e: Ellipsoid) -> Solid:
    one = in_ellipsoid(e)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return one(np.abs(x), y, z)

    reach = e.x + e.a
    return Solid(name=name, box=(-reach, reach, *box_of(e)[2:]), inside=inside)


def _adrenals(p: AdultParameters) -> Solid:
    e, angle = p.adrenals
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def inside(x: Array, y: Array, z: Array) -> Mask:
        dx, dy = np.abs(x) - e.x, y - e.y
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        found = (u / e.a) ** 2 + (v / e.b) ** 2 + ((z - e.z) / e.c) ** 2 <= 1.0
        return np.asarray(found & (z >= e.z))

    reach = e.x + e.a
    box = (-reach, reach, e.y - e.a, e.y + e.a, e.z, e.z + e.c)
    return Solid(name="adrenals", box=box, inside=inside)


def _kidneys(p: AdultParameters) -> list[Solid]:
    e, medial = p.kidneys
    one = in_ellipsoid(e)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return one(np.abs(x), y, z) & (np.abs(x) >= medial)

    box = (-(e.x + e.a), e.x + e.a, *box_of(e)[2:])
    return [
        Solid(name=f"kidney_{word}", box=half_box(box, left=left), inside=side(inside, left=left))
        for word, left in (("left", True), ("right", False))
    ]


def _pancreas(p: AdultParameters) -> Solid:
    e, tail = p.pancreas
    whole = in_ellipsoid(e)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return np.asarray(whole(x, y, z) & (x >= e.x) & ((z >= e.z) | (x <= tail)))

    box = (e.x, *box_of(e)[1:])
    return Solid(name="pancreas", box=box, inside=inside)


def _thyroid(p: AdultParameters) -> Solid:
    t = p.thyroid
    root = math.sqrt(2.0)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        u, forward = (z - t.z) / t.height, y - t.y
        radius2 = x**2 + forward**2
        low = 1.0 + (root - 2.0) / 2.0 * 4.0 * u
        high = (2.0 - root) / 2.0 * (4.0 * u / 3.0) + (2.0 * root - 1.0) / 3.0
        tau = np.where(u <= 0.25, low, high)
        found = (u >= 0.0) & (u <= 1.0) & (forward <= 0.0)
        found = found & (radius2 >= t.inner**2) & (radius2 <= t.outer**2)
        return np.asarray(found & ((forward - np.abs(x)) ** 2 >= 2.0 * radius2 * tau**2))

    box = (-t.outer, t.outer, t.y - t.outer, t.y, t.z, t.z + t.height)
    return Solid(name="thyroid", box=box, inside=inside)


def _bladder(p: AdultParameters) -> list[Solid]:
    contents = shrink(p.bladder, p.bladder_wall)
    filled, outer = in_ellipsoid(contents), in_ellipsoid(p.bladder)
    return [
        Solid(name="bladder_contents", box=box_of(contents), inside=filled),
        Solid(name="bladder_wall", box=box_of(p.bladder), inside=difference(outer, filled)),
    ]


def _uterus(p: AdultParameters) -> Solid:
    e, front = p.uterus
    whole = in_ellipsoid(e)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        return np.asarray(whole(x, y, z) & (y >= front))

    x0, x1, _, y1, z0, z1 = box_of(e)
    return Solid(name="uterus", box=(x0, x1, front, y1, z0, z1), inside=inside)


def _small_intestine(p: AdultParameters, colon: Predicate) -> Solid:
    s = p.small_intestine
    ellipse = in_ellipse(s.a, s.b, y0=s.y)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        found = ellipse(x, y) & (y >= s.front) & (y <= s.back) & (z >= s.bottom) & (z <= s.top)
        return found & ~colon(x, y, z)

    box = (-s.a, s.a, s.front, s.back, s.bottom, s.top)
    return Solid(name="small_intestine", box=box, inside=inside)


def _lung(name: str, lung: Lung, *, left: bool) -> Solid:
    e = lung.body
    whole = in_ellipsoid(e)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        medial = (x < lung.cut_x) if left else (x > lung.cut_x)
        cut = medial & (y < lung.cut_y) & (z >= lung.cut_bottom) & (z <= lung.cut_top)
        return np.asarray(whole(x, y, z) & (z >= e.z) & ~cut)

    x0, x1, y0, y1, _, z1 = box_of(e)
    return Solid(name=name, box=(x0, x1, y0, y1, e.z, z1), inside=inside)


def _liver(p: AdultParameters) -> Solid:
    v = p.liver
    ellipse = in_ellipse(v.a, v.b)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        below = x / v.xm + y / v.ym - z / v.zm <= -1.0
        return np.asarray(ellipse(x, y) & below & (z >= v.bottom) & (z <= v.top))

    box = (-v.a, v.a, -v.b, v.b, v.bottom, v.top)
    return Solid(name="liver", box=box, inside=inside)


def _heart(h: Heart) -> list[Solid]:
    whole, blood = _chambers(h)
    reach = h.vx
    box = (h.x - reach, h.x + reach, h.y - reach, h.y + reach, h.z - reach, h.z + reach)
    return [
        Solid(name="heart_contents", box=box, inside=blood),
        Solid(name="heart_wall", box=box, inside=difference(whole, blood)),
    ]


def _chambers(h: Heart) -> tuple[Predicate, Predicate]:
    """Whole heart and its blood (phantom sheet, section 2.4)."""

    def axes(x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        dx, dy, dz = x - h.x, y - h.y, z - h.z
        return (
            0.6751 * dx - 0.4727 * dy - 0.5664 * dz,
            -0.4640 * dx + 0.3249 * dy - 0.8241 * dz,
            0.5736 * dx + 0.8191 * dy,
        )

    def quadric(v: tuple[Array, Array, Array], p: float, q: float, r: float) -> Mask:
        return np.asarray((v[0] / p) ** 2 + (v[1] / q) ** 2 + (v[2] / r) ** 2 <= 1.0)

    def whole(x: Array, y: Array, z: Array) -> Mask:
        v = axes(x, y, z)
        p = np.where(v[0] >= 0.0, h.vx, h.ax)
        r = np.where(v[2] >= 0.0, h.lavz, h.ravz)
        return np.asarray((v[0] / p) ** 2 + (v[1] / h.avy) ** 2 + (v[2] / r) ** 2 <= 1.0)

    def blood(x: Array, y: Array, z: Array) -> Mask:
        v = axes(x, y, z)
        ventricle, upper = v[0] >= 0.0, v[2] >= 0.0
        left, right, thin = h.tlvw, h.trvw, h.tax
        left_ventricle = quadric(v, h.vx, h.avy, h.lavz)
        lv = ventricle & quadric(v, h.vx - left, h.avy - left, h.lavz - left)
        rv = quadric(v, h.vx - right, h.avy - right, h.ravz - right) & ~left_ventricle
        la_upper = quadric(v, h.ax - thin, h.avy - thin, h.lavz - thin)
        la_lower = quadric(v, h.ax - thin, h.avy - thin, h.lavz - left)
        left_atrium = quadric(v, h.ax, h.avy, h.lavz - left + thin)
        ra = quadric(v, h.ax - thin, h.avy - thin, h.ravz - thin) & ~left_atrium
        return np.asarray(
            lv | (ventricle & ~upper & rv) | (~ventricle & upper & la_upper) | (~ventricle & ~upper & (la_lower | ra))
        )

    return whole, blood
