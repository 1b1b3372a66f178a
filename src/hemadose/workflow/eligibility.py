"""The nine rules of eligibility on request."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hemadose.io.eligibility import read_eligibility
from hemadose.therapy.eligibility.discordance import read_lesion
from hemadose.therapy.eligibility.doses import eligibility, summary
from hemadose.therapy.eligibility.values import Status


def judge_eligibility(path: Path, *, site: Path | None = None) -> dict[str, Any]:
    """Read the facts of a patient and answer the nine rules.

    Parameters
    ----------
    path : Path
        Eligibility file.
    site : Path or None
        Limits of the site, where they stand in a file of their own.

    Returns
    -------
    dict
        Rules with findings, readings of lesions, which rules fail; never an approval.
    """
    facts = read_eligibility(path, site=site)
    results = eligibility(facts)
    return {
        "summary": summary(results),
        "rules": [
            {
                "rule": r.rule,
                "title": r.title,
                "status": r.status.value,
                "findings": [{"status": f.status.value, "text": f.text, "source": f.source} for f in r.findings],
            }
            for r in results
        ],
        "lesions": [asdict(read_lesion(lesion)) for lesion in facts.lesions],
        "failed": [r.rule for r in results if r.status is Status.FAIL],
        "missing": [r.rule for r in results if any(f.status is Status.MISSING for f in r.findings)],
        "research_use": "not an approval: the responsible physicians decide",
    }
