"""SPECT projections, the orbit: start angles, direction, radii and times out of detectors and rotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import need
from hemadose.io.dicom.tomo_header import HeaderStyle, TomoStatements, header_style, private_value

Floats = npt.NDArray[np.float64]
Key = tuple[int, int, int]
"""Detector, rotation and number of a view, from zero."""

_RADIUS_MM = (50.0, 700.0)
_MILLISECOND_S = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotations:
    """The rotations and detectors of one object, asked for angle, radius and time of a view."""

    dataset: Any
    detectors: list[Any]
    rotations: list[Any]
    path: Path
    stated: TomoStatements

    def _number(self, item: Any, keyword: str, why: str) -> float:
        return float(need(item, keyword, self.path, why=why))

    def step(self, rotation: int) -> float:
        """Angular step, positive."""
        step = self._number(self.rotations[rotation], "AngularStep", "the angle of each view depends on it")
        if step <= 0.0:
            raise DicomError(
                "the angular step must be positive", source=str(self.path), field="AngularStep", value=f"{step:g}"
            )
        return step

    def sense(self, rotation: int) -> float:
        """+1 for counter-clockwise (growing angle), -1 for clockwise."""
        text = str(need(self.rotations[rotation], "RotationDirection", self.path, why="angles grow or fall with it"))
        if text not in ("CC", "CCW", "CW"):
            raise DicomError(
                "unknown direction of rotation",
                source=str(self.path),
                field="RotationDirection",
                value=text,
                expected="CW or CC",
            )
        return -1.0 if text == "CW" else 1.0

    def duration_s(self, rotation: int) -> float:
        """Counting time of one view."""
        why = "counts need their time"
        duration = self._number(self.rotations[rotation], "ActualFrameDuration", why) * _MILLISECOND_S
        if duration <= 0.0:
            raise DicomError("a view was counted for no time", source=str(self.path), field="ActualFrameDuration")
        return duration

    def starts(self, keys: list[Key]) -> dict[tuple[int, int], float]:
        """Detector angle at view 1, for each detector and rotation."""
        pairs = sorted({(d, r) for d, r, _ in keys})
        if self.stated.start_angle_deg:
            if len(self.stated.start_angle_deg) != len(self.detectors):
                raise DicomError(
                    "one start angle is needed for each detector",
                    source=str(self.path),
                    field="start_angle_deg",
                    value=str(len(self.stated.start_angle_deg)),
                    expected=str(len(self.detectors)),
                )
            return {(d, r): self.stated.start_angle_deg[d] + self._turned(d, r, pairs) for d, r in pairs}
        own = [item.get("StartAngle") for item in self.detectors]
        if all(angle in (None, "") for angle in own):
            self._require_own_rotation(pairs)
            why = "the angle of each view depends on it"
            return {(d, r): self._number(self.rotations[r], "StartAngle", why) for d, r in pairs}
        if any(angle in (None, "") for angle in own):
            raise DicomError(
                "some detectors lack their start angle",
                source=str(self.path),
                field="StartAngle",
                remedy="state the start angles of all detectors, e.g. --start-angle 180 --start-angle 0",
            )
        angles = [float(angle) for angle in own]
        self._require_agreement(angles)
        return {(d, r): angles[d] + self._turned(d, r, pairs) for d, r in pairs}

    def _turned(self, detector: int, rotation: int, pairs: list[tuple[int, int]]) -> float:
        """How far a later rotation of the detector starts from its first one."""
        first = min(r for d, r in pairs if d == detector)
        if first == rotation:
            return 0.0
        why = "a further rotation needs its own start"
        here, before = (self._number(self.rotations[r], "StartAngle", why) for r in (rotation, first))
        return here - before

    def _require_own_rotation(self, pairs: list[tuple[int, int]]) -> None:
        """Without start angles of detectors, each detector must have rotations of its own."""
        if any(sum(r == other for _, other in pairs) > 1 for _, r in pairs):
            raise DicomError(
                f"{len(self.detectors)} detectors share one rotation and none has a start angle",
                source=str(self.path),
                field="DetectorInformationSequence.StartAngle",
                remedy="state the start angle of each detector, e.g. --start-angle 180 --start-angle 0",
            )

    def _require_agreement(self, angles: list[float]) -> None:
        """Detector and rotation both state the start: at least one detector must begin where the rotation does."""
        first = self.rotations[0].get("StartAngle")
        if first in (None, ""):
            return
        apart = [abs((angle - float(first) + 180.0) % 360.0 - 180.0) for angle in angles]
        if min(apart) > 1.0:
            raise DicomError(
                "the start angles of detectors and of the rotation contradict each other",
                source=str(self.path),
                field="StartAngle",
                value=f"detectors {', '.join(f'{a:g}' for a in angles)}, rotation {float(first):g}",
                remedy="find out which is right and state it with --start-angle, one for each detector",
            )

    def start_times_s(self, keys: list[Key]) -> Floats:
        """Start of each view: a detector's rotations and views follow each other without a pause."""
        times = []
        for d, r, v in keys:
            earlier = sorted({other for dd, other, _ in keys if dd == d and other < r})
            lengths = [
                (1 + max(vv for dd, rr, vv in keys if (dd, rr) == (d, other))) * self.duration_s(other)
                for other in earlier
            ]
            times.append(sum(lengths) + v * self.duration_s(r))
        return np.asarray(times, dtype=np.float64)

    def radii(self, keys: list[Key]) -> tuple[Floats, list[str]]:
        """Radius of each view, from the detector's list, the rotation's list, or the user's word."""
        notes: list[str] = []
        offsets = self._ge_offsets(len(keys))
        found = np.array([self._radius(key, notes) for key in keys])
        if offsets is not None:
            found = found + offsets
            notes.append(
                "offsets of the detector that GE states privately (0055,xx22) were added to the radial positions "
                f"({offsets.min():.1f} to {offsets.max():.1f} mm)"
            )
        if found.min() < _RADIUS_MM[0] or found.max() > _RADIUS_MM[1]:
            raise DicomError(
                "implausible distance of the detector from the axis",
                source=str(self.path),
                field="RadialPosition",
                value=f"{found.min():g} to {found.max():g} mm",
                expected=f"{_RADIUS_MM[0]:g} to {_RADIUS_MM[1]:g} mm",
                remedy="state the radius in mm if the header is wrong",
            )
        return found, list(dict.fromkeys(notes))

    def _radius(self, key: Key, notes: list[str]) -> float:
        detector, rotation, view = key
        if self.stated.radius_mm is not None:
            notes.append("the stated radius is used for every view")
            return self.stated.radius_mm
        for item in (self.detectors[detector], self.rotations[rotation]):
            listed = item.get("RadialPosition")
            if listed in (None, ""):
                continue
            values = [float(v) for v in ([listed] if isinstance(listed, int | float | str) else listed)]
            if len(values) == 1:
                notes.append("one mean radius is given for all views: resolution recovery is less exact")
                return values[0]
            if view < len(values) == self._views_listed(rotation):
                return values[view]
            raise DicomError(
                "the list of radial positions does not fit the views",
                source=str(self.path),
                field="RadialPosition",
                value=f"{len(values)} values",
                expected=f"1 or {self._views_listed(rotation)}",
            )
        raise DicomError(
            "the distance of the detector is missing: the blur of the collimator depends on it",
            source=str(self.path),
            field="RadialPosition",
            remedy="state it with --radius-mm, or export with the orbit",
        )

    def _views_listed(self, rotation: int) -> int:
        why = "the views of a rotation are counted by it"
        return int(self._number(self.rotations[rotation], "NumberOfFramesInRotation", why))

    def _ge_offsets(self, views: int) -> Floats | None:
        """Third of three numbers a view in (0055,xx22) > (0013,xx1E): detector offset along the radius, mm."""
        if header_style(self.dataset) is not HeaderStyle.GE or self.stated.radius_mm is not None:
            return None
        items = private_value(self.dataset, 0x0055, 0x22)
        listed = private_value(items[0], 0x0013, 0x1E) if items else None
        if listed is None:
            return None
        values = np.asarray(listed, dtype=np.float64)
        if values.size != 3 * views:
            raise DicomError(
                "GE's private detector offsets do not fit the views",
                source=str(self.path),
                field="(0055,xx22) > (0013,xx1E)",
                value=f"{values.size} numbers",
                expected=str(3 * views),
                remedy="state the radius with --radius-mm",
            )
        return np.asarray(values.reshape(views, 3)[:, 2])

    def arc_notes(self) -> list[str]:
        """Say where scan arc and steps do not fit."""
        notes = []
        for r, item in enumerate(self.rotations):
            arc, views = item.get("ScanArc"), item.get("NumberOfFramesInRotation")
            if arc in (None, "") or views in (None, ""):
                continue
            step, heads = self.step(r), len(self.detectors)
            likely = (views * step, (views - 1) * step, heads * views * step, 360.0)
            if min(abs(float(arc) - one) for one in likely) > 0.6 * step:
                notes.append(
                    f"a scan arc of {float(arc):g} degrees does not fit {views} views of {step:g} degrees; "
                    "the step was used"
                )
        return notes
