"""All solids of a stylised adult in order of precedence."""

from __future__ import annotations

from hemadose.model import Sex
from hemadose.physics.phantoms.body import body_solids, skin_solid
from hemadose.physics.phantoms.parameters import parameters
from hemadose.physics.phantoms.skeleton import skeleton_solids
from hemadose.physics.phantoms.solids import Solid
from hemadose.physics.phantoms.viscera import visceral_solids


def outline_solids(sex: Sex) -> tuple[Solid, ...]:
    """Disjoint parts that together are the body: trunk, head, legs, breasts, genitalia."""
    return body_solids(parameters(sex))


def organ_solids(sex: Sex) -> tuple[Solid, ...]:
    """Everything inside the body, the first winning where two overlap.

    Order: bones; solid organs and heart; stomach, gallbladder, colon; small intestine; lungs;
    liver; skin. What is left of the body is remaining tissue.

    Examples
    --------
    >>> names = [solid.name for solid in organ_solids(Sex.MALE)]
    >>> names.index("pelvis") < names.index("spleen") < names.index("liver") < names.index("skin")
    True
    """
    p = parameters(sex)
    return (*skeleton_solids(p), *visceral_solids(p), skin_solid(p))


def find_solid(sex: Sex, name: str) -> Solid:
    """Give one solid by name.

    Raises
    ------
    KeyError
        If the phantom has none of that name.
    """
    for solid in (*outline_solids(sex), *organ_solids(sex)):
        if solid.name == name:
            return solid
    raise KeyError(name)
