"""Choices of quantification in a case, on regions and images whose truth is a closed form."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp, log, pi, sinh, sqrt

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import CaseError, HemadoseError, InputError, QuantityError
from hemadose.imaging.calibration.recovery_forms import NEMA_DIAMETERS_MM
from hemadose.imaging.recovery import FWHM_PER_SIGMA, sphere_recovery
from hemadose.imaging.spect_recovery import Outline, Resolution, outline_budget
from hemadose.io.case import parse_case
from hemadose.io.recovery_file import read_recovery_fit
from hemadose.model import (
    EnergyWindow,
    Grid,
    Image,
    PlanarFrame,
    PlanarRegion,
    PlanarScan,
    Quantity,
    Region,
    TomographicScan,
    View,
)
from hemadose.workflow.calibrate import calibrate_spheres, write_answer
from hemadose.workflow.quantify import quantify
from hemadose.workflow.study import Study, case_administration

AT = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
CPS_PER_MBQ = 9.0
SECONDS = 1200.0
FWHM = 12.0
STEP = 2.0
GRID = Grid.axial(
    shape=(60, 50, 50), spacing_mm=(STEP,) * 3, origin_mm=(-49.0, -49.0, -59.0), frame_of_reference_uid="1.2.3.4"
)
MBQ = 1e6


def case_of(calibration=None, quantification=None):
    """The least case that can be quantified."""
    data = {
        "case": {"title": "virtual regions", "zone": "UTC"},
        "patient": {"pseudonym": "V1", "sex": "male", "height_cm": 176, "weight_kg": 73},
        "administration": {
            "agent": "lu177-pentixather",
            "measured_activity_MBq": 200.0,
            "measured_at": AT,
            "residual_activity_MBq": 0.0,
            "residual_measured_at": AT,
            "administered_at": AT,
        },
        "images": {"spect": ["spect.dcm"], "planar": ["planar.dcm"]},
        "regions": {},
        "calibration": {
            "spect_cps_per_MBq": CPS_PER_MBQ,
            "spect_relative_sd": 0.03,
            "spect_fwhm_mm": FWHM,
            "planar_cps_per_MBq": CPS_PER_MBQ,
        }
        | (calibration or {}),
        "quantification": {"method": "spect", "recovery": "none"} | (quantification or {}),
        "marrow": {"absorbed_fraction": 0.57},
        "limits": {"kidneys_Gy": 23},
    }
    data["calibration"] = {k: v for k, v in data["calibration"].items() if v is not None}
    return parse_case(data, source="case.toml")


def ellipsoid(*axes_mm, name="kidney_left"):
    """Region with half-axes along x, y, z."""
    points = GRID.index_to_mm(np.indices(GRID.shape).reshape(3, -1).T)
    inside = ((points / np.array(axes_mm)) ** 2).sum(axis=1) <= 1.0
    return Region(name=name, mask=inside.reshape(GRID.shape), grid=GRID)


def spect_scan(region, mbq=10.0, *, hours=24.0, loss=1.0):
    """A uniform region of so much activity, blurred."""
    counts = mbq * CPS_PER_MBQ * SECONDS * loss
    values = np.where(region.mask, counts / np.count_nonzero(region.mask), 0.0)
    blurred = gaussian_filter(values, FWHM / FWHM_PER_SIGMA / STEP, mode="constant", truncate=6.0)
    started = AT + timedelta(hours=hours)
    image = Image(values=blurred.astype(np.float32), grid=GRID, quantity=Quantity.COUNTS)
    return TomographicScan(image=image, started_at=started, duration_s=SECONDS, decay_reference_at=started)


def study_of(spect=(), regions=(), planar=(), outlines=()):
    return Study(
        ct=None,
        spect=tuple(spect),
        planar=tuple(planar),
        regions=tuple(regions),
        planar_regions=tuple(outlines),
        probe=(),
        notes=(),
    )


def measured(case, study, folder=None):
    found = quantify(case, study, case_administration(case), folder=folder)
    return {s.region: s for s in found.series}, found


def kidney_of(calibration=None, quantification=None, *, region=None, scan=None, folder=None):
    region = region or ellipsoid(15, 15, 15)
    case = case_of(calibration, quantification)
    return measured(case, study_of([scan or spect_scan(region)], [region]), folder)[0]["kidney_left"]


# dead time of SPECT


@pytest.mark.parametrize(
    ("keys", "observed"),
    [
        ({"spect_dead_time_us": 50.0}, lambda n: n * exp(-n * 50e-6)),
        ({"spect_nonparalysable_dead_time_us": 50.0}, lambda n: n / (1 + n * 50e-6)),
        (
            {"spect_dead_time_us": 30.0, "spect_nonparalysable_dead_time_us": 20.0},
            lambda n: n * exp(-n * 30e-6) / (1 + n * 20e-6),
        ),
    ],
)
def test_dead_time_by_keys_of_the_case(keys, observed):
    region = ellipsoid(15, 15, 15)
    true = 200.0 * CPS_PER_MBQ
    plain = kidney_of(region=region, scan=spect_scan(region, 200.0))
    scan = spect_scan(region, 200.0, loss=observed(true) / true)
    found = kidney_of(keys, region=region, scan=scan)
    assert found.activities_bq == pytest.approx(plain.activities_bq, rel=1e-4)
    assert any("for dead time" in n for n in found.notes)
    without = kidney_of(region=region, scan=scan)
    assert without.activities_bq[0] < 0.95 * plain.activities_bq[0]


def test_saturated_spect_is_refused():
    region = ellipsoid(15, 15, 15)
    with pytest.raises(QuantityError, match="saturated"):
        kidney_of({"spect_dead_time_us": 500.0}, region=region, scan=spect_scan(region, 200.0))


# outline and recovery


def test_ellipsoid_recovery_gives_an_ellipsoid_back():
    region = ellipsoid(12, 16, 26)
    scan = spect_scan(region)
    found = kidney_of(quantification={"recovery": "ellipsoid"}, region=region, scan=scan)
    assert found.activities_bq[0] == pytest.approx(10e6, rel=0.01)
    volume = region.volume_ml
    as_sphere = kidney_of(region=region, scan=scan).activities_bq[0] / sphere_recovery(
        radius_mm=(3000 * volume / (4 * pi)) ** (1 / 3), fwhm_mm=FWHM
    )
    assert as_sphere < 9.9e6  # the sphere of that volume keeps more


def test_uncertain_resolution_enters_the_closed_forms():
    """Ball of 15 mm: d ln R / d FWHM from the closed form of the sphere."""
    region = ellipsoid(15, 15, 15)
    radius = (3000 * region.volume_ml / (4 * pi)) ** (1 / 3)
    low, high = (sphere_recovery(radius_mm=radius, fwhm_mm=FWHM + d) for d in (-0.01, 0.01))
    own = log(low / high) / 0.02 * 0.5
    found = kidney_of({"spect_fwhm_sd_mm": 0.5}, {"recovery": "ellipsoid"}, region=region)
    assert found.shared_relative_sd == pytest.approx(sqrt(0.03**2 + own**2), rel=1e-3)
    assert kidney_of(None, {"recovery": "ellipsoid"}).shared_relative_sd == pytest.approx(0.03)


GEAR = {"volume_uncertainty": "gear2018", "outline_voxel_mm": 1.5, "outline_fwhm_mm": 1.0}


def test_gear_budget_is_that_of_the_formulas():
    """u(d)^2 = a^2/6 + FWHM^2/(4 ln 2), u(v)/v = 3 u(d)/d, observers in quadrature; covariance taken off."""
    region = ellipsoid(15, 15, 15)
    found = kidney_of(None, {**GEAR, "recovery": "ellipsoid", "volume_relative_sd": 0.04}, region=region)
    diameter = (6000 * region.volume_ml / pi) ** (1 / 3)
    volume = sqrt((3 * sqrt(1.5**2 / 6 + 1 / (4 * log(2))) / diameter) ** 2 + 0.04**2)
    budget = outline_budget(
        region.volume_ml,
        "ellipsoid",
        Resolution(fwhm_mm=FWHM),
        calibration_relative_sd=0.03,
        outline=Outline(voxel_mm=1.5, fwhm_mm=1.0, between_observers_relative_sd=0.04),
    )
    assert budget.volume == pytest.approx(volume)
    assert found.shared_relative_sd == pytest.approx(sqrt(0.03**2 + (budget.volume_exponent * volume) ** 2), rel=1e-6)
    assert found.shared_relative_sd < budget.total_without_covariance
    assert any("Gear 2018" in n for n in found.notes)


@pytest.mark.parametrize("recovery", ["ellipsoid", "geometric_transfer", "none"])
def test_gear_exponent_is_what_a_larger_outline_does(recovery):
    """A ball of 16 mm outlined 1 mm too large and too small: d ln A / d ln v against the budget's."""
    true = ellipsoid(16, 16, 16)
    scan = spect_scan(true)
    drawn = [ellipsoid(r, r, r) for r in (15.0, 17.0)]
    small, large = (kidney_of(None, {"recovery": recovery}, region=r, scan=scan).activities_bq[0] for r in drawn)
    seen = log(large / small) / log(drawn[1].volume_ml / drawn[0].volume_ml)
    outline = Outline(voxel_mm=1.5, fwhm_mm=1.0)
    budget = outline_budget(
        true.volume_ml, recovery, Resolution(fwhm_mm=FWHM), calibration_relative_sd=0.0, outline=outline
    )
    expected = budget.counts_volume / budget.volume if recovery == "none" else budget.volume_exponent
    assert seen == pytest.approx(expected, abs=0.05)
    shared = kidney_of({"spect_relative_sd": 0.0}, {**GEAR, "recovery": recovery}, region=true).shared_relative_sd
    assert shared == pytest.approx(abs(expected) * budget.volume, rel=1e-6)


def test_gear_with_curve_parameters_keeps_their_uncertainty():
    curve = {"recovery_alpha_ml": 8.0, "recovery_beta": 1.1}
    keys = {**GEAR, "recovery": "sphere_curve"}
    sure = kidney_of(curve, keys).shared_relative_sd
    unsure = kidney_of(curve | {"recovery_relative_sd": 0.06}, keys).shared_relative_sd
    assert unsure == pytest.approx(sqrt(sure**2 + 0.06**2))


def test_gear_needs_the_resolution():
    with pytest.raises(CaseError, match="needs the resolution"):
        kidney_of({"spect_fwhm_mm": None}, GEAR)


# recovery file


@pytest.fixture(scope="module")
def spheres(tmp_path_factory):
    """Answers of `hemadose calibrate spheres`, by form."""
    folder = tmp_path_factory.mktemp("spheres")
    rows = ["diameter_mm,recovery,sd"]
    rows += [f"{d},{sphere_recovery(radius_mm=d / 2, fwhm_mm=FWHM):.6f},0.01" for d in NEMA_DIAMETERS_MM]
    (folder / "spheres.csv").write_text("\n".join(rows))
    for form in ("gear2", "gear3", "gaussian"):
        write_answer(calibrate_spheres(folder / "spheres.csv", form=form, shared_relative_sd=0.02), folder / form)
    return folder


@pytest.mark.parametrize("form", ["gear2", "gear3", "gaussian"])
def test_recovery_file_gives_coefficient_and_sd_by_volume(spheres, form):
    region = ellipsoid(15, 15, 15)
    plain = kidney_of(region=region)
    keys = {"recovery_file": f"{form}/spheres.json"}
    found = kidney_of(keys, {"recovery": "sphere_curve"}, region=region, folder=spheres)
    row = json.loads((spheres / form / "spheres.json").read_text())["curve"]
    p = [v["value"] for v in row["parameters"].values()]

    def curve(*q):
        if form == "gaussian":
            return sphere_recovery(radius_mm=(3000 * region.volume_ml / (4 * pi)) ** (1 / 3), fwhm_mm=q[0])
        return (q[2] if form == "gear3" else 1.0) / (1 + (q[0] / region.volume_ml) ** q[1])

    assert found.activities_bq == pytest.approx(plain.activities_bq / curve(*p))
    steps = np.eye(len(p)) * np.array(p) * 1e-5
    g = np.array([(curve(*(p + h)) - curve(*(p - h))) / (2 * h.sum()) for h in steps])
    sd = sqrt(g @ np.array(row["covariance"]) @ g) / curve(*p)
    assert found.shared_relative_sd == pytest.approx(sqrt(0.03**2 + sd**2), rel=1e-4)
    assert sd > 0.012  # most of the 2 % that all spheres share stays in it


def test_recovery_file_reads_back_the_fit(spheres):
    from hemadose.imaging.calibration.recovery_fit import fit_recovery
    from hemadose.io.calibration_tables import read_sphere_rows

    made = fit_recovery(read_sphere_rows(spheres / "spheres.csv"), form="gear2", shared_relative_sd=0.02)
    read = read_recovery_fit(spheres / "gear2/spheres.json")
    assert read.parameters == pytest.approx(made.parameters)
    assert read.covariance == pytest.approx(made.covariance)
    assert float(read.prediction_sd(20.0)) == pytest.approx(float(made.prediction_sd(20.0)))
    assert (read.smallest_ml, read.largest_ml) == pytest.approx((made.smallest_ml, made.largest_ml))


def test_volume_beyond_the_spheres_is_noted(spheres):
    keys = {"recovery_file": "gear2/spheres.json"}
    inside = kidney_of(keys, {"recovery": "sphere_curve"}, folder=spheres)
    beyond = kidney_of(keys, {"recovery": "sphere_curve"}, region=ellipsoid(22, 22, 30), folder=spheres)
    assert not any("extrapolated" in n for n in inside.notes)
    assert any("extrapolated" in n for n in beyond.notes)


def test_gear_takes_the_covariance_of_the_file(spheres):
    region = ellipsoid(15, 15, 15)
    fit = read_recovery_fit(spheres / "gear3/spheres.json")
    keys = {"recovery_file": "gear3/spheres.json"}
    found = kidney_of(keys, {**GEAR, "recovery": "sphere_curve"}, region=region, folder=spheres)
    budget = outline_budget(
        region.volume_ml,
        fit,
        Resolution(fwhm_mm=FWHM),
        calibration_relative_sd=0.03,
        outline=Outline(voxel_mm=1.5, fwhm_mm=1.0),
    )
    assert budget.recovery_fit == pytest.approx(float(fit.sd(region.volume_ml) / fit.coefficient(region.volume_ml)))
    assert found.shared_relative_sd == pytest.approx(budget.shared)


DAMAGE = {
    "not JSON": (lambda d: "{ broken", "not JSON"),
    "another experiment": (lambda d: d | {"experiment": "dead-time"}, "not a recovery curve"),
    "a list": (lambda d: [d], "not a recovery curve"),
    "no covariance": (
        lambda d: d | {"curve": {k: v for k, v in d["curve"].items() if k != "covariance"}},
        "covariance",
    ),
    "unknown form": (lambda d: d | {"curve": d["curve"] | {"form": "cubic"}}, "cubic"),
    "negative variance": (
        lambda d: d | {"curve": d["curve"] | {"covariance": [[-1.0, 0.0], [0.0, 1.0]]}},
        "covariance matrix 2 x 2",
    ),
    "wrong size": (lambda d: d | {"curve": d["curve"] | {"covariance": [[1.0]]}}, "covariance matrix 2 x 2"),
    "negative parameter": (
        lambda d: (
            d
            | {
                "curve": d["curve"]
                | {"parameters": {"alpha_ml": {"value": -1.0, "sd": 1}, "beta": {"value": 1.0, "sd": 1}}}
            }
        ),
        "positive numbers",
    ),
    "range upside down": (lambda d: d | {"curve": d["curve"] | {"range_ml": [20.0, 1.0]}}, "range_ml"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_recovery_file_is_named(name, spheres, tmp_path):
    change, message = DAMAGE[name]
    made = change(json.loads((spheres / "gear2/spheres.json").read_text()))
    path = tmp_path / "spheres.json"
    path.write_text(made if isinstance(made, str) else json.dumps(made))
    with pytest.raises(InputError, match=message) as caught:
        read_recovery_fit(path)
    assert "spheres.json" in str(caught.value)


def test_absent_recovery_file_and_unknown_folder_are_named(tmp_path):
    keys = {"recovery_file": "spheres.json"}
    with pytest.raises(InputError, match="does not exist"):
        kidney_of(keys, {"recovery": "sphere_curve"}, folder=tmp_path)
    with pytest.raises(CaseError, match="folder is not known"):
        kidney_of(keys, {"recovery": "sphere_curve"})
    with pytest.raises(CaseError, match="calibrate spheres"):
        kidney_of(None, {"recovery": "sphere_curve"})


# planar images: counts of uniform patches, one value per region, no scatter

PEAK = EnergyWindow(name="photopeak", lower_kev=195.52, upper_kev=220.48)
DWELL = 200.0
PLACES = {"kidney_left": (slice(10, 20), slice(24, 30)), "kidney_right": (slice(10, 20), slice(8, 14))}
LIVER = (slice(2, 18), slice(6, 14))
PLANAR = {"method": "planar", "planar_method": "conjugate_view", "scatter": "none", "background": "none"}
SENSITIVITY = PLANAR | {"planar_calibration": "sensitivity", "attenuation": "none"}


def outline(name, *places):
    mask = np.zeros((40, 40), dtype=bool)
    for place in places:
        mask[place] = True
    return PlanarRegion(name=name, mask=mask)


KIDNEYS = tuple(outline(n, p) for n, p in PLACES.items())


def planar_scan(activity_mbq, *, hours=24.0, anterior=1.0, posterior=1.0):
    """Counts of every region in its pixels, times a factor of each view."""
    counts = np.zeros((40, 40))
    for name, mbq in activity_mbq.items():
        mask = outline(name, PLACES.get(name, LIVER)).mask
        counts[mask] += mbq * CPS_PER_MBQ * DWELL / mask.sum()
    frames = tuple(
        PlanarFrame(counts=counts * share, view=view, window=PEAK)
        for view, share in ((View.ANTERIOR, anterior), (View.POSTERIOR, posterior))
    )
    return PlanarScan(
        frames=frames,
        pixel_spacing_mm=(5.0, 5.0),
        pixel_dwell_s=DWELL,
        started_at=AT + timedelta(hours=hours),
        duration_s=600.0,
    )


def planar_of(calibration, quantification, scans, outlines=KIDNEYS):
    return measured(case_of(calibration, SENSITIVITY | quantification), study_of(planar=scans, outlines=outlines))


def test_planar_dead_time_of_two_unequal_heads():
    """Each head has its own rate (all counts over the sweep): activities and rates are given back exactly."""
    tau = 40e-6
    truth = {"kidney_left": 300.0, "kidney_right": 200.0}
    shares = {"anterior": 0.5, "posterior": 1.5}
    rate = 500.0 * CPS_PER_MBQ * DWELL / 600.0
    lost = {view: s * exp(-rate * s * tau) for view, s in shares.items()}
    found, whole = planar_of({"planar_dead_time_us": 40.0}, {}, [planar_scan(truth, **lost)])
    for name, mbq in truth.items():
        assert found[name].activities_bq[0] == pytest.approx(sqrt(0.5 * 1.5) * mbq * MBQ, rel=1e-6)
    assert any("for dead time" in n for n in found["kidney_left"].notes)
    assert any("planar images were undone" in m for m in whole.methods)
    without, _ = planar_of({}, {}, [planar_scan(truth, **lost)])
    assert without["kidney_left"].activities_bq[0] < 0.98 * found["kidney_left"].activities_bq[0]


def test_planar_dead_time_uncertainty_follows_the_rate():
    """Non-paralysable: d ln n / d ln tau = n tau at a fixed observed rate."""
    truth = {"kidney_left": 300.0, "kidney_right": 200.0}
    scans = [planar_scan({n: a / 8 for n, a in truth.items()}, hours=72.0), planar_scan(truth)]
    keys = {"planar_nonparalysable_dead_time_us": 40.0}
    sure = planar_of(keys, {}, scans)[0]["kidney_left"]
    unsure = planar_of(keys | {"planar_nonparalysable_dead_time_sd_us": 8.0}, {}, scans)[0]["kidney_left"]
    added = np.sqrt(unsure.sds_bq**2 - sure.sds_bq**2) / sure.activities_bq
    rates = np.array([1.0, 1 / 8]) * 500.0 * CPS_PER_MBQ * DWELL / 600.0
    true = rates / (1 - rates * 40e-6)
    assert added == pytest.approx(true * 40e-6 * 0.2, rel=1e-3)


def test_planar_dead_time_refuses_a_saturated_head():
    with pytest.raises(QuantityError, match="saturated"):
        planar_of({"planar_dead_time_us": 400.0}, {}, [planar_scan({"kidney_left": 900.0})])


# transmission

RATIO = 0.883
WATER = 0.01357


def transmitted(body_mm):
    """Open and through rates of a flood whose attenuation over that of the line is 1 / RATIO."""
    return {"open_cps": 1000.0, "through_cps": 1000.0 * exp(-WATER / RATIO * body_mm)}


def test_transmission_undoes_the_attenuation():
    """Slab of 240 mm: both views together lose exp(-mu T); a thick organ has sinh(mu d/2) / (mu d/2) of its own."""
    half = WATER * 60.0 / 2.0
    truth = {"kidney_left": 300.0, "kidney_right": 200.0}
    kept = exp(-WATER * 240.0 / 2.0)
    keys = {
        "attenuation": "transmission",
        "transmission": {"kidney_left": transmitted(240.0), "kidney_right": transmitted(240.0) | {"organ_mm": 60.0}},
        "transmission_attenuation_ratio": RATIO,
    }
    found, whole = planar_of({}, keys, [planar_scan(truth, anterior=kept, posterior=kept)])
    assert found["kidney_left"].activities_bq[0] == pytest.approx(300e6, rel=1e-6)
    assert found["kidney_right"].activities_bq[0] == pytest.approx(200e6 * half / sinh(half), rel=1e-6)
    assert found["kidney_left"].provenance.parameters["attenuation"] == "measured transmission"
    assert any("measured transmission" in m for m in whole.methods)


def test_region_without_transmission_is_noted_and_a_strange_one_refused():
    keys = {
        "attenuation": "transmission",
        "transmission": {"kidney_left": transmitted(240.0)},
        "transmission_attenuation_ratio": RATIO,
    }
    found, _ = planar_of({}, keys, [planar_scan({"kidney_left": 300.0, "kidney_right": 200.0})])
    assert any("not corrected for attenuation" in n for n in found["kidney_right"].notes)
    assert found["kidney_right"].provenance.parameters["attenuation"] == "none"
    strange = keys | {"transmission": {"spleen": transmitted(240.0)}}
    with pytest.raises(CaseError, match="not drawn"):
        planar_of({}, strange, [planar_scan({"kidney_left": 300.0})])
    through = keys | {"transmission": {"kidney_left": {"open_cps": 10.0, "through_cps": 20.0}}}
    with pytest.raises(QuantityError, match="more counts with the patient"):
        planar_of({}, through, [planar_scan({"kidney_left": 300.0})])
    thick = keys | {"transmission": {"kidney_left": transmitted(240.0) | {"organ_mm": 300.0}}}
    with pytest.raises(QuantityError, match="thicker than the body"):
        planar_of({}, thick, [planar_scan({"kidney_left": 300.0})])


# organs that overlap

HYBRID = SENSITIVITY | {"method": "hybrid", "recovery": "none"}
HOURS = (2.0, 24.0, 72.0)


def fading(mbq, half_life_h):
    return [mbq * 2 ** (-h / half_life_h) for h in HOURS]


def hybrid_of(quantification, *, liver=True, outlines=None):
    """Kidneys fade with 40 h, the liver that covers the right one with 200 h; SPECT of both kidneys at 24 h."""
    kidneys, liver_mbq = fading(50.0, 40.0), fading(400.0 if liver else 0.0, 200.0)
    scans = [
        planar_scan({"kidney_left": k, "kidney_right": 0.8 * k, "liver": c}, hours=h)
        for k, c, h in zip(kidneys, liver_mbq, HOURS, strict=True)
    ]
    left = ellipsoid(15, 15, 15)
    right = replace(left, name="kidney_right", mask=np.roll(left.mask, 20, axis=0))
    values = [spect_scan(r, mbq).image.values for r, mbq in ((left, kidneys[1]), (right, 0.8 * kidneys[1]))]
    one = spect_scan(left)
    spect = replace(one, image=replace(one.image, values=values[0] + values[1]))
    study = study_of([spect], [left, right], scans, outlines or (*KIDNEYS, outline("liver", LIVER)))
    return measured(case_of({}, HYBRID | quantification), study)


def test_partner_gives_the_covered_kidney_its_shape():
    plain, _ = hybrid_of({})
    found, whole = hybrid_of({"overlap": "partner", "partner_shape_relative_sd": 0.08})
    true = np.array(fading(40.0, 40.0))
    assert found["kidney_left"].activities_bq == pytest.approx(plain["kidney_left"].activities_bq)
    shape = found["kidney_right"].activities_bq / found["kidney_right"].activities_bq[1]
    assert shape == pytest.approx(true / true[1], rel=0.01)
    wrong = plain["kidney_right"].activities_bq / plain["kidney_right"].activities_bq[1]
    assert wrong[2] > 1.2 * shape[2]  # the liver's slower fading shows through
    share = found["kidney_right"].sds_bq / found["kidney_right"].activities_bq
    assert (share > 0.08).all()
    assert any("shape over time taken from kidney_left" in n for n in found["kidney_right"].notes)
    assert any("shape from the other kidney" in m for m in whole.methods)


def test_covered_organs_are_noted_by_default():
    """Right kidney: 10 x 6 pixels, 8 x 6 of them under the liver."""
    found, _ = hybrid_of({})
    assert any("80 % of its planar region" in n for n in found["kidney_right"].notes)
    assert not any("of its planar region" in n for n in found["kidney_left"].notes)


def test_partner_changes_nothing_where_nothing_is_covered():
    plain, _ = hybrid_of({}, outlines=KIDNEYS, liver=False)
    found, _ = hybrid_of({"overlap": "partner", "partner_shape_relative_sd": 0.08}, outlines=KIDNEYS, liver=False)
    assert found["kidney_right"].activities_bq == pytest.approx(plain["kidney_right"].activities_bq)
    assert not any("shape over time" in n for n in found["kidney_right"].notes)


def test_a_partner_that_is_covered_or_missing_is_refused():
    keys = {"overlap": "partner", "partner_shape_relative_sd": 0.08}
    both = (*KIDNEYS, outline("liver", LIVER), outline("spleen", (slice(8, 16), slice(24, 30))))
    with pytest.raises(CaseError, match="neither can lend its shape"):
        hybrid_of(keys, outlines=both)
    alone = (outline("kidney_right", PLACES["kidney_right"]), outline("liver", LIVER))
    with pytest.raises(CaseError, match="partner kidney_left is not drawn"):
        hybrid_of(keys, outlines=alone)


# keys that do not belong together

BAD = {
    "sd of no dead time": ({"spect_dead_time_sd_us": 0.1}, {}, "spect_dead_time_us, which is not given"),
    "sd of no resolution": ({"spect_fwhm_mm": None, "spect_fwhm_sd_mm": 1.0}, {}, "spect_fwhm_mm, which is not given"),
    "two curves": ({"recovery_file": "a.json", "recovery_beta": 1.0}, {}, "two recovery curves"),
    "gear without outline": ({}, {"volume_uncertainty": "gear2018"}, "needs outline_voxel_mm"),
    "outline without gear": ({}, {"outline_voxel_mm": 2.0}, "belong to volume_uncertainty"),
    "gear with reconstruction": ({}, {**GEAR, "recovery": "reconstruction"}, "knows no recovery = reconstruction"),
    "partner with SPECT alone": ({}, {"overlap": "partner", "partner_shape_relative_sd": 0.1}, "needs method hybrid"),
    "partner by template fit": (
        {},
        {"method": "hybrid", "overlap": "partner", "partner_shape_relative_sd": 0.1},
        "and conjugate_view",
    ),
    "partner of unknown likeness": ({}, HYBRID | {"overlap": "partner"}, "never assumed"),
    "likeness without partner": ({}, {"partner_shape_relative_sd": 0.1}, "belongs to overlap"),
    "transmission without rates": ({}, SENSITIVITY | {"attenuation": "transmission"}, "needs transmission"),
    "rates without transmission": ({}, {"transmission_attenuation_ratio": 0.9}, "belong to attenuation"),
    "transmission by template fit": ({}, {"method": "planar", "attenuation": "transmission"}, "takes it from CT"),
    "probe without the body": (
        {},
        PLANAR
        | {
            "attenuation": "transmission",
            "transmission": {"kidney_left": {"open_cps": 9, "through_cps": 1}},
            "transmission_attenuation_ratio": 0.9,
        },
        "whole_body",
    ),
    "negative rate": (
        {},
        SENSITIVITY | {"transmission": {"kidney_left": {"open_cps": -9, "through_cps": 1}}},
        "open_cps",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_keys_that_do_not_belong_together_are_refused(name):
    calibration, quantification, message = BAD[name]
    with pytest.raises(HemadoseError, match=message):
        case_of(calibration, quantification)


@pytest.mark.parametrize("key", ["spect_dead_time_us", "spect_nonparalysable_dead_time_us"])
def test_dead_time_of_projections_is_refused_not_forgotten(key, tmp_path):
    with pytest.raises(CaseError, match="not corrected in projections"):
        kidney_of({key: 1.0}, {"recovery": "reconstruction"}, folder=tmp_path)


def test_a_dead_time_that_is_no_cameras_is_refused():
    with pytest.raises(QuantityError, match="microseconds"):
        kidney_of({"spect_dead_time_us": 20_000.0})


def test_every_key_is_described():
    from pathlib import Path

    from hemadose.io.case import CalibrationSection, QuantificationSection

    page = (Path(__file__).parents[2] / "docs/reference/case-file.md").read_text()
    for section, model in (("calibration", CalibrationSection), ("quantification", QuantificationSection)):
        for key in model.model_fields:
            assert f"`{key}`" in page or f"`{section}.{key}`" in page, key


def test_example_of_the_page_is_a_case():
    """The block under Calibration and quantification, as it stands."""
    import re
    import tomllib
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/reference/case-file.md").read_text()
    block = re.findall(r"```toml\n(.*?)```", page.split("## Calibration and quantification")[1], re.S)[0]
    data = tomllib.loads(block)
    case = case_of(data["calibration"] | {"planar_cps_per_MBq": 9.0}, data["quantification"])
    assert case.quantification.transmission["kidney_left"].through_cps == 21.5
