"""Second derivatives and forward mode of every form, on JAX."""

import json
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import models, ops
from keras_hybrid.utils.subprocesses import run_module

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="forward mode is JAX's"
)


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float64") for shape in shapes]


OPERATIONS = {
    "dense": (lambda x, k: ops.dense(x, k), [(2, 5, 4), (4, 3)]),
    "conv": (lambda x, k: ops.conv(x, k, 2), [(4, 9, 8, 3), (3, 3, 3, 2)]),
    "depthwise_conv": (
        lambda x, k: ops.depthwise_conv(x, k, 2),
        [(2, 9, 8, 3), (3, 3, 3, 1)],
    ),
    "max_pool": (lambda x: ops.max_pool(x, 3, 2), [(2, 7, 8, 3)]),
    "batch_normalization": (
        lambda x, g, b: ops.batch_normalization(x, g, b, 0.1),
        [(2, 3, 4, 5), (5,), (5,)],
    ),
    "layer_normalization": (
        lambda x, g, b: ops.layer_normalization(x, g, b, 0.1),
        [(2, 3, 5), (5,), (5,)],
    ),
    "gelu": (lambda x: ops.gelu(x), [(3, 4)]),
    "dot_product_attention": (
        lambda q, k, v, b: ops.dot_product_attention(q, k, v, b, 0.7),
        [(2, 4, 2, 3), (2, 5, 2, 3), (2, 5, 2, 3), (1, 2, 4, 5)],
    ),
    "add_shared_bias": (lambda x, b: ops.add_shared_bias(x, b), [(3, 2, 4), (1, 2, 4)]),
    "positional_attention": (
        lambda k, b, g, v: ops.positional_attention(k, b, g, v),
        [(3, 4), (4,), (4,), (2, 3, 2, 4, 3)],
    ),
}
CASES = [
    (name, form)
    for name, forms in ops.list_forms().items()
    for form in forms[1:]
    if form not in ("fused", "fused_even", "keras")  # the backend's own derivatives
]


def derivatives(name, form):
    """The tangent, the gradient, and four kinds of second derivatives."""
    import jax

    function, shapes = OPERATIONS[name]
    inputs, directions = arrays(*shapes), arrays(*reversed(shapes))[::-1]
    inputs = [jax.numpy.asarray(x) for x in inputs]
    directions = [jax.numpy.asarray(x) for x in directions]

    def loss(*x):
        return jax.numpy.sum(jax.numpy.sin(function(*x)))

    every = tuple(range(len(inputs)))
    gradient = jax.grad(loss, every)

    def along(*x):
        return sum(
            jax.numpy.vdot(g, d) for g, d in zip(gradient(*x), directions, strict=True)
        )

    with ops.forms(**{name: form}):
        return {
            "jvp": jax.jvp(function, inputs, directions)[1],
            "gradient": jax.jit(gradient)(*inputs),
            "jvp of gradient": jax.jit(
                lambda *x: jax.jvp(gradient, x, tuple(directions))[1]
            )(*inputs),
            "gradient of gradient": jax.jit(jax.grad(along, every))(*inputs),
            "gradient of jvp": jax.grad(
                lambda *x: jax.jvp(loss, x, tuple(directions))[1], every
            )(*inputs),
            "vmap": jax.vmap(lambda d: jax.jvp(loss, inputs, d)[1])(
                [jax.numpy.stack([d, 2 * d]) for d in directions]
            ),
        }


@pytest.mark.parametrize("name, form", CASES)
def test_derivatives_are_those_of_the_plain_form(name, form, float64):
    import jax

    found, expected = derivatives(name, form), derivatives(name, "plain")
    for kind in expected:
        pairs = zip(
            jax.tree.leaves(found[kind]), jax.tree.leaves(expected[kind]), strict=True
        )
        for a, b in pairs:
            scale = float(abs(b).max())
            assert scale > 1e-6 or "grad" in kind, kind
            np.testing.assert_allclose(a, b, 0, 1e-9 * max(scale, 1), err_msg=kind)


SMALL = {"classes": 3, "include_preprocessing": False, "classifier_activation": None}
WIDTHS = {"widths": (8, 12, 16), "heads": (1, 2, 2)}
NETWORKS = {
    "ATC": {"input_shape": (16, 16, 3), **WIDTHS},
    "CvT": {"input_shape": (32, 32, 3), **WIDTHS, "activation": "gelu"},
    "CeiT": {"input_shape": (32, 32, 3), "depth": 2, "width": 12, "i2t_channels": 8},
    "ConViT": {
        "input_shape": (16, 16, 3),
        "depth": 2,
        "gpsa_layers": 1,
        "width": 16,
        "heads": 4,
        "patch_size": 4,
    },
    "CoAtNet": {
        "input_shape": (32, 32, 3),
        "depths": (1, 1, 1, 1),
        "widths": (8, 8, 16, 16),
        "stem_widths": (4, 8),
        "head_width": 8,
        "head_hidden": 8,
    },
}
NETWORKS["Astroformer"] = NETWORKS["CoAtNet"]


def network(name):
    """A small network without chance, with weights from NumPy."""
    fields = SMALL | NETWORKS[name] | {"drop_path_rate": 0.0}
    model = getattr(models, name)(**fields)
    rng = np.random.default_rng(1)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape)
            if w.name in ("gamma", "moving_variance")
            else rng.normal(0, 0.3, w.shape)
            for w in model.weights
        ]
    )
    return model


def images(model):
    return np.random.default_rng(2).normal(size=(4, *model.input_shape[1:]))


def direction(model):
    rng = np.random.default_rng(3)
    return [rng.normal(size=v.shape) for v in model.trainable_variables]


def hessian_vector_product(name):
    """That of the training-mode loss, by JAX: one flat vector."""
    import jax

    model = network(name)
    x = jax.numpy.asarray(images(model), "float32")
    frozen = [v.value for v in model.non_trainable_variables]

    def loss(weights):
        outputs, _ = model.stateless_call(weights, frozen, x, training=True)
        return jax.numpy.sum(jax.numpy.sin(outputs))

    weights = [v.value for v in model.trainable_variables]
    vector = [jax.numpy.asarray(d, "float32") for d in direction(model)]
    product = jax.jit(lambda w: jax.jvp(jax.grad(loss), (w,), (vector,))[1])(weights)
    return np.concatenate([np.ravel(p) for p in product])


def torch_hessian_vector_product(name):
    """The same, by torch's double backward."""
    import torch

    model = network(name)
    x = torch.tensor(images(model), dtype=torch.float32)
    weights = [v.value for v in model.trainable_variables]
    with ops.forms("plain"):  # torch's fused attention has no second derivative
        loss = torch.sin(model(x, training=True)).sum()
    first = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    along = sum(
        (g * torch.tensor(d, dtype=torch.float32)).sum()
        for g, d in zip(first, direction(model), strict=True)
        if g is not None
    )
    second = torch.autograd.grad(along, weights, allow_unused=True)
    return np.concatenate(
        [
            np.zeros(v.shape).ravel() if g is None else g.detach().numpy().ravel()
            for g, v in zip(second, model.trainable_variables, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def by_torch(tmp_path_factory):
    """Hessian-vector products of all networks, from one process on torch."""
    file = tmp_path_factory.mktemp("torch") / "products.npz"
    run_module("tests.ops.test_second_order", [json.dumps(str(file))], "torch")
    return np.load(file)


@pytest.mark.parametrize("name", NETWORKS)
def test_hessian_vector_products_of_networks(name, by_torch):
    expected = by_torch[name]
    norm = np.linalg.norm(expected)
    assert norm > 1
    fast = hessian_vector_product(name)
    assert np.linalg.norm(fast - expected) / norm < 1e-3
    with ops.forms("plain"):
        plain = hessian_vector_product(name)
    assert np.linalg.norm(plain - expected) / norm < 1e-3


if __name__ == "__main__":
    np.savez(
        json.loads(sys.argv[1]),
        **{name: torch_hessian_vector_product(name) for name in NETWORKS},
    )
