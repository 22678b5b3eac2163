"""The check of a folder as one HTML file with pictures of the findings."""

import pathlib
from collections.abc import Iterator

from keras_hybrid.data.check.check_text import count_rows, summary_lines, verdict
from keras_hybrid.data.check.finding import Finding, FolderCheck
from keras_hybrid.data.small_jpeg import small_jpeg
from keras_hybrid.utils.page import Page

GROUPS = 24
"""Groups of files that have pictures, for each finding."""
_FILES = 6
_SIDE = 160
_QUALITY = 80


def write_page(check: FolderCheck, path: pathlib.Path) -> None:
    """Writes the page. Copies of each other stand side by side.

    Args:
        check: What `check_folder` returned, whose files are still there.
        path: The HTML file.
    """
    page = Page(f"Check of {check.root}")
    for line in (*summary_lines(check), f"{verdict(check)}."):
        page.text(line)
    for finding in check.findings:
        _add(page, finding, check.root)
    rows = count_rows(check)
    if rows:
        page.section("Classes").table(rows, "Readable images.")
    page.section("Not checked")
    for sentence in check.not_checked:
        page.text(sentence)
    page.write(path)


def _add(page: Page, finding: Finding, root: pathlib.Path) -> None:
    kind = finding.kind.replace("_", " ")
    page.section(f"{finding.severity}: {kind}", finding.message)
    for index, group in enumerate(finding.groups[:GROUPS]):
        names = ", ".join(group[:_FILES])
        more = f" and {len(group) - _FILES} more" if len(group) > _FILES else ""
        remark = finding.remark(index)
        caption = f"{names}{more}" + (f" ({remark})" if remark else "")
        page.pictures(list(_pictures(root, group[:_FILES])), caption)
    if len(finding.groups) > GROUPS:
        rows = [
            {"files": ", ".join(group), "remark": finding.remark(index)}
            for index, group in enumerate(finding.groups)
        ]
        page.table(rows, "All of them.", folded=True)


def _pictures(root: pathlib.Path, names: tuple[str, ...]) -> Iterator[bytes]:
    """JPEG files of small versions; nothing for what cannot be read."""
    found = (small_jpeg(root / name, _SIDE, _QUALITY) for name in names)
    return (picture for picture in found if picture)
