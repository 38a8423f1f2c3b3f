#!/usr/bin/env python3
"""Round trips between the real Keras and Ingot through files.

    run [--driver PATH] [--xml FILE] [--update] [NAME …]

1. Every layer class, in both formats: Keras writes a model, Ingot gives the same outputs; Ingot writes
   it again, Keras opens that and gives the same outputs. Classes that docs/KerasFiles.md lists must
   pass; --update writes that list anew.
2. The models of tests/fixtures/keras/files: Keras trains and saves, Ingot goes on and saves, Keras goes
   on; the losses of all steps are those of Keras alone.

The last line is `N passed, N failed, N skipped`. Exit code 77: the packages are not there.
"""
import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from xml.sax.saxutils import quoteattr

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../../.."))
try:
    import h5py
    import keras
    import numpy as np
    from keras import layers
except ImportError as error:
    print(f"keras round trips: skipped, {error}; tests/conformance/keras/setup installs what is needed")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(77)


def load_fixtures():
    spec = importlib.util.spec_from_file_location(
        "fixtures", os.path.join(ROOT, "tests/fixtures/keras/files/make.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seq(*stack):
    return lambda: keras.Sequential(list(stack_of(stack)))


def stack_of(stack):
    return [layer() if callable(layer) and not isinstance(layer, keras.Layer) else layer
            for layer in stack]


def one(shape, make, dtype="float32"):
    """A model of one layer behind an input of this shape."""
    def build():
        x = keras.Input(shape, dtype=dtype)
        return keras.Model(x, make()(x))
    return build


def merge(make, shapes=((4,), (4,))):
    def build():
        inputs = [keras.Input(shape) for shape in shapes]
        return keras.Model(inputs, make()(inputs))
    return build


def attention():
    q, v = keras.Input((5, 6)), keras.Input((7, 6))
    return keras.Model([q, v], layers.MultiHeadAttention(2, 3, value_dim=4)(q, v))


def attention_three():
    q, k, v = keras.Input((5, 6)), keras.Input((7, 6)), keras.Input((7, 4))
    return keras.Model([q, k, v], layers.MultiHeadAttention(2, 3)(q, v, k, use_causal_mask=True))


def states():
    x = keras.Input((5, 3))
    y, h, c = layers.LSTM(4, return_state=True, return_sequences=True)(x)
    z = layers.LSTM(4)(y, initial_state=[h, c])
    return keras.Model(x, [z, h])


def masked():
    x = keras.Input((6,), dtype="int32")
    y = layers.Embedding(9, 4, mask_zero=True)(x)
    return keras.Model(x, layers.LSTM(3)(y))


def shared_nested():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()])
    x = keras.Input((4,))
    y = inner(inner(x))
    p = keras.Input((4,))
    side = keras.Model(p, [layers.Dense(4)(p), layers.Dense(3)(p)])
    a, b = side(y)
    c, d = side(a)
    return keras.Model(x, [layers.Add()([a, c]), b, d])


def partly_frozen():
    base = keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.BatchNormalization(),
                             layers.Dense(4)])
    base.layers[0].trainable = False
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(2)(base(x, training=False)))


def many_branches():
    x = keras.Input((5,))
    ends = []
    for i in range(4):
        y = layers.Dense(3, name=f"b{i}_first")(x)
        for j in range(i):
            y = layers.Dense(3, name=f"b{i}_{j}")(y)
        ends.append(y)
    return keras.Model(x, layers.Concatenate()(ends[::-1]))


IMAGE, SEQUENCE, VOLUME = (8, 9, 4), (7, 4), (5, 6, 5, 2)
MODELS = {
    "Dense": one((5,), lambda: layers.Dense(3, activation="gelu", kernel_initializer="he_normal",
                                            kernel_regularizer="l2")),
    "EinsumDense": one((4, 5), lambda: layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")),
    "Conv1D": one(SEQUENCE, lambda: layers.Conv1D(5, 3, padding="causal", dilation_rate=2)),
    "Conv2D": one(IMAGE, lambda: layers.Conv2D(6, (3, 2), strides=2, padding="same", groups=2)),
    "Conv3D": one(VOLUME, lambda: layers.Conv3D(3, 2, activation="relu")),
    "Conv1DTranspose": one(SEQUENCE, lambda: layers.Conv1DTranspose(3, 3, strides=2)),
    "Conv2DTranspose": one(IMAGE, lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same")),
    "DepthwiseConv1D": one(SEQUENCE, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "DepthwiseConv2D": one(IMAGE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=2)),
    "SeparableConv1D": one(SEQUENCE, lambda: layers.SeparableConv1D(5, 3)),
    "SeparableConv2D": one(IMAGE, lambda: layers.SeparableConv2D(5, 3, padding="same")),
    "MaxPooling1D": one(SEQUENCE, lambda: layers.MaxPooling1D(2)),
    "MaxPooling2D": one(IMAGE, lambda: layers.MaxPooling2D((2, 3), strides=2, padding="same")),
    "MaxPooling3D": one(VOLUME, lambda: layers.MaxPooling3D(2)),
    "AveragePooling1D": one(SEQUENCE, lambda: layers.AveragePooling1D(2)),
    "AveragePooling2D": one(IMAGE, lambda: layers.AveragePooling2D(2, padding="same")),
    "AveragePooling3D": one(VOLUME, lambda: layers.AveragePooling3D(2)),
    "GlobalMaxPooling1D": one(SEQUENCE, lambda: layers.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": one(IMAGE, lambda: layers.GlobalMaxPooling2D(keepdims=True)),
    "GlobalMaxPooling3D": one(VOLUME, lambda: layers.GlobalMaxPooling3D()),
    "GlobalAveragePooling1D": one(SEQUENCE, lambda: layers.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": one(IMAGE, lambda: layers.GlobalAveragePooling2D()),
    "GlobalAveragePooling3D": one(VOLUME, lambda: layers.GlobalAveragePooling3D()),
    "Flatten": one(IMAGE, lambda: layers.Flatten()),
    "Reshape": one((6,), lambda: layers.Reshape((-1, 2))),
    "Permute": one((3, 4), lambda: layers.Permute((2, 1))),
    "RepeatVector": one((4,), lambda: layers.RepeatVector(3)),
    "ZeroPadding1D": one(SEQUENCE, lambda: layers.ZeroPadding1D((1, 2))),
    "ZeroPadding2D": one(IMAGE, lambda: layers.ZeroPadding2D(((1, 0), (2, 1)))),
    "ZeroPadding3D": one(VOLUME, lambda: layers.ZeroPadding3D(1)),
    "Cropping1D": one(SEQUENCE, lambda: layers.Cropping1D((1, 2))),
    "Cropping2D": one(IMAGE, lambda: layers.Cropping2D(((1, 0), (2, 1)))),
    "Cropping3D": one(VOLUME, lambda: layers.Cropping3D(1)),
    "UpSampling1D": one(SEQUENCE, lambda: layers.UpSampling1D(2)),
    "UpSampling2D": one(IMAGE, lambda: layers.UpSampling2D(2, interpolation="bilinear")),
    "UpSampling3D": one(VOLUME, lambda: layers.UpSampling3D(2)),
    "Add": merge(layers.Add),
    "Subtract": merge(layers.Subtract),
    "Multiply": merge(layers.Multiply),
    "Average": merge(layers.Average),
    "Maximum": merge(layers.Maximum),
    "Minimum": merge(layers.Minimum),
    "Concatenate": merge(lambda: layers.Concatenate(axis=1), ((2, 3), (4, 3))),
    "Dot": merge(lambda: layers.Dot(axes=1, normalize=True)),
    "BatchNormalization": one(IMAGE, lambda: layers.BatchNormalization(momentum=0.9)),
    "LayerNormalization": one((4, 5), lambda: layers.LayerNormalization(axis=1)),
    "GroupNormalization": one(IMAGE, lambda: layers.GroupNormalization(2)),
    "UnitNormalization": one((4, 5), lambda: layers.UnitNormalization()),
    "RMSNormalization": one((4, 5), lambda: layers.RMSNormalization()),
    "Activation": one((4,), lambda: layers.Activation("swish")),
    "ReLU": one((4,), lambda: layers.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)),
    "LeakyReLU": one((4,), lambda: layers.LeakyReLU(negative_slope=0.2)),
    "PReLU": one((4, 5), lambda: layers.PReLU(shared_axes=[1])),
    "ELU": one((4,), lambda: layers.ELU(alpha=0.7)),
    "Softmax": one((4, 5), lambda: layers.Softmax(axis=1)),
    "Dropout": one((4,), lambda: layers.Dropout(0.3)),
    "AlphaDropout": one((4,), lambda: layers.AlphaDropout(0.3)),
    "GaussianDropout": one((4,), lambda: layers.GaussianDropout(0.3)),
    "GaussianNoise": one((4,), lambda: layers.GaussianNoise(0.3)),
    "SpatialDropout1D": one(SEQUENCE, lambda: layers.SpatialDropout1D(0.3)),
    "SpatialDropout2D": one(IMAGE, lambda: layers.SpatialDropout2D(0.3)),
    "SpatialDropout3D": one(VOLUME, lambda: layers.SpatialDropout3D(0.3)),
    "ActivityRegularization": one((4,), lambda: layers.ActivityRegularization(l2=0.1)),
    "Rescaling": one((4,), lambda: layers.Rescaling(1 / 3, offset=-0.5)),
    "Normalization": one((4,), lambda: layers.Normalization(mean=[1.0, 2, 3, 4], variance=[2.0, 1, 3, 4])),
    "CenterCrop": one(IMAGE, lambda: layers.CenterCrop(4, 5)),
    "Resizing": one(IMAGE, lambda: layers.Resizing(5, 4)),
    "RandomFlip": one(IMAGE, lambda: layers.RandomFlip("horizontal", seed=3)),
    "RandomRotation": one(IMAGE, lambda: layers.RandomRotation(0.1, seed=3)),
    "RandomZoom": one(IMAGE, lambda: layers.RandomZoom(0.1, seed=3)),
    "RandomTranslation": one(IMAGE, lambda: layers.RandomTranslation(0.1, 0.2, seed=3)),
    "RandomContrast": one(IMAGE, lambda: layers.RandomContrast(0.1, seed=3)),
    "Embedding": one((6,), lambda: layers.Embedding(9, 4), "int32"),
    "Masking": masked,
    "LSTM": one(SEQUENCE, lambda: layers.LSTM(5, return_sequences=True)),
    "LSTM-states": states,
    "GRU": one(SEQUENCE, lambda: layers.GRU(5)),
    "GRU-before": one(SEQUENCE, lambda: layers.GRU(5, reset_after=False, go_backwards=True)),
    "SimpleRNN": one(SEQUENCE, lambda: layers.SimpleRNN(5)),
    "Bidirectional": one(SEQUENCE, lambda: layers.Bidirectional(layers.GRU(3), merge_mode="sum")),
    "TimeDistributed": one((3, 6, 6, 2), lambda: layers.TimeDistributed(layers.Conv2D(3, 3))),
    "MultiHeadAttention": attention,
    "MultiHeadAttention-three": attention_three,
    "Attention": merge(layers.Attention, ((4, 5), (6, 5))),
    "AdditiveAttention": merge(layers.AdditiveAttention, ((4, 5), (6, 5))),
    "nested": shared_nested,
    "partly-frozen": partly_frozen,
    "branches": many_branches,
}
# What a user builds with these is refused on reading, with a word: see docs/KerasFiles.md.
REFUSED = {
    "Lambda": (one((4,), lambda: layers.Lambda(lambda x: x + 1)), "Lambda holds Python code"),
}


PAGE = os.path.join(ROOT, "docs/KerasFiles.md")
BLOCK = re.compile(r"(?<=<!-- classes -->\n).*?(?=<!-- end of classes -->)", re.S)


def listed_classes():
    with open(PAGE, encoding="utf-8") as file:
        return set(re.findall(r"`(\w+)`", BLOCK.search(file.read())[0]))


def write_classes(classes):
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    block = textwrap.fill(", ".join(f"`{name}`" for name in sorted(classes)) + ".", 120)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(BLOCK.sub(lambda _: block + "\n", text))


def optimizer_cases():
    """Every optimizer, and what goes around them, on one small model."""
    o, s = keras.optimizers, keras.optimizers.schedules
    return {
        "SGD": lambda: o.SGD(0.05),
        "SGD-momentum": lambda: o.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        "Adam-amsgrad": lambda: o.Adam(0.01, amsgrad=True, clipnorm=0.5),
        "AdamW": lambda: o.AdamW(0.01, weight_decay=0.05),
        "RMSprop-centered": lambda: o.RMSprop(0.01, momentum=0.5, centered=True),
        "Adagrad": lambda: o.Adagrad(0.05),
        "Adadelta": lambda: o.Adadelta(0.5),
        "Adamax": lambda: o.Adamax(0.01),
        "Nadam": lambda: o.Nadam(0.01),
        "Lion": lambda: o.Lion(0.003),
        "Ftrl": lambda: o.Ftrl(0.05, l1_regularization_strength=0.01),
        "Adam-ema": lambda: o.Adam(0.01, use_ema=True, ema_momentum=0.9),
        "Adam-accumulated": lambda: o.Adam(0.01, gradient_accumulation_steps=2),
        "SGD-schedule": lambda: o.SGD(s.ExponentialDecay(0.05, 2, 0.7), momentum=0.5),
    }


def check_optimizer(make, driver, directory):
    keras.backend.clear_session()
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(2)])
    model.compile(optimizer=make(), loss="mean_squared_error")
    x, y = rng.normal(size=(8, 5)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    data = os.path.join(directory, "data.npz")
    np.savez(data, x0=x, y0=y)

    def steps(model, count):
        losses = []
        for _ in range(count):
            model.reset_metrics()
            losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
        return losses

    steps(model, 3)
    theirs, ours = (os.path.join(directory, side + ".keras") for side in ("theirs", "ours"))
    model.save(theirs)
    driver("convert", theirs, ours)
    want = steps(keras.models.load_model(theirs), 4)
    got = steps(keras.models.load_model(ours), 4)
    if not np.allclose(got, want, rtol=1e-5, atol=1e-7):
        raise AssertionError(f"Keras on our file: losses {got}, on its own {want}")
    got = [float(line) for line in driver("train", theirs, data, 4, ours).split()]
    if not np.allclose(got, want, rtol=3e-5, atol=1e-6):
        raise AssertionError(f"Ingot: losses {got}, Keras {want}")


class Driver:
    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments):
        done = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"KerasRoundTrip {arguments[0]}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout


def randomize(model, rng):
    for weight in model.weights:
        if weight.dtype == "float32":
            value = rng.normal(size=weight.shape).astype("float32") * 0.3
            weight.assign(abs(value) + 0.5 if "variance" in weight.path else value)


def draw(model, rng, count=3):
    arrays = {}
    for i, tensor in enumerate(model.inputs):
        shape = (count,) + tuple(5 if extent is None else extent for extent in tensor.shape[1:])
        arrays[f"x{i}"] = (rng.integers(0, 9, shape).astype("int32") if tensor.dtype == "int32"
                           else rng.normal(size=shape).astype("float32"))
    return arrays


def outputs(model, arrays):
    xs = [arrays[f"x{i}"] for i in range(len(model.inputs))]
    got = model.predict(xs[0] if len(xs) == 1 else xs, verbose=0)
    return list(got) if isinstance(got, (list, tuple)) else [got]


def compare(got, want, what, tolerance):
    if len(got) != len(want):
        raise AssertionError(f"{what}: {len(got)} outputs, expected {len(want)}")
    for a, b in zip(got, want):
        error = np.max(np.abs(a - b)) if b.size else 0
        if a.shape != b.shape or not error <= tolerance * (1 + np.max(np.abs(b), initial=0)):
            raise AssertionError(f"{what}: differs by {error}")


def check_layers(name, build, driver, directory):
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = build()
    randomize(model, rng)
    arrays = draw(model, rng)
    want = outputs(model, arrays)
    data = os.path.join(directory, "data.npz")
    np.savez(data, **arrays)
    for ending in (".keras", ".h5"):
        theirs, ours = (os.path.join(directory, side + ending) for side in ("theirs", "ours"))
        model.save(theirs)
        driver("predict", theirs, data, os.path.join(directory, "out.npz"))
        with np.load(os.path.join(directory, "out.npz")) as got:
            compare([got[f"out{i}"] for i in range(len(want))], want, f"Ingot on {ending}", 1e-5)
        driver("convert", theirs, ours)
        compare(outputs(keras.models.load_model(ours), arrays), want, f"Keras on our {ending}", 1e-6)


def check_training(name, fixtures, driver, directory):
    keras.backend.clear_session()
    keras.utils.set_random_seed(2)
    rng = np.random.default_rng(2)
    model, inputs, targets = getattr(fixtures, name)()
    xs = [fixtures.draw_input(rng, spec) for spec in inputs]
    ys = [fixtures.draw_target(rng, spec, len(xs[0])) for spec in targets]
    np.savez(os.path.join(directory, "data.npz"), **{f"x{i}": x for i, x in enumerate(xs)},
             **{f"y{i}": y for i, y in enumerate(ys)})

    def step(model):
        model.reset_metrics()
        return float(model.train_on_batch(fixtures.only(xs), fixtures.only(ys), return_dict=True)["loss"])

    step(model)
    theirs, ours = (os.path.join(directory, side) for side in ("theirs", "ours"))
    for ending in (".keras", ".h5"):
        model.save(theirs + ending)
    alone = keras.models.load_model(theirs + ".keras")
    want = [step(alone) for _ in range(6)]
    for ending in (".keras", ".h5"):
        printed = driver("train", theirs + ending, os.path.join(directory, "data.npz"), 3, ours + ending)
        got = [float(line) for line in printed.split()]
        if ending == ".keras":  # Keras 3.15 does not take up training from a legacy file, not its own
            back = keras.models.load_model(ours + ending)
            got += [step(back) for _ in range(3)]
        if not np.allclose(got, want[:len(got)], rtol=3e-5, atol=1e-6):
            raise AssertionError(f"{ending}: losses {got}, Keras alone {want}")
    driver("convert", theirs + ".h5", ours + ".h5")
    compare(optimizer_arrays(ours + ".h5"), optimizer_arrays(theirs + ".h5"), "state in our .h5", 0)


def optimizer_arrays(path):
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        return [group[name][()] for name in group.attrs["weight_names"]]


def check_refused(build, words, driver, directory):
    keras.backend.clear_session()
    path = os.path.join(directory, "refused.keras")
    build().save(path)
    try:
        driver("convert", path, os.path.join(directory, "out.keras"))
    except RuntimeError as error:
        if words not in str(error):
            raise AssertionError(f"refused with other words: {error}") from error
        return
    raise AssertionError("it was read")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--driver", default=os.path.join(ROOT, "build/bin/KerasRoundTrip"))
    parser.add_argument("--xml")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.driver):
        sys.exit(f"keras: there is no {arguments.driver}; tools/build makes it")
    driver, fixtures = Driver(arguments.driver), load_fixtures()
    checks = {f"layers/{name}": (check_layers, name, build, driver) for name, build in MODELS.items()}
    checks |= {f"training/{make.__name__}": (check_training, make.__name__, fixtures, driver)
               for make in fixtures.MODELS}
    checks |= {f"optimizers/{name}": (check_optimizer, make, driver)
               for name, make in optimizer_cases().items()}
    checks |= {f"refused/{name}": (check_refused, *case, driver) for name, case in REFUSED.items()}
    failed, skipped, lines, good, bad, listed = 0, 0, [], set(), set(), listed_classes()
    chosen = [name for name in checks
              if not arguments.names or any(part in name for part in arguments.names)]
    for name in chosen:
        check, *rest = checks[name]
        message = ""
        with tempfile.TemporaryDirectory() as directory:
            try:
                check(*rest, directory)
            except Exception as error:  # whatever Keras throws: the case failed, the others go on
                message = f"{type(error).__name__}: {error}"
        of_class = name.removeprefix("layers/").partition("-")[0] if name.startswith("layers/") else ""
        is_open = bool(message) and of_class[:1].isupper() and of_class not in listed
        if of_class[:1].isupper():
            (bad if message else good).add(of_class)
        word, element = (("passed", "") if not message else
                         ("skipped", f"<skipped message={quoteattr(message[:2000])}/>") if is_open else
                         ("FAILED", f"<failure message={quoteattr(message[:2000])}/>"))
        failed += word == "FAILED"
        skipped += word == "skipped"
        print(f"{word} {name}{': ' + message[:1000] if message else ''}", flush=True)
        lines.append(f'<testcase name={quoteattr(name)} classname="KerasRoundTrip">{element}</testcase>')
    if arguments.update:
        write_classes((good | {"InputLayer"}) - bad)
    if arguments.xml:
        os.makedirs(os.path.dirname(arguments.xml), exist_ok=True)
        with open(arguments.xml, "w", encoding="utf-8") as file:
            file.write(f'<testsuites><testsuite name="KerasRoundTrip" tests="{len(chosen)}" '
                       f'failures="{failed}">{"".join(lines)}</testsuite></testsuites>')
    print(f"{len(chosen) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
