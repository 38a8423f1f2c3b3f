"""Training steps in tests/bench/peers: one model, its loss and Adam in each library. Ours and XLA's come
from the ONNX file that torch exports, without dropout and with batch normalisation folded, so that all
sides compute the same."""
import os

import numpy as np

import torch_models
from sides import FromPython, Ingot, tensorflow_with

BATCHES = {"mlp": 128, "torch_cnn": 64, "resnet18": 16, "transformer": 8}
RATE, DECAY, SQUARE_DECAY, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def is_regression(name):
    return name == "transformer"


def network(name):
    import torch
    torch.backends.mha.set_fastpath_enabled(False)
    net = torch_models.network(name)
    if name == "resnet18":
        from torch.fx.experimental import optimization
        net = optimization.fuse(net)
    with torch.no_grad():
        for parameter in net.parameters():
            # The exporter merges small parameters that are equal (biases of zeros, layers that are
            # copies): all sides but PyTorch would train one in their place.
            parameter.add_(torch.randn_like(parameter), alpha=1e-3)
    for parameter in net.parameters():
        parameter.requires_grad_(True)
    return net


def sample(name, batch):
    random = np.random.default_rng(7)
    x = random.standard_normal((batch,) + torch_models.SHAPES[name]).astype(np.float32)
    if is_regression(name):
        return x, random.standard_normal(x.shape).astype(np.float32)
    return x, random.integers(0, 10, batch)


def exported(name, scratch):
    path = os.path.join(scratch, f"train_{name}.onnx")
    if not os.path.exists(path):
        import torch
        dims = ({0: torch.export.Dim("batch", min=1, max=1024)},)
        torch.onnx.export(network(name), (torch.zeros((2,) + torch_models.SHAPES[name]),), path, dynamo=True,
                          external_data=False, dynamic_shapes=dims, verbose=False)
    return path


class IngotTraining(Ingot):
    function = "train_step"

    def __init__(self, case):
        loss = "mean_squared_error" if is_regression(case.name) else "sparse_categorical_crossentropy"
        # Keras adds epsilon before the second moment is corrected; after the first step this is the same.
        epsilon = EPSILON * (1 - SQUARE_DECAY) ** 0.5
        self.compile_options = ["--train", "--optimizer", f"adam:learning_rate={RATE},epsilon={epsilon}", "--loss", loss]
        super().__init__(case)


class TorchTraining(FromPython):
    """PyTorch's own loop."""

    def __init__(self, case):
        import torch
        torch.set_num_threads(case.threads)
        self.net = network(case.name)
        self.loss_of = torch.nn.functional.mse_loss if is_regression(case.name) else torch.nn.functional.cross_entropy
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=RATE, eps=EPSILON, fused=True)
        self.x, self.target = (torch.from_numpy(array) for array in case.inputs)
        self.forward = self.wrapped()

    def run(self):
        self.optimizer.zero_grad()
        loss = self.loss_of(self.forward(self.x), self.target)
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()

    def output(self):
        return np.asarray(self.loss)


class TorchEager(TorchTraining):
    name = "torch eager"

    def wrapped(self):
        return self.net


class TorchCompiled(TorchTraining):
    name = "torch.compile"

    def wrapped(self):
        import torch
        return torch.compile(self.net)


def adam(root, step, parameter, first, second, gradient):
    """The new parameter and its moments; `root` is the library's square root."""
    first = DECAY * first + (1 - DECAY) * gradient
    second = SQUARE_DECAY * second + (1 - SQUARE_DECAY) * gradient * gradient
    change = RATE * (first / (1 - DECAY**step)) / (root(second / (1 - SQUARE_DECAY**step)) + EPSILON)
    return parameter - change, first, second


class JaxTraining(FromPython):
    """XLA: one jitted step over the program of the file, its state donated."""
    name = "jax"

    def __init__(self, case):
        import jax
        import jax.numpy as jnp
        from onnx_program import JaxLibrary, Program
        jax.config.update("jax_platforms", "cpu")
        program = Program(case.model, JaxLibrary())
        regression = is_regression(case.name)

        def loss_of(weights, x, target):
            y = program(weights, x)
            if regression:
                return jnp.mean((y - target) ** 2)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(y), target[:, None], 1))

        def update(weights, first, second, step, x, target):
            loss, gradients = jax.value_and_grad(loss_of)(weights, x, target)
            step = step + 1
            new = {name: adam(jnp.sqrt, step, weights[name], first[name], second[name], gradients[name])
                   for name in weights}
            return *({name: new[name][i] for name in weights} for i in range(3)), step, loss

        weights = {name: jnp.asarray(value) for name, value in program.weights.items()}
        zeros = [{name: jnp.zeros_like(value) for name, value in weights.items()} for _ in range(2)]
        self.state = (weights, *zeros, jnp.float32(0))
        self.data = [jnp.asarray(case.inputs[0]), jnp.asarray(case.inputs[1].astype(
            np.float32 if regression else np.int32))]
        self.update = jax.jit(update, donate_argnums=(0, 1, 2)).lower(*self.state, *self.data).compile()

    def run(self):
        *self.state, loss = self.update(*self.state, *self.data)
        self.loss = float(loss)

    def output(self):
        return np.asarray(self.loss)


class TensorFlowTraining(FromPython):
    """Graph mode; the program of the file over variables."""
    name, jit = "tf", False

    def __init__(self, case):
        tf = tensorflow_with(case.threads)
        from onnx_program import Program, TensorFlowLibrary
        program = Program(case.model, TensorFlowLibrary())
        regression = is_regression(case.name)
        weights = {name: tf.Variable(value) for name, value in program.weights.items()}
        moments = {name: [tf.Variable(tf.zeros_like(value)) for _ in range(2)] for name, value in weights.items()}
        step = tf.Variable(0.0)

        def update(x, target):
            with tf.GradientTape() as tape:
                y = program(weights, x)
                loss = tf.reduce_mean((y - target) ** 2) if regression else tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=y))
            gradients = tape.gradient(loss, weights)
            step.assign_add(1.0)
            for name, weight in weights.items():
                new = adam(tf.sqrt, step, weight, *moments[name], gradients[name])
                for variable, value in zip((weight, *moments[name]), new):
                    variable.assign(value)
            return loss

        self.data = [tf.constant(array) for array in case.inputs]
        self.update = tf.function(update, jit_compile=self.jit, autograph=False).get_concrete_function(*(
            tf.TensorSpec(value.shape, value.dtype) for value in self.data))

    def run(self):
        self.loss = float(self.update(*self.data))

    def output(self):
        return np.asarray(self.loss)


class TensorFlowXlaTraining(TensorFlowTraining):
    name, jit = "tf xla", True


PEERS = (TorchEager, TorchCompiled, JaxTraining, TensorFlowTraining, TensorFlowXlaTraining)
