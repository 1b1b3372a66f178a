"""An anatomy from a labelled CT: made up here, and the real patient where the data are at hand."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.model import Grid, Image, Quantity, require_disjoint
from hemadose.simulate import Compartment, Schedule, labelled_anatomy, project, virtual_study
from hemadose.units import HOUR_S

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "lu177-patient"
ORGANS = {1: "liver", 2: "spleen", 3: "kidney_left", 4: "kidney_right"}
UID = "1.2.826.0.1.3680043.8.498.9"


def _made_up(*, slices=60):
    """A fat cylinder with muscle core, spine, two lungs, organs and a table behind; 5 mm voxels."""
    grid = Grid.axial(shape=(slices, 50, 70), spacing_mm=(5.0, 5.0, 5.0), origin_mm=(-172.5, -122.5, 0.0),
                      frame_of_reference_uid=UID)  # fmt: skip
    y, x = np.meshgrid(np.arange(50) * 5.0 - 122.5, np.arange(70) * 5.0 - 172.5, indexing="ij")
    ct = np.full(grid.shape, -1000.0, dtype=np.float32)
    ct[:, (x / 150.0) ** 2 + (y / 100.0) ** 2 <= 1.0] = -100.0
    ct[:, (x / 130.0) ** 2 + (y / 80.0) ** 2 <= 1.0] = 40.0
    ring = (np.abs(x) <= 20.0) & (np.abs(y - 50.0) <= 17.5)
    ct[:, ring] = 300.0
    ct[:, ring & (np.abs(x) <= 10.0) & (np.abs(y - 50.0) <= 7.5)] = 80.0  # marrow inside the cortex
    for side in (-70.0, 70.0):
        ct[slices - 14 : slices - 2, ((x - side) / 35.0) ** 2 + (y / 45.0) ** 2 <= 1.0] = -850.0
    ct[:, (y > 115.0)] = 2000.0
    labels = np.zeros(grid.shape, dtype=np.int32)
    for value, (x0, y0) in {1: (-80, -20), 2: (100, 0), 3: (60, 45), 4: (-60, 45)}.items():
        labels[slices - 35 : slices - 20, ((x - x0) / 22.0) ** 2 + ((y - y0) / 20.0) ** 2 <= 1.0] = value
    return (
        Image(values=ct, grid=grid, quantity=Quantity.HOUNSFIELD),
        Image(values=labels, grid=grid, quantity=Quantity.LABEL),
    )


@pytest.fixture(scope="module")
def made_up():
    return _made_up()


def test_classes_and_table(made_up):
    ct, labels = made_up
    anatomy = labelled_anatomy(ct=ct, labels=labels, organs=ORGANS)
    table = ct.values >= 1900.0
    assert not anatomy.labels.values[table].any()
    lungs = anatomy.region("lungs").mask
    assert (ct.values[lungs] <= -500.0).all()
    assert lungs.sum() > 2000
    assert anatomy.region("adipose").mask.sum() > 1000
    for value, name in ORGANS.items():
        assert (anatomy.region(name).mask == (labels.values == value)).all()


def test_vertebrae_are_closed_over_marrow_and_lie_below_the_kidneys(made_up):
    ct, labels = made_up
    anatomy = labelled_anatomy(ct=ct, labels=labels, organs=ORGANS)
    kidneys = anatomy.region("kidney_left", "kidney_right").centroid_mm[2]
    for step, name in enumerate(("lumbar_l2", "lumbar_l3", "lumbar_l4")):
        region = anatomy.region(name)
        assert region.centroid_mm[2] == pytest.approx(kidneys - 20.0 - 35.0 * (step + 0.5), abs=3.0)
        assert region.volume_ml == pytest.approx(4.5 * 4.0 * 3.5, rel=0.25)  # marrow is part of it
    middle = anatomy.region("lumbar_l3").mask[:, :, 35]
    assert middle.any()
    assert sum(t.red_marrow_fraction for t in anatomy.tissues) == pytest.approx(1.0)


def test_missing_organ_label_is_refused(made_up):
    ct, labels = made_up
    with pytest.raises(RegionError, match="lesion_1"):
        labelled_anatomy(ct=ct, labels=labels, organs={**ORGANS, 9: "lesion_1"})
    with pytest.raises(RegionError, match="both kidneys"):
        labelled_anatomy(ct=ct, labels=labels, organs={k: v for k, v in ORGANS.items() if k != 3})


def test_volume_that_ends_at_the_kidneys_is_refused():
    ct, labels = _made_up(slices=38)
    with pytest.raises(RegionError, match="does not reach lumbar"):
        labelled_anatomy(ct=ct, labels=labels, organs=ORGANS)


def test_wrong_quantity_grid_and_empty_ct_are_refused(made_up):
    ct, labels = made_up
    with pytest.raises(QuantityError):
        labelled_anatomy(ct=labels, labels=ct, organs=ORGANS)
    elsewhere = replace(labels, grid=replace(labels.grid, frame_of_reference_uid="1.2.3"))
    with pytest.raises(GeometryError):
        labelled_anatomy(ct=ct, labels=elsewhere, organs=ORGANS)
    air = replace(ct, values=np.full(ct.grid.shape, -1000.0, dtype=np.float32))
    with pytest.raises(RegionError, match="no body"):
        labelled_anatomy(ct=air, labels=labels, organs=ORGANS)


def _real_patient():
    """Slices are stored head first and rows back first: both are turned for LPS."""
    if not DATA.is_dir():
        pytest.skip("the lu177-patient data are not at hand")

    def read(kind):
        raw = gzip.decompress((DATA / f"patient15_LuDOTATATE_{kind}.i33.gz").read_bytes())
        return np.frombuffer(raw, dtype="<u2").reshape(90, 70, 108)[::-1, ::-1]

    grid = Grid.axial(shape=(90, 70, 108), spacing_mm=(4.4196, 3.9063, 3.9063),
                      origin_mm=(-209.0, -135.0, -197.0), frame_of_reference_uid=UID)  # fmt: skip
    return labelled_anatomy(
        ct=Image(values=read("attn").astype(np.float32) - 1000.0, grid=grid, quantity=Quantity.HOUNSFIELD),
        labels=Image(values=read("src").astype(np.int32), grid=grid, quantity=Quantity.LABEL),
        organs={15000: "liver", 16000: "spleen", 17000: "kidney_left", 18000: "kidney_right",
                19000: "lesion_1", 20000: "lesion_2", 21000: "lesion_3"},
    )  # fmt: skip


def test_real_patient_becomes_an_anatomy():
    anatomy = _real_patient()
    voxel = anatomy.labels.grid.voxel_volume_ml
    # voxel counts of the publisher (README of the data)
    assert anatomy.region("liver").volume_ml == pytest.approx(15381 * voxel)
    assert anatomy.region("kidney_right").volume_ml == pytest.approx(2493 * voxel)
    assert anatomy.region("liver").centroid_mm[0] < 0.0 < anatomy.region("spleen").centroid_mm[0]
    assert anatomy.region("lumbar_l3").centroid_mm[1] > 0.0  # spine at the back
    assert 60.0 < anatomy.region("lumbar_l3").volume_ml < 120.0
    assert anatomy.region("lungs").centroid_mm[2] > anatomy.region("liver").centroid_mm[2]


def test_real_patient_is_imaged(camera, administration, kinetics):
    anatomy = _real_patient()
    lesions = [
        Compartment(name=f"lesion_{n}", uptake_fraction=0.001, biological_half_life_s=120.0 * HOUR_S) for n in (1, 2, 3)
    ]
    study = virtual_study(
        projected=project(anatomy, camera), camera=camera, administration=administration,
        biokinetics=kinetics.with_compartments(*lesions),
        schedule=Schedule(planar_h=(24.0,), spect_h=(24.6,)), seed=4,
    )  # fmt: skip
    assert any("trunk" in note for note in study.notes)
    planar = [r for r in study.planar_regions if r.name != "whole_body"]
    assert {"background_kidneys", "background_liver", "background_marrow", "lesion_3"} <= {r.name for r in planar}
    require_disjoint(planar, tolerance=0.0)
    assert study.truth.tia_bq_s["lesion_1"] > 0.0
    assert study.truth.l2_l4_marrow_fraction == pytest.approx(0.0739, abs=1e-4)
