"""What every use of a case begins with: its files, activity by region, curves; stored, so that it is made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemadose.errors import CaseError
from hemadose.io.case import Case, read_case
from hemadose.io.files import digest_file
from hemadose.model import Administration, FittedCurve
from hemadose.workflow.curves import fit_all
from hemadose.workflow.quantify import Quantified, quantify
from hemadose.workflow.stages import Stages
from hemadose.workflow.study import Study, case_administration, case_files, read_study


class LazyStudy:
    """The images, read when the first stage needs them."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case, self._folder = case, folder
        self._study: Study | None = None

    def get(self) -> Study:
        """Read once."""
        if self._study is None:
            self._study = read_study(self._case, self._folder)
        return self._study


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A case as far as its curves.

    Attributes
    ----------
    case : Case
        As read.
    folder : Path
        Of the case file.
    administration : Administration
        What was given.
    digests : dict
        Of every file that was named.
    image_key : dict
        What pictures of the images depend on.
    study : LazyStudy
        The images, read only where a stage has to be made.
    quantified : Quantified
        Activity by region.
    fits : tuple of FittedCurve
        Curves.
    """

    case: Case
    folder: Path
    administration: Administration
    digests: dict[str, str]
    image_key: dict[str, Any]
    study: LazyStudy
    quantified: Quantified
    fits: tuple[FittedCurve, ...]


def measured(case_path: Path, stages: Stages) -> Measured:
    """Read a case, quantify its images and fit its curves, or take what is stored.

    Raises
    ------
    HemadoseError
        For anything that cannot be used.
    """
    case, folder = read_case(case_path), case_path.parent
    administration = case_administration(case)
    files = [*case_files(case, folder), *_named_tables(case, folder)]
    digests = {str(p.relative_to(folder)): digest_file(p) for p in files}
    study = LazyStudy(case, folder)
    image_key = {"files": digests, "case": _part(case, "images", "regions", "case", "administration", "patient")}
    quantified = stages.run(
        "quantified",
        title="activity from images",
        key={**image_key, "choices": _part(case, "calibration", "quantification", "dose", "marrow")},
        compute=lambda: quantify(case, study.get(), administration, folder=folder),
    )
    fits = stages.run(
        "fits",
        title="time-activity curves",
        key={
            "series": quantified.series,
            "kinetics": _part(case, "kinetics"),
            "prior": digests.get(case.kinetics.population_prior_file or ""),
            "population": _part(case, "administration", "marrow") if case.kinetics.single_time_point else {},
        },
        compute=lambda: fit_all(case, quantified, administration, folder=folder),
    )
    return Measured(
        case=case, folder=folder, administration=administration, digests=digests, image_key=image_key, study=study,
        quantified=quantified, fits=fits,
    )  # fmt: skip


def _part(case: Case, *sections: str) -> dict[str, Any]:
    return {name: getattr(case, name).model_dump(mode="json") for name in sections}


def _named_tables(case: Case, folder: Path) -> list[Path]:
    """Files that the case names beside images and samples: S values, priors.

    Raises
    ------
    CaseError
        If one does not exist.
    """
    named = {
        "dose.s_value_file": case.dose.s_value_file,
        "kinetics.population_prior_file": case.kinetics.population_prior_file,
    }
    for field, name in named.items():
        if name is not None and not (folder / name).exists():
            raise CaseError(
                "a file that the case names does not exist",
                field=field,
                value=name,
                remedy="paths are relative to the case file",
            )
    return [folder / name for name in named.values() if name is not None]
