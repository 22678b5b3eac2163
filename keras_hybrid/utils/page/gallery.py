"""Pictures that a reader can filter by their properties."""

import base64
import dataclasses
import html
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture and what is known of it.

    Attributes:
        title: Its caption.
        properties: Values by the name of a property, e.g. `{"true class": "ant"}`.
        note: A second line, e.g. the name of its file.
        jpeg: The content of a JPEG file.
    """

    title: str
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    note: str = ""
    jpeg: bytes = b""

    def with_file(self, jpeg: bytes) -> "Picture":
        """The same with this JPEG file."""
        return dataclasses.replace(self, jpeg=jpeg)


def gallery_markup(
    pictures: Sequence[Picture], label: str = "", pixelated: bool = False
) -> str:
    """The pictures, and a menu for each property with more than one value.

    The script of the page shows the menus, and hides pictures of other values.

    Args:
        pictures: The pictures, in the order in which they are shown.
        label: What they show, for screen readers.
        pixelated: Whether pixels stay visible where pictures are enlarged.
    """
    names = list(dict.fromkeys(name for x in pictures for name in x.properties))
    values = {
        name: list(dict.fromkeys(sorted(x.properties.get(name, "") for x in pictures)))
        for name in names
    }
    names = [name for name in names if len(values[name]) > 1]
    menus = "".join(_menu(name, values[name]) for name in names)
    items = "".join(
        _item(x, [values[name].index(x.properties.get(name, "")) for name in names])
        for x in pictures
    )
    controls = (
        f'<div class="filters" hidden>{menus}'
        f'<button type="button"{"" if names else " hidden"}>All of them</button>'
        '<span role="status"></span></div>'
    )
    kind = "gallery pixelated" if pixelated else "gallery"
    return (
        f'<div class="{kind}">{controls}'
        f'<ul aria-label="{html.escape(label or "Pictures")}">{items}</ul>'
        '<button type="button" class="more" hidden>More pictures</button></div>'
    )


def _menu(name: str, values: Sequence[str]) -> str:
    options = "".join(
        f'<option value="{i}">{html.escape(value)}</option>'
        for i, value in enumerate(values)
    )
    return (
        f'<label>{html.escape(name)} <select><option value="">all</option>{options}'
        "</select></label>"
    )


def _item(picture: Picture, chosen: Sequence[int]) -> str:
    data = base64.b64encode(picture.jpeg).decode()
    title, note = html.escape(picture.title), html.escape(picture.note)
    return (
        f'<li data-values="{" ".join(map(str, chosen))}">'
        f'<img alt="{note or title}" '
        f'src="data:image/jpeg;base64,{data}"><p>{title}</p>'
        f"{f'<p class=note>{note}</p>' if note else ''}</li>"
    )
