"""The command `keras-hybrid demo`."""

import pathlib
import webbrowser
from typing import Annotated

import tyro


def demo_command(
    model: Annotated[pathlib.Path, tyro.conf.Positional],
    port: int = 8000,
    browser: bool = True,
    runtime: pathlib.Path | None = None,
    fetch_runtime: bool = False,
) -> None:
    """Show a trained model in the browser: drop images, see answers and heat maps.

    The page is written to the folder `web` beside the model, if it is not there yet.
    Nothing leaves this machine.

    Args:
        model: The folder of a run, a .keras file, or a page that was exported before.
        port: Port of the page on this machine; another one if it is taken.
        browser: Whether to open the browser.
        runtime: The npm package of ONNX Runtime Web: its .tgz file or folder, of which
            a copy is kept for later.
        fetch_runtime: Download that package, 33 MB once.
    """
    from keras_hybrid.export.web.runtime_files import get_runtime
    from keras_hybrid.export.web.serve import address, page_server
    from keras_hybrid.export.web.up_to_date import current_page

    get_runtime(runtime, fetch_runtime)
    folder = current_page(model)
    try:
        server = page_server(folder, port)
    except OSError:
        server = page_server(folder)
    print(f"{address(server)} shows {folder}. Stop with Ctrl+C.", flush=True)
    if browser:
        webbrowser.open(address(server))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
