"""The same networks in other libraries, and the control networks."""

import dataclasses
import importlib
import importlib.util
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import CONTROLS
from benchmarks.cases import GRID, LAYERS, Case
from keras_hybrid import models
from keras_hybrid.utils.optional import require

if TYPE_CHECKING:
    import torch


def build_peer(case: Case, official: str | None = None) -> "torch.nn.Module":
    """The peer of a case, a torch module `(B, C, H, W) -> (B, classes)`.

    Args:
        case: A case with a peer.
        official: Folder of the official code, if it is the peer.

    Raises:
        ValueError: If the case has no peer.
        ImportError: If the library is missing; the message names the extra to install.
        FileNotFoundError: If the official code is not in that folder.
    """
    library, _, name = (case.peer or "").partition(":")
    if library == "official":
        return _official(name, official)
    if library == "transformers":
        return _transformers()
    if library == "torch":
        return _atc(case)
    if library != "timm":
        raise ValueError(f"{case.name} has no peer.")
    return _gpsa(*LAYERS[case.name]) if name == "gpsa" else _timm(name)


def build_control(name: str) -> "torch.nn.Module":
    """A network of timm that is timed in every comparison."""
    return _timm(CONTROLS[name])


def _timm(name: str) -> "torch.nn.Module":
    timm = _library("timm")
    if name == "astroformer_0":
        from timm.models.maxxvit import MaxxVit, MaxxVitCfg

        config = MaxxVitCfg(
            embed_dim=(96, 192, 384, 768),
            depths=(2, 3, 5, 2),
            block_type=("C", "C", "C", "T"),
            stem_width=64,
            head_hidden_size=768,
        )
        return MaxxVit(config)
    return timm.create_model(name, pretrained=False)


def _gpsa(width: int, heads: int) -> "torch.nn.Module":
    _library("timm")
    import torch
    from timm.models.convit import GPSA

    class Layer(torch.nn.Module):
        """GPSA on feature maps; its tensors have the names of ConViT's first block."""

        def __init__(self) -> None:
            super().__init__()
            self.pos_embed = torch.nn.Parameter(torch.zeros(1, GRID * GRID, width))
            block = torch.nn.Module()
            block.attn = GPSA(width, heads)
            self.blocks = torch.nn.ModuleList([block])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = x.flatten(2).transpose(1, 2) + self.pos_embed
            return self.blocks[0].attn(tokens)

    return Layer()


def _transformers() -> "torch.nn.Module":
    transformers = _library("transformers")
    import torch

    class Logits(torch.nn.Module):
        """The logits of CvT; its tensors have their published names."""

        def __init__(self) -> None:
            super().__init__()
            config = transformers.CvtConfig(num_labels=1000, drop_path_rate=[0.0] * 3)
            network = transformers.CvtForImageClassification(config)
            self.cvt, self.layernorm = network.cvt, network.layernorm
            self.classifier = network.classifier

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            token = self.cvt(x).cls_token_value
            return self.classifier(self.layernorm(token).mean(dim=1))

    return Logits()


def _official(name: str, folder: str | None) -> "torch.nn.Module":
    """Calls `FUNCTION` of `MODULE.py` in a folder, for the name `MODULE:FUNCTION`."""
    module, _, function = name.partition(":")
    path = pathlib.Path(folder or ".") / f"{module}.py"
    if folder is None or not path.is_file():
        raise FileNotFoundError(
            "The peer is the official code: give --official DIR, the folder with its "
            f"{path.name}, or leave out the candidates peer and peer-compiled."
        )
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported.")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded  # timm's registry looks for the module there
    spec.loader.exec_module(loaded)
    return getattr(loaded, function)()


def _atc(case: Case) -> "torch.nn.Module":
    """ATC of this folder, as our configuration of the case has it."""
    from benchmarks.torch_atc import ATC

    fields = ("depths", "widths", "heads", "strides", "key_value_strides")
    config = dataclasses.asdict(models.get(case.name).config) | dict(case.options)
    return ATC(*(config[name] for name in fields), *case.output_shape)


def _library(name: str) -> Any:
    require(name, extra="bench", what="This peer")
    return importlib.import_module(name)
