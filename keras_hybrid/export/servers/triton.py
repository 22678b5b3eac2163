"""An ONNX file as a model repository of NVIDIA Triton, which batches requests.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

import pathlib
import re
import shutil
from collections.abc import Sequence
from typing import Any

LARGEST_BATCH = 64
"""Images per call of the model."""
DELAY = 2000
"""Microseconds that a request waits for others, to form a batch with them."""
QUEUE = 256
"""Requests that wait; the server refuses more."""
_LABELS = "labels.txt"


def triton(
    source: pathlib.Path,
    target: pathlib.Path,
    version: int = 1,
    name: str = "model",
    labels: Sequence[str] = (),
) -> None:
    """Writes the folder `target/name`.

    Args:
        source: An ONNX file of any batch size.
        target: The folder, which is the server's `--model-repository`.
        version: A server serves the largest number.
        name: Of the model; what a name may not hold becomes `_`.
        labels: Names of the classes.
    """
    import onnx

    name = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII) or "model"
    place = target / name
    (place / str(version)).mkdir(parents=True)
    shutil.copyfile(source, place / str(version) / "model.onnx")
    graph = onnx.load(source, load_external_data=False).graph
    if labels:
        text = "".join(f"{label}\n" for label in labels)
        (place / _LABELS).write_text(text, "utf-8")
    config = config_text(name, graph, bool(labels))
    (place / "config.pbtxt").write_text(config)


def config_text(name: str, graph: Any, labelled: bool) -> str:
    """The `ModelConfig` of a model, in the text format of protocol buffers.

    Args:
        name: Of the model.
        graph: Its ONNX graph.
        labelled: Whether there is a file with the names of the classes.
    """
    image = graph.input[0]
    outputs = [
        _tensor("output", x, _LABELS if labelled and x.name == "probabilities" else "")
        for x in graph.output
    ]
    dims = ", ".join(map(str, (1 if x < 0 else x for x in _dims(image))))
    return "\n".join(
        [
            f'name: "{name}"',
            'backend: "onnxruntime"',
            f"max_batch_size: {LARGEST_BATCH}",
            _tensor("input", image),
            *outputs,
            "dynamic_batching {",
            f"  max_queue_delay_microseconds: {DELAY}",
            f"  default_queue_policy {{ max_queue_size: {QUEUE} }}",
            "}",
            "model_warmup {",
            '  name: "blank"',
            "  batch_size: 1",
            "  inputs {",
            f'    key: "{image.name}"',
            "    value {",
            "      data_type: TYPE_FP32",
            f"      dims: [{dims}]",
            "      zero_data: true",
            "    }",
            "  }",
            "}\n",
        ]
    )


def _tensor(kind: str, value: Any, labels: str = "") -> str:
    lines = [
        f"{kind} {{",
        f'  name: "{value.name}"',
        "  data_type: TYPE_FP32",
        f"  dims: [{', '.join(map(str, _dims(value)))}]",
    ]
    if labels:
        lines.append(f'  label_filename: "{labels}"')
    return "\n".join([*lines, "}"])


def _dims(value: Any) -> list[int]:
    """The sides after the batch; -1 where a length is dynamic."""
    sides = value.type.tensor_type.shape.dim[1:]
    return [x.dim_value if x.HasField("dim_value") else -1 for x in sides]
