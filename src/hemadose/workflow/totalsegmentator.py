"""Organs and bones from TotalSegmentator: its output read without it, and itself run where a site has it.

Wasserthal et al., Radiol Artif Intell 2023;5:e230024. The program and the weights of its task ``total`` are
Apache-2.0; neither is packaged, and nothing is ever downloaded: a site installs the extra and places the
weights. Classes are known by name, never by number, because numbers changed between its versions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, RegionError
from hemadose.imaging.registration.resampling import resample_region
from hemadose.io.label_maps import embedded_names
from hemadose.io.nifti import read_image, write_image
from hemadose.model import Grid, Image, Quantity, Region

_LEVELS = {"C": ("cervical", range(1, 8)), "T": ("thoracic", range(1, 13)), "L": ("lumbar", range(1, 7))}

REGION_NAMES: Mapping[str, str] = {
    "kidney_left": "kidney_left",
    "kidney_right": "kidney_right",
    "liver": "liver",
    "spleen": "spleen",
    "sacrum": "sacrum",
    "hip_left": "hip_left",
    "hip_right": "hip_right",
    "vertebrae_S1": "sacrum_s1",
    "vertebrae_body": "vertebral_bodies",
    **{f"vertebrae_{letter}{n}": f"{part}_{letter.lower()}{n}" for letter, (part, ns) in _LEVELS.items() for n in ns},
}
"""Class of TotalSegmentator to region of hemadose."""

LUMBAR_SUM = ("lumbar_l2", "lumbar_l3", "lumbar_l4")

WEIGHTS: Mapping[str, tuple[str, ...]] = {
    "normal": tuple(f"Dataset{n}" for n in (291, 292, 293, 294, 295)),
    "fast": ("Dataset297",),
    "fastest": ("Dataset298",),
}
"""Folders of weights of the task ``total``: 1.5 mm (five models), 3 mm, 6 mm."""

_FLAGS = {"normal": (), "fast": ("--fast",), "fastest": ("--fastest",)}


def read_totalsegmentator(
    path: Path, *, reference: Grid, classes: Sequence[str] | None = None, join_lumbar: bool = False
) -> tuple[Region, ...]:
    """Read what TotalSegmentator wrote, as regions of hemadose's names.

    Parameters
    ----------
    path : Path
        One multilabel NIfTI (its names stand in its header, or in ``<name>.json`` beside it), or a folder with
        one mask a class, ``<class>.nii.gz``.
    reference : Grid
        Of the CT (or SPECT) that the regions shall lie on; the masks are resampled where the grids differ.
    classes : sequence of str, optional
        Region names to read (`REGION_NAMES` has them); all known ones if not given.
    join_lumbar : bool
        Give L2-L4 also as one region ``lumbar_l2_l4`` in place of the three.

    Returns
    -------
    tuple of Region
        Classes that are empty in this image are left out.

    Raises
    ------
    InputError
        If nothing can be read, or the label names are not known.
    RegionError
        If a class that was asked for is empty, or none of the known classes is there.
    GeometryError
        If a mask lies elsewhere than the reference.
    """
    wanted = tuple(classes) if classes is not None else tuple(dict.fromkeys(REGION_NAMES.values()))
    unknown = [c for c in wanted if c not in REGION_NAMES.values()]
    if unknown:
        raise InputError("no such region", field="classes", value=", ".join(unknown),
                         expected=", ".join(REGION_NAMES.values()))  # fmt: skip
    found = _from_folder(path, reference, wanted) if path.is_dir() else _from_labels(path, reference, wanted)
    missing = [name for name in classes or () if name not in found]
    if missing or not found:
        raise RegionError(
            "the segmentation does not hold what was asked for",
            source=str(path),
            value=", ".join(missing) or "none of the known classes",
            remedy="check the field of view, and that the output is of the task total (or vertebrae_body)",
        )
    if join_lumbar and all(name in found for name in LUMBAR_SUM):
        mask = np.any([found.pop(name).mask for name in LUMBAR_SUM], axis=0)
        found["lumbar_l2_l4"] = Region(name="lumbar_l2_l4", mask=mask, grid=reference)
    return tuple(found.values())


def _from_labels(path: Path, reference: Grid, wanted: Sequence[str]) -> dict[str, Region]:
    names = embedded_names(path) or _names_beside(path)
    labels = read_image(path, quantity=Quantity.LABEL, frame_of_reference_uid=reference.frame_of_reference_uid)
    values = np.asarray(labels.values)
    found: dict[str, Region] = {}
    for number, text in names.items():
        name = REGION_NAMES.get(text)
        if name in wanted and name is not None:
            _add(found, name, values == number, labels.grid, reference)
    return found


def _from_folder(path: Path, reference: Grid, wanted: Sequence[str]) -> dict[str, Region]:
    found: dict[str, Region] = {}
    for text, name in REGION_NAMES.items():
        file = next((f for f in (path / f"{text}.nii.gz", path / f"{text}.nii") if f.is_file()), None)
        if file is not None and name in wanted:
            mask = read_image(
                file, quantity=Quantity.LABEL, frame_of_reference_uid=reference.frame_of_reference_uid
            )  # fmt: skip
            _add(found, name, np.asarray(mask.values) > 0, mask.grid, reference)
    return found


def _add(found: dict[str, Region], name: str, mask: npt.NDArray[np.bool_], grid: Grid, reference: Grid) -> None:
    if mask.any():
        found[name] = resample_region(Region(name=name, mask=mask, grid=grid), reference)


def _names_beside(path: Path) -> dict[int, str]:
    table = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    try:
        return {int(n): str(name) for n, name in json.loads(table.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as problem:
        raise InputError(
            "the label map does not say what its numbers mean",
            source=str(path),
            expected=f'names in its header, or {table.name}: {{"5": "liver", ...}}',
            remedy="write it with TotalSegmentator --ml, or add the table; numbers differ between its versions",
        ) from problem


def run_totalsegmentator(
    ct: Image,
    *,
    weights: Path,
    speed: str = "fast",
    device: str = "cpu",
    program: str | None = None,
    classes: Sequence[str] | None = None,
    timeout_s: float = 7200.0,
) -> tuple[Region, ...]:
    """Run a locally installed TotalSegmentator with locally supplied weights.

    It runs as a process of its own (its 2.6 GB of libraries stay out of this one), with its home in a
    temporary folder, usage statistics off, and every web address closed, so that it cannot download anything.

    Parameters
    ----------
    ct : Image
        In HU.
    weights : Path
        Folder that directly holds ``Dataset297_...`` and so on, unpacked from the publisher's releases.
    speed : {"normal", "fast", "fastest"}
        Models of 1.5, 3 or 6 mm.
    device : str
        ``cpu``, ``gpu``, ``gpu:0`` or ``mps``.
    program : str, optional
        The executable, for an installation in another environment.
    classes : sequence of str, optional
        As for `read_totalsegmentator`.
    timeout_s : float
        When to give up.

    Returns
    -------
    tuple of Region
        On the grid of the CT.

    Raises
    ------
    InputError
        If the extra or the weights are absent, or the program failed.
    """
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise InputError("TotalSegmentator needs a CT in HU", field="quantity", value=str(ct.quantity))
    if speed not in _FLAGS:
        raise InputError("unknown speed", field="speed", value=speed, expected=", ".join(_FLAGS))
    _require_weights(weights, speed)
    executable = _executable(program)
    with TemporaryDirectory(prefix="hemadose-") as folder:
        home = Path(folder)
        (home / "config.json").write_text(
            json.dumps({"totalseg_id": "local", "send_usage_stats": False, "prediction_counter": 0})
        )
        source, target = home / "ct.nii.gz", home / "labels.nii.gz"
        write_image(ct, source)
        command = [executable, "-i", str(source), "-o", str(target), "--ml", "-d", device, *_FLAGS[speed]]
        _run(command, home, weights, timeout_s)
        if not target.is_file():
            raise InputError("TotalSegmentator wrote no labels", source=Path(executable).name)
        return read_totalsegmentator(target, reference=ct.grid, classes=classes)


def _run(command: list[str], home: Path, weights: Path, timeout_s: float) -> None:
    closed = "http://127.0.0.1:9"
    environment = {
        **os.environ,
        "TOTALSEG_WEIGHTS_PATH": str(weights.resolve()),
        "TOTALSEG_HOME_DIR": str(home),
        "http_proxy": closed, "https_proxy": closed, "HTTP_PROXY": closed, "HTTPS_PROXY": closed,
        "no_proxy": "", "NO_PROXY": "",
    }  # fmt: skip
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as problem:
        raise InputError("TotalSegmentator did not finish", value=f"{timeout_s:g} s") from problem
    except OSError as problem:
        raise InputError("TotalSegmentator cannot be started", source=command[0], value=str(problem)) from problem
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise InputError(
            "TotalSegmentator failed",
            source=Path(command[0]).name,
            value=f"exit {done.returncode}: {tail[0][:200]}",
            remedy="run it alone on this CT; check weights, memory and device",
        )


def _require_weights(weights: Path, speed: str) -> None:
    present = [p.name for p in weights.iterdir() if p.is_dir()] if weights.is_dir() else []
    missing = [need for need in WEIGHTS[speed] if not any(name.startswith(need) for name in present)]
    if missing:
        raise InputError(
            "the weights of TotalSegmentator are not in this folder",
            source=str(weights),
            value=f"missing {', '.join(missing)}",
            expected=f"folders {', '.join(f'{name}_...' for name in WEIGHTS[speed])}",
            remedy="unpack the publisher's weights of the task total there; nothing is downloaded from here",
        )


def _executable(program: str | None) -> str:
    beside = Path(sys.executable).with_name("TotalSegmentator")
    found = (
        shutil.which(program) if program else (str(beside) if beside.is_file() else shutil.which("TotalSegmentator"))
    )
    if found is None:
        raise InputError(
            "TotalSegmentator is not installed",
            value=program or "TotalSegmentator",
            remedy='pip install "hemadose[totalsegmentator]" (or name the program of another environment), '
            "or read labels made elsewhere with --totalsegmentator-labels",
        )
    return found
