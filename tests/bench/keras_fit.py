#!/usr/bin/env python3
"""How fast `fit` is beside Keras's: the guide's MLP and CNN on MNIST, batches of 128, epoch by epoch in
turn: ours, Keras on TensorFlow's graph, and Keras compiled by XLA. Run with build/bench-venv/bin/python.

    tests/bench/keras_fit.py --data mnist.npz [--model mlp cnn] [--threads 1 2] [--rounds 15] [--write]

Each side trains one epoch of all 60,000 images in each round, its own shuffling, feeding and metrics
included, from arrays in memory. The first epoch of each, in which it compiles, is not counted; rounds in
which other processes used more than a tenth of the machine neither; a Keras that takes over twice as long
as the other is in the first rounds alone. The ratio is the median over rounds of
(the faster Keras's time / ours), with the interval of that median at 95 %; both sides must have learned:
the losses after the last round are printed. `--write` puts the table into docs/Performance.md.
"""
import argparse
import os
import subprocess
import sys
import time

from peers import MOST_OTHERS, SLOW, SLOW_ROUNDS, machine_line, median_interval, processor_seconds, write_table

BUILD = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../build"))
BATCH = 128


class Ours:
    name = "ingot"

    def __init__(self, model, data, threads):
        self.process = subprocess.Popen([os.path.join(BUILD, "bin/KerasFitSide"), model, data, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def epoch(self):
        """Seconds of an epoch, and the loss it ended with."""
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit("KerasFitSide ended; see its message above")
        return float(answer[0]), float(answer[1])


class Keras:
    def __init__(self, name, jit, model, data):
        import keras
        import numpy as np
        from keras import layers
        self.name = name
        arrays = np.load(data)
        shape = (784,) if model == "mlp" else (28, 28, 1)
        self.x = arrays["x_train"].reshape((-1,) + shape).astype("float32") / 255.0
        self.y = arrays["y_train"]
        stack = ([layers.Dense(128, activation="relu"), layers.Dropout(0.2), layers.Dense(64, activation="relu"),
                  layers.Dropout(0.2)] if model == "mlp" else
                 [layers.Conv2D(32, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)),
                  layers.Conv2D(64, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)), layers.Flatten(),
                  layers.Dense(64, activation="relu"), layers.Dropout(0.2)])
        self.model = keras.Sequential([keras.Input(shape)] + stack + [layers.Dense(10, activation="softmax")])
        self.model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"],
                           jit_compile=jit)

    def epoch(self):
        start = time.monotonic()
        history = self.model.fit(self.x, self.y, batch_size=BATCH, epochs=1, verbose=0)
        return time.monotonic() - start, history.history["loss"][-1]


def measure(model, threads, arguments):
    """The row of one model: medians in seconds by side, ratio with interval, and rounds."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    sides = [Ours(model, arguments.data, threads), Keras("keras graph", False, model, arguments.data),
             Keras("keras xla", True, model, arguments.data)]
    for side in sides:
        side.epoch()
    times, losses, disturbed, start = {side.name: [] for side in sides}, {}, 0, time.monotonic()
    while len(times["ingot"]) < arguments.rounds and time.monotonic() - start < arguments.patience:
        machine, _ = processor_seconds()
        own, begun = used_by_us(sides), time.monotonic()
        taken = {}
        least = {name: min(values, default=0) for name, values in times.items() if name != "ingot"}
        for side in sides:
            # A Keras that takes over twice as long as the other is in the first rounds alone.
            if side.name == "ingot" or len(times[side.name]) < SLOW_ROUNDS or least[side.name] <= SLOW * min(least.values()):
                taken[side.name], losses[side.name] = side.epoch()
        after, _ = processor_seconds()
        others = after - machine - (used_by_us(sides) - own)
        if others > MOST_OTHERS * (time.monotonic() - begun) * os.cpu_count():
            disturbed += 1
            continue
        for name, seconds in taken.items():
            times[name].append(seconds)
    rounds = len(times["ingot"])
    if rounds == 0:
        sys.exit(f"{model}: no quiet round in {arguments.patience} seconds")
    ratios = [min(times[name][i] for name in ("keras graph", "keras xla") if len(times[name]) > i) / times["ingot"][i]
              for i in range(rounds)]
    print(f"{model}, {threads} threads: {rounds} rounds, {disturbed} disturbed; losses {losses}", file=sys.stderr)
    return {"times": {name: sorted(values)[len(values) // 2] for name, values in times.items()},
            "ratio": median_interval(ratios), "rounds": rounds}


def used_by_us(sides):
    """Processor seconds of this process and of ours."""
    with open(f"/proc/{sides[0].process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(os.times()[:2]) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def line_of(model, threads, row):
    ratio, low, high = row["ratio"]
    mark = "**" if low > 1 else ""
    cells = [f"{row['times'][name]:.3g}" for name in ("ingot", "keras graph", "keras xla")]
    return f"| {model} | {threads} | {' | '.join(cells)} | {mark}{ratio:.2f}{mark} | {low:.2f}–{high:.2f} | {row['rounds']} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="mnist.npz, as Keras has it")
    parser.add_argument("--model", nargs="+", default=["mlp", "cnn"], choices=["mlp", "cnn"])
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--patience", type=float, default=1200, help="seconds the rounds of a row may take")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="put the table into docs/Performance.md")
    arguments = parser.parse_args()
    lines = ["| model | threads | ingot s | keras graph s | keras xla s | faster keras / ingot | 95 % | rounds |",
             "|---|--:|--:|--:|--:|--:|---|--:|"]
    if arguments.one:
        print(line_of(arguments.model[0], arguments.threads[0],
                      measure(arguments.model[0], arguments.threads[0], arguments)))
        return
    for model in arguments.model:
        for threads in arguments.threads:
            # A process of its own, pinned: TensorFlow keeps the threads it saw first.
            command = [sys.executable, "-B", __file__, "--one", "--data", arguments.data, "--model", model, "--threads",
                       str(threads), "--rounds", str(arguments.rounds), "--patience", str(arguments.patience)]
            pin = ["taskset", "-c", ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:threads])]
            lines.append(subprocess.run(pin + command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    print("\n".join(lines))
    if arguments.write:
        write_table("\n".join(lines), machine_line(("keras", "tensorflow-cpu")), "keras fit")


if __name__ == "__main__":
    main()
