"""`hemadose svalue`: stylised adults and label images, the documented JSON, CSV, what is refused with exit code 2."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from hemadose.cli import main
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity

TABLE = """label,name,medium,density_g_per_ml
1,body,soft-tissue,1.0
2,left,soft-tissue,1.05
3,bone,cortical-bone,1.92
"""
DECAYS = ("--decays", 3200)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this module."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMADOSE_CACHE", str(folder))
        patch.setenv("COLUMNS", "200")
        yield folder


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """A label image of 24 x 24 x 24 voxels: a block in air with an organ and a bone inside."""
    labels = np.zeros((24, 24, 24), dtype=np.int32)
    labels[3:21, 3:21, 3:21] = 1
    labels[8:14, 8:14, 5:11] = 2
    labels[8:14, 8:14, 14:18] = 3
    grid = Grid.axial(
        shape=labels.shape, spacing_mm=(6.0, 5.0, 5.0), origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="1.2.3"
    )
    folder = tmp_path_factory.mktemp("phantom")
    write_image(Image(values=labels, grid=grid, quantity=Quantity.LABEL), folder / "block.nii.gz")
    (folder / "labels.csv").write_text(TABLE)
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program as the shell does; give exit code, standard output and standard error."""

    def give(*arguments):
        monkeypatch.setattr(sys, "argv", ["hemadose", "svalue", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return give


@pytest.fixture
def answer(run):
    """The JSON of a command that succeeds."""

    def give(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return give


def pairs(found):
    return {(v["source"], v["target"]): v for v in found["values"]}


# --- stylised adults ---


def test_stylised_adult_answers_as_documented(answer):
    """OLINDA 2, Lu-177, woman: spleen 1.84e-4 mGy/(MBq s) for 130 g (project's physics reference); here it has 123 g."""
    found = answer("--nuclide", "177Lu", "--phantom", "adult-female", "--source", "spleen", "--target", "spleen")
    assert found.keys() == {"nuclide", "phantom", "target_mass_g", "values", "method", "written", "notes"}
    assert (found["nuclide"], found["phantom"]) == ("Lu-177", "stylised-adult-female")
    (value,) = found["values"]
    assert value.keys() == {"source", "target", "s_mGy_per_MBq_s", "electron", "photon", "rel_sd"}
    assert value["electron"] + value["photon"] == pytest.approx(value["s_mGy_per_MBq_s"])
    mass = found["target_mass_g"]["spleen"]
    assert mass == pytest.approx(123.0, rel=0.01)
    assert value["s_mGy_per_MBq_s"] * mass / 130.0 == pytest.approx(1.84e-4, rel=0.01, abs=0.0)
    assert found["written"] is None
    assert "stylised adult female" in found["method"]


def test_all_pairs_or_some(answer):
    everything = pairs(answer("--nuclide", "Y-90"))
    some = pairs(answer("--nuclide", "Y-90", "--source", "liver", "--source", "spleen", "--target", "kidneys"))
    assert set(some) == {("liver", "kidneys"), ("spleen", "kidneys")}
    assert all(everything[p] == v for p, v in some.items())
    assert len(everything) > 800


def test_csv_is_written(answer, tmp_path):
    path = tmp_path / "out" / "s.csv"
    found = answer("--nuclide", "Lu-177", "--source", "liver", "--csv", path)
    assert found["written"] == str(path)
    comment, heading, *rows = path.read_text().splitlines()
    assert comment.startswith("# Lu-177, stylised-adult-male")
    assert heading == "source,target,s_mGy_per_MBq_s,electron,photon,rel_sd,target_mass_g"
    assert len(rows) == len(found["values"])
    first = found["values"][0]
    assert rows[0].split(",")[:2] == [first["source"], first["target"]]
    assert float(rows[0].split(",")[2]) == pytest.approx(first["s_mGy_per_MBq_s"], rel=1e-5)


def test_text_for_people(run):
    code, out, _ = run("--nuclide", "Lu-177")
    words = " ".join(out.split())
    assert code == 0
    for part in (
        "S values of Lu-177, stylised-adult-male",
        "kidneys kidneys",
        "Self-dose only",
        "Method: hemadose",
        "! ",
    ):
        assert part in words, part
    code, out, _ = run("--nuclide", "Lu-177", "--source", "liver", "--target", "kidneys")
    assert "Self-dose only" not in out
    assert "kidneys liver" in " ".join(out.split())


# --- label images ---


def test_label_image_answers_in_the_same_form(answer, phantom, tmp_path):
    """Masses are voxels times density; electrons of Lu-177 (147.92 keV a decay) stay, bone takes more photons per mass."""
    found = answer(
        "--nuclide", "Lu-177", "--labels", phantom / "block.nii.gz", "--table", phantom / "labels.csv", *DECAYS,
        "--csv", tmp_path / "s.csv",
    )  # fmt: skip
    assert found["phantom"] == "block"
    voxel_ml = 0.6 * 0.5 * 0.5
    assert found["target_mass_g"] == pytest.approx(
        {"body": (18**3 - 216 - 144) * voxel_ml, "left": 216 * voxel_ml * 1.05, "bone": 144 * voxel_ml * 1.92}, rel=1e-5
    )
    s = pairs(found)
    assert len(s) == 9
    own = s["left", "left"]
    kev = 1.602176634e-16 * 1e9
    assert own["electron"] * found["target_mass_g"]["left"] * 1e-3 / kev == pytest.approx(147.92, rel=0.04)
    assert s["left", "bone"]["electron"] < 0.05 * s["left", "bone"]["photon"]
    assert s["left", "bone"]["photon"] > 0.0
    assert (tmp_path / "s.csv").exists()
    one = answer(
        "--nuclide", "Lu-177", "--labels", phantom / "block.nii.gz", "--table", phantom / "labels.csv", *DECAYS,
        "--source", "left", "--target", "body",
    )  # fmt: skip
    assert pairs(one) == {("left", "body"): s["left", "body"]}


def test_progress_goes_to_standard_error_alone(run, phantom):
    code, out, _ = run(
        "--nuclide", "Y-90", "--labels", phantom / "block.nii.gz", "--table", phantom / "labels.csv", *DECAYS,
        "--source", "left",
    )  # fmt: skip
    assert code == 0
    assert "Following decays" not in out
    assert "S values of Y-90, block" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nuclide", "Lu-999"), "Lu-999"),
        (("--nuclide", "Lu-177", "--phantom", "adult-cat"), "no such phantom"),
        (("--nuclide", "Lu-177", "--table", "labels.csv"), "--table"),
        (("--nuclide", "Lu-177", "--source", "tail"), "--source"),
        (("--nuclide", "Lu-177", "--target", "tail"), "--target"),
    ],
)
def test_bad_questions_exit_with_two(run, arguments, said):
    check_refused(run(*arguments, "--json"), said)


def check_refused(result, said):
    code, out, err = result
    assert code == 2, err
    assert said in err
    assert "Traceback" not in err
    assert said in json.dumps(json.loads(out)["error"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE.replace("3,bone,cortical-bone,1.92\n", ""), "labels without a row"),
        (TABLE.replace("cortical-bone", ""), "unknown medium"),
        (TABLE.replace("cortical-bone", "cheese"), "cheese"),
        (TABLE.replace("1.92", "0"), "needs a positive density"),
        (TABLE.replace("1.92", "-1"), "needs a positive density"),
        (TABLE.replace("1.92", "much"), "needs a number"),
        (TABLE.replace("1.92", "92"), "implausible density"),
        (TABLE.replace("3,bone", "2,bone"), "label twice"),
        (TABLE.replace("medium,", ""), "lacks a column"),
    ],
)
def test_bad_label_tables_exit_with_two(run, phantom, tmp_path, table, said):
    path = tmp_path / "labels.csv"
    path.write_text(table)
    result = run("--nuclide", "Lu-177", "--labels", phantom / "block.nii.gz", "--table", path, *DECAYS, "--json")
    check_refused(result, said)


def test_bad_images_and_sources_exit_with_two(run, phantom, tmp_path):
    image, table = phantom / "block.nii.gz", tmp_path / "labels.csv"
    table.write_text(TABLE + "9,ghost,soft-tissue,1.0\n")
    (tmp_path / "broken.nii").write_bytes(b"no image")
    base = ("--nuclide", "Lu-177", "--json", *DECAYS)
    for arguments, said in (
        (("--labels", image), "--table"),
        (("--labels", image, "--table", tmp_path / "none.csv"), "none.csv"),
        (("--labels", tmp_path / "none.nii", "--table", table), "file not found"),
        (("--labels", tmp_path / "broken.nii", "--table", table), "not a readable NIfTI"),
        (("--labels", table, "--table", table), "unknown format"),
        (("--labels", image, "--table", table, "--source", "ghost"), "source is empty"),
        (("--labels", image, "--table", table, "--source", "tail"), "no tissue tail"),
        (("--labels", image, "--table", table, "--source", "left", "--target", "tail", "--seed", 4), "no tissue tail"),
        (
            ("--labels", image, "--table", table, "--source", "left", "--threads", -1, "--seed", 5),
            "at least one thread",
        ),
        (
            ("--labels", image, "--table", table, "--source", "left", "--device", "abacus", "--seed", 3),
            "no such device",
        ),
        (("--labels", image, "--table", table, "--source", "left", "--decays", 10), "at least two batches"),
    ):
        check_refused(run(*base, *arguments), said)


def test_what_is_written_is_a_table_that_a_case_can_use(answer, tmp_path):
    """Masses and parts travel with the values, so that a plan can scale them to a patient."""
    from hemadose.io.svalue_tables import read_s_value_table

    path = tmp_path / "s.csv"
    answer("--nuclide", "Lu-177", "--csv", path)
    table = read_s_value_table(path, nuclide="Lu-177")
    assert table.target_mass_kg["kidneys"] == pytest.approx(0.299, rel=0.1)
    kidneys = table.get(source="kidneys", target="kidneys")
    assert kidneys.electron_gy_per_bq_s + kidneys.photon_gy_per_bq_s == pytest.approx(kidneys.gy_per_bq_s, rel=1e-4)
    assert {"red_marrow", "total_body"} & set(table.target_mass_kg)


def test_plain_text_does_not_get_the_name_of_a_compressed_file(run, tmp_path):
    check_refused(run("--nuclide", "Lu-177", "--csv", tmp_path / "s.csv.gz", "--json"), "plain text")
    assert not (tmp_path / "s.csv.gz").exists()
