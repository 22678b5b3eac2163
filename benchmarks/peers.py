"""The same networks in other libraries, and the networks that speed is set against."""

import importlib
import importlib.util
import pathlib
import sys

from benchmarks.candidates import CONTROLS
from benchmarks.cases import LAYERS, Case


def build_peer(case: Case, official: pathlib.Path | None = None):
    """The peer of a case, a torch module `(B, C, H, W) -> (B, classes)`.

    Args:
        case: One that has a peer.
        official: Folder with the official code, where that is the peer.

    Raises:
        ImportError: If the library is missing; it names the extra to install.
        FileNotFoundError: If the official code is not in that folder.
    """
    library, _, name = case.peer.partition(":")
    if library == "official":
        return _official(name, official)
    return {"timm": _timm, "transformers": _transformers}[library](name, case)


def build_control(name: str):
    """A network of timm's that all tables have in common."""
    return _timm(CONTROLS[name])


def _timm(name: str, case: Case | None = None):
    timm = _library("timm")
    if name == "gpsa":
        return _gpsa(*LAYERS[case.name])
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


def _gpsa(width: int, heads: int):
    import torch
    from timm.models.convit import GPSA

    class Layer(torch.nn.Module):
        """Takes and gives maps; names tensors as ConViT's first block does."""

        def __init__(self):
            super().__init__()
            self.pos_embed = torch.nn.Parameter(torch.zeros(1, 14 * 14, width))
            block = torch.nn.Module()
            block.attn = GPSA(width, heads)
            self.blocks = torch.nn.ModuleList([block])

        def forward(self, x):
            tokens = x.flatten(2).transpose(1, 2) + self.pos_embed
            return self.blocks[0].attn(tokens)

    return Layer()


def _transformers(name: str, case: Case):
    transformers = _library("transformers")
    import torch

    class Logits(torch.nn.Module):
        """CvT's logits alone, its tensors under their published names."""

        def __init__(self):
            super().__init__()
            config = transformers.CvtConfig(num_labels=1000, drop_path_rate=[0.0] * 3)
            network = transformers.CvtForImageClassification(config)
            self.cvt, self.layernorm = network.cvt, network.layernorm
            self.classifier = network.classifier

        def forward(self, x):
            token = self.cvt(x).cls_token_value
            return self.classifier(self.layernorm(token).mean(dim=1))

    return Logits()


def _official(name: str, folder: pathlib.Path | None):
    module, _, function = name.partition(":")
    path = pathlib.Path(folder or ".") / f"{module}.py"
    if folder is None or not path.is_file():
        raise FileNotFoundError(
            f"The peer is the official code: give --official DIR, the folder with its "
            f"{path.name}, or leave the candidates named peer out."
        )
    spec = importlib.util.spec_from_file_location(module, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded  # timm's registry looks for it there
    spec.loader.exec_module(loaded)
    return getattr(loaded, function)()


def _library(name: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"This peer needs {name}: pip install 'keras_hybrid[bench]'."
        ) from error
