"""Every packaged file is cited, and is the file that was cited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.refdata.manifest import (
    entries_from_text,
    find_problems,
    manifest,
    packaged_files,
    with_digests,
)

ENTRY = """[[file]]
id = "a"
path = "a.toml"
sha256 = "-"
quantity = "mass"
unit = "g"
publication = "ICRP 89, Table 2.8"
licence = "facts"
script = "by hand"
"""


def test_manifest_and_files_agree() -> None:
    assert find_problems(manifest(), packaged_files()) == ()


def test_every_file_is_found() -> None:
    names = set(packaged_files())
    assert {"nuclides.toml", "cohorts/braitsch-2025.toml", "regimens/cxcr4-tbi-haplo.toml"} <= names
    assert "manifest.toml" not in names


def test_a_changed_uncited_missing_or_repeated_file_is_found() -> None:
    entries, contents = manifest(), packaged_files()
    first = entries[0]
    assert "changed" in find_problems(entries, {**contents, first.path: b"other"})[0]
    assert "no entry" in find_problems(entries, {**contents, "new.toml": b""})[0]
    assert "not packaged" in find_problems((*entries, replace(first, id="x", path="gone.toml")), contents)[0]
    assert "twice" in find_problems((*entries, first), contents)[-1]


def test_digests_are_written_into_the_text() -> None:
    text = with_digests(ENTRY, {"a.toml": b""})
    (entry,) = entries_from_text(text)
    assert entry.sha256.startswith("e3b0c442")
    assert find_problems((entry,), {"a.toml": b""}) == ()


def test_an_uncited_file_or_empty_field_is_refused() -> None:
    with pytest.raises(ReferenceDataError, match="not cited"):
        with_digests(ENTRY, {"b.toml": b""})
    with pytest.raises(ReferenceDataError, match="incomplete"):
        entries_from_text(ENTRY.replace("ICRP 89, Table 2.8", " "))
