"""The bones that hold red marrow: how much of it, how fatty, and between what trabeculae.

Facts about the adult of about 40 years. Each number says how it is known: `Certainty.READ` in its source or an
abstract of it, `DERIVED` from another number here, `RECALLED` from the literature without the page at hand, or
`CHOSEN` by this project where nothing was measured.

References
----------
Cristy M. Phys Med Biol 1981;26:389 and ICRP 70 (1995), table 41: where red marrow lies; cellularity.
Whitwell J R, Spiers F W. Phys Med Biol 1976;21:16: chords of the 44-year-old man, seven sites.
Beddoe A H. Calcif Tissue Res 1978;25:273: adult man, bone volume about 16 %, cavities about 1.2 mm, surface to bone
volume about 190 cm2/cm3 (abstract, read).
ICRP 89 (2002): masses; ICRU 46 (1992): densities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model._checks import require_positive
from hemadose.physics.phantoms.marrow import RED_MARROW_PERCENT, red_marrow_fraction

RED_MARROW_G_PER_ML = 1.03
YELLOW_MARROW_G_PER_ML = 0.98
BONE_G_PER_ML = 1.92
"""ICRU 46: red marrow, yellow marrow, cortical (and so trabecular) bone."""

ICRP89_TRABECULAR_BONE_KG = 1.1
"""Trabecular bone of the reference man (recalled); the bones without red marrow are part of it."""

_SACRUM_PERCENT = 9.9
_COXAE_PERCENT = 17.5


class Certainty(Enum):
    """How a number is known."""

    READ = "read"
    DERIVED = "derived"
    RECALLED = "recalled"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Microstructure:
    """Mean chords of cavities and trabeculae at a measured site.

    Attributes
    ----------
    name : str
        Site that was measured.
    cavity_chord_mm, trabecula_chord_mm : float
        Mean length of the pieces into which isotropic random lines are cut.
    certainty : Certainty
        How the chords are known.
    """

    name: str
    cavity_chord_mm: float
    trabecula_chord_mm: float
    certainty: Certainty

    def __post_init__(self) -> None:
        """Check the chords."""
        require_positive(
            f"microstructure {self.name}",
            cavity_chord_mm=self.cavity_chord_mm,
            trabecula_chord_mm=self.trabecula_chord_mm,
        )

    @property
    def bone_volume_fraction(self) -> float:
        """Share of spongiosa that is bone: along a random line, lengths are as volumes."""
        return self.trabecula_chord_mm / (self.trabecula_chord_mm + self.cavity_chord_mm)

    @property
    def surface_per_bone_mm(self) -> float:
        """Bone surface over bone volume in 1/mm: 4 over the mean chord (Cauchy).

        >>> round(microstructure("lumbar vertebra").surface_per_bone_mm, 1)
        16.2
        """
        return 4.0 / self.trabecula_chord_mm


def _measured(name: str, cavity_um: float, trabecula_um: float) -> Microstructure:
    return Microstructure(
        name=name,
        cavity_chord_mm=cavity_um / 1000.0,
        trabecula_chord_mm=trabecula_um / 1000.0,
        certainty=Certainty.RECALLED,
    )


_MICROSTRUCTURES = {
    m.name: m
    for m in (
        _measured("parietal bone", 389.0, 511.0),
        _measured("cervical vertebra", 910.0, 279.0),
        _measured("lumbar vertebra", 1233.0, 247.0),
        _measured("rib", 1706.0, 265.0),
        _measured("iliac crest", 904.0, 242.0),
        _measured("femur head", 1157.0, 232.0),
        _measured("femur neck", 1655.0, 314.0),
    )
}


def microstructure_names() -> tuple[str, ...]:
    """Names of the measured sites."""
    return tuple(_MICROSTRUCTURES)


def microstructure(name: str) -> Microstructure:
    """Give the chords of one measured site.

    Raises
    ------
    ReferenceDataError
        If the site was not measured.
    """
    if name not in _MICROSTRUCTURES:
        raise ReferenceDataError(
            "no chord lengths for this site",
            value=name,
            expected=", ".join(_MICROSTRUCTURES),
            remedy="use a listed one",
        )
    return _MICROSTRUCTURES[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneSite:
    """One bone, or group of bones, with red marrow.

    Attributes
    ----------
    name : str
        Name of the site.
    phantom_parts : tuple of str
        Parts of the stylised phantom it belongs to (`physics.phantoms.marrow`).
    red_marrow_share : float
        Share of the body's red marrow.
    cellularity : float
        Volume of red marrow over volume of all marrow in its cavities.
    microstructures : Mapping
        Measured site to its share in this one.
    structure_certainty : Certainty
        RECALLED where the bone itself was measured, CHOSEN where a like bone stands for it.
    spongiosa_mm : float
        Thickness of the slab whose mean chord is that of the bone's spongiosa, 2 V / S (chosen).
    """

    name: str
    phantom_parts: tuple[str, ...]
    red_marrow_share: float
    cellularity: float
    microstructures: Mapping[str, float]
    structure_certainty: Certainty
    spongiosa_mm: float

    def __post_init__(self) -> None:
        """Check shares and names."""
        if not 0.0 < self.cellularity <= 1.0:
            raise QuantityError("cellularity lies between 0 and 1", field=self.name, value=f"{self.cellularity:g}")
        require_positive(f"site {self.name}", red_marrow_share=self.red_marrow_share, spongiosa_mm=self.spongiosa_mm)
        if abs(sum(self.microstructures.values()) - 1.0) > 1e-9:
            raise QuantityError("shares of the microstructures must sum to 1", field=self.name)
        for measured in self.microstructures:
            microstructure(measured)

    def marrow_volume_ml(self, red_marrow_kg: float) -> float:
        """Volume of red and yellow marrow together, when the body holds so much red marrow."""
        return red_marrow_kg * 1000.0 * self.red_marrow_share / (RED_MARROW_G_PER_ML * self.cellularity)

    def bone_volume_ml(self, red_marrow_kg: float) -> float:
        """Volume of the trabeculae around that marrow."""
        per_marrow = sum(
            share * m.trabecula_chord_mm / m.cavity_chord_mm
            for m, share in ((microstructure(n), s) for n, s in self.microstructures.items())
        )
        return per_marrow * self.marrow_volume_ml(red_marrow_kg)

    def bone_surface_cm2(self, red_marrow_kg: float) -> float:
        """Surface between trabeculae and that marrow: 4 V / mean chord of the cavities."""
        per_ml = sum(s * 40.0 / microstructure(n).cavity_chord_mm for n, s in self.microstructures.items())
        return per_ml * self.marrow_volume_ml(red_marrow_kg)


def _site(
    name: str,
    parts: tuple[str, ...],
    cellularity: float,
    measured: Mapping[str, float],
    spongiosa_mm: float,
    *,
    own: bool,
    part_of: float = 1.0,
) -> BoneSite:
    return BoneSite(
        name=name,
        phantom_parts=parts,
        red_marrow_share=part_of * sum(red_marrow_fraction(p) for p in parts),
        cellularity=cellularity,
        microstructures=MappingProxyType(dict(measured)),
        structure_certainty=Certainty.RECALLED if own else Certainty.CHOSEN,
        spongiosa_mm=spongiosa_mm,
    )


_LUMBAR = tuple(p for p in RED_MARROW_PERCENT if p.startswith("lumbar"))
_OF_PELVIS = _SACRUM_PERCENT / (_SACRUM_PERCENT + _COXAE_PERCENT)
_SKULL, _ILIUM, _RIB, _NECK, _LUMBAR_BODY = (
    {name: 1.0} for name in ("parietal bone", "iliac crest", "rib", "cervical vertebra", "lumbar vertebra")
)
_HEAD, _HIP = {"femur head": 1.0}, {"femur head": 0.5, "femur neck": 0.5}

SITES: tuple[BoneSite, ...] = (
    _site("cranium", ("cranium",), 0.38, _SKULL, 4.0, own=True),
    _site("mandible", ("facial_skeleton",), 0.38, _SKULL, 5.0, own=False),
    _site("scapulae", ("scapulae",), 0.38, _ILIUM, 4.0, own=False),
    _site("clavicles", ("clavicles",), 0.33, _RIB, 4.5, own=False),
    _site("ribs and sternum", ("ribs",), 0.70, _RIB, 4.0, own=True),
    _site("cervical spine", ("spine_upper",), 0.70, _NECK, 5.0, own=True),
    _site("thoracic spine", ("spine_middle",), 0.70, _LUMBAR_BODY, 8.0, own=False),
    _site("lumbar spine", _LUMBAR, 0.70, _LUMBAR_BODY, 10.0, own=True),
    _site("sacrum", ("pelvis",), 0.70, _LUMBAR_BODY, 10.0, own=False, part_of=_OF_PELVIS),
    _site("os coxae", ("pelvis",), 0.48, _ILIUM, 8.0, own=True, part_of=1.0 - _OF_PELVIS),
    _site("femora, proximal", ("femora_upper",), 0.25, _HIP, 14.0, own=True),
    _site("humeri, proximal", ("humeri_upper",), 0.25, _HEAD, 13.0, own=False),
)
"""Cellularity from ICRP 70 (recalled). Sternum shares the structure of the rib (chosen).

Thickness of spongiosa (chosen): 2 V / S of a plain solid with the dimensions of an adult's bone, e.g. lumbar body
35 x 45 x 25 mm: 11 mm; femoral head, sphere of 46 mm: 15 mm; rib, ellipse 10 x 5 mm: 3.3 mm; diploe 4 mm."""


def mean_cellularity(sites: tuple[BoneSite, ...] = SITES) -> float:
    """Cellularity averaged over red marrow.

    >>> round(mean_cellularity(), 2)
    0.58
    """
    return sum(s.red_marrow_share * s.cellularity for s in sites) / sum(s.red_marrow_share for s in sites)
