"""What the check of a folder found."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From what stops or spoils training to what is only good to know."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One kind of fault, with the files that have it.

    Attributes:
        kind: Short name of the fault, e.g. `"near_two_labels"`.
        severity: `"error"` for what stops or spoils training, `"warning"` for what may,
            `"note"` for what is only good to know.
        message: What it is, and what to do, in one line.
        groups: The files. Those of a group belong together, e.g. copies of each other;
            a fault of a single file has groups of one.
        remarks: A remark for each group, or nothing.
    """

    kind: str
    severity: Severity
    message: str
    groups: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()

    def remark(self, index: int) -> str:
        """The remark of a group; empty if there is none."""
        return self.remarks[index] if self.remarks else ""


@dataclasses.dataclass(frozen=True)
class FolderCheck:
    """The result of `check_folder`.

    Attributes:
        root: The folder.
        layout: How classes and splits were found.
        counts: Readable images of each class in each split: `counts["cat"]["train"]`.
        images: Number of readable images.
        facts: Sizes, colour modes and orientation tags.
        findings: The faults, the most severe first.
        not_checked: What the check cannot tell, as sentences.
    """

    root: pathlib.Path
    layout: str
    counts: Mapping[str, Mapping[str, int]]
    images: int
    facts: Mapping[str, Any]
    findings: tuple[Finding, ...]
    not_checked: tuple[str, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(x for x in self.findings if x.severity == severity)

    def passed(self, strict: bool = False) -> bool:
        """Whether there is no error, and if `strict` no warning either."""
        return not (self.of("error") or (strict and self.of("warning")))

    def as_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return dataclasses.asdict(self) | {"root": str(self.root)}


def by_severity(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings, the most severe first; among equals the order stays."""
    return tuple(sorted(findings, key=lambda x: SEVERITIES.index(x.severity)))


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: "1 image", "2,000 images"."""
    return f"{number:,} {one if number == 1 else many}"
