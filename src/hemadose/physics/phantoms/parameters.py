"""Numbers of the stylised adults: lengths in cm, angles in degrees.

Origin at the centre of the base of the trunk; x to the phantom's left, y to the back, z up.

Sources: Cristy & Eckerman, ORNL/TM-8381/V1 (1987), the adult (here the male) and the
15-year-old/adult female; MIRD Pamphlet 5 revised (1978). The report itself was not at hand:
the numbers were read in public implementations or recalled, and are accepted because they
reproduce the published volumes (`hemadose.physics.phantoms.tables`). Female trunk parts that
were not read are the adult's scaled by 0.8625, 0.98, 0.9014 along x, y, z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hemadose.model import Sex


class Ellipsoid(NamedTuple):
    """Centre (x, y, z) and semi-axes (a, b, c)."""

    x: float
    y: float
    z: float
    a: float
    b: float
    c: float


class Tube(NamedTuple):
    """Elliptic cylinder along z: axis (x, y), semi-axes (a, b), limits in z, wall thickness."""

    x: float
    y: float
    a: float
    b: float
    bottom: float
    top: float
    wall: float = 0.0


class LimbBone(NamedTuple):
    """Arm bone: semi-axes at the top, distance from the midline, length, tilt."""

    a: float
    b: float
    x: float
    length: float
    tilt: float


class Pelvis(NamedTuple):
    """Two elliptic cylinders: outer and inner (semi-axes, centre y), and its planes."""

    outer: tuple[float, float, float]
    inner: tuple[float, float, float]
    height: float
    notch_y: float
    notch_z: float


class Spine(NamedTuple):
    """Elliptic cylinder and the planes between pelvis, lumbar, thoracic and cervical parts."""

    y: float
    a: float
    b: float
    bottom: float
    thoracic: float
    cervical: float
    top: float


class Face(NamedTuple):
    """Half ring of the facial skeleton."""

    a: float
    b: float
    wall: float
    bottom: float
    top: float


class Ribs(NamedTuple):
    """Twelve bands on an elliptic cylinder."""

    a: float
    b: float
    wall: float
    bottom: float
    band: float


class Clavicles(NamedTuple):
    """Part of a torus: centre y, ring and tube radius, height."""

    y: float
    ring: float
    tube: float
    z: float


class Scapulae(NamedTuple):
    """Two elliptic cylinders, slopes that bound them, limits in z."""

    a_outer: float
    a_inner: float
    b: float
    slope_low: float
    slope_high: float
    bottom: float
    top: float


class Adrenals(NamedTuple):
    """Half ellipsoids turned about z."""

    body: Ellipsoid
    angle_deg: float


class Gallbladder(NamedTuple):
    """Hemisphere and cone: inner and outer radius, taper, height, origin."""

    inner: float
    outer: float
    taper: float
    height: float
    x: float
    y: float
    z: float


class TransverseColon(NamedTuple):
    """Elliptic cylinder along x."""

    y: float
    z: float
    b: float
    c: float
    half_length: float
    wall: float


class DescendingColon(NamedTuple):
    """Elliptic cylinder whose axis leans: x at the top and lean in x and y over its length."""

    a: float
    b: float
    x_top: float
    lean_x: float
    lean_y: float
    bottom: float
    top: float
    wall: float


class Sigmoid(NamedTuple):
    """Two quarter tori."""

    x: float
    z: float
    upper_ring: float
    lower_ring: float
    tube: float
    wall: float


class SmallIntestine(NamedTuple):
    """Loops taken as one volume inside an elliptic cylinder."""

    a: float
    b: float
    y: float
    front: float
    back: float
    bottom: float
    top: float


class Heart(NamedTuple):
    """Four chambers made of quarter ellipsoids (names as in the report)."""

    x: float
    y: float
    z: float
    vx: float
    avy: float
    lavz: float
    ravz: float
    ax: float
    tlvw: float
    trvw: float
    tax: float


class Kidneys(NamedTuple):
    """Ellipsoids cut by a plane towards the midline."""

    body: Ellipsoid
    medial: float


class Liver(NamedTuple):
    """Elliptic cylinder cut by a plane x/xm + y/ym - z/zm = -1."""

    a: float
    b: float
    xm: float
    ym: float
    zm: float
    bottom: float
    top: float


class Lung(NamedTuple):
    """Half ellipsoid with a block cut out for heart or midline."""

    body: Ellipsoid
    cut_bottom: float
    cut_top: float
    cut_y: float
    cut_x: float


class Pancreas(NamedTuple):
    """Half ellipsoid; the tail keeps only its upper part beyond `tail_x`."""

    body: Ellipsoid
    tail_x: float


class Thyroid(NamedTuple):
    """Two lobes between coaxial cylinders."""

    outer: float
    inner: float
    height: float
    y: float
    z: float


class Uterus(NamedTuple):
    """Ellipsoid cut by a plane in front."""

    body: Ellipsoid
    front: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdultParameters:
    """Everything that the equations of one adult need."""

    sex: Sex
    trunk: tuple[float, float, float]
    head: tuple[float, float, float, float]
    leg_cone: float
    leg_length: float
    skin: float
    genitalia_depth: float | None
    breasts: Ellipsoid
    leg_bone: tuple[float, float, float]
    leg_marrow_above: float
    arm_bone: LimbBone
    arm_marrow_above: float
    pelvis: Pelvis
    spine: Spine
    brain: Ellipsoid
    skull_wall: float
    face: Face
    ribs: Ribs
    clavicles: Clavicles
    scapulae: Scapulae
    adrenals: Adrenals
    gallbladder: Gallbladder
    stomach: Ellipsoid
    stomach_wall: float
    ascending_colon: Tube
    transverse_colon: TransverseColon
    descending_colon: DescendingColon
    sigmoid: Sigmoid
    small_intestine: SmallIntestine
    heart: Heart
    kidneys: Kidneys
    liver: Liver
    lung_right: Lung
    lung_left: Lung
    ovaries: Ellipsoid
    pancreas: Pancreas
    spleen: Ellipsoid
    testes: Ellipsoid | None
    thymus: Ellipsoid
    thyroid: Thyroid
    bladder: Ellipsoid
    bladder_wall: float
    uterus: Uterus


MALE = AdultParameters(
    sex=Sex.MALE,
    trunk=(20.0, 10.0, 70.0),
    head=(8.0, 10.0, 16.85, 7.15),
    leg_cone=100.0,
    leg_length=80.0,
    skin=0.20,
    genitalia_depth=4.8,
    breasts=Ellipsoid(10.0, -8.66, 52.0, 4.95, 4.35, 4.15),
    leg_bone=(3.5, 1.0, 79.8),
    leg_marrow_above=-22.8,
    arm_bone=LimbBone(1.4, 2.7, 18.4, 69.0, 0.5),
    arm_marrow_above=52.5,
    pelvis=Pelvis((12.0, 12.0, -3.0), (11.3, 11.3, -3.8), 22.0, 5.0, 14.0),
    spine=Spine(5.5, 2.0, 2.5, 22.0, 35.1, 70.0, 80.54),
    brain=Ellipsoid(0.0, 0.0, 86.85, 6.60, 8.60, 5.75),
    skull_wall=0.90,
    face=Face(7.0, 9.0, 1.40, 74.00, 84.73),
    ribs=Ribs(17.0, 9.8, 0.5, 35.1, 1.4),
    clavicles=Clavicles(11.10, 20.0, 0.7883, 68.25),
    scapulae=Scapulae(19.0, 17.0, 9.8, 0.25, 0.80, 50.9, 67.3),
    adrenals=Adrenals(Ellipsoid(3.5, 5.0, 38.0, 1.5, 0.5, 5.0), 52.0),
    gallbladder=Gallbladder(2.000, 2.120, 0.2275, 8.00, -4.50, -3.20, 30.00),
    stomach=Ellipsoid(8.0, -4.0, 35.0, 4.0, 3.0, 8.0),
    stomach_wall=0.613,
    ascending_colon=Tube(-8.5, -2.36, 2.5, 2.5, 14.45, 24.00, 0.7085),
    transverse_colon=TransverseColon(-2.36, 25.5, 2.5, 1.5, 10.5, 0.527),
    descending_colon=DescendingColon(1.88, 2.13, 9.467, 0.7477, 2.5, 8.72, 24.00, 0.54),
    sigmoid=Sigmoid(3.0, 8.72, 5.72, 3.00, 1.57, 0.66),
    small_intestine=SmallIntestine(11.3, 11.3, -3.8, -4.86, 2.20, 17.0, 27.0),
    heart=Heart(1.00, -1.80, 50.00, 8.60, 5.02, 3.10, 7.00, 5.40, 1.30, 0.60, 0.30),
    kidneys=Kidneys(Ellipsoid(6.0, 6.0, 32.5, 4.5, 1.5, 5.5), 3.0),
    liver=Liver(16.5, 8.0, 35.0, 45.0, 43.0, 27.0, 43.0),
    lung_right=Lung(Ellipsoid(-8.5, 0.0, 43.5, 5.0, 7.5, 24.0), 46.0, 54.0, 1.5, -5.4),
    lung_left=Lung(Ellipsoid(8.5, 0.0, 43.5, 5.0, 7.5, 24.0), 43.5, 55.0, 1.0, 8.0),
    ovaries=Ellipsoid(6.0, 0.0, 15.0, 1.0, 0.5, 2.0),
    pancreas=Pancreas(Ellipsoid(-1.0, 0.0, 37.0, 16.0, 1.2, 3.3), 3.0),
    spleen=Ellipsoid(11.0, 3.0, 37.0, 3.5, 2.0, 6.0),
    testes=Ellipsoid(1.3, -8.0, -2.3, 1.3, 1.5, 2.3),
    thymus=Ellipsoid(0.0, -7.3, 57.0, 1.5, 0.8, 4.0),
    thyroid=Thyroid(2.20, 1.00, 5.00, -4.00, 70.0),
    bladder=Ellipsoid(0.0, -4.5, 8.0, 4.958, 3.458, 3.458),
    bladder_wall=0.252,
    uterus=Uterus(Ellipsoid(0.0, -2.0, 14.0, 2.62, 5.22, 1.57), -4.62),
)
"""The 1987 adult, 73.7 kg. It carries breasts, ovaries and uterus as published."""

FEMALE = AdultParameters(
    sex=Sex.FEMALE,
    trunk=(17.25, 9.80, 63.10),
    head=(7.77, 9.76, 16.30, 6.92),
    leg_cone=100.0,
    leg_length=78.0,
    skin=0.17,
    genitalia_depth=None,
    breasts=Ellipsoid(8.63, -8.4854, 46.87, 4.95, 4.35, 4.15),
    leg_bone=(3.22, 0.97, 77.83),
    leg_marrow_above=-22.24,
    arm_bone=LimbBone(1.21, 2.65, 15.87, 62.2, 0.43),
    arm_marrow_above=47.33,
    pelvis=Pelvis((10.35, 11.76, -2.94), (9.75, 11.07, -3.72), 19.83, 4.90, 12.62),
    spine=Spine(5.39, 1.73, 2.45, 19.83, 31.64, 63.10, 73.30),
    brain=Ellipsoid(0.0, 0.0, 79.40, 6.58, 8.57, 5.73),
    skull_wall=0.76,
    face=Face(6.92, 8.91, 1.10, 67.05, 77.31),
    ribs=Ribs(14.66, 9.60, 0.43, 31.64, 1.26),
    clavicles=Clavicles(9.84, 17.82, 0.7274, 61.52),
    scapulae=Scapulae(16.39, 14.66, 9.60, 0.284, 0.909, 45.88, 60.65),
    adrenals=Adrenals(Ellipsoid(3.02, 4.90, 34.26, 1.30, 0.43, 4.32), 57.15),
    gallbladder=Gallbladder(1.916, 2.031, 0.2275, 7.66, -3.88, -3.14, 27.04),
    stomach=Ellipsoid(6.90, -3.92, 31.55, 3.43, 2.92, 7.16),
    stomach_wall=0.559,
    ascending_colon=Tube(-7.33, -2.31, 2.16, 2.45, 13.03, 21.63, 0.656),
    transverse_colon=TransverseColon(-2.31, 22.98, 2.45, 1.35, 9.06, 0.488),
    descending_colon=DescendingColon(1.62, 2.09, 8.165, 0.645, 2.45, 7.86, 21.63, 0.494),
    sigmoid=Sigmoid(2.36, 7.86, 5.16, 2.70, 1.440, 0.604),
    small_intestine=SmallIntestine(9.75, 11.07, -3.72, -4.76, 2.16, 15.32, 24.34),
    heart=Heart(0.86, -1.76, 45.07, 7.85, 4.58, 2.83, 6.39, 4.93, 1.19, 0.55, 0.27),
    kidneys=Kidneys(Ellipsoid(5.18, 5.88, 29.30, 4.05, 1.53, 4.96), 2.48),
    liver=Liver(14.19, 7.84, 31.51, 44.75, 38.76, 24.34, 38.76),
    lung_right=Lung(Ellipsoid(-7.33, 0.0, 39.21, 4.09, 6.98, 20.55), 41.46, 48.68, 1.47, -4.66),
    lung_left=Lung(Ellipsoid(7.33, 0.0, 39.21, 4.09, 6.98, 20.55), 39.21, 49.58, 0.98, 6.90),
    ovaries=Ellipsoid(5.18, 0.0, 13.52, 1.17, 0.58, 1.80),
    pancreas=Pancreas(Ellipsoid(-0.72, 0.0, 33.35, 13.32, 1.14, 2.87), 2.61),
    spleen=Ellipsoid(9.49, 2.94, 33.35, 2.90, 1.88, 5.19),
    testes=None,
    thymus=Ellipsoid(0.0, -7.15, 51.4, 1.5, 0.8, 4.0),
    thyroid=Thyroid(1.85, 0.83, 4.20, -3.91, 63.10),
    bladder=Ellipsoid(0.0, -4.41, 7.21, 4.27, 3.38, 3.11),
    bladder_wall=0.228,
    uterus=Uterus(Ellipsoid(0.0, -1.96, 12.62, 2.47, 5.61, 1.55), -4.77),
)
"""The 1987 15-year-old/adult female, 56.9 kg."""


def parameters(sex: Sex) -> AdultParameters:
    """Give the numbers of the adult of this sex.

    >>> parameters(Sex.FEMALE).spine.bottom
    19.83
    """
    return MALE if sex is Sex.MALE else FEMALE
