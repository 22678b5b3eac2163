"""ConViT in float64 NumPy, written after its paper, with all intermediate results."""

import math

import keras
import numpy as np


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


class ConViT:
    """Blocks of a small model: `attention[i]` and `blocks[i]` for an image."""

    def __init__(self, model, config):
        self.weights = {
            v.path: keras.ops.convert_to_numpy(v).astype("float64")
            for v in model.variables
        }
        self.config = config

    def dense(self, x, name):
        y = x @ self.weights[f"{name}/kernel"]
        return y + self.weights.get(f"{name}/bias", 0.0)

    def norm(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)
        return x * self.weights[f"{name}/gamma"] + self.weights[f"{name}/beta"]

    def patches(self, image):
        """The patch embedding of one image `(H, W, 3)`, `(h * w, C)`."""
        size = self.config["patch_size"]
        mean = np.array((0.485, 0.456, 0.406))
        std = np.array((0.229, 0.224, 0.225))
        image = (image / 255 - mean) / std
        kernel = self.weights["patch_embedding/kernel"]
        tokens = [
            np.tensordot(image[y : y + size, x : x + size], kernel, 3)
            for y in range(0, image.shape[0], size)
            for x in range(0, image.shape[1], size)
        ]
        return np.array(tokens) + self.weights["patch_embedding/bias"]

    def heads(self, x):
        return x.reshape(len(x), self.config["heads"], -1).transpose(1, 0, 2)

    def attention(self, x, number, grid):
        """The map `(heads, N, N)` of block `number` for normalized tokens."""
        name = f"block{number}_attention"
        q, k = (self.heads(self.dense(x, f"{name}_{r}")) for r in ("query", "key"))
        content = softmax(q @ k.transpose(0, 2, 1) * q.shape[-1] ** -0.5)
        if number > self.config["gpsa_layers"]:
            return content
        kernel = self.weights[f"{name}/position_kernel"]
        scores = np.zeros_like(content)
        for i in range(len(x)):
            for j in range(len(x)):
                dy, dx = j // grid[1] - i // grid[1], j % grid[1] - i % grid[1]
                scores[:, i, j] = np.array([dx, dy, dx**2 + dy**2]) @ kernel
        gate = sigmoid(self.weights[f"{name}/gate"])[:, None, None]
        return (1 - gate) * content + gate * softmax(scores)

    def run(self, image, grid, skip=True, feed_forward=True):
        """Maps and outputs of every block, two lists."""
        x = self.patches(image) + self.weights["position/table"][0]
        maps, blocks = [], []
        for number in range(1, self.config["depth"] + 1):
            if number == self.config["gpsa_layers"] + 1:
                x = np.concatenate([self.weights["class_token/token"][0], x])
            name = f"block{number}_attention"
            y = self.norm(x, f"{name}_norm")
            maps.append(self.attention(y, number, grid))
            y = maps[-1] @ self.heads(self.dense(y, f"{name}_value"))
            y = self.dense(y.transpose(1, 0, 2).reshape(x.shape), f"{name}_output")
            x = x + y if skip else y
            if feed_forward:
                name = f"block{number}_mlp"
                y = gelu(self.dense(self.norm(x, f"{name}_norm"), f"{name}_expand"))
                y = self.dense(y, f"{name}_project")
                x = x + y if skip else y
            blocks.append(x)
        return maps, blocks


def distance(i, j, width):
    return math.hypot(j // width - i // width, j % width - i % width)


def d_loc(weights, width):
    """Equation 8 term by term, for one map `(N, N)`."""
    n = len(weights)
    return (
        sum(weights[i, j] * distance(i, j, width) for i in range(n) for j in range(n))
        / n
    )
