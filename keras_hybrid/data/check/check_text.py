"""The check of a folder as text for a terminal."""

from collections.abc import Iterator

from keras_hybrid.data.check.finding import Finding, FolderCheck, counted

GROUPS = 3
"""Groups of files that are named for each finding."""
_FILES = 4
_CLASSES = 20


def check_text(check: FolderCheck) -> str:
    """Counts, facts and findings, with the first files of each finding."""
    return "\n".join(_lines(check))


def summary_lines(check: FolderCheck) -> list[str]:
    """How many images of how many classes, and what kinds of files."""
    classes = counted(len(check.counts), "class", "classes")
    lines = [
        f"{check.root}: {counted(check.images, 'readable image', 'readable images')} "
        f"of {classes} ({check.layout})."
    ]
    facts = check.facts
    if facts:
        smallest, largest, middle = (
            "{}x{}".format(*facts[key])
            for key in ("smallest", "largest", "median_size")
        )
        sizes = (
            f"{facts['sizes']:,} sizes from {smallest} to {largest}, median {middle}"
        )
        lines += [
            f"{sizes if facts['sizes'] > 1 else f'One size, {middle}'}.",
            "Colour modes: " + _listed(facts["modes"]) + ".",
            "EXIF orientations: " + _listed(facts["orientations"]) + ".",
        ]
    return lines


def count_rows(check: FolderCheck) -> list[dict[str, str | int]]:
    """A row for each class, with its images in each split."""
    splits = sorted({x for of in check.counts.values() for x in of}, reverse=True)
    return [
        {"class": label} | {split: of.get(split, 0) for split in splits}
        for label, of in check.counts.items()
    ]


def verdict(check: FolderCheck) -> str:
    """The number of findings of each severity."""
    errors, warnings, notes = map(
        len, (check.of("error"), check.of("warning"), check.of("note"))
    )
    return ", ".join(
        [
            counted(errors, "error", "errors"),
            counted(warnings, "warning", "warnings"),
            counted(notes, "note", "notes"),
        ]
    )


def _lines(check: FolderCheck) -> Iterator[str]:
    yield from summary_lines(check)
    rows = count_rows(check)
    if rows:
        yield ""
        width = max(len(str(row["class"])) for row in rows)
        for row in rows[:_CLASSES]:
            label, *rest = row.items()
            numbers = "  ".join(f"{split} {n:,}" for split, n in rest)
            yield f"{label[1]!s:{width}}  {numbers}"
        if len(rows) > _CLASSES:
            yield f"... and {len(rows) - _CLASSES} more classes"
    for finding in check.findings:
        yield ""
        yield from _finding_lines(finding)
    yield ""
    yield "Not checked:"
    yield from (f"  {sentence}" for sentence in check.not_checked)
    yield ""
    yield verdict(check)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity}: {finding.message}"
    for index, group in enumerate(finding.groups[:GROUPS]):
        files = "  ".join(group[:_FILES])
        more = f"  and {len(group) - _FILES} more" if len(group) > _FILES else ""
        remark = finding.remark(index)
        yield f"    {files}{more}" + (f"  ({remark})" if remark else "")
    if len(finding.groups) > GROUPS:
        yield f"    ... and {len(finding.groups) - GROUPS:,} more"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{key} {n:,}" for key, n in counts.items())
