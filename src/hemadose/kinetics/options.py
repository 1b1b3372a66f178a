"""Named choices of a fit."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import FitError
from hemadose.kinetics.models import DEFAULT_MODELS, model_function


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """Named choices of a fit, recorded in the provenance of the result.

    Attributes
    ----------
    models : tuple of str
        Candidates, ids of `hemadose.kinetics.models.MODELS`.
    averaging : bool
        Average the candidates by Akaike weight instead of taking the best.
    assumed_relative_sd : float
        Relative standard uncertainty of every sample when none is given. The scatter about the
        curve then corrects it (`assumed_weight`).
    assumed_weight : float
        How many residuals the assumed uncertainty counts for when both are pooled.
    max_relative_sd, max_abs_correlation : float
        Acceptance rules on parameters (NUKFIT: 0.5 and 0.8). Correlation is not tested for a
        single exponential: that between its amplitude and its rate depends only on where time
        starts to count (0.84 for samples at 24, 48, 96, 168 h, whatever the activity does).
    misfit_probability : float
        A model whose chi-square has a smaller tail probability does not describe the data.
    widen_misfit : bool
        Where no model describes the data, multiply uncertainties by the Birge ratio
        (square root of reduced chi-square).
    draws, seed : int
        Size and seed of the ensemble.

    Examples
    --------
    >>> FitOptions(models=("mono", "bi")).max_relative_sd
    0.5
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    averaging: bool = False
    assumed_relative_sd: float = 0.05
    assumed_weight: float = 4.0
    max_relative_sd: float = 0.5
    max_abs_correlation: float = 0.8
    misfit_probability: float = 0.01
    widen_misfit: bool = True
    draws: int = 2000
    seed: int = 20250101

    def __post_init__(self) -> None:
        """Check the choices."""
        if not self.models:
            raise FitError("no model was chosen", field="models")
        for name in self.models:
            model_function(name)
        if self.draws < 100 or self.assumed_relative_sd <= 0.0:
            raise FitError(
                "an ensemble needs at least 100 draws and a positive assumed uncertainty",
                value=f"{self.draws} draws, {self.assumed_relative_sd:g}",
            )
