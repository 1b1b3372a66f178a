"""A study made by hand: every number below is chosen, none is computed by another room."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from hemadose.model import (
    ActivitySample,
    ActivitySeries,
    Administration,
    CandidateFit,
    Course,
    CourseEvent,
    CourseWarning,
    CurveEnsemble,
    Donor,
    DoseContribution,
    EnergyWindow,
    ExponentialCurve,
    FittedCurve,
    Grid,
    Image,
    Lane,
    Limit,
    LimitKind,
    LimitOutcome,
    Nuclide,
    OrganDose,
    Patient,
    PlanarFrame,
    PlanarRegion,
    PlanarScan,
    Prescription,
    Quantity,
    Region,
    ResidualDose,
    Severity,
    Sex,
    StudyDoses,
    TomographicScan,
    View,
)
from hemadose.provenance import Provenance
from hemadose.report import Comparison, ImagingRow, PlanReport, StudyImages

HOUR = 3600.0
DAY = 86400.0
DRAWS = 400
INJECTED_AT = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)
TIMES_H = (1.0, 4.0, 24.0, 48.0, 168.0)
ACTIVITY_BQ = 14.2e9

# region: (activity at t = 0 in MBq, half-life in h, relative SD of the curve, mass in kg)
CURVES = {
    "kidney_left": (3.9, 41.0, 0.08, 0.152),
    "kidney_right": (3.6, 43.0, 0.08, 0.146),
    "lumbar_l2_l4": (1.1, 92.0, 0.12, 0.150),
    "liver": (14.0, 60.0, 0.07, 1.81),
    "spleen": (3.2, 63.0, 0.09, 0.183),
}
# target: (Gy/GBq, relative SD, mass in kg, share from its own activity, share from remainder)
DOSES = {
    "kidneys": (1.55, 0.11, 0.298, 0.96, 0.03),
    "red_marrow": (0.42, 0.18, 1.17, 0.71, 0.22),
    "liver": (0.40, 0.09, 1.81, 0.93, 0.05),
    "spleen": (0.62, 0.12, 0.183, 0.91, 0.06),
}


def lutetium() -> Nuclide:
    return Nuclide(name="Lu-177", half_life_s=6.647 * DAY, electron_energy_kev=147.9, photon_energy_kev=35.1)


def make_administration() -> Administration:
    return Administration(
        agent="lu177-pentixather",
        nuclide=lutetium(),
        measured_activity_bq=203e6,
        measured_at=INJECTED_AT - timedelta(minutes=40),
        residual_activity_bq=2.1e6,
        residual_measured_at=INJECTED_AT + timedelta(minutes=10),
        administered_at=INJECTED_AT,
    )


def make_series() -> tuple[ActivitySeries, ...]:
    rng = np.random.default_rng(11)
    out = []
    for region, (start, half_life, _, mass) in CURVES.items():
        samples = []
        for time_h in TIMES_H:
            truth = start * 1e6 * 2.0 ** (-time_h / half_life)
            sd = 0.05 * truth + 0.005e6
            samples.append(
                ActivitySample(
                    region=region,
                    time_s=time_h * HOUR,
                    activity_bq=max(0.0, truth + sd * rng.standard_normal()),
                    sd_bq=sd,
                    method="hybrid",
                )
            )
        out.append(
            ActivitySeries(
                region=region,
                samples=tuple(samples),
                shared_relative_sd=0.05,
                mass_kg=mass,
                volume_ml=1000 * mass / 1.05,
            )
        )
    return tuple(out)


def make_fits() -> tuple[FittedCurve, ...]:
    rng = np.random.default_rng(12)
    out = []
    for region, (start, half_life, relative, _) in CURVES.items():
        rate = math.log(2.0) / (half_life * HOUR)
        curve = ExponentialCurve(amplitudes_bq=[start * 1e6], rates_per_s=[rate])
        amplitudes = start * 1e6 * np.exp(relative * rng.standard_normal((DRAWS, 1)))
        rates = rate * np.exp(0.5 * relative * rng.standard_normal((DRAWS, 1)))
        ensemble = CurveEnsemble(amplitudes_bq=amplitudes, rates_per_s=rates)
        tail = math.exp(-rate * 168 * HOUR)
        note = () if tail < 0.2 else (f"{100 * tail:.0f} % of the integral is extrapolated",)
        out.append(
            FittedCurve(
                region=region,
                model="mono",
                curve=curve,
                ensemble=ensemble,
                tia_bq_s=curve.integral_bq_s(),
                tia_sd_bq_s=float(ensemble.integral_bq_s().std()),
                effective_half_life_s=half_life * HOUR,
                extrapolated_fraction=tail,
                reduced_chi_square=1.13,
                candidates=(
                    CandidateFit(
                        model="mono", parameters={}, relative_sds={}, max_abs_correlation=0.6,
                        aicc=4.2, weight=0.93, accepted=True, reasons=(),
                        tia_bq_s=curve.integral_bq_s(),
                    ),
                    CandidateFit(
                        model="bi", parameters={}, relative_sds={}, max_abs_correlation=0.97,
                        aicc=None, weight=0.0, accepted=False,
                        reasons=("a parameter is uncertain by 50 % or more",),
                        tia_bq_s=curve.integral_bq_s(),
                    ),
                ),
                notes=note,
                provenance=Provenance(
                    step="kinetics.fit_series", parameters={"draws": DRAWS, "choice": "aicc"}
                ),
            )
        )  # fmt: skip
    return tuple(out)


def make_doses(scale: float = 1.0) -> StudyDoses:
    rng = np.random.default_rng(13)
    organs = []
    for target, (gy_per_gbq, relative, mass, own, rest) in DOSES.items():
        value = scale * gy_per_gbq * 1e-9
        organs.append(
            OrganDose(
                target=target,
                gy_per_bq=value,
                gy_per_bq_draws=value * np.exp(relative * rng.standard_normal(DRAWS)),
                contributions=(
                    DoseContribution(source=target, gy_per_bq=own * value),
                    DoseContribution(source="remainder", gy_per_bq=rest * value),
                    DoseContribution(source="organ", gy_per_bq=(1 - own - rest) * value),
                ),
                mass_kg=mass,
                method="marrow-image" if target == "red_marrow" else "mird-organ",
                notes=("the 6.7 % marrow share of L2-L4 was not measured in this patient",)
                if target == "red_marrow"
                else (),
            )
        )
    rate = math.log(2.0) / (92.0 * HOUR)
    amplitude = scale * 0.42e-9 * rate
    draws = amplitude * np.exp(0.15 * rng.standard_normal((DRAWS, 1)))
    residual = ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=[amplitude],
        rates_per_s=[rate],
        draw_amplitudes_gy_per_bq_s=draws,
        draw_rates_per_s=rate * np.exp(0.08 * rng.standard_normal((DRAWS, 1))),
    )
    return StudyDoses(
        organs=tuple(organs),
        marrow_residual=residual,
        s_value_source="local-deposition+photon-fractions/patient",
        notes=("organ masses come from CT volumes and a density of 1.05 g/ml",),
    )


def make_prescription() -> Prescription:
    kidneys = Limit(
        name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0,
        source="Braitsch 2025",
    )  # fmt: skip
    marrow = Limit(
        name="red_marrow_residual", kind=LimitKind.RESIDUAL_DOSE, target="red_marrow", value=1.0,
        source="Braitsch 2025",
    )  # fmt: skip
    cap = Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=16.5e9, source="case file")
    interval = 14.0 * DAY
    factor = 2.0 ** (-14.0 * 24.0 / 92.0)
    dose = ACTIVITY_BQ * 0.42e-9 * factor
    doses = make_doses()
    kidney_sd = ACTIVITY_BQ * doses.organ("kidneys").sd_gy_per_bq
    marrow_sd = ACTIVITY_BQ * float(doses.marrow_residual.gy_per_bq_draws(from_s=interval).std())
    earliest = math.log2(ACTIVITY_BQ * 0.42e-9) * 92.0 * HOUR
    return Prescription(
        activity_bq=ACTIVITY_BQ,
        active_limit="kidneys",
        outcomes=(
            LimitOutcome(
                limit=kidneys, max_activity_bq=14.84e9, value_at_activity=1.55e-9 * ACTIVITY_BQ,
                sd_at_activity=kidney_sd, probability_exceeding=0.34, active=True, violated=False,
            ),
            LimitOutcome(
                limit=marrow, max_activity_bq=1.0 / (0.42e-9 * factor), value_at_activity=dose,
                sd_at_activity=marrow_sd, probability_exceeding=0.003, active=False,
                violated=False,
            ),
            LimitOutcome(
                limit=cap, max_activity_bq=16.5e9, value_at_activity=ACTIVITY_BQ,
                sd_at_activity=0.0, probability_exceeding=None, active=False, violated=False,
            ),
        ),
        interval_to_infusion_s=interval,
        earliest_infusion_s=earliest,
        activity_for_interval_bq=1.0 / (0.42e-9 * factor),
        notes=("the dose rate of the graft during engraftment is not bounded by a limit",),
    )  # fmt: skip


def make_course() -> Course:
    events = [
        CourseEvent(
            day=-14, lane=Lane.NUCLEAR_MEDICINE, kind="amino_acids", title="Amino acids",
            amount=1000.0, unit="ml", basis="2 % L-arginine and L-lysine", at=time(8, 30),
            duration_h=4.0, source="Braitsch 2025",
        ),
        CourseEvent(
            day=-14, lane=Lane.NUCLEAR_MEDICINE, kind="ert", title="[177Lu]Pentixather",
            amount=14.2, unit="GBq", basis="proposed activity", at=time(9, 0),
            source="Braitsch 2025",
        ),
        CourseEvent(
            day=-14, lane=Lane.NUCLEAR_MEDICINE, kind="ward", title="Radionuclide ward",
            duration_h=48.0, source="Braitsch 2025",
        ),
    ]  # fmt: skip
    for day in (-9, -8):
        events.append(
            CourseEvent(
                day=day, lane=Lane.RADIATION_ONCOLOGY, kind="tbi", title="Total-body irradiation",
                amount=4.0, unit="Gy", basis="2 x 2 Gy", source="Braitsch 2025",
            )
        )  # fmt: skip
    for day in (-5, -4, -3, -2):
        events.append(
            CourseEvent(
                day=day, lane=Lane.TRANSPLANTATION, kind="chemotherapy", title="Fludarabine",
                amount=57.8, unit="mg", basis="30 mg/m2 x 1.93 m2 (Mosteller)",
                source="Blood 2005;106:3314",
            )
        )  # fmt: skip
    events.append(CourseEvent(day=0, lane=Lane.TRANSPLANTATION, kind="graft", title="Infusion of stem cells"))
    return Course(
        regimen="braitsch-2025/matched-flu-tbi",
        donor=Donor.MATCHED_UNRELATED,
        day_zero_on=date(2025, 3, 31),
        events=tuple(events),
        warnings=(
            CourseWarning(
                code="ATG-PRODUCT", severity=Severity.STOP,
                text="The ATG product must be chosen: doses of products are not equal.",
                source="Blood 2001;98:2942",
            ),
            CourseWarning(
                code="WARD-48H", severity=Severity.INFO, text="48 h on the radionuclide ward.",
            ),
        ),
    )  # fmt: skip


def make_report() -> PlanReport:
    return PlanReport(
        study="pre-therapeutic tracer study",
        patient=Patient(
            pseudonym="VP-0001", sex=Sex.MALE, height_cm=178.0, weight_kg=76.0, age_years=47.0,
            creatinine_mg_per_dl=0.8,
        ),
        administration=make_administration(),
        imaging=(
            *(
                ImagingRow(
                    time_s=time_h * HOUR,
                    modality="whole-body planar",
                    system="two-head camera, MELP",
                    duration_s=1000.0,
                    corrections="none in file",
                )
                for time_h in TIMES_H
            ),
            ImagingRow(
                time_s=24.8 * HOUR,
                modality="SPECT/CT",
                system="two-head camera, MELP",
                duration_s=1280.0,
                corrections="attenuation, scatter",
            ),
        ),
        series=make_series(),
        fits=make_fits(),
        doses=make_doses(),
        prescription=make_prescription(),
        course=make_course(),
        methods=(
            "Planar activities: conjugate view with window scatter correction, background and "
            "attenuation correction.",
            "Curves: exponential models chosen by AICc.",
        ),
        notes=("the SPECT at 24 h is the only one; planar curves are scaled to it",),
        provenance=(
            Provenance(
                step="imaging.quantify_planar",
                inputs={"planar": "ab" * 32, "regions": "cd" * 32},
                tables=("attenuation/nist",), parameters={"scatter": "tew", "width": 0.12},
            ),
            Provenance(step="dose.organ_doses", tables=("s-values/lu177",)),
        ),
    )  # fmt: skip


def make_comparison() -> Comparison:
    return Comparison(
        planned=make_doses(),
        delivered=make_doses(0.62),
        planned_activity_bq=ACTIVITY_BQ,
        delivered_activity_bq=14.0e9,
    )


def _ellipsoid(grid: Grid, centre, radii):
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    points = grid.index_to_mm(index)
    return (((points - np.array(centre)) / np.array(radii)) ** 2).sum(axis=-1) <= 1.0


def make_images(frame: str = "1.2.3") -> StudyImages:
    grid = Grid.axial(
        shape=(40, 48, 64), spacing_mm=(8.0, 8.0, 8.0), origin_mm=(-252.0, -188.0, -156.0),
        frame_of_reference_uid=frame,
    )  # fmt: skip
    organs = {
        "kidney_left": ((62, 40, 0), (28, 28, 55), 60.0),
        "kidney_right": ((-62, 40, -10), (28, 28, 55), 60.0),
        "liver": ((-80, -20, 70), (90, 70, 60), 15.0),
        "spleen": ((100, 30, 80), (30, 35, 45), 25.0),
        "lumbar_l2_l4": ((0, 60, -20), (22, 20, 60), 12.0),
    }
    regions, values = [], np.zeros(grid.shape)
    body = _ellipsoid(grid, (0, 0, 0), (190, 120, 900))
    values[body] = 1.0
    for name, (centre, radii, level) in organs.items():
        mask = _ellipsoid(grid, centre, radii)
        values[mask] = level
        regions.append(Region(name=name, mask=mask, grid=grid))
    rng = np.random.default_rng(5)
    spect = rng.poisson(values * 4.0).astype(np.float32)
    hounsfield = np.where(body, 20.0, -1000.0).astype(np.float32)
    started = INJECTED_AT + timedelta(hours=24.5)
    scan = TomographicScan(
        image=Image(values=spect, grid=grid, quantity=Quantity.COUNTS),
        started_at=started,
        duration_s=1280.0,
        decay_reference_at=started,
    )
    return StudyImages(
        ct=Image(values=hounsfield, grid=grid, quantity=Quantity.HOUNSFIELD),
        spect=(scan,),
        regions=tuple(regions),
        planar=make_planar(),
        planar_regions=make_planar_regions(),
    )


def _disc(shape, row, column, height, width):
    rows, columns = np.indices(shape)
    return ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1.0


PLANAR_SHAPE = (200, 70)
PLANAR_ORGANS = {
    "kidney_left": (88, 43, 9, 5),
    "kidney_right": (91, 27, 9, 5),
    "liver": (76, 25, 10, 12),
    "spleen": (76, 47, 7, 5),
    "lumbar_l2_l4": (94, 35, 9, 3),
    "bladder": (122, 35, 5, 6),
    "background_kidneys": (104, 46, 4, 4),
    "background_liver": (62, 10, 4, 3),
    "background_marrow": (106, 31, 5, 2),
}


def make_planar_regions() -> tuple[PlanarRegion, ...]:
    whole = np.ones(PLANAR_SHAPE, dtype=bool)
    organs = [PlanarRegion(name=name, mask=_disc(PLANAR_SHAPE, *place)) for name, place in PLANAR_ORGANS.items()]
    return (PlanarRegion(name="whole_body", mask=whole), *organs)


def make_planar() -> tuple[PlanarScan, ...]:
    rng = np.random.default_rng(6)
    window = EnergyWindow(name="photopeak", lower_kev=195.5, upper_kev=220.5)
    body = (
        _disc(PLANAR_SHAPE, 85, 35, 50, 18) | _disc(PLANAR_SHAPE, 26, 35, 13, 8)
        | _disc(PLANAR_SHAPE, 150, 27, 42, 6) | _disc(PLANAR_SHAPE, 150, 43, 42, 6)
    )  # fmt: skip
    mean = np.where(body, 12.0, 0.3)
    for name, level in (("kidney_left", 60), ("kidney_right", 60), ("liver", 30), ("bladder", 80)):
        mean[_disc(PLANAR_SHAPE, *PLANAR_ORGANS[name])] += level
    scans = []
    for time_h in TIMES_H:
        level = mean * 2.0 ** (-time_h / 60.0)
        frames = tuple(
            PlanarFrame(counts=rng.poisson(level * factor), view=view, window=window)
            for view, factor in ((View.ANTERIOR, 0.8), (View.POSTERIOR, 1.2))
        )
        scans.append(
            PlanarScan(
                frames=frames, pixel_spacing_mm=(9.6, 9.6), pixel_dwell_s=150.0,
                started_at=INJECTED_AT + timedelta(hours=time_h), duration_s=1000.0,
            )
        )  # fmt: skip
    return tuple(scans)


@pytest.fixture(scope="session")
def report() -> PlanReport:
    return make_report()


@pytest.fixture(scope="session")
def study_images() -> StudyImages:
    return make_images()


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    return make_comparison()
