from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.model import Administration, Anatomy, Grid, Image, Nuclide, Quantity, Sex, Tissue
from hemadose.physics.phantoms import stylised_adult
from hemadose.simulate import Camera, pentixather_biokinetics, project

UID = "1.2.826.0.1.3680043.8.498.7"
INJECTED_AT = datetime(2025, 3, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="session")
def lutetium():
    return Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92, photon_energy_kev=35.1)


@pytest.fixture(scope="session")
def kinetics(lutetium):
    return pentixather_biokinetics(lutetium)


@pytest.fixture(scope="session")
def administration(lutetium):
    return Administration(
        agent="lu177-pentixather", nuclide=lutetium, measured_activity_bq=202e6, measured_at=INJECTED_AT,
        residual_activity_bq=2e6, residual_measured_at=INJECTED_AT, administered_at=INJECTED_AT,
    )  # fmt: skip


@pytest.fixture(scope="session")
def male():
    return stylised_adult(sex=Sex.MALE, voxel_mm=6.0, frame_of_reference_uid=UID)


@pytest.fixture(scope="session")
def female():
    return stylised_adult(sex=Sex.FEMALE, voxel_mm=6.0, frame_of_reference_uid=UID)


@pytest.fixture(scope="session")
def camera():
    return Camera()


@pytest.fixture(scope="session")
def projected(male, camera):
    return project(male, camera)


@pytest.fixture(scope="session")
def box_of_water():
    """A 20 cm deep box of water with single-voxel organs at known depths (5 mm voxels)."""
    labels = np.zeros((40, 42, 40), dtype=np.uint8)
    labels[4:36, 1:41, 4:36] = 1
    places = {"kidney_left": (20, 31, 28), "kidney_right": (20, 31, 12), "liver": (26, 11, 12),
              "spleen": (26, 21, 28), "lumbar_l2": (24, 31, 20), "lumbar_l3": (20, 31, 20),
              "lumbar_l4": (16, 31, 20)}  # fmt: skip
    names = ["air", "remaining_tissue", *places]
    for label, place in enumerate(places.values(), start=2):
        labels[place] = label
    tissues = tuple(
        Tissue(label=i, name=name, medium="air" if i == 0 else "water",
               density_g_per_ml=0.0 if i == 0 else 1.0, hounsfield=-1000.0 if i == 0 else 0.0,
               red_marrow_fraction=1 / 3 if name.startswith("lumbar") else 0.0)
        for i, name in enumerate(names)
    )  # fmt: skip
    grid = Grid.axial(shape=labels.shape, spacing_mm=(5.0, 5.0, 5.0), origin_mm=(-97.5, -102.5, 2.5),
                      frame_of_reference_uid=UID)  # fmt: skip
    return Anatomy(name="box", labels=Image(values=labels, grid=grid, quantity=Quantity.LABEL), tissues=tissues)
