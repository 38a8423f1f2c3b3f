#!/usr/bin/env python3
"""TensorBoard's own reader reads back what the TensorBoard callback wrote.

    TensorBoardReaderTest.py WRITE_EVENTS

Needs the package tensorboard, in build/tensorboard-venv or in the Python that runs this:
    python3 -m venv build/tensorboard-venv && build/tensorboard-venv/bin/pip install tensorboard
Exit code 77: it is not there, skipped.
"""
import io
import os
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../.."))
OWN = ROOT + "/build/tensorboard-venv/bin/python3"

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util
except ImportError:
    if os.path.exists(OWN) and os.path.realpath(sys.prefix) != os.path.realpath(ROOT + "/build/tensorboard-venv"):
        os.execv(OWN, [OWN] + sys.argv)
    print("skipped: the Python package tensorboard is not installed", file=sys.stderr)
    sys.exit(77)


def load(directory):
    reader = EventAccumulator(directory, size_guidance={kind: 0 for kind in ("scalars", "histograms", "images", "tensors")})
    return reader.Reload()


def main():
    with tempfile.TemporaryDirectory() as directory:
        said = subprocess.run([sys.argv[1], directory], check=True, capture_output=True, text=True)
        readers = {name: load(f"{directory}/{name}") for name in ("train", "validation", "other")}
        lines = [line.rsplit(" ") for line in said.stdout.splitlines()]
        assert len(lines) == 3 + 4 * 3, said.stdout
        for name, kind, tag, step, *values in lines:
            values, step = [float(v) for v in values], int(step)
            if kind == "scalar":
                found = {e.step: e.value for e in readers[name].Scalars(tag)}
                assert abs(found[step] - values[0]) <= 1e-6 * abs(values[0]), (tag, step)
            else:
                found = {e.step: e.histogram_value for e in readers[name].Histograms(tag)}[step]
                assert found.num == 3 and abs(found.sum - sum(values)) < 1e-6, (tag, step)
                assert abs(found.min - min(values)) < 1e-7 and abs(found.max - max(values)) < 1e-7
                assert sum(found.bucket) == 3 and len(found.bucket) == len(found.bucket_limit)
        train, other = readers["train"], readers["other"]
        assert [e.step for e in train.Scalars("batch_loss")] == list(range(1, 13))
        assert [e.step for e in readers["validation"].Scalars("evaluation_loss_vs_iterations")] == [4, 8, 12]
        assert [n.name for n in train.Graph().node] == ["pair", "dense"]
        assert tensor_util.make_ndarray(train.Tensors("keras")[0].tensor_proto) == b'{"config": 1}'
        assert tensor_util.make_ndarray(other.Tensors("note")[0].tensor_proto) == b"**bold**"
        assert (other.Scalars("large step")[0].step, other.Scalars("large step")[0].value) == (1 << 40, -1.5)
        picture = other.Images("picture")[0]
        assert (picture.step, picture.width, picture.height) == (2, 2, 1)
        check_picture(picture.encoded_image_string)
        assert [e.step for e in train.Images("dense/kernel/image")] == [0, 1, 2]
        print("TensorBoard reads", sum(len(v) for v in train.Tags().values() if isinstance(v, list)), "tags of training")


def check_picture(png):
    try:
        from PIL import Image
    except ImportError:
        return
    image = Image.open(io.BytesIO(png))
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (0, 255, 0)]


main()
