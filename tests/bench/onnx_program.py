"""An ONNX file as a function of JAX or TensorFlow, so that XLA gets the same model and weights as all
others in tests/bench/peers. Only the operators of those models are known; any other is an error.

Images are kept channels last between the operators that understand that (convolution, pooling, maps,
sums), as one would write such a model in either library; their weights are turned once, when loading.
What is known while tracing (shapes, and what is computed from them) stays an array of NumPy.
"""
import numpy as np
import onnx
from onnx import numpy_helper


class Image:
    """A value of rank 4, channels last."""

    def __init__(self, data):
        self.data = data


def is_known(*values):
    return all(value is None or isinstance(value, np.ndarray) for value in values)


class Program:
    def __init__(self, path, library):
        model = onnx.load(path)
        self.library = library
        self.input, self.output = model.graph.input[0].name, model.graph.output[0].name
        self.constants, self.weights, self.nodes = {}, {}, []
        for tensor in model.graph.initializer:
            value = numpy_helper.to_array(tensor)
            (self.weights if value.dtype == np.float32 and value.ndim else self.constants)[tensor.name] = value
        for node in model.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
                continue
            if not hasattr(self, "op_" + node.op_type):
                raise NotImplementedError(f"{path}: {node.op_type} is not known to tests/bench/onnx_program.py")
            self.nodes.append((node, attributes))
            if node.op_type == "Conv":
                self.turn(node.input[1])

    def turn(self, name):
        """A filter as height, width, inputs, outputs."""
        self.weights[name] = np.ascontiguousarray(self.weights[name].transpose(2, 3, 1, 0))

    def __call__(self, weights, x):
        values = {**self.constants, **weights, self.input: x, "": None}
        for node, attributes in self.nodes:
            operands = [values[name] for name in node.input]
            values[node.output[0]] = getattr(self, "op_" + node.op_type)(attributes, *operands)
        return self.plain(values[self.output])

    def plain(self, value):
        return self.library.transpose(value.data, (0, 3, 1, 2)) if isinstance(value, Image) else value

    def image(self, value):
        return value if isinstance(value, Image) else Image(self.library.transpose(value, (0, 2, 3, 1)))

    def mapped(self, function, *values):
        """Element by element; the order of dimensions stays."""
        if any(isinstance(value, Image) for value in values):
            return Image(function(*(self.image(v).data if np.ndim(v) == 4 or isinstance(v, Image) else v
                                    for v in values)))
        return function(*values)

    def op_Conv(self, attributes, x, w, bias=None):
        top, left, bottom, right = attributes.get("pads", [0] * 4)
        y = self.library.conv(self.image(x).data, w, attributes.get("strides", [1, 1]), ((top, bottom), (left, right)),
                              attributes.get("group", 1))
        return Image(y if bias is None else y + bias)

    def op_MaxPool(self, attributes, x):
        top, left, bottom, right = attributes.get("pads", [0] * 4)
        return Image(self.library.max_pool(self.image(x).data, attributes["kernel_shape"], attributes["strides"],
                                           ((top, bottom), (left, right))))

    def op_AveragePool(self, attributes, x):
        if list(attributes["kernel_shape"]) != [1, 1]:
            raise NotImplementedError("AveragePool of more than one element")
        return x

    def op_Relu(self, _, x):
        return self.mapped(self.library.relu, x)

    def op_Clip(self, _, x, low, high):
        return self.mapped(lambda v: self.library.clip(v, low, high), x)

    def op_Add(self, _, x, y):
        return self.mapped(lambda a, b: a + b, x, y)

    def op_Mul(self, _, x, y):
        return self.mapped(lambda a, b: a * b, x, y)

    def op_ReduceMean(self, attributes, x, axes):
        axes = [int(a) for a in axes]
        if isinstance(x, Image):
            if sorted(a % 4 for a in axes) != [2, 3]:
                raise NotImplementedError("ReduceMean of an image over other dimensions than height and width")
            return Image(self.library.mean(x.data, (1, 2), True))
        return self.library.mean(x, tuple(axes), bool(attributes.get("keepdims", 1)))

    def op_Reshape(self, attributes, x, shape):
        old = self.library.shape(self.plain(x))
        new = [old[i] if size == 0 and not attributes.get("allowzero", 0) else int(size) for i, size in enumerate(shape)]
        return self.library.reshape(self.plain(x), new)

    def op_Gemm(self, attributes, x, w, bias=None):
        if attributes.get("alpha", 1.0) != 1 or attributes.get("transA", 0) or attributes.get("beta", 1.0) != 1:
            raise NotImplementedError("Gemm with factors")
        y = self.library.matmul(self.plain(x), w, bool(attributes.get("transB", 0)))
        return y if bias is None else y + bias

    def op_MatMul(self, _, x, y):
        return self.library.matmul(self.plain(x), self.plain(y), False)

    def op_Softmax(self, attributes, x):
        return self.library.softmax(self.plain(x), attributes.get("axis", -1))

    def op_LayerNormalization(self, attributes, x, scale, bias=None):
        if attributes.get("axis", -1) != -1:
            raise NotImplementedError("LayerNormalization of several dimensions")
        mean = self.library.mean(x, (-1,), True)
        square = self.library.mean((x - mean) * (x - mean), (-1,), True)
        y = (x - mean) * self.library.rsqrt(square + attributes.get("epsilon", 1e-5)) * scale
        return y if bias is None else y + bias

    def op_Gelu(self, attributes, x):
        if attributes.get("approximate", b"none") != b"none":
            raise NotImplementedError("Gelu by tanh")
        return self.library.gelu(x)

    def op_Transpose(self, attributes, x):
        perm = list(attributes["perm"])
        if isinstance(x, Image) and perm == [0, 2, 3, 1]:
            return x.data
        if perm == [0, 3, 1, 2] and not isinstance(x, Image):
            return Image(x)
        return self.library.transpose(self.plain(x), perm)

    def op_Identity(self, _, x):
        return x

    def op_Unsqueeze(self, _, x, axes):
        shape, axes = list(self.library.shape(x)), [int(a) for a in axes]
        rank = len(shape) + len(axes)
        for axis in sorted(a % rank for a in axes):
            shape.insert(axis, 1)
        return x.reshape(shape) if is_known(x) else self.library.reshape(x, shape)

    def op_Squeeze(self, _, x, axes):
        shape = self.library.shape(x)
        kept = [size for i, size in enumerate(shape) if i not in {int(a) % len(shape) for a in axes}]
        return x.reshape(kept) if is_known(x) else self.library.reshape(x, kept)

    def op_Shape(self, attributes, x):
        return np.asarray(self.library.shape(self.plain(x))[attributes.get("start", 0):attributes.get("end")], np.int64)

    def op_Gather(self, attributes, x, index):
        axis = attributes.get("axis", 0)
        if is_known(x):
            return np.asarray(np.take(x, index, axis))
        if index.ndim:
            raise NotImplementedError("Gather of several elements")
        return x[(slice(None),) * axis + (int(index),)]

    def op_Slice(self, _, x, starts, ends, axes=None, steps=None):
        where = [slice(None)] * len(self.library.shape(x))
        for i, start in enumerate(starts):
            where[int(axes[i]) if axes is not None else i] = slice(int(start), int(ends[i]),
                                                                  int(steps[i]) if steps is not None else 1)
        return x[tuple(where)]

    def op_Concat(self, attributes, *values):
        if not is_known(*values):
            raise NotImplementedError("Concat of computed values")
        return np.concatenate(values, attributes["axis"])


class JaxLibrary:
    """Operations in JAX."""

    def __init__(self):
        import jax
        import jax.numpy as jnp
        self.jax, self.jnp = jax, jnp
        self.matmul = lambda x, y, turned: jnp.matmul(x, y.T if turned else y)
        self.transpose, self.reshape = jnp.transpose, jnp.reshape
        self.relu, self.softmax, self.rsqrt = jax.nn.relu, jax.nn.softmax, jax.lax.rsqrt
        self.clip = jnp.clip

    def shape(self, x):
        return x.shape

    def mean(self, x, axes, keep):
        return self.jnp.mean(x, axis=axes, keepdims=keep)

    def gelu(self, x):
        return self.jax.nn.gelu(x, approximate=False)

    def conv(self, x, w, strides, pads, group):
        return self.jax.lax.conv_general_dilated(x, w, tuple(strides), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                                 feature_group_count=group)

    def max_pool(self, x, window, strides, pads):
        return self.jax.lax.reduce_window(x, -self.jnp.inf, self.jax.lax.max, (1, *window, 1), (1, *strides, 1),
                                          ((0, 0), *pads, (0, 0)))


class TensorFlowLibrary:
    """Operations in TensorFlow."""

    def __init__(self):
        import tensorflow as tf
        self.tf = tf
        self.matmul = lambda x, y, turned: tf.matmul(x, y, transpose_b=turned)
        self.transpose, self.reshape = tf.transpose, tf.reshape
        self.relu, self.softmax, self.rsqrt = tf.nn.relu, tf.nn.softmax, tf.math.rsqrt
        self.clip = tf.clip_by_value

    def shape(self, x):
        return tuple(x.shape)

    def mean(self, x, axes, keep):
        return self.tf.reduce_mean(x, axis=axes, keepdims=keep)

    def gelu(self, x):
        return self.tf.nn.gelu(x, approximate=False)

    def conv(self, x, w, strides, pads, group):
        if group == 1:
            return self.tf.nn.conv2d(x, w, list(strides), [[0, 0], *map(list, pads), [0, 0]])
        if group != x.shape[-1] or w.shape[-1] != group:
            raise NotImplementedError("a convolution of groups that is not depthwise")
        turned = self.tf.transpose(w, (0, 1, 3, 2))
        return self.tf.nn.depthwise_conv2d(x, turned, [1, *strides, 1], [[0, 0], *map(list, pads), [0, 0]])

    def max_pool(self, x, window, strides, pads):
        if pads != ((0, 0), (0, 0)):
            x = self.tf.pad(x, [[0, 0], *map(list, pads), [0, 0]], constant_values=-np.inf)
        return self.tf.nn.max_pool2d(x, list(window), list(strides), "VALID")
