"""The skeleton of the stylised adults (phantom sheet, section 2.2)."""

from __future__ import annotations

import numpy as np

from hemadose.physics.phantoms.parameters import AdultParameters, LimbBone
from hemadose.physics.phantoms.solids import (
    Array,
    Mask,
    Predicate,
    Solid,
    between,
    box_of,
    difference,
    in_ellipse,
    in_ellipsoid,
    shrink,
)

LUMBAR = ("lumbar_l5", "lumbar_l4", "lumbar_l3", "lumbar_l2", "lumbar_l1")
"""From the pelvis upwards; the project gives them equal heights."""


def skeleton_solids(p: AdultParameters) -> tuple[Solid, ...]:
    """All bones, with the limb bones split where their red marrow ends."""
    return (*_limbs(p), _pelvis(p), *_spine(p), *_skull(p), _ribs(p), _clavicles(p), _scapulae(p))


def vertebral_limits_cm(p: AdultParameters, name: str) -> tuple[float, float]:
    """Lower and upper z of a lumbar vertebra.

    Examples
    --------
    >>> from hemadose.physics.phantoms.parameters import MALE
    >>> [round(z, 2) for z in vertebral_limits_cm(MALE, "lumbar_l4")]
    [24.62, 27.24]
    """
    step = (p.spine.thoracic - p.spine.bottom) / len(LUMBAR)
    bottom = p.spine.bottom + LUMBAR.index(name) * step
    return bottom, bottom + step


def _limbs(p: AdultParameters) -> list[Solid]:
    a, _, height = p.trunk
    top_radius, _, leg = p.leg_bone
    legs, arms = _leg_bones(p), _arm_bones(p.arm_bone)
    x = p.arm_bone.x + p.arm_bone.a
    cut, reach = p.leg_marrow_above, a / 2.0 + top_radius
    b, split, end = p.arm_bone.b, p.arm_marrow_above, p.arm_bone.length
    return [
        Solid(
            name="femora_upper",
            box=(-reach, reach, -top_radius, top_radius, cut, 0.0),
            inside=between(legs, bottom=cut, top=np.inf),
        ),
        Solid(
            name="leg_bones_lower",
            box=(-reach, reach, -top_radius, top_radius, -leg, cut),
            inside=between(legs, bottom=-np.inf, top=cut),
        ),
        Solid(
            name="humeri_upper",
            box=(-x, x, -b, b, split, end),
            inside=between(arms, bottom=split, top=np.inf),
        ),
        Solid(
            name="arm_bones_lower",
            box=(-x, x, -b, b, 0.0, min(split, height)),
            inside=between(arms, bottom=-np.inf, top=split),
        ),
    ]


def _leg_bones(p: AdultParameters) -> Predicate:
    top, bottom, length = p.leg_bone
    half = p.trunk[0] / 2.0

    def inside(x: Array, y: Array, z: Array) -> Mask:
        centre = half * (1.0 + z / p.leg_cone)
        radius = top + (top - bottom) * z / length
        found = (np.abs(x) - centre) ** 2 + y**2 <= radius**2
        return np.asarray(found & (z >= -length) & (z <= 0.0))

    return inside


def _arm_bones(bone: LimbBone) -> Predicate:
    double = 2.0 * bone.length

    def inside(x: Array, y: Array, z: Array) -> Mask:
        down = z - bone.length
        u = (bone.tilt / double * down + np.abs(x) - bone.x) / bone.a
        found = u**2 + (y / bone.b) ** 2 <= ((double + down) / double) ** 2
        return np.asarray(found & (z >= 0.0) & (z <= bone.length))

    return inside


def _pelvis(p: AdultParameters) -> Solid:
    outer, inner, height, notch_y, notch_z = p.pelvis
    outside = in_ellipse(outer[0], outer[1], y0=outer[2])
    hollow = in_ellipse(inner[0], inner[1], y0=inner[2])

    def inside(x: Array, y: Array, z: Array) -> Mask:
        found = outside(x, y) & ~hollow(x, y) & (y >= outer[2]) & (z >= 0.0) & (z <= height)
        return found & ((y <= notch_y) | (z > notch_z))

    box = (-outer[0], outer[0], outer[2], outer[2] + outer[1], 0.0, height)
    return Solid(name="pelvis", box=box, inside=inside)


def _spine(p: AdultParameters) -> list[Solid]:
    s = p.spine
    ellipse = in_ellipse(s.a, s.b, y0=s.y)
    limits = {name: vertebral_limits_cm(p, name) for name in LUMBAR}
    limits["spine_middle"] = (s.thoracic, s.cervical)
    limits["spine_upper"] = (s.cervical, s.top)

    def part(bottom: float, top: float) -> Predicate:
        def inside(x: Array, y: Array, z: Array) -> Mask:
            return ellipse(x, y) & (z >= bottom) & (z < top)

        return inside

    return [
        Solid(name=name, box=(-s.a, s.a, s.y - s.b, s.y + s.b, z0, z1), inside=part(z0, z1))
        for name, (z0, z1) in limits.items()
    ]


def _skull(p: AdultParameters) -> list[Solid]:
    shell = shrink(p.brain, -p.skull_wall)
    outside = in_ellipsoid(shell)
    cranium = Solid(name="cranium", box=box_of(shell), inside=difference(outside, in_ellipsoid(p.brain)))
    f = p.face
    outer, inner = in_ellipse(f.a, f.b), in_ellipse(f.a - f.wall, f.b - f.wall)

    def face(x: Array, y: Array, z: Array) -> Mask:
        ring = outer(x, y) & ~inner(x, y) & (y <= 0.0) & (z >= f.bottom) & (z <= f.top)
        return ring & ~outside(x, y, z)

    box = (-f.a, f.a, -f.b, 0.0, f.bottom, f.top)
    return [cranium, Solid(name="facial_skeleton", box=box, inside=face)]


def _ribs(p: AdultParameters) -> Solid:
    r = p.ribs
    outer, inner = in_ellipse(r.a, r.b), in_ellipse(r.a - r.wall, r.b - r.wall)
    top = r.bottom + 23 * r.band

    def inside(x: Array, y: Array, z: Array) -> Mask:
        band = np.floor((z - r.bottom) / r.band)
        return np.asarray(outer(x, y) & ~inner(x, y) & (band % 2 == 0) & (z >= r.bottom) & (z <= top))

    return Solid(name="ribs", box=(-r.a, r.a, -r.b, r.b, r.bottom, top), inside=inside)


def _clavicles(p: AdultParameters) -> Solid:
    c = p.clavicles

    def inside(x: Array, y: Array, z: Array) -> Mask:
        ring = np.hypot(x, y - c.y)
        tube = (z - c.z) ** 2 + (c.ring - ring) ** 2 <= c.tube**2
        away = c.y - y
        return np.asarray(tube & (0.89415 * np.abs(x) <= away) & (away <= 7.0342 * np.abs(x)))

    reach = c.ring + c.tube
    box = (-reach, reach, c.y - reach, 0.0, c.z - c.tube, c.z + c.tube)
    return Solid(name="clavicles", box=box, inside=inside)


def _scapulae(p: AdultParameters) -> Solid:
    s = p.scapulae
    outer, inner = in_ellipse(s.a_outer, s.b), in_ellipse(s.a_inner, s.b)

    def inside(x: Array, y: Array, z: Array) -> Mask:
        wedge = (y > s.slope_low * np.abs(x)) & (y < s.slope_high * np.abs(x)) & (y > 0.0)
        return np.asarray(outer(x, y) & ~inner(x, y) & wedge & (z >= s.bottom) & (z <= s.top))

    box = (-s.a_outer, s.a_outer, 0.0, s.b, s.bottom, s.top)
    return Solid(name="scapulae", box=box, inside=inside)
