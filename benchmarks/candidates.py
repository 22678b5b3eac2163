"""The names of what can be timed side by side."""

from typing import Literal

BACKENDS = ("jax", "tensorflow", "torch")
FILES = {"litert": "model.tflite", "onnx": "model.onnx", "openvino": "openvino"}
PEERS = ("peer", "peer-compiled")
CONTROLS = {"control": "resnet50", "control-deit": "deit_tiny_patch16_224"}  # of timm
CANDIDATES = (*BACKENDS, *FILES, *PEERS, *CONTROLS)
Candidate = Literal[CANDIDATES]
