#!/usr/bin/env python3
"""What compiling large models costs: processor seconds and peak memory of `ingot compile` on those of
../shared/bench, and that the artifacts compute what PyTorch computed.

    CompileCostTest.py [DIR]    DIR has NAME.onnx and NAME.npz (x, y) as `../shared/bench/peers.py
                                export-torch --dir DIR` writes them; default: ../shared/bench/models

Bounds: 10 s on 2 cores, counted as 20 s of processor time, which other work on the machine does not
change; 3 times the model's size and 500 MB of memory. Exit code 77: no models there, skipped.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
INGOT = ROOT + "/build/bin/ingot"
MODELS = ("resnet18", "mobilenet_v2", "transformer", "torch_vgg16")
CPU_SECONDS, MEMORY_FACTOR, MEMORY_MORE = 20, 3, 500e6


def measure(command):
    """(wall seconds, processor seconds, peak bytes, what it said) of a command that must succeed."""
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode()
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed with {child.returncode}:\n{text}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text


def check(directory, name, scratch):
    """Prints a row of the table; what is beyond a bound."""
    model, artifact = os.path.join(directory, name + ".onnx"), os.path.join(scratch, "model.so")
    size = os.path.getsize(model)
    wall, cpu, memory, said = measure([INGOT, "compile", model, "-o", artifact])
    source, result = re.search(r"predict\((\S+): .* -> (\S+): ", said).groups()
    arrays = os.path.join(directory, name + ".npz")
    measure([INGOT, "run", artifact, "--input", f"{source}=@{arrays}:x", "--expect", f"{result}=@{arrays}:y",
             "--output", f"{result}=@{scratch}/y.npy", "--rtol", "1e-4"])
    most = MEMORY_FACTOR * size + MEMORY_MORE
    print(f"| {name} | {size / 1e6:.0f} | {wall:.1f} | {cpu:.1f} | {memory / 1e6:.0f} | {most / 1e6:.0f} |"
          f" {os.path.getsize(artifact) / 1e6:.0f} |", flush=True)
    return [f"{name}: {what}" for what, over in ((f"{cpu:.1f} s of processor time", cpu > CPU_SECONDS),
                                                 (f"{memory / 1e6:.0f} MB of memory", memory > most)) if over]


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else ROOT + "/../shared/bench/models"
    names = [name for name in MODELS if os.path.exists(os.path.join(directory, name + ".onnx"))]
    if not names:
        print(f"no models in {directory}; ../shared/bench/peers.py export-torch --dir {directory} writes them")
        sys.exit(77)
    if not os.path.exists(INGOT):
        sys.exit("CompileCostTest runs build/bin/ingot; run tools/build")
    print("| model | MB | wall s | processor s | peak MB | allowed MB | artifact MB |\n|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as scratch:
        wrong = [text for name in names for text in check(directory, name, scratch)]
    print("\n".join(wrong) or f"{len(names)} models within the bounds")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
