"""Name maps of ResNet (torchvision, timm) and Wide ResNet (xternalz)."""

from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map


def _torchvision() -> dict[str, str]:
    table = {"conv1": "stem_conv", "bn1": "stem_norm", "fc": "head"}
    for stage in range(1, 5):
        block, ours = f"layer{stage}.{{b}}", f"stage{stage}_block{{b}}"
        for number in (1, 2):
            table[f"{block}.conv{number}"] = f"{ours}_conv{number}"
            table[f"{block}.bn{number}"] = f"{ours}_norm{number}"
        table[f"{block}.downsample.0"] = f"{ours}_shortcut"
        table[f"{block}.downsample.1"] = f"{ours}_shortcut_norm"
    return table


def _wide_resnet() -> dict[str, str]:
    table = {"conv1": "stem_conv", "bn1": "norm", "fc": "head"}
    for stage in range(1, 4):
        block, ours = f"block{stage}.layer.{{b}}", f"stage{stage}_block{{b}}"
        for number in (1, 2):
            table[f"{block}.conv{number}"] = f"{ours}_conv{number}"
            table[f"{block}.bn{number}"] = f"{ours}_norm{number}"
        table[f"{block}.convShortcut"] = f"{ours}_shortcut"
    return table


TORCHVISION = register_name_map(
    NameMap(
        "ResNet, torchvision and timm",
        marker=r"^layer1\.0\.conv1",
        table=_torchvision(),
        writing=Writing(("official", "timm")),
    )
)
WIDE = register_name_map(
    NameMap(
        "Wide ResNet, xternalz",
        marker=r"^block1\.layer\.0\.conv1",
        table=_wide_resnet(),
    )
)
