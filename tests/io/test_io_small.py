"""Records, tables, atomic files, Interfile and NIfTI of real data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.io.files import digest_file, write_bytes_atomic, write_text_atomic
from hemadose.io.interfile import read_interfile
from hemadose.io.nifti import read_image, read_label_regions, write_image
from hemadose.io.records import decode, encode, from_json, to_json
from hemadose.io.tables import read_activity_series, read_probe
from hemadose.model import (
    ExponentialCurve,
    Grid,
    Image,
    Limit,
    LimitKind,
    Quantity,
)

SHARED = Path(__file__).parents[3] / "shared/data"


def test_records_round_trip():
    curve = ExponentialCurve(amplitudes_bq=np.array([1.5, -2.5]), rates_per_s=np.array([1e-5, 2e-5]))
    limit = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0)
    value = {
        "curve": curve,
        "limits": (limit,),
        "big": np.arange(100.0),
        "none": None,
        "nan": float("nan"),
        "at": datetime(2025, 1, 2, 3, tzinfo=UTC),
        "on": date(2025, 1, 2),
        "t": time(8, 30),
        "bytes": b"\x00\x01",
        "set": frozenset({"ATTN"}),
    }
    back = from_json(to_json(value))
    assert np.array_equal(back["curve"].amplitudes_bq, curve.amplitudes_bq)
    assert back["limits"] == (limit,)
    assert np.array_equal(back["big"], np.arange(100.0))
    assert np.isnan(back["nan"])
    assert (back["at"], back["on"], back["t"], back["bytes"]) == (value["at"], value["on"], value["t"], b"\x00\x01")


def test_records_refuse_foreign_types():
    @dataclass
    class Foreign:
        x: int

    with pytest.raises(InputError):
        decode(encode(Foreign(x=1)))
    with pytest.raises(InputError, match="foreign type"):
        decode({"__hemadose__": "value", "type": "os:system"})
    with pytest.raises(InputError, match="complete record"):
        from_json("{ broken")


def test_atomic_writing_keeps_the_old_file_on_failure(tmp_path):
    path = tmp_path / "a.txt"
    write_text_atomic(path, "old")
    with pytest.raises(TypeError):
        write_bytes_atomic(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_digest_sees_content_and_names(tmp_path):
    for folder, name in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("same")
    assert digest_file(tmp_path / "a") == digest_file(tmp_path / "b") != digest_file(tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "problem", "message"),
    [
        ("region,time_h\nx,1\n", InputError, "activity_MBq is missing"),
        ("", InputError, "empty"),
        ("region,time_h,activity_MBq\nx,one,2\n", QuantityError, "line 2 needs a number"),
        ("region,time_h,activity_MBq\nx,1,nan\n", QuantityError, "finite"),
        ("region,time_h,activity_MBq\nx,1,198000000\n", QuantityError, "perhaps given in Bq"),
        ("region,time_h,activity_MBq\nx,-1,2\n", TimingError, "before the administration"),
        ("region,time_h,activity_MBq\nx,1,-2\n", QuantityError, "negative"),
        ("region,time_h,activity_MBq\nx,1,2\nx,1,3\n", TimingError, "must increase"),
        ("region,time_h,activity_MBq\n,1,2\n", InputError, "names no region"),
    ],
)
def test_bad_tables(tmp_path, text, problem, message):
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(problem, match=message):
        read_activity_series(path)


def test_semicolons_and_order(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("region; time_h; activity_MBq; sd_MBq\nk; 24; 3; 0.1\nk; 4; 5; 0.1\n")
    (series,) = read_activity_series(path)
    assert series.times_s.tolist() == [4 * 3600, 24 * 3600]
    assert series.sds_bq.tolist() == [1e5, 1e5]


def test_probe_without_net_counts(tmp_path):
    from zoneinfo import ZoneInfo

    path = tmp_path / "p.csv"
    path.write_text("measured_at,counts,duration_s,background_counts_per_s\n2025-03-03T09:00:00,60,60,2\n")
    with pytest.raises(QuantityError, match="above background"):
        read_probe(path, zone=ZoneInfo("Europe/Berlin"))
    path.write_text("measured_at,counts,duration_s\nyesterday,60,60\n")
    with pytest.raises(TimingError, match="not a date"):
        read_probe(path, zone=ZoneInfo("Europe/Berlin"))


def test_label_map_needs_names(tmp_path):
    grid = Grid.axial(shape=(3, 4, 5), spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    labels = np.zeros(grid.shape, dtype=np.int16)
    labels[1] = 1
    write_image(Image(values=labels, grid=grid, quantity=Quantity.LABEL), tmp_path / "r.nii.gz")
    with pytest.raises(InputError, match="table of names"):
        read_label_regions(tmp_path / "r.nii.gz", reference=grid)
    (tmp_path / "r.json").write_text('{"1": "liver"}')
    (liver,) = read_label_regions(tmp_path / "r.nii.gz", reference=grid)
    assert liver.mask.sum() == 20


def test_real_ct_of_the_labelled_set_reads():
    path = SHARED / "ct-labelled/example_ct.nii.gz"
    if not path.exists():
        pytest.skip("real CT data are not at hand")
    image = read_image(path, quantity=Quantity.HOUNSFIELD, frame_of_reference_uid="1.2.3")
    assert sorted(image.grid.shape) == [101, 112, 122]
    assert image.grid.spacing_mm == pytest.approx((3.0, 3.0, 3.0))
    assert image.values.min() < -900
    assert image.values.max() > 300


def test_real_patient_labels():
    """Voxel counts of the publisher's README."""
    header = SHARED / "lu177-patient/patient15_LuDOTATATE_src.h33"
    if not header.exists():
        pytest.skip("real patient data are not at hand")
    image = read_interfile(header, frame_of_reference_uid="1.2.3")
    found = {label: int((image.values == label).sum()) for label in (15000, 16000, 17000, 18000)}
    assert found == {15000: 15381, 16000: 1535, 17000: 2052, 18000: 2493}
    assert image.grid.shape == (90, 70, 108)
    flipped = read_interfile(header, frame_of_reference_uid="1.2.3", flip_rows=True, flip_slices=True)
    assert np.array_equal(flipped.values, image.values[::-1, ::-1])
