#!/usr/bin/env python3
"""How fast Ingot's artifacts are beside other libraries: the same models, weights, inputs and number of
threads, called from one process in turn. Run it by tests/bench/peers.

    tests/bench/peers --dir DIR [--model NAME …] [--batch N …] [--threads N …] [--peer NAME …] [--write]
    tests/bench/peers --training [--model NAME …] [--threads N …] [--peer NAME …] [--write]

DIR has NAME.onnx as `../shared/bench/peers.py` writes them (`export-torch --dir DIR`; `export-keras --dir
DIR --model mlp` and `--model keras_cnn`) and NAME.b1.onnx with a fixed batch where there are any; what the
peers compile is kept in DIR/built. Training steps are of models that are made here (training_sides.py).
The peers are in sides.py; one that cannot be imported, or refuses a model, is missing from that row, and
the reason is printed. `--write` puts the table into docs/Performance.md; `--results FILE` keeps each row
as a line of JSON, and rows that FILE has already are not taken again.

A row is taken in a process of its own, since libraries keep the number of CPUs they saw first, and in
rounds: in each, every library runs for a few milliseconds, or once, and its mean time is that round's.
Rounds in which other processes used more than a tenth of the machine are not counted. A peer whose least
time is over twice the best one's is in the first rounds alone: it is not the best one.
The ratio of a row is the median over rounds of (best peer's time / ours), the best peer being the one of
the least median; its interval is that of the median at 95 % (order statistics). Before that the outputs
are compared: they must agree within 1e-4 of the largest; of training the losses of the second steps, within
1e-3. The limit is the longer of (planned operations / peak of multiply-adds) and (bytes of the weights,
inputs and outputs of all kernels / bandwidth): `of limit` is its share of our time, and over 100 % where
Winograd needs fewer operations, or caches serve.
"""
import argparse
import concurrent.futures
import ctypes
import datetime
import importlib.metadata
import json
import math
import multiprocessing
import os
import platform
import signal
import statistics
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
RESULTS = ROOT + "/docs/Performance.md"
SECTIONS = {False: "peers", True: "training peers"}  # of docs/Performance.md
MODELS = ("mlp", "keras_cnn", "torch_cnn", "resnet18", "mobilenet_v2", "transformer", "torch_vgg16")
TRAINING = ("mlp", "torch_cnn", "resnet18", "transformer")
PEERS = {False: ("onnxruntime", "openvino", "iree", "torch eager", "torch.compile", "aotinductor", "jax", "tf", "tf xla"),
         True: ("torch eager", "torch.compile", "jax", "tf", "tf xla")}
PACKAGES = ("onnxruntime", "openvino", "iree-base-runtime", "torch", "jax", "tensorflow-cpu")
WINDOW = 0.03  # seconds a library runs in a round, at least once
MOST_OTHERS = 0.1
FEWEST_ROUNDS = 15
SLOW, SLOW_ROUNDS = 2.0, 3
TOLERANCE = {False: 1e-4, True: 1e-3}
RUNS_COMPARED = {False: 1, True: 2}


def processor_seconds():
    """Busy processor time of the machine and of this process."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(t) for t in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"), sum(os.times()[:2])


def may_be_best(name, least):
    """Whether a side is worth its time in a round, by the least times so far: ours always is."""
    best = min((seconds for side, seconds in least.items() if side != "ingot"), default=0)
    return name == "ingot" or least[name] <= SLOW * best


def rounds_of(sides, wanted, patience, most_others):
    """Times by side of the rounds that were quiet, and how many were not."""
    times, disturbed, start = {side.name: [] for side in sides}, 0, time.monotonic()
    least = {side.name: side.run_for(5 * WINDOW) for side in sides}
    while len(times["ingot"]) < wanted and time.monotonic() - start < patience:
        machine, own = processor_seconds()
        begun = time.monotonic()
        taken = {side.name: side.run_for(WINDOW) for side in sides
                 if len(times[side.name]) < SLOW_ROUNDS or may_be_best(side.name, least)}
        after, own_after = processor_seconds()
        others = (after - machine - own_after + own) / ((time.monotonic() - begun) * os.cpu_count())
        if others > most_others:
            disturbed += 1
            continue
        for name, seconds in taken.items():
            times[name].append(seconds)
            least[name] = min(least[name], seconds)
    return times, disturbed


def median_interval(values):
    """The median, and the order statistics that hold it with 95 %."""
    ordered, n = sorted(values), len(values)
    reach = 0
    while reach < n // 2 and sum(math.comb(n, k) for k in range(reach + 1)) / 2**n <= 0.025:
        reach += 1
    low = max(reach - 1, 0)
    return statistics.median(ordered), ordered[low], ordered[n - 1 - low]


def sides_of(ours, peers, case, runs, tolerance):
    """All sides after so many runs, of which the last ones agree; and why peers are missing."""
    import numpy as np
    sides, missing = [ours(case)], {}
    for kind in peers:
        try:
            side = kind(case)
            for _ in range(runs):
                side.run()
            side.output()
            sides.append(side)
        except Exception as error:  # whatever a peer throws is that peer's, and not the table's end
            missing[kind.name] = f"{type(error).__name__}: {error}"[:300]
    for _ in range(runs):
        sides[0].run()
    expected = sides[0].output()
    for peer in sides[1:]:
        theirs = np.asarray(peer.output()).reshape(expected.shape)
        error = float(np.abs(expected - theirs).max() / np.abs(theirs).max())
        if not error <= tolerance:
            sys.exit(f"{case.name}, batch {case.batch}: outputs of ingot and {peer.name} differ by {error:.3g} of the largest")
    return sides, missing


def case_of(name, batch, threads, arguments, scratch):
    import sides
    if arguments.training:
        import training_sides
        return sides.Case(name, training_sides.exported(name, scratch), training_sides.sample(name, batch), threads, scratch)
    import numpy as np
    import torch_models
    x = np.random.default_rng(7).standard_normal((batch,) + torch_models.SHAPES[name]).astype(np.float32)
    return sides.Case(name, os.path.join(arguments.dir, name + ".onnx"), (x,), threads, scratch)


def measure(name, batch, threads, arguments, scratch):
    os.sched_setaffinity(0, sorted(ALL_CPUS)[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import sides
    import training_sides
    ours, peers = (training_sides.IngotTraining, training_sides.PEERS) if arguments.training else (sides.Ingot, sides.PEERS)
    peers = [peer for peer in peers if peer.name in arguments.peer]
    case = case_of(name, batch, threads, arguments, scratch)
    taken, missing = sides_of(ours, peers, case, RUNS_COMPARED[arguments.training], TOLERANCE[arguments.training])
    times, disturbed = rounds_of(taken, arguments.rounds, arguments.patience, arguments.most_others)
    row = {"model": name, "batch": batch, "threads": threads, "rounds": len(times["ingot"]), "disturbed": disturbed,
           "missing": missing, "python": [side.name for side in taken if side.calls == "Python"]}
    if row["rounds"] < max(arguments.fewest, 1) or len(taken) < 2:
        return row
    medians = {side: statistics.median(seconds) for side, seconds in times.items() if seconds}
    full = [side for side in medians if side != "ingot" and len(times[side]) == row["rounds"]]
    best = min(full, key=medians.get)
    ratio, low, high = median_interval([t / o for t, o in zip(times[best], times["ingot"])])
    limits = taken[0].flops / taken[0].peak, taken[0].bytes / taken[0].bandwidth
    row.update(ms={side: seconds * 1e3 for side, seconds in medians.items()}, best=best, ratio=ratio, low=low, high=high,
               of_peak=limits[0] / medians["ingot"], of_memory=limits[1] / medians["ingot"])
    for side in taken:
        side.close()
    return row


def table_of(rows, training):
    peers = [peer for peer in PEERS[training] if any(peer in row.get("ms", {}) for row in rows)]
    lines = ["| model | batch | threads | ingot ms | " + " | ".join(peers) + " | best peer / ingot | 95 % | of limit |",
             "|---|--:|--:|--:|" + "--:|" * len(peers) + "--:|---|--:|"]
    for row in rows:
        head = f"| {row['model']} | {row['batch']} | {row['threads']} |"
        if "ratio" not in row:
            lines.append(head + " too few quiet rounds |" + " |" * (len(peers) + 3))
            continue
        ms, won = row["ms"], "**" if row["low"] > 1 else ""
        cells = "".join(f" {ms[side]:.3g} |" if side in ms else " – |" for side in ["ingot"] + peers)
        limit, which = max((row["of_peak"], "peak"), (row["of_memory"], "memory"))
        lines.append(head + cells + f" {won}{row['ratio']:.2f}{won} | {row['low']:.2f}–{row['high']:.2f} |"
                     f" {limit * 100:.0f} % ({which}) |")
    taken = [row["ratio"] for row in rows if "ratio" in row]
    if taken:
        lines.append(f"\nGeometric mean of {len(taken)} rows: {math.exp(sum(map(math.log, taken)) / len(taken)):.2f}.")
    return "\n".join(lines + notes_on(rows))


def notes_on(rows):
    """What the figures do not say: who was called from Python under a millisecond, and who is missing why."""
    short = sorted({name for row in rows for name in row.get("python", [])
                    if row.get("ms", {}).get(name, 1) < 1})
    notes = []
    if short:
        notes.append(f"\nUnder a millisecond, and called from Python all the same: {', '.join(short)}.")
    reasons = {}
    for row in rows:
        for peer, reason in row["missing"].items():
            reasons.setdefault((peer, " ".join(reason.split())), []).append(f"{row['model']} {row['batch']}")
    for (peer, reason), where in reasons.items():
        notes.append(f"\n{peer} is missing from {', '.join(dict.fromkeys(where))}: {reason}")
    return notes


def write_table(table, machine, section):
    """Puts the table into RESULTS, between the lines that name the section and who writes it."""
    with open(RESULTS, encoding="utf-8") as file:
        text = file.read()
    start = text.find(f"<!-- {section}: written by ")
    begin = text[start:text.find("-->", start) + 3]
    last = f"<!-- {section}: end -->"
    end = text.find(last)
    if start < 0 or end < start:
        sys.exit(f"{RESULTS} has no lines `<!-- {section}: written by … -->` and `{last}`")
    with open(RESULTS + ".new", "w", encoding="utf-8") as file:
        file.write(text[:start] + f"{begin}\n{machine}\n\n{table}\n{last}" + text[end + len(last):])
    os.replace(RESULTS + ".new", RESULTS)


def machine_line(packages=PACKAGES):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return (f"{datetime.date.today().isoformat()}, {cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}; "
            f"{', '.join(versions)}.")


ALL_CPUS = os.sched_getaffinity(0)


def arguments_of():
    parser = argparse.ArgumentParser(description="Ingot beside other libraries.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dir", help="where NAME.onnx are: inference")
    what.add_argument("--training", action="store_true", help="training steps")
    parser.add_argument("--model", nargs="+", choices=MODELS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--peer", nargs="+", choices=PEERS[False], default=PEERS[False])
    parser.add_argument("--rounds", type=int, default=25, help="quiet rounds wanted of a row")
    parser.add_argument("--fewest", type=int, default=FEWEST_ROUNDS, help="quiet rounds a row has at least")
    parser.add_argument("--most-others", type=float, default=MOST_OTHERS, metavar="SHARE",
                        help="of the machine that other processes use in a quiet round")
    parser.add_argument("--patience", type=float, default=200, help="seconds the rounds of a row may take")
    parser.add_argument("--results", help="a file of rows, as JSON lines, to go on with")
    parser.add_argument("--write", action="store_true", help="put the table into docs/Performance.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.fewest < FEWEST_ROUNDS or arguments.most_others > MOST_OTHERS):
        parser.error(f"--write wants {FEWEST_ROUNDS} rounds or more, and others' share at most {MOST_OTHERS}")
    return arguments


def wanted_rows(arguments):
    for name in arguments.model or (TRAINING if arguments.training else MODELS):
        if arguments.training and name not in TRAINING:
            print(f"{name}: no training step, skipped", file=sys.stderr)
        elif not arguments.training and not os.path.exists(os.path.join(arguments.dir, name + ".onnx")):
            print(f"{name}: no {name}.onnx in {arguments.dir}, skipped", file=sys.stderr)
        elif arguments.training:
            import training_sides
            yield from ((name, training_sides.BATCHES[name], threads) for threads in arguments.threads)
        else:
            yield from ((name, batch, threads) for batch in arguments.batch for threads in arguments.threads)


def end_with_parent():
    """A run that is killed leaves nobody measuring."""
    set_death_signal = 1  # of prctl
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def take_row(key, arguments, scratch):
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"),
                                                initializer=end_with_parent) as process:
        try:
            return process.submit(measure, *key, arguments, scratch).result()
        except concurrent.futures.process.BrokenProcessPool:
            sys.exit(f"{key}: the process that measured was ended; leave peers out by --peer to find which one did it")


def main():
    arguments = arguments_of()
    known = {}
    if arguments.results and os.path.exists(arguments.results):
        with open(arguments.results, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if "ratio" in row:
                    known[row["model"], row["batch"], row["threads"]] = row
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for key in wanted_rows(arguments):
            if key not in known:
                known[key] = take_row(key, arguments, scratch)
                print(json.dumps(known[key]), file=sys.stderr, flush=True)
                if arguments.results:
                    with open(arguments.results, "a", encoding="utf-8") as file:
                        file.write(json.dumps(known[key]) + "\n")
            rows.append(known[key])
    if not rows:
        sys.exit(f"no models in {arguments.dir}; ../shared/bench/peers.py export-torch --dir {arguments.dir} writes them")
    table = table_of(rows, arguments.training)
    print(table)
    if arguments.write:
        write_table(table, machine_line(), SECTIONS[arguments.training])


if __name__ == "__main__":
    main()
