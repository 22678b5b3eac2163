"""Models in their own runtimes: `.keras`, SavedModel and LiteRT behind one face."""

import contextlib
import json
import pathlib
import zipfile
from collections.abc import Callable

import numpy as np

# Images (B, H, W, C), float32 in [0, 255] -> outputs by name.
Runner = Callable[[np.ndarray], dict[str, np.ndarray]]


def keras_file(path: pathlib.Path) -> pathlib.Path:
    """The .keras file that a path means: itself, or a run's folder's model."""
    return path / "model.keras" if (path / "model.keras").exists() else path


def load_keras(path: pathlib.Path):
    """Loads a .keras file, refusing code in it.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged or no model file.
    """
    import keras

    import keras_hybrid.layers  # noqa: F401  registers the layers

    if not path.is_file():
        raise FileNotFoundError(f"There is no model at {path}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is truncated or no .keras file; train or copy it again."
        )
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a bad archive
        first = next(filter(None, str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path} cannot be loaded: {first}") from error


def open_runner(path: pathlib.Path) -> tuple[Runner, tuple[int | None, ...]]:
    """Opens a model file; returns what runs it and its input `(H, W, C)`.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is no model of a known format, or damaged.
        ImportError: If its runtime is missing.
    """
    path = keras_file(pathlib.Path(path))
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if path.is_dir():
        return _open_saved_model(path)
    if path.suffix == ".tflite":
        return _open_litert(path)
    return _open_keras(path)


def _open_keras(path):
    model = load_keras(path)

    def run(images):
        return {"probabilities": model.predict(images, verbose=0)}

    return run, model.input_shape[1:]


def _open_saved_model(path):
    if not (path / "saved_model.pb").is_file():
        raise ValueError(f"{path} is no SavedModel (it has no saved_model.pb).")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "A SavedModel needs: pip install 'keras_hybrid[export]'"
        ) from error
    try:
        model = tf.saved_model.load(str(path))
        serve = model.signatures["serving_default"]
    except Exception as error:  # TensorFlow raises many kinds for a bad folder
        first = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be loaded: {first}") from error
    (spec,) = serve.structured_input_signature[1].values()

    def run(images, model=model):  # `model` keeps the variables alive
        outputs = serve(**{spec.name: tf.constant(images, "float32")})
        return {name: value.numpy() for name, value in outputs.items()}

    return run, tuple(spec.shape[1:])


def _open_litert(path):
    interpreter = _litert_interpreter(path)
    runner = interpreter.get_signature_runner("serving_default")
    ((name, detail),) = runner.get_input_details().items()

    def run(images):
        outputs = runner(**{name: images.astype("float32")})
        return {key: value.copy() for key, value in outputs.items()}

    shape = detail["shape_signature"][1:]
    return run, tuple(None if side < 0 else int(side) for side in shape)


def _litert_interpreter(path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            "A .tflite file needs: pip install 'keras_hybrid[export]'"
        ) from error
    try:
        return Interpreter(model_path=str(path))
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or no LiteRT file.") from error


def litert_foreign_ops(path: pathlib.Path) -> tuple[str, ...]:
    """Operations of a LiteRT file that are not builtin (custom or Flex ones)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    return tuple(
        code.CustomCode().decode()
        for code in codes
        if code.BuiltinCode() == schema.BuiltinOperator.CUSTOM
    )


class Classifier:
    """A model file that names what it sees.

    Args:
        path: A .keras file, a run's folder, a SavedModel folder or a .tflite file.
            `NAME.card.json` or `card.json` beside it gives the names of the classes,
            the crop and the filter.
    """

    def __init__(self, path: pathlib.Path):
        self.path = pathlib.Path(path)
        self._run, self.input_shape = open_runner(self.path)
        self.card = self._read_card()

    def top(self, image: pathlib.Path, count: int = 3) -> list[tuple[str, float]]:
        """The likeliest classes of an image file, as (name, probability)."""
        outputs = self._run(self._read_image(pathlib.Path(image))[None])
        if "probabilities" not in outputs:
            raise ValueError(f"{self.path} gives no probabilities.")
        probabilities = outputs["probabilities"][0]
        names = self.card.get("class_names")
        order = np.argsort(-probabilities)[:count]
        return [
            (names[i] if names else f"class {i}", float(probabilities[i]))
            for i in order
        ]

    def _read_card(self) -> dict:
        places = (
            self.path.with_suffix(".card.json"),
            self.path / "card.json",
            self.path.parent / "card.json",
        )
        for place in places:
            with contextlib.suppress(OSError, ValueError):
                return json.loads(place.read_text())
        return {}

    def _read_image(self, path: pathlib.Path) -> np.ndarray:
        """(H, W, C) pixels: the short side resized, the centre cropped."""
        from PIL import Image, UnidentifiedImageError

        if not path.is_file():
            raise FileNotFoundError(f"There is no image at {path}.")
        height, width, channels = self.input_shape
        facts = self.card.get("preprocessing", {})
        try:
            with Image.open(path) as file:
                picture = file.convert("L" if channels == 1 else "RGB")
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} cannot be read as an image: {error}") from error
        if height and width:
            crop = facts.get("crop", 1.0)
            scale = max(height / picture.height, width / picture.width) / crop
            size = (
                max(width, round(picture.width * scale)),
                max(height, round(picture.height * scale)),
            )
            filter = facts.get("interpolation", "bicubic").upper()
            picture = picture.resize(size, Image.Resampling[filter])
            left, top = (size[0] - width) // 2, (size[1] - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        pixels = np.asarray(picture, dtype="float32")
        return pixels[..., None] if channels == 1 else pixels
