"""The reader on made-up and real output; the runner with a stand-in program that looks at what it was given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from hemadose.errors import InputError, RegionError
from hemadose.io.nifti import read_image, write_image
from hemadose.model import Grid, Image, Quantity
from hemadose.workflow.totalsegmentator import REGION_NAMES, read_totalsegmentator, run_totalsegmentator

UID = "1.2.826.0.1.3680043.2.1125.51"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ct-labelled"
GRID = Grid.axial(shape=(10, 12, 14), spacing_mm=(3, 3, 3), origin_mm=(0, 0, 0), frame_of_reference_uid=UID)
NAMES = {5: "liver", 1: "spleen", 30: "vertebrae_L2", 29: "vertebrae_L3", 28: "vertebrae_L4", 51: "heart"}


def labels():
    values = np.zeros(GRID.shape, dtype=np.int32)
    for step, number in enumerate(NAMES):
        values[2:6, 2:6, 2 * step : 2 * step + 2] = number
    return Image(values=values, grid=GRID, quantity=Quantity.LABEL)


def with_header(path):
    write_image(labels(), path)
    image = nibabel.load(path)
    table = "".join(f'<Label Key="{n}" Red="0"><![CDATA[{t}]]></Label>' for n, t in NAMES.items())
    image = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, f"<LabelTable>{table}</LabelTable>".encode()))
    nibabel.save(image, path)
    return path


def test_names_come_from_the_header(tmp_path):
    found = {r.name: r for r in read_totalsegmentator(with_header(tmp_path / "seg.nii.gz"), reference=GRID)}
    assert set(found) == {"liver", "spleen", "lumbar_l2", "lumbar_l3", "lumbar_l4"}  # the heart has no use here
    assert np.array_equal(found["lumbar_l3"].mask, labels().values == 29)


def test_renumbered_classes_are_read_by_name(tmp_path):
    """Number 30 means something else in another version: only the table beside the map counts."""
    write_image(labels(), tmp_path / "seg.nii.gz")
    with pytest.raises(InputError, match="what its numbers mean"):
        read_totalsegmentator(tmp_path / "seg.nii.gz", reference=GRID)
    (tmp_path / "seg.json").write_text(json.dumps({"30": "kidney_left", "5": "vertebrae_L2"}))
    found = {r.name: r for r in read_totalsegmentator(tmp_path / "seg.nii.gz", reference=GRID)}
    assert np.array_equal(found["kidney_left"].mask, labels().values == 30)
    assert np.array_equal(found["lumbar_l2"].mask, labels().values == 5)


def test_folder_of_masks_and_other_grids(tmp_path):
    for name, number in (("liver", 5), ("vertebrae_L3", 29), ("vertebrae_L1", 99)):
        mask = Image(values=(labels().values == number).astype(np.int32), grid=GRID, quantity=Quantity.LABEL)
        write_image(mask, tmp_path / f"{name}.nii.gz")
    found = read_totalsegmentator(tmp_path, reference=GRID)
    assert [r.name for r in found] == ["liver", "lumbar_l3"]  # L1 is empty in this image
    coarse = Grid.axial(shape=(5, 6, 7), spacing_mm=(6, 6, 6), origin_mm=(1.5, 1.5, 1.5), frame_of_reference_uid=UID)
    (liver,) = read_totalsegmentator(tmp_path, reference=coarse, classes=["liver"])
    assert liver.grid.matches(coarse)
    assert liver.volume_ml == pytest.approx(found[0].volume_ml, rel=0.4)


def test_what_was_asked_for_must_be_there(tmp_path):
    path = with_header(tmp_path / "seg.nii.gz")
    with pytest.raises(RegionError, match="does not hold") as caught:
        read_totalsegmentator(path, reference=GRID, classes=["liver", "kidney_left"])
    assert "kidney_left" in str(caught.value)
    with pytest.raises(InputError, match="no such region"):
        read_totalsegmentator(path, reference=GRID, classes=["left kidney"])
    joined = {r.name: r for r in read_totalsegmentator(path, reference=GRID, join_lumbar=True)}
    assert joined["lumbar_l2_l4"].mask.sum() == 3 * 32
    assert "lumbar_l2" not in joined


def test_all_classes_of_the_issue_have_a_name():
    for name in ("kidney_left", "kidney_right", "liver", "spleen", "sacrum", "hip_left", "hip_right"):
        assert REGION_NAMES[name] == name
    assert REGION_NAMES["vertebrae_L4"] == "lumbar_l4"
    assert REGION_NAMES["vertebrae_T12"] == "thoracic_t12"


@pytest.mark.skipif(not DATA.exists(), reason="the labelled CT is not at hand")
def test_real_output():
    """Volumes by counting the labels with nibabel alone (numbers of the task total, version 2)."""
    ct = read_image(DATA / "example_ct_sm.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid=UID)
    found = {r.name: r for r in read_totalsegmentator(DATA / "example_seg.nii.gz", reference=ct.grid)}
    raw = np.asarray(nibabel.load(DATA / "example_seg.nii.gz").dataobj)
    for name, number in (("spleen", 1), ("kidney_right", 2), ("kidney_left", 3), ("liver", 5), ("lumbar_l2", 30)):
        assert found[name].mask.sum() == (raw == number).sum(), name
    assert found["kidney_left"].centroid_mm[0] > found["kidney_right"].centroid_mm[0]  # LPS: x grows to the left


# --- running it -------------------------------------------------------------------------------------

PROGRAM = """#!{python}
import json, os, sys
from pathlib import Path
import nibabel, numpy as np
a = sys.argv
report = dict(args=a[1:], weights=os.environ["TOTALSEG_WEIGHTS_PATH"], proxy=os.environ["https_proxy"],
              config=json.loads((Path(os.environ["TOTALSEG_HOME_DIR"]) / "config.json").read_text()))
Path({report!r}).write_text(json.dumps(report))
{body}
"""

SEGMENTS = """
image = nibabel.load(a[a.index("-i") + 1])
data = (np.asarray(image.dataobj) > 0).astype(np.uint8) * 5
out = nibabel.Nifti1Image(data, image.affine)
out.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, b'<Label Key="5" Red="0"><![CDATA[liver]]></Label>'))
nibabel.save(out, a[a.index("-o") + 1])
"""


@pytest.fixture
def site(tmp_path):
    """A stand-in program and a folder that looks like weights."""

    def make(body=SEGMENTS):
        (tmp_path / "weights" / "Dataset297_TotalSegmentator_total_3mm_1559subj").mkdir(parents=True, exist_ok=True)
        program = tmp_path / "TotalSegmentator"
        program.write_text(PROGRAM.format(python=sys.executable, report=str(tmp_path / "report.json"), body=body))
        program.chmod(0o755)
        return {"weights": tmp_path / "weights", "program": str(program)}

    return make


@pytest.fixture
def ct():
    hu = np.full(GRID.shape, -1000.0, dtype=np.float32)
    hu[3:7, 3:9, 3:9] = 50.0
    return Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD)


def test_program_gets_the_ct_and_the_local_weights_only(tmp_path, site, ct):
    (liver,) = run_totalsegmentator(ct, **site())
    assert np.array_equal(liver.mask, ct.values > 0)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["weights"] == str(tmp_path / "weights")
    assert report["config"]["send_usage_stats"] is False
    assert report["proxy"].startswith("http://127.0.0.1")
    assert "--ml" in report["args"]
    assert "--fast" in report["args"]
    assert report["args"][report["args"].index("-d") + 1] == "cpu"


def test_absent_weights_and_program_are_said(tmp_path, site, ct):
    given = site()
    with pytest.raises(InputError, match="weights") as caught:
        run_totalsegmentator(ct, speed="normal", **given)
    assert "Dataset291" in str(caught.value)
    with pytest.raises(InputError, match="weights"):
        run_totalsegmentator(ct, weights=tmp_path / "nowhere", program=given["program"])
    with pytest.raises(InputError, match="not installed") as caught:
        run_totalsegmentator(ct, weights=given["weights"], program="no-such-program")
    assert "hemadose[totalsegmentator]" in str(caught.value)
    assert not (tmp_path / "report.json").exists()
    with pytest.raises(InputError, match="speed"):
        run_totalsegmentator(ct, speed="warp", **given)


def test_failures_of_the_program_are_said(site, ct):
    with pytest.raises(InputError, match="failed") as caught:
        run_totalsegmentator(ct, **site("sys.exit('out of memory')"))
    assert "out of memory" in str(caught.value)
    with pytest.raises(InputError, match="no labels"):
        run_totalsegmentator(ct, **site(""))
    with pytest.raises(InputError, match="did not finish"):
        run_totalsegmentator(ct, timeout_s=0.8, **site("import time; time.sleep(20)"))
    counts = Image(values=ct.values, grid=GRID, quantity=Quantity.COUNTS)
    with pytest.raises(InputError, match="CT in HU"):
        run_totalsegmentator(counts, **site())
