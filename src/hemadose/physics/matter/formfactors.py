"""How the binding of electrons shapes the angle of scattered photons.

References
----------
Hubbell J H et al. J Phys Chem Ref Data 4:471 (1975): form factors and incoherent scattering functions, from xraylib.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.matter.electrons import atoms, electrons_per_gram_mol
from hemadose.physics.matter.media import Medium

Array = npt.NDArray[np.float64]

_X_TOP = 16.0
_X = _X_TOP * np.linspace(0.0, 1.0, 2049) ** 2


@cache
def _form_factor(number: int) -> Array:
    import xraylib

    return np.asarray([float(xraylib.FF_Rayl(number, float(x))) for x in _X])


@cache
def _scattering_function(number: int) -> Array:
    """S on the nodes _X: rising, from 0 (as x^2 below the first tabulated x) to the number of electrons."""
    import xraylib

    first = 0.005
    raw = [float(xraylib.SF_Compt(number, max(float(x), first))) * min(1.0, x / first) ** 2 for x in _X]
    return np.asarray(np.clip(np.maximum.accumulate(raw), 0.0, number))


def incoherent_function(medium: Medium, x: Array) -> Array:
    """Incoherent scattering function per electron of the medium.

    Parameters
    ----------
    medium : Medium
        What scatters.
    x : array (n,)
        sin(theta / 2) / wavelength in 1/angstrom.

    Returns
    -------
    array (n,)
        From 0 (all electrons bound) to 1 (all free).

    Raises
    ------
    QuantityError
        If an x is negative or no number.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> incoherent_function(medium("water"), np.array([0.0, 0.5, 20.0])).round(2).tolist()
    [0.0, 0.78, 1.0]
    """
    x = np.asarray(x, dtype=np.float64)
    if not np.all(x >= 0.0):
        raise QuantityError("x = sin(theta/2)/wavelength must not be negative", field="x", value=f"{np.min(x):g}")
    bound = np.sum(
        [fraction / molar * _scattering_function(number) for number, molar, fraction in atoms(medium)], axis=0
    )
    return np.asarray(np.interp(x, _X, bound / electrons_per_gram_mol(medium)))


def coherent_inverse(medium: Medium, n: int) -> tuple[Array, Array]:
    """Give the table from which x^2 of a coherent scatter is drawn.

    Parameters
    ----------
    medium : Medium
        What scatters.
    n : int
        Nodes, at least 2; dense where x is small.

    Returns
    -------
    x2, cumulative : array (n,)
        Squared x in 1/angstrom^2, from 0 to 256, and the integral of sum w F^2 / A from 0 to it, as a share of the
        whole. Draw below the largest x^2 of the photon, then weigh by (1 + cos^2) / 2.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> x2, cumulative = coherent_inverse(medium("water"), 500)
    >>> float(np.sqrt(np.interp(0.5, cumulative, x2)).round(2))
    0.71
    """
    if n < 2:
        raise QuantityError("a table needs at least 2 nodes", field="n", value=str(n))
    squared = np.sum(
        [fraction / molar * _form_factor(number) ** 2 for number, molar, fraction in atoms(medium)], axis=0
    )
    x2 = _X**2
    fine = np.concatenate([[0.0], np.cumsum(0.5 * (squared[1:] + squared[:-1]) * np.diff(x2))])
    nodes = (_X_TOP * np.linspace(0.0, 1.0, n) ** 2) ** 2
    return nodes, np.asarray(np.interp(nodes, x2, fine / fine[-1]))
