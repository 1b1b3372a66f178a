"""`hemadose activity`: what an agent's rules, refusals and limits leave for one patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("activity")(activity)


def activity(
    agent: Annotated[str, typer.Argument(help="See hemadose agents.")],
    agent_file: Annotated[Path | None, typer.Option(help="The site's own: a TOML file or a folder.")] = None,
    setting: Annotated[str | None, typer.Option(help="Way of treatment; the agent's first if not given.")] = None,
    weight_kg: Annotated[float | None, typer.Option(help="Body weight.")] = None,
    height_cm: Annotated[float | None, typer.Option(help="Body height.")] = None,
    sex: Annotated[str | None, typer.Option(help="male or female.")] = None,
    bsa: Annotated[str, typer.Option(help="mosteller or dubois.")] = "mosteller",
    platelets: Annotated[float | None, typer.Option(help="10^9/l (the same number as 1000 per microlitre).")] = None,
    marrow_involvement: Annotated[float | None, typer.Option(help="Lymphoma in the marrow, percent.")] = None,
    altered: Annotated[
        bool | None,
        typer.Option("--altered-biodistribution/--normal-biodistribution", help="As read on the tracer images."),
    ] = None,
    graft: Annotated[
        bool | None, typer.Option("--graft-confirmed/--no-graft", help="Donor or stem cells confirmed, day 0 booked.")
    ] = None,
    coefficient: Annotated[
        list[str] | None, typer.Option(help="The patient's own Gy/GBq, e.g. liver=0.8 (repeatable).")
    ] = None,
    relative_sd: Annotated[float, typer.Option(help="Relative uncertainty of these.")] = 0.0,
    published: Annotated[
        bool, typer.Option("--published", help="Let published coefficients stand in: orientation only.")
    ] = False,
    limit: Annotated[list[str] | None, typer.Option(help="Further dose limit in Gy, e.g. lungs=8.")] = None,
    minimum: Annotated[list[str] | None, typer.Option(help="Dose to reach in Gy, e.g. red_marrow=12.")] = None,
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="Let rules act whose numbers are marked unverified.")
    ] = False,
    aim: Annotated[str, typer.Option(help="highest or lowest activity that meets everything.")] = "highest",
    level_gy: Annotated[float | None, typer.Option("--level-Gy", help="Dose level of an escalation.")] = None,
    cap_mbq: Annotated[float | None, typer.Option("--cap-MBq", help="Clinical cap.")] = None,
    activity_mbq: Annotated[float | None, typer.Option("--activity-MBq", help="Judge this activity.")] = None,
    available_mbq: Annotated[
        list[float] | None, typer.Option("--available-MBq", help="That can be had when given (repeatable).")
    ] = None,
    rounding_mbq: Annotated[float, typer.Option("--rounding-MBq", help="Round down to a multiple.")] = 1.0,
    max_probability: Annotated[
        float | None, typer.Option(help="Keep the probability of breaking each dose bound at or below this.")
    ] = None,
    marrow_half_life_h: Annotated[float | None, typer.Option(help="Effective half-life in marrow.")] = None,
    days_to_transplant: Annotated[float | None, typer.Option(help="From administration to infusion.")] = None,
    count: Annotated[list[str] | None, typer.Option(help="Whole-body count, hours=counts (repeatable).")] = None,
    counts: Annotated[Path | None, typer.Option(help="CSV: time_h,counts or time_h,anterior,posterior ...")] = None,
    activity_hours: Annotated[Path | None, typer.Option(help="CSV of the site: mass_kg,activity_hours_mCi_h.")] = None,
    effective_mass: Annotated[Path | None, typer.Option(help="CSV of the site: sex,height_cm,mass_kg.")] = None,
    calibrated_at: Annotated[str | None, typer.Option(help="2026-03-28T12:00, of the ordered activity.")] = None,
    administered_at: Annotated[str | None, typer.Option(help="2026-03-29T09:00.")] = None,
    zone: Annotated[str | None, typer.Option(help="Of these times, e.g. Europe/Berlin.")] = None,
    residual_percent: Annotated[float, typer.Option(help="Stays in syringe and line.")] = 0.0,
    concentration: Annotated[float | None, typer.Option(help="MBq/ml at calibration.")] = None,
    vial_ml: Annotated[float | None, typer.Option(help="Volume in the vial.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if refused, infeasible or broken.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give, or refuse, the activity of an agent by its published rules."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.workflow.activity import plan_activity
    from hemadose.workflow.activity_request import activity_request

    answer = plan_activity(
        activity_request(
            agent=agent,
            agent_file=agent_file,
            setting=setting,
            weight_kg=weight_kg,
            height_cm=height_cm,
            sex=sex,
            surface_rule=bsa,
            platelets_e9_per_l=platelets,
            marrow_involvement_percent=marrow_involvement,
            altered_biodistribution=altered,
            graft_confirmed=graft,
            coefficients_gy_per_gbq=parse_pairs(coefficient or [], option="--coefficient"),
            relative_sd=relative_sd,
            use_published=published,
            limits_gy=parse_pairs(limit or [], option="--limit"),
            minimums_gy=parse_pairs(minimum or [], option="--minimum"),
            accept_unverified=accept_unverified,
            aim=aim,
            level_gy=level_gy,
            cap_mbq=cap_mbq,
            chosen_mbq=activity_mbq,
            available_mbq=tuple(available_mbq or ()),
            rounding_mbq=rounding_mbq,
            max_probability=max_probability,
            marrow_half_life_h=marrow_half_life_h,
            days_to_transplant=days_to_transplant,
            count=parse_pairs(count or [], option="--count"),
            counts_file=counts,
            activity_hours_file=activity_hours,
            effective_mass_file=effective_mass,
            calibrated_at=calibrated_at,
            administered_at=administered_at,
            zone=zone,
            residual_percent=residual_percent,
            concentration_mbq_per_ml=concentration,
            vial_volume_ml=vial_ml,
        )
    )
    if as_json:
        print_json(answer)
    else:
        print_activity(answer)
    if check and (answer["refused"] or not answer["feasible"] or answer["violated"]):
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def print_activity(answer: dict[str, Any]) -> None:
    """Print an activity, or its refusal, as a person wants to read it."""
    from hemadose.cli.output import print_notes, print_table

    if answer["refused"]:
        typer.echo(f"\n{answer['title']}: REFUSED by {', '.join(answer['refused_by'])}")
    elif answer["activity_MBq"] is None:
        typer.echo(f"\n{answer['title']}: INFEASIBLE, no activity meets all constraints")
    else:
        mbq, mci = answer["activity_MBq"], answer["activity_mCi"]
        typer.echo(f"\n{answer['title']}: {mbq:.5g} MBq ({mci:.4g} mCi), set by: {answer['active']}")
    shown = ("code", "verdict", "reason", "source")
    print_table("Refusal rules", [{k: r[k] for k in shown} for r in answer["refusals"]])
    print_table("Constraints", [_constraint_row(r) for r in answer["constraints"]])
    print_table("Doses at this activity (90 % of the spread)", _dose_rows(answer["doses"]))
    if answer["whole_body"] is not None:
        _print_whole_body(answer["whole_body"])
    if answer["syringe"] is not None:
        s = answer["syringe"]
        volume = "" if s["volume_ml"] is None else f", draw {s['volume_ml']:.3g} ml"
        typer.echo(
            f"Syringe: {s['dispensed_MBq']:.5g} MBq at administration, "
            f"{s['at_calibration_MBq']:.5g} MBq at calibration{volume}"
        )
    print_notes(answer["notes"])
    typer.echo(f"Research use: {answer['research_use']}.")


def _constraint_row(r: dict[str, Any]) -> dict[str, Any]:
    from hemadose.cli.output import at_least, at_most

    return {
        "constraint": r["constraint"],
        "at activity": "" if r["value_at_activity"] is None else f"{r['value_at_activity']:.5g} {r['unit']}",
        "edge MBq": at_least(r["edge_MBq"]) if r["bound"].endswith("least") else at_most(r["edge_MBq"]),
        "P(broken)": "" if r["probability_broken"] is None else f"{r['probability_broken']:.0%}",
        "active": "yes" if r["active"] else "",
        "broken": "YES" if r["broken"] else "no",
    }


def _dose_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: r[k] for k in ("target", "Gy_per_GBq", "Gy", "low_Gy", "high_Gy", "of")} for r in rows]


def _print_whole_body(w: dict[str, Any]) -> None:
    typer.echo(
        f"Whole body: effective half-life {w['effective_half_life_h']:.1f} h, residence time "
        f"{w['residence_time_h']:.1f} h; activity hours {w['activity_hours_mCi_h']:.0f} mCi h at "
        f"{w['mass_kg']:g} kg ({w['activity_hours_origin']})"
    )
