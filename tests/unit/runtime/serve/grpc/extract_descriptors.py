#!/usr/bin/env python3
"""Field numbers of the serving protocols from the wheels of their owners.

    extract_descriptors.py STUBS [--check FILE]

STUBS is a directory with the *_pb2.py of tensorflow and tensorflow_serving (tests/serve/setup makes
it); tritonclient, grpcio-health-checking and grpcio-reflection come from the running Python. Prints what
descriptors.txt has; with --check exits 1 and prints what FILE lacks of it. FILE may have more: of newer
packages. Exit code 77: the packages are not there."""
import importlib
import sys

MODULES = ["tensorflow_serving.apis.prediction_service_pb2", "tensorflow_serving.apis.model_service_pb2",
           "tensorflow_serving.config.model_server_config_pb2", "tritonclient.grpc.service_pb2",
           "grpc_health.v1.health_pb2", "grpc_reflection.v1alpha.reflection_pb2"]
# Of TensorFlow's messages those that our protos have.
TENSORFLOW = ("DataType", "TensorShapeProto", "TensorProto", "BytesList", "FloatList", "Int64List", "Feature",
              "Features", "Example", "TensorInfo", "SignatureDef", "error.Code")


def lines_of(file):
    from google.protobuf import descriptor_pb2 as pb
    types = {v: k[5:].lower() for k, v in pb.FieldDescriptorProto.Type.items()}
    proto = pb.FileDescriptorProto()
    file.CopyToProto(proto)

    def enum(prefix, e):
        for v in e.value:
            yield f"{prefix}{e.name} {v.name} = {v.number}"

    def message(prefix, m):
        full = prefix + m.name
        yield full
        for f in m.field:
            repeated = "repeated " if f.label == f.LABEL_REPEATED else ""
            yield f"{full} {repeated}{f.type_name.lstrip('.') or types[f.type]} {f.name} = {f.number}"
        for n in m.nested_type:
            yield from message(full + ".", n)
        for e in m.enum_type:
            yield from enum(full + ".", e)

    package = proto.package + "."
    for m in proto.message_type:
        yield from message(package, m)
    for e in proto.enum_type:
        yield from enum(package, e)
    for s in proto.service:
        for m in s.method:
            arrow = [("stream " if on else "") + name.lstrip(".")
                     for on, name in ((m.client_streaming, m.input_type), (m.server_streaming, m.output_type))]
            yield f"{package}{s.name} {m.name}({arrow[0]}) {arrow[1]}"


def wanted(line):
    if not line.startswith("tensorflow.") or line.startswith("tensorflow.serving."):
        return True
    name = line[len("tensorflow."):]
    return "_REF" not in name and any(name == t or name.startswith((t + " ", t + ".")) for t in TENSORFLOW)


def main():
    sys.path.insert(0, sys.argv[1])
    try:
        modules = [importlib.import_module(name) for name in MODULES]
    except ImportError as error:
        print(f"skipped: {error}; tests/serve/setup brings the clients", file=sys.stderr)
        return 77
    files = {}

    def visit(file):
        if file.name not in files:
            files[file.name] = file
            for dependency in file.dependencies:
                visit(dependency)
    for module in modules:
        visit(module.DESCRIPTOR)
    lines = sorted({line for file in files.values() if not file.name.startswith("google/")
                    for line in lines_of(file) if wanted(line)})
    if sys.argv[2:3] != ["--check"]:
        print("\n".join(lines))
        return 0
    known = set(open(sys.argv[3]).read().splitlines())
    missing = [line for line in lines if line not in known]
    if missing:
        print("\n".join(missing))
    return int(bool(missing))


sys.exit(main())
