#!/usr/bin/env python3
"""DFT of lengths that are taken apart into factors, and of a prime one, against NumPy.

    test_fourier.py        exit code 0: all agree
"""
import sys

import numpy
from onnx import TensorProto, helper

import ingot_backend


def transform(signal, **attributes):
    graph = helper.make_graph(
        [helper.make_node("DFT", ["x"], ["y"], **attributes)], "dft",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, signal.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    result = ingot_backend.IngotBackend.prepare(model).run([signal])[0]
    return result[..., 0] + 1j * result[..., 1]


def main():
    random = numpy.random.default_rng(1)
    failures = 0
    for length in (96, 97, 360, 4096):
        signal = random.standard_normal((2, length, 2)).astype(numpy.float32)
        values = signal[..., 0].astype(numpy.float64) + 1j * signal[..., 1]
        for name, have, want in (
                ("forward", transform(signal), numpy.fft.fft(values)),
                ("inverse", transform(signal, inverse=1), numpy.fft.ifft(values)),
                ("onesided", transform(signal[..., :1], onesided=1), numpy.fft.rfft(values.real))):
            error = numpy.abs(have - want).max() / numpy.abs(want).max()
            if not error < 3e-6:
                failures += 1
                print(f"{name} of length {length}: relative error {error:.1e}")
    print("all agree" if not failures else f"{failures} transforms differ")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
