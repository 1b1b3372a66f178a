"""One tree of errors.

A message says what went wrong, the offending value, what was expected and what to do.
A broken dose limit is not an error: it is a value (`hemadose.model.LimitOutcome`).
"""

from __future__ import annotations


class HemadoseError(Exception):
    """Base of every error that hemadose raises on purpose.

    Parameters
    ----------
    message : str
        What went wrong, in words for the person at the screen.
    source : str, optional
        File, series or table the problem was found in.
    field : str, optional
        Attribute, column or key at fault.
    value : str, optional
        The offending value as text (never a patient identifier).
    expected : str, optional
        What would have been accepted.
    remedy : str, optional
        What the reader can do about it.

    Examples
    --------
    >>> print(HemadoseError("no injection time", source="case.toml", remedy="add injected_at"))
    no injection time [in case.toml]. Remedy: add injected_at
    """

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        field: str | None = None,
        value: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.message = message
        self.source = source
        self.field = field
        self.value = value
        self.expected = expected
        self.remedy = remedy
        super().__init__(message)

    def __str__(self) -> str:
        """Give the whole story in one line."""
        text = self.message
        details = [
            f"{word} {item}"
            for word, item in (
                ("in", self.source),
                ("field", self.field),
                ("value", self.value),
                ("expected", self.expected),
            )
            if item is not None
        ]
        if details:
            text += " [" + "; ".join(details) + "]"
        if self.remedy:
            text += f". Remedy: {self.remedy}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling with every detail (process pools)."""
        return (_rebuild, (type(self), self.message, self.details()))

    def details(self) -> dict[str, str | None]:
        """Give the named details, for `--json` output."""
        return {
            "source": self.source,
            "field": self.field,
            "value": self.value,
            "expected": self.expected,
            "remedy": self.remedy,
        }


def _rebuild(kind: type[HemadoseError], message: str, details: dict[str, str | None]) -> HemadoseError:
    return kind(message, **details)


class InputError(HemadoseError):
    """A file, table or argument cannot be used as it stands."""


class CaseError(InputError):
    """The case file is incomplete or contradicts itself or the data."""


class DicomError(InputError):
    """A DICOM object lacks, or contradicts, what a clinical quantity needs."""


class GeometryError(InputError):
    """Two images or regions do not live on the same grid or frame of reference."""


class RegionError(InputError):
    """A region is empty, overlaps another, or lies outside the image."""


class TimingError(InputError):
    """A time is missing, not aware of its zone, or out of order."""


class QuantityError(InputError):
    """A number has the wrong unit, sign or size to be what it claims to be."""


class FitError(HemadoseError):
    """No time-activity model describes the data."""


class ReferenceDataError(HemadoseError):
    """A packaged or user-supplied table is missing, damaged or does not cover the request."""


class PlanningError(HemadoseError):
    """A prescription or calendar cannot be made from what is given."""


class ReportError(HemadoseError):
    """A result could not be drawn or written."""
