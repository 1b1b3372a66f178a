"""Two time points brought together, judged, and what belongs to the moving one carried over."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, RegionError
from hemadose.imaging.registration.align import register_deformable, register_rigid, target_registration_error
from hemadose.imaging.registration.warping import carry_image, carry_region
from hemadose.io.files import write_bytes_atomic
from hemadose.io.label_maps import write_label_regions
from hemadose.io.nifti import write_image
from hemadose.io.tables import read_rows
from hemadose.io.transforms import write_transform
from hemadose.model import Image, Region
from hemadose.model.transform import Transform
from hemadose.workflow.image_files import LoadedImage, in_frame, load_image, load_regions

Floats = npt.NDArray[np.float64]

KINDS = ("rigid", "deformable")
LANDMARK_COLUMNS = ("fixed_x", "fixed_y", "fixed_z", "moving_x", "moving_y", "moving_z")

_FIXED_FRAME, _MOVING_FRAME = "nifti:fixed", "nifti:moving"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRequest:
    """What `hemadose register` was asked.

    Attributes
    ----------
    fixed, moving : Path
        Images; see `workflow.image_files.load_image`.
    quantity : str or None
        Of NIfTI images.
    kind : str
        ``rigid`` or ``deformable``.
    metric, method : str or None
        See `imaging.registration`.
    smoothing_mm, mesh_mm : float
        Regularisation of the deformable methods.
    check_inverse : bool
        Register the other way round as well.
    regions : Path or None
        Drawn on the moving image, to be carried over.
    also : tuple of Path
        Further images of the moving session (its SPECT, for a registration of the CTs).
    also_quantity : str or None
        Of those that are NIfTI.
    keep : str or None
        ``concentration`` or ``total``; see `imaging.warping.carry_image`.
    landmarks : Path or None
        CSV of paired points.
    out : Path
        Result folder.
    """

    fixed: Path
    moving: Path
    quantity: str | None = None
    kind: str = "rigid"
    metric: str | None = None
    method: str | None = None
    smoothing_mm: float = 8.0
    mesh_mm: float = 100.0
    check_inverse: bool = True
    regions: Path | None = None
    also: tuple[Path, ...] = ()
    also_quantity: str | None = None
    keep: str | None = None
    landmarks: Path | None = None
    out: Path = Path("registration")


def register(request: RegisterRequest) -> dict[str, Any]:
    """Register two images and write the result.

    Written into ``out``: ``transform.json`` (and ``transform.tfm`` if rigid), ``moving_on_fixed.nii.gz``,
    ``<name>_on_fixed.nii.gz`` of further images, ``regions.nii.gz`` with its names, ``registration.png``.

    Returns
    -------
    dict
        ``kind``, ``quality``, ``rotation_deg``, ``shift_mm`` (at the centre of the fixed image), ``landmarks``,
        ``regions``, ``written``, ``notes``.

    Raises
    ------
    HemadoseError
        If something cannot be read, the images cannot be compared, or the registration is too poor.
    """
    if request.kind not in KINDS:
        raise InputError(
            "unknown kind of registration", field="--kind", value=request.kind, expected=", ".join(KINDS)
        )  # fmt: skip
    fixed = load_image(request.fixed, quantity=request.quantity, frame_uid=_FIXED_FRAME).image
    moving = load_image(request.moving, quantity=request.quantity, frame_uid=_MOVING_FRAME)
    points = read_landmarks(request.landmarks) if request.landmarks else None
    drawn = load_regions(request.regions, reference=moving.image.grid) if request.regions else ()
    others = [(p, _of_session(p, request, moving)) for p in request.also]
    transform = _registered(request, fixed, moving.image)
    notes = list(transform.quality.notes) if transform.quality else []
    error = None if points is None else target_registration_error(transform, points[0], points[1])
    carried = _carried(drawn, transform, fixed, notes)
    written = _write(request, transform, fixed, moving.image, others, carried, notes)
    centre = fixed.grid.index_to_mm((np.array(fixed.grid.shape) - 1) / 2.0)
    return {
        "kind": request.kind,
        "quality": None if transform.quality is None else asdict(transform.quality),
        "rotation_deg": transform.rotation_deg,
        "shift_mm": (transform.map_points(centre) - centre).tolist(),
        "matrix": transform.matrix.tolist(),
        "landmarks": None if error is None else asdict(error),
        "regions": [
            {
                "name": new.name,
                "volume_ml": new.volume_ml,
                "volume_on_moving_ml": old.volume_ml,
                "centre_mm": list(new.centroid_mm),
            }
            for old, new in carried
        ],
        "written": written,
        "notes": notes,
    }


def read_landmarks(path: Path) -> tuple[Floats, Floats]:
    """Read paired points, LPS mm: CSV with ``fixed_x`` ... ``moving_z`` (a ``name`` column is ignored).

    Raises
    ------
    InputError
        If a column is missing or a value is no number.
    """
    rows = read_rows(path, required=LANDMARK_COLUMNS)
    try:
        values = np.array([[float(row[c]) for c in LANDMARK_COLUMNS] for row in rows], dtype=np.float64)
    except ValueError as problem:
        raise InputError("a landmark is no number", source=str(path), expected="mm, LPS") from problem
    if not len(values):
        raise InputError("there is no landmark in the table", source=str(path))
    return values[:, :3], values[:, 3:]


def _registered(request: RegisterRequest, fixed: Image, moving: Image) -> Transform:
    if request.kind == "rigid":
        return register_rigid(fixed, moving, metric=request.metric, check_inverse=request.check_inverse)
    start = register_rigid(fixed, moving, metric=request.metric, check_inverse=False)
    return register_deformable(
        fixed, moving, start=start, method=request.method, smoothing_mm=request.smoothing_mm,
        mesh_mm=request.mesh_mm, check_inverse=request.check_inverse,
    )  # fmt: skip


def _of_session(path: Path, request: RegisterRequest, moving: LoadedImage) -> Image:
    """A further image of the moving session; NIfTI is put into its frame by the user's word."""
    frame = moving.image.grid.frame_of_reference_uid
    image = load_image(path, quantity=request.also_quantity, frame_uid=frame).image
    if image.grid.frame_of_reference_uid != frame:
        raise InputError(
            "this image does not belong to the session of the moving image",
            source=str(path),
            field="FrameOfReferenceUID",
            remedy="give images that were acquired together with the moving one",
        )
    return in_frame(image, frame)


def _carried(
    drawn: tuple[Region, ...], transform: Transform, fixed: Image, notes: list[str]
) -> list[tuple[Region, Region]]:
    pairs = []
    for region in drawn:
        try:
            new = carry_region(region, transform, fixed.grid)
        except RegionError as problem:
            notes.append(f"{problem.message}; it is left out")
            continue
        change = new.volume_ml / region.volume_ml - 1.0
        if abs(change) > 0.15:
            notes.append(f"{region.name} changes its volume by {100 * change:+.0f} % when it is carried over")
        pairs.append((region, new))
    return pairs


def _write(
    request: RegisterRequest,
    transform: Transform,
    fixed: Image,
    moving: Image,
    others: list[tuple[Path, Image]],
    carried: list[tuple[Region, Region]],
    notes: list[str],
) -> list[str]:
    after = carry_image(moving, transform, fixed.grid, keep=request.keep)
    regions = tuple(new for _, new in carried)
    figure = _figure(fixed, moving, after, transform, regions)
    written = [*write_transform(transform, request.out / "transform.json")]
    if not transform.is_deformable:
        written += write_transform(transform, request.out / "transform.tfm")
    images = [("moving", after)]
    for path, image in others:
        stem = path.name.split(".")[0]
        images.append((stem, carry_image(image, transform, fixed.grid, keep=request.keep)))
    for name, image in images:
        file = request.out / f"{name}_on_fixed.nii.gz"
        write_image(image, file)
        written.append(file)
    if regions:
        written += _write_regions(regions, request.out, notes)
    write_bytes_atomic(request.out / "registration.png", figure)
    return [str(p) for p in (*written, request.out / "registration.png")]


def _write_regions(regions: tuple[Region, ...], out: Path, notes: list[str]) -> list[Path]:
    """One label map, or a file each where carried regions overlap."""
    try:
        return list(write_label_regions(regions, out / "regions.nii.gz"))
    except RegionError:
        notes.append("carried regions overlap: each is written to a file of its own")
    return [p for r in regions for p in write_label_regions([r], out / f"region_{r.name}.nii.gz")]


def _figure(fixed: Image, moving: Image, after: Image, transform: Transform, regions: tuple[Region, ...]) -> bytes:
    from hemadose.report.figures.registration import registration_figure
    from hemadose.workflow.figure_files import figure_bytes

    still = replace(transform, matrix=np.eye(4), displacement_mm=None, displacement_grid=None, quality=None)
    before = carry_image(moving, still, fixed.grid)
    figure = registration_figure(fixed=fixed, before=before, after=after, transform=transform, regions=regions)
    return figure_bytes(figure, Path("registration.png"))
