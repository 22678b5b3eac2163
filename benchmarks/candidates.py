"""The names of the implementations that `compare` can time."""

from typing import Literal, get_args

Candidate = Literal[
    "jax",
    "tensorflow",
    "torch",
    "litert",
    "onnx",
    "openvino",
    "peer",
    "peer-compiled",
    "control",
    "control-deit",
    "resnet18",
]
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)
BACKENDS = ("jax", "tensorflow", "torch")
FILES = {"litert": "model.tflite", "onnx": "model.onnx", "openvino": "openvino"}
PEERS = ("peer", "peer-compiled")
CONTROLS = {"control": "resnet50", "control-deit": "deit_tiny_patch16_224"}
"""Controls and their names in timm."""
RIVAL = "resnet18"
"""A ResNet-18 of as many multiply-adds as the case, on the same images."""
OTHER_NETWORKS = (*CONTROLS, RIVAL)
"""Candidates whose outputs are not those of the case."""
