"""ONNX's backend interface over the real compiler and artifact: `ingot compile`, then libingot.so.

A model is compiled from its bytes alone; the test's data is seen only when it runs. With one
exception: how many tensors a sequence has (and of which rank, where the model does not say), and
whether an optional is empty, belong to the type of a compiled model and not to that of ONNX's. A
model with such inputs is compiled at its first run, for the structure of what it is given, as its
user would by --shape; sizes and values stay unseen.
"""
import ctypes
import os
import subprocess
import tempfile

import ml_dtypes
import numpy
import onnx
from onnx.backend.base import Backend, BackendRep

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.environ.get("INGOT_BUILD", os.path.join(ROOT, "build"))
TARGET_CPU = os.environ.get("INGOT_TARGET_CPU", "host")
COMPILE_TIMEOUT = 300  # seconds; compilations take less than 5 on an idle machine

# ingot_dtype (runtime/include/ingot/artifact.h) and NumPy's types.
DTYPES = {
    1: numpy.bool_, 2: numpy.int8, 3: numpy.int16, 4: numpy.int32, 5: numpy.int64,
    6: numpy.uint8, 7: numpy.uint16, 8: numpy.uint32, 9: numpy.uint64,
    10: numpy.float16, 11: ml_dtypes.bfloat16, 12: numpy.float32, 13: numpy.float64,
    14: ml_dtypes.int2, 15: ml_dtypes.uint2, 16: ml_dtypes.int4, 17: ml_dtypes.uint4,
    18: ml_dtypes.float8_e4m3fn, 19: ml_dtypes.float8_e4m3fnuz, 20: ml_dtypes.float8_e5m2,
    21: ml_dtypes.float8_e5m2fnuz, 22: ml_dtypes.float8_e8m0fnu, 23: ml_dtypes.float4_e2m1fn,
}
STRING = 24  # ingot_string; NumPy has objects
NUMBERS = {numpy.dtype(dtype): number for number, dtype in DTYPES.items()}
# Bits of the elements that share bytes, the first in the lowest bits. NumPy has a byte for each.
SHARED = {14: 2, 15: 2, 16: 4, 17: 4, 23: 4}


def packed(array, bits):
    """The elements' low bits, as many in a byte as fit."""
    share = 8 // bits
    flat = array.reshape(-1).view(numpy.uint8) & ((1 << bits) - 1)
    flat = numpy.pad(flat, (0, -flat.size % share)).reshape(-1, share)
    return (flat << (bits * numpy.arange(share, dtype=numpy.uint8))).sum(1, dtype=numpy.uint8)


def unpacked(data, bits, count, dtype):
    """The other way around; integers are extended by their sign."""
    share = 8 // bits
    flat = numpy.frombuffer(data, dtype=numpy.uint8)[:, None]
    flat = (flat >> (bits * numpy.arange(share, dtype=numpy.uint8))).reshape(-1)[:count]
    high = flat.astype(numpy.uint8) << (8 - bits)
    signed = dtype in (ml_dtypes.int2, ml_dtypes.int4)
    low = high.view(numpy.int8) >> (8 - bits) if signed else high >> (8 - bits)
    return low.view(numpy.uint8).view(dtype)


class Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint64)]


class TextPointer(ctypes.Structure):
    """The same, where the bytes may hold zeros."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_uint64)]


def texts(array):
    """The elements as ingot_strings; what they point to lives as long as the result."""
    encoded = [value if isinstance(value, bytes) else str(value).encode()
               for value in array.reshape(-1)]
    return (Text * max(len(encoded), 1))(*(Text(value, len(value)) for value in encoded))


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 1020)]


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.c_void_p)]


class Function(ctypes.Structure):
    """ingot_function, as far as outputs."""

    _fields_ = [("name", ctypes.c_char_p), ("flags", ctypes.c_uint64),
                ("symbol_count", ctypes.c_int64), ("symbols", ctypes.c_void_p),
                ("sources", ctypes.c_void_p), ("input_count", ctypes.c_int64),
                ("inputs", ctypes.POINTER(TensorInfo)), ("output_count", ctypes.c_int64),
                ("outputs", ctypes.POINTER(TensorInfo))]


class CompileError(RuntimeError):
    """What `ingot compile` said."""


def library():
    if not hasattr(library, "loaded"):
        library.loaded = ctypes.CDLL(os.path.join(BUILD, "lib/libingot.so"))
    return library.loaded


def call(name, *arguments):
    error = Error()
    function = getattr(library(), name)
    if function(*arguments, ctypes.byref(error)) != 0:
        raise RuntimeError(error.message.decode())


class IngotRep(BackendRep):
    """A loaded artifact with a state and a session."""

    def __init__(self, path, outputs):
        self.outputs = outputs  # ValueInfoProtos of the model
        self.model, self.state = ctypes.c_void_p(), ctypes.c_void_p()
        self.session = ctypes.c_void_p()
        call("ingot_model_open", path.encode(), None, ctypes.byref(self.model))
        call("ingot_state_create", self.model, ctypes.byref(self.state))
        call("ingot_session_create", self.model, b"predict", None, ctypes.byref(self.session))
        library().ingot_model_function.restype = ctypes.POINTER(Function)
        function = library().ingot_model_function(self.model, b"predict").contents
        self.names = [function.outputs[i].name.decode() for i in range(function.output_count)]

    def __del__(self):
        library().ingot_session_destroy(self.session)
        library().ingot_state_destroy(self.state)
        library().ingot_model_close(self.model)

    def run(self, inputs, **kwargs):
        arrays = [numpy.asarray(value, order="C") for value in flattened(inputs)]
        count = len(arrays)
        tensors = (Tensor * max(count, 1))()
        for tensor, array in zip(tensors, arrays[:count]):
            is_text = array.dtype.kind in "OSU"
            if array.dtype not in NUMBERS and not is_text:
                raise RuntimeError(f"no element type for {array.dtype}")
            tensor.dtype, tensor.rank = STRING if is_text else NUMBERS[array.dtype], array.ndim
            tensor.dims = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
            if is_text:
                arrays.append(texts(array))
                tensor.data = ctypes.addressof(arrays[-1])
                continue
            if tensor.dtype in SHARED:
                array = packed(array, SHARED[tensor.dtype])
                arrays.append(array)  # lives until the run is over
            tensor.data = array.ctypes.data
        call("ingot_session_run", self.session, self.state, tensors,
             ctypes.c_size_t(count))
        values = {name: self.output(index) for index, name in enumerate(self.names)}
        return [self.collected(values, output) for output in self.outputs]

    @staticmethod
    def collected(values, output):
        """What the model calls one output: an array, a list for a sequence, None for nothing."""
        kind = output.type.WhichOneof("value")
        if output.name in values:
            return values[output.name]
        elements = []
        while f"{output.name}[{len(elements)}]" in values:
            elements.append(values[f"{output.name}[{len(elements)}]"])
        return elements if elements or kind == "sequence_type" else None

    @staticmethod
    def texts(tensor, shape):
        result = numpy.empty(int(numpy.prod(shape, dtype=numpy.int64)), dtype=object)
        records = ctypes.cast(tensor.data, ctypes.POINTER(TextPointer))
        for i in range(result.size):
            record = records[i]
            data = ctypes.string_at(record.data, record.size) if record.size else b""
            result[i] = data.decode()
        return result.reshape(shape)

    def output(self, index):
        tensor = Tensor()
        call("ingot_session_output", self.session, ctypes.c_size_t(index), ctypes.byref(tensor))
        shape = [tensor.dims[axis] for axis in range(tensor.rank)]
        if tensor.dtype == STRING:
            return self.texts(tensor, shape)
        dtype = numpy.dtype(DTYPES[tensor.dtype])
        count = int(numpy.prod(shape, dtype=numpy.int64))
        bits = SHARED.get(tensor.dtype, 8)
        size = (count * bits + 7) // 8 * dtype.itemsize
        data = ctypes.string_at(tensor.data, size) if size else b""
        if bits < 8:
            return unpacked(data, bits, count, dtype).reshape(shape)
        return numpy.frombuffer(data, dtype=dtype).reshape(shape)


def flattened(inputs):
    """The tensors that inputs are made of: sequences are lists, an empty optional is None."""
    for value in inputs:
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


def structure(name, kind, value):
    """--shape options that say what ONNX's type of an input leaves open."""
    if kind.HasField("optional_type"):
        if value is None:
            return [f"{name}=none"]
        return structure(name, kind.optional_type.elem_type, value)
    if not kind.HasField("sequence_type"):
        return []
    options = [f"{name}[]={len(value)}"]
    if not kind.sequence_type.elem_type.tensor_type.HasField("shape"):
        for i, element in enumerate(value):
            dims = ",".join(f"{name}_{i}_{axis}" for axis in range(numpy.ndim(element)))
            options.append(f"{name}[{i}]={dims}")
    return options


def compiled(model, shapes):
    with tempfile.TemporaryDirectory() as directory:
        source, artifact = directory + "/model.onnx", directory + "/model.so"
        onnx.save(model, source)
        command = [os.path.join(BUILD, "bin/ingot"), "compile", source, "-o", artifact,
                   "--target-cpu", TARGET_CPU]
        for shape in shapes:
            command += ["--shape", shape]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=COMPILE_TIMEOUT)
        if done.returncode != 0:
            raise CompileError(f"exit code {done.returncode}: {done.stdout}")
        return IngotRep(artifact, model.graph.output)


def is_structure_open(model):
    """Whether the model has inputs whose structure ONNX's types leave open."""
    return any(not info.type.HasField("tensor_type") for info in model.graph.input)


class StructuredRep(BackendRep):
    """A model with inputs whose structure ONNX's types leave open."""

    def __init__(self, model):
        self.model = model

    def run(self, inputs, **kwargs):
        shapes = [option for info, value in zip(self.model.graph.input, inputs)
                  for option in structure(info.name, info.type, value)]
        return compiled(self.model, shapes).run(inputs)


def with_dynamic_inputs(model):
    """A copy with every input dimension named, equal sizes by the same name."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in list(copy.graph.input) + list(copy.graph.output):
        if value.type.HasField("tensor_type"):
            for dim in value.type.tensor_type.shape.dim:
                if dim.HasField("dim_value"):
                    dim.dim_param = f"size_{dim.dim_value}"
    return copy


class IngotBackend(Backend):
    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        if os.environ.get("INGOT_ONNX_DYNAMIC"):
            model = with_dynamic_inputs(model)
        if is_structure_open(model):
            return StructuredRep(model)
        return compiled(model, [])

    @classmethod
    def supports_device(cls, device):
        return device == "CPU"
