#!/usr/bin/env python3
"""Round trips between the real Keras and Ingot through files.

    run [--driver PATH] [--xml FILE] [--update] [NAME …]

layers      Every layer class (models.py), in both formats: Keras writes a model, Ingot gives the same
            outputs; Ingot writes it again, Keras opens that and gives the same outputs. Classes that
            docs/KerasFiles.md lists must pass; --update writes that list anew.
weights     Weights alone, of both kinds of file, from Keras into a model here and back.
training    The models of tests/fixtures/keras/files: Keras trains and saves, Ingot goes on and saves,
            Keras goes on; the losses of all steps, and the outputs after them, are those of Keras alone.
optimizers  The same with every optimizer, one after another on one small model.
compile     Every loss and metric: what evaluate gives there, here, and there on our file.
checkpoint  What ModelCheckpoint writes here Keras opens.
keras2      Files of Keras 2, where the package tf_keras is there.
refused     What no file can bring.

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
    from models import all_models
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


def of_lambda():
    x = keras.Input((4,))
    return keras.Model(x, layers.Lambda(lambda x: x + 1)(x))


@keras.saving.register_keras_serializable("mine")
class Classifier(keras.Model):
    """A subclassed model: its file has its class's name alone, and its weights by attribute."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.hidden = layers.Dense(6, activation="relu")
        self.scores = layers.Dense(3)

    def call(self, x):
        return self.scores(self.hidden(x))


def of_class():
    model = Classifier()
    model(np.zeros((1, 5), "float32"))
    return model


# What a user builds with these is refused on reading, with a word: see docs/KerasFiles.md.
REFUSED = {
    "Lambda": (of_lambda, "Lambda holds Python code"),
    "subclassed": (of_class, "is a class or function of a user's"),
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
        "Adam": lambda: o.Adam(0.01),
        "Adam-clipvalue": lambda: o.Adam(0.01, clipvalue=0.1),
        "Adam-global": lambda: o.Adam(0.01, global_clipnorm=0.3),
        "RMSprop": lambda: o.RMSprop(0.01),
        "Lion": lambda: o.Lion(0.003),
        "Ftrl": lambda: o.Ftrl(0.05, l1_regularization_strength=0.01),
        "Adam-ema": lambda: o.Adam(0.01, use_ema=True, ema_momentum=0.9),
        "Adam-accumulated": lambda: o.Adam(0.01, gradient_accumulation_steps=2),
        "LossScaleOptimizer": lambda: o.LossScaleOptimizer(o.Adam(0.01), dynamic_growth_steps=2),
        "schedule-ExponentialDecay": lambda: o.SGD(s.ExponentialDecay(0.05, 2, 0.7), momentum=0.5),
        "schedule-CosineDecay": lambda: o.Adam(s.CosineDecay(0.05, 6, warmup_target=0.1, warmup_steps=3)),
        "schedule-CosineDecayRestarts": lambda: o.SGD(s.CosineDecayRestarts(0.05, 3)),
        "schedule-InverseTimeDecay": lambda: o.SGD(s.InverseTimeDecay(0.05, 2, 0.5, staircase=True)),
        "schedule-PiecewiseConstantDecay": lambda: o.SGD(s.PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.01])),
        "schedule-PolynomialDecay": lambda: o.SGD(s.PolynomialDecay(0.05, 5, 0.01, power=2)),
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
    alone = keras.models.load_model(theirs)
    steps(alone, 4)
    back = keras.models.load_model(ours)
    got, want = steps(back, 3), steps(alone, 3)
    if not np.allclose(got, want, rtol=5e-5, atol=1e-6):
        raise AssertionError(f"Keras after Ingot: losses {got}, on its own {want}")
    legacy = {side: os.path.join(directory, side + ".h5") for side in ("theirs", "ours")}
    model.save(legacy["theirs"])
    driver("convert", legacy["theirs"], legacy["ours"])
    compare(optimizer_arrays(legacy["ours"]), optimizer_arrays(legacy["theirs"]), "state in our .h5", 0)


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
        # Normalization reads its statistics once, when it is built.
        if weight.dtype == "float32" and not weight.path.startswith("normalization"):
            value = rng.normal(size=weight.shape).astype("float32") * 0.3
            weight.assign(abs(value) + 0.5 if "variance" in weight.path else value)


def draw(model, rng, count=3):
    arrays = {}
    for i, tensor in enumerate(model.inputs):
        shape = (count,) + tuple(5 if extent is None else extent for extent in tensor.shape[1:])
        arrays[f"x{i}"] = (rng.integers(0, 9, shape).astype("int32") if tensor.dtype == "int32"
                           else rng.random(shape) < 0.7 if tensor.dtype == "bool"
                           else rng.normal(size=shape).astype("float32"))
    return arrays


def outputs(model, arrays):
    return predicted(model, [arrays[f"x{i}"] for i in range(len(model.inputs))])


def predicted(model, xs):
    got = model.predict(xs[0] if len(xs) == 1 else xs, verbose=0)
    return list(got) if isinstance(got, (list, tuple)) else [got]


def compare(got, want, what, tolerance):
    if len(got) != len(want):
        raise AssertionError(f"{what}: {len(got)} outputs, expected {len(want)}")
    for a, b in zip(got, want):
        error = np.max(np.abs(a - b)) if b.size else 0
        if a.shape != b.shape or not error <= tolerance * (1 + np.max(np.abs(b), initial=0)):
            raise AssertionError(f"{what}: differs by {error}")


def is_read(path):
    try:
        keras.models.load_model(path)
    except Exception:
        return False
    return True


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
        try:
            model.save(theirs)
        except TypeError:
            if ending == ".h5":
                continue  # Keras does not write one of such a model
            raise
        driver("predict", theirs, data, os.path.join(directory, "out.npz"))
        with np.load(os.path.join(directory, "out.npz")) as got:
            compare([got[f"out{i}"] for i in range(len(want))], want, f"Ingot on {ending}", 1e-5)
        driver("convert", theirs, ours)
        if not is_read(theirs):
            continue  # Keras does not read its own file of such a model
        compare(outputs(keras.models.load_model(ours), arrays), want, f"Keras on our {ending}", 1e-6)


def check_policy(policy, driver, directory):
    """What is computed in 16 bits is so on both sides, but for its last bits."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu", dtype=policy),
                              layers.Dense(3)])
    arrays = draw(model, rng, 16)
    want = outputs(model, arrays)
    data, out = os.path.join(directory, "data.npz"), os.path.join(directory, "out.npz")
    np.savez(data, **arrays)
    for ending in (".keras", ".h5"):
        theirs, ours = (os.path.join(directory, side + ending) for side in ("theirs", "ours"))
        model.save(theirs)
        driver("predict", theirs, data, out)
        with np.load(out) as got:
            compare([got["out0"]], want, f"Ingot on {ending}", 1e-2)
        driver("convert", theirs, ours)
        back = keras.models.load_model(ours)
        if back.layers[0].dtype_policy.name != policy:
            raise AssertionError(f"our {ending} has policy {back.layers[0].dtype_policy.name}")
        compare(outputs(back, arrays), want, f"Keras on our {ending}", 1e-6)


def check_weights(build, driver, directory):
    """A model's file from Keras, other weights for it from another file, and those back."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = build()
    arrays = draw(model, rng)
    theirs, ours = os.path.join(directory, "theirs.keras"), os.path.join(directory, "ours.keras")
    model.save(theirs)
    for ending in (".weights.h5", ".h5", ".keras"):
        randomize(model, rng)
        want = outputs(model, arrays)
        given, back = (os.path.join(directory, side + ending) for side in ("given", "back"))
        model.save(given) if ending != ".weights.h5" else model.save_weights(given)
        driver("weights", theirs, given, ours)
        compare(outputs(keras.models.load_model(ours), arrays), want, f"weights of {ending}", 1e-6)
        if ending == ".keras":
            continue
        driver("save_weights", ours, back)
        randomize(model, rng)
        model.load_weights(back)
        compare(outputs(model, arrays), want, f"our {ending}", 1e-6)


def check_checkpoint(name, driver, directory):
    """ModelCheckpoint of the best epoch: Keras opens it, and it gives what it gives here."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="tanh"),
                              layers.BatchNormalization(), layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.normal(size=(40, 5)).astype("float32"), rng.integers(0, 3, (40,)).astype("int64")
    theirs, data, best, out = (os.path.join(directory, file) for file in (
        "theirs.keras", "data.npz", name, "out.npz"))
    model.save(theirs)
    np.savez(data, x0=x, y0=y)
    driver("checkpoint", theirs, data, best)
    if name.endswith(".weights.h5"):
        model.load_weights(best)
        driver("weights", theirs, best, os.path.join(directory, "with.keras"))
        best = os.path.join(directory, "with.keras")
    else:
        model = keras.models.load_model(best)
        if not model.optimizer or not model.compiled:
            raise AssertionError("it is not compiled")
        model.evaluate(x, y, verbose=0)
    driver("predict", best, data, out)
    with np.load(out) as got:
        compare([model.predict(x, verbose=0)], [got["out0"]], "outputs", 1e-5)


def loss_cases():
    """Each loss with arguments of its own, and targets for it."""
    o = keras.losses
    classes = {
        "sparse": [o.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1),
                   o.CategoricalGeneralizedCrossEntropy(q=0.4)],
        "one_hot": [o.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
                    o.CategoricalFocalCrossentropy(gamma=1.5), o.CategoricalHinge(),
                    o.KLDivergence(),
                    o.BinaryCrossentropy(from_logits=True), o.BinaryFocalCrossentropy(gamma=3),
                    o.Dice(), o.Tversky(alpha=0.3), o.Hinge(), o.SquaredHinge()],
        "real": [o.MeanSquaredError(), o.MeanAbsoluteError(reduction="sum"),
                 o.MeanAbsolutePercentageError(), o.MeanSquaredLogarithmicError(), o.Huber(delta=0.4),
                 o.LogCosh(), o.Poisson(), o.CosineSimilarity(axis=-1)],
    }
    return {type(loss).__name__: (loss, kind) for kind, all in classes.items() for loss in all}


def metric_cases():
    o = keras.metrics
    return {
        "sparse": (lambda: ["accuracy", o.SparseTopKCategoricalAccuracy(k=2), o.SparseCategoricalCrossentropy()],
                   "sparse"),
        "one_hot": (lambda: ["accuracy", o.TopKCategoricalAccuracy(k=2), o.CategoricalCrossentropy(),
                             o.AUC(curve="PR"), o.Precision(), o.Recall(class_id=1), o.F1Score(average="macro"),
                             o.FBetaScore(average="micro", beta=0.5), o.BinaryAccuracy(threshold=0.3), o.TruePositives(),
                             o.FalseNegatives(), o.PrecisionAtRecall(0.5), o.CategoricalHinge(),
                             o.OneHotIoU(3, [0, 2]), o.OneHotMeanIoU(3)], "one_hot"),
        "real": (lambda: ["mse", "mae", o.RootMeanSquaredError(), o.R2Score(), o.CosineSimilarity(),
                          o.LogCoshError(), o.MeanAbsolutePercentageError()], "real"),
    }


def check_compile(loss, metrics, kind, driver, directory):
    """What evaluate gives: there, here, and there again on the file that we wrote."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    # On TensorFlow Keras takes the logits of a softmax for those of a sigmoid in binary losses.
    last = "sigmoid" if type(loss).__name__.startswith("Binary") else "softmax"
    model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="tanh"),
                              layers.Dense(3, activation=last)])
    model.compile(optimizer="sgd", loss=loss, metrics=metrics())
    x, labels = rng.normal(size=(32, 5)).astype("float32"), rng.integers(0, 3, (32,))
    y = (labels.astype("int64") if kind == "sparse" else np.eye(3, dtype="float32")[labels]
         if kind == "one_hot" else rng.random((32, 3)).astype("float32"))
    model.evaluate(x, y, verbose=0)  # builds the metrics
    data = os.path.join(directory, "data.npz")
    np.savez(data, x0=x, y0=y)
    for ending in (".keras", ".h5"):
        theirs, ours = (os.path.join(directory, side + ending) for side in ("theirs", "ours"))
        model.save(theirs)
        if ending == ".h5" and not is_read(theirs):
            continue
        # What Keras makes of its own file: it forgets some arguments of losses.
        want = keras.models.load_model(theirs).evaluate(x, y, return_dict=True, verbose=0)
        lines = driver("evaluate", theirs, data).splitlines()
        got = {name: float(value) for name, value in (line.split(" ") for line in lines)}
        compare_logs(got, want, f"Ingot on {ending}", 2e-5)
        driver("convert", theirs, ours)
        back = keras.models.load_model(ours)
        compare_logs(back.evaluate(x, y, return_dict=True, verbose=0), want, f"Keras on our {ending}", 1e-6)


def compare_logs(got, want, what, tolerance):
    if sorted(got) != sorted(want):
        raise AssertionError(f"{what}: {sorted(got)}, expected {sorted(want)}")
    for name, value in want.items():
        if not np.allclose(got[name], value, rtol=tolerance, atol=tolerance):
            raise AssertionError(f"{what}: {name} is {got[name]}, expected {value}")


def check_keras2(old, build, driver, directory):
    """A file of Keras 2 gives its outputs here, and, once written by us, in Keras 3."""
    old.backend.clear_session()
    keras.backend.clear_session()
    rng = np.random.default_rng(1)
    model = build()
    for weight in model.weights:
        if weight.name.partition(":")[0].rpartition("/")[2] in ("mean", "variance", "count"):
            continue  # of Normalization, which reads them once, when it is built
        value = rng.normal(size=weight.shape).astype("float32") * 0.3
        weight.assign(abs(value) + 0.5 if "variance" in weight.name else value)
    arrays = draw(model, rng)
    want = outputs(model, arrays)
    data, out = os.path.join(directory, "data.npz"), os.path.join(directory, "out.npz")
    np.savez(data, **arrays)
    for ending in (".h5", ".keras"):
        theirs, ours = os.path.join(directory, "theirs" + ending), os.path.join(directory, "ours.keras")
        model.save(theirs)
        driver("predict", theirs, data, out)
        with np.load(out) as got:
            compare([got[f"out{i}"] for i in range(len(want))], want, f"Ingot on {ending}", 1e-5)
        driver("convert", theirs, ours)
        compare(outputs(keras.models.load_model(ours), arrays), want, f"Keras 3 on ours of {ending}", 1e-5)


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
            compare(predicted(back, xs), predicted(alone, xs), "outputs after training", 5e-5)
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


def keras2_checks(driver):
    """None where tf_keras is not there; classes that Keras 2 does not have are left out."""
    try:
        import tf_keras as old
    except ImportError:
        print("keras2: skipped, there is no tf_keras", flush=True)
        return {}
    return {f"keras2/{name}": (check_keras2, old, build, driver)
            for name, build in all_models(old).items()
            if not name[:1].isupper() or hasattr(old.layers, name.partition("-")[0])}


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
    models = all_models(keras)
    checks = {f"layers/{name}": (check_layers, name, build, driver) for name, build in models.items()}
    checks |= {f"policies/{name}": (check_policy, name, driver)
               for name in ("mixed_bfloat16", "mixed_float16")}
    checks |= {f"weights/{name}": (check_weights, models[name], driver)
               for name in ("nested", "branches", "partly-frozen", "LSTM-states", "stack", "deep",
                            "MultiHeadAttention", "Bidirectional-sequences", "StackedRNNCells")}
    checks |= {f"training/{make.__name__}": (check_training, make.__name__, fixtures, driver)
               for make in fixtures.MODELS}
    checks |= {f"optimizers/{name}": (check_optimizer, make, driver)
               for name, make in optimizer_cases().items()}
    checks |= {f"compile/{name}": (check_compile, loss, lambda: [], kind, driver)
               for name, (loss, kind) in loss_cases().items()}
    checks |= {f"compile/metrics-{name}": (check_compile, "sparse_categorical_crossentropy"
                                           if kind == "sparse" else "mse", metrics, kind, driver)
               for name, (metrics, kind) in metric_cases().items()}
    checks |= {f"checkpoint/{name}": (check_checkpoint, name, driver)
               for name in ("best_model.h5", "best_model.keras", "best.weights.h5")}
    checks |= keras2_checks(driver)
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
