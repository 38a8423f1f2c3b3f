"""The models of tests/bench/peers as PyTorch's users write them. Those that `../shared/bench/peers.py
export-torch` exports are built from the same seed, so that they have the weights of its files; `mlp` and
`keras_cnn` are Keras's models, and take them from the file."""
import numpy as np

SHAPES = {"mlp": (784,), "keras_cnn": (28, 28, 1), "torch_cnn": (1, 28, 28), "resnet18": (3, 224, 224),
          "mobilenet_v2": (3, 224, 224), "transformer": (128, 384), "torch_vgg16": (3, 224, 224)}
SEED = 7


def network(name):
    """In evaluation mode; dropout, which does nothing there and has no weights, is left out."""
    import torch
    from torch import nn
    torch.manual_seed(SEED)
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)).eval()
    if name in ("torch_cnn", "keras_cnn"):
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)).eval()
    if name == "transformer":
        layer = nn.TransformerEncoderLayer(384, 12, 1536, dropout=0.0, activation="gelu", batch_first=True)
        return nn.TransformerEncoder(layer, 6).eval()
    import torchvision
    return getattr(torchvision.models, name.removeprefix("torch_"))(weights=None).eval()


def keras_network(name, path):
    """The Keras model of the file: its weights, images channels last, a softmax at the end."""
    import torch
    from torch import nn
    net = network(name)
    arrays = weights_in_order(path)
    kernels, biases = ([array for array in arrays if (array.ndim > 1) == is_kernel] for is_kernel in (True, False))
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.from_numpy(kernels.pop(0).copy()))
            elif biases:
                parameter.copy_(torch.from_numpy(biases.pop(0).copy()))
            else:
                parameter.zero_()  # the exporter leaves out biases of zeros
    if name == "mlp":
        return nn.Sequential(*net, nn.Softmax(-1)).eval()

    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            flatten = next(i for i, layer in enumerate(net) if isinstance(layer, nn.Flatten))
            self.images, self.rest = net[:flatten], net[flatten:]

        def forward(self, x):
            features = self.images(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            return torch.softmax(self.rest(features), -1)
    return ChannelsLast().eval()


def weights_in_order(path):
    """Kernels and biases of an ONNX file in the order of its nodes, as torch lays them out."""
    import onnx
    graph = onnx.load(path).graph
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    arrays = []
    for node in graph.node:
        for name in node.input:
            value = stored.get(name)
            if value is None or value.dtype != np.float32 or node.op_type not in ("Conv", "Gemm", "MatMul", "Add"):
                continue
            turned = node.op_type == "MatMul" or (node.op_type == "Gemm" and value.ndim == 2 and not any(
                a.name == "transB" and a.i for a in node.attribute))
            arrays.append(value.T if turned else value)
    return arrays
