"""Matrices that carry voxel contents from one axis to another, exactly, with a Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Cells along one axis: centre of the first, pitch (may be negative), number.

    Examples
    --------
    >>> Axis(first_mm=0.0, pitch_mm=2.0, count=3).edges_mm.tolist()
    [-1.0, 1.0, 3.0, 5.0]
    """

    first_mm: float
    pitch_mm: float
    count: int

    @property
    def edges_mm(self) -> npt.NDArray[np.float64]:
        """Cell borders, shape (count + 1,)."""
        return np.asarray(self.first_mm + self.pitch_mm * (np.arange(self.count + 1) - 0.5), dtype=np.float64)

    @property
    def centres_mm(self) -> npt.NDArray[np.float64]:
        """Cell centres, shape (count,)."""
        return np.asarray(self.first_mm + self.pitch_mm * np.arange(self.count), dtype=np.float64)


def transfer_matrix(source: Axis, target: Axis, *, fwhm_mm: float = 0.0) -> Matrix:
    """Share of each source cell's content that falls into each target cell.

    The content is uniform in its cell and blurred with a Gaussian; both integrals are done
    analytically, so contents are conserved inside the target's range.

    Returns
    -------
    ndarray, shape (target cells, source cells)

    Examples
    --------
    >>> a = Axis(first_mm=0.5, pitch_mm=1.0, count=4)
    >>> b = Axis(first_mm=1.0, pitch_mm=2.0, count=2)
    >>> transfer_matrix(a, b).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    sigma = fwhm_mm / np.sqrt(8.0 * np.log(2.0))
    s, t = source.edges_mm, target.edges_mm
    second = _second_integral(t[:, None] - s[None, :], sigma)
    inner = second[1:, :] - second[:-1, :]
    both = inner[:, :-1] - inner[:, 1:]
    sign = np.sign(source.pitch_mm) * np.sign(target.pitch_mm)
    return np.asarray(sign * both / abs(source.pitch_mm))


def _second_integral(u: Matrix, sigma: float) -> Matrix:
    """Antiderivative of the Gaussian's cumulative distribution."""
    if sigma < 1e-6:  # mm: no blur
        return np.maximum(u, 0.0)
    from scipy.special import erf

    scaled = u / sigma
    cumulative = 0.5 * (1.0 + erf(scaled / np.sqrt(2.0)))
    density = np.exp(-0.5 * scaled**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(u * cumulative + sigma * density)
