#!/usr/bin/env python3
"""Every Keras code block of the framework guide runs: the programs of docs/Guide.md, on few digits, each
in a directory of its own; and the page shows the programs' code. GUIDE_SAMPLES=0 takes all digits."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
GUIDE = ROOT + "/build/bin/guide"
PNG = b"\x89PNG\r\n\x1a\n"
SAMPLES = os.environ.get("GUIDE_SAMPLES", "2000")
DIGITS = next((path for path in (ROOT + "/../shared/data/mnist.npz", "/usr/share/datasets/fashion-mnist")
               if os.path.exists(path)), None)


class GuideTest(unittest.TestCase):
    def run_guide(self, name, *options):
        """What the program printed, and the files that it left by their names."""
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([GUIDE, name, "--digits", DIGITS, "--samples", SAMPLES, *options], cwd=out,
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            files = {}
            for folder, _, names in os.walk(out):
                for file in names:
                    path = os.path.join(folder, file)
                    with open(path, "rb") as content:
                        files[os.path.relpath(path, out)] = content.read()
            return done.stdout, files

    def test_the_page_shows_the_programs(self):
        done = subprocess.run([ROOT + "/tools/dev/guide", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_sequential_api(self):
        text, files = self.run_guide("sequential-api")
        self.assertIn(" Total params: 109,386 (427.29 KB)", text)
        self.assertEqual(files["model.png"][:8], PNG)

    def test_functional_api(self):
        text, _ = self.run_guide("functional-api")
        self.assertIn('Model: "mlp_model"', text)
        self.assertRegex(text, r"concatenate \(Concatenate\) +│ \(None, 128\)")

    def test_model_subclassing(self):
        text, _ = self.run_guide("model-subclassing")
        self.assertRegex(text, r"accuracy: 0\.\d+")

    def test_functional_api_again(self):
        self.assertIn("(None, 784)", self.run_guide("functional-api-again")[0])

    def test_data_preprocessing(self):
        text, _ = self.run_guide("data-preprocessing")
        self.assertIn("training batches: 1500, validation batches: 375", text)
        self.assertIn("val_accuracy", text)

    def test_training(self):
        text, files = self.run_guide("training")
        accuracy = float(re.search(r"^Test Accuracy: ([\d.]+)$", text, re.M)[1])
        self.assertGreater(accuracy, 0.97 if SAMPLES == "0" and "mnist.npz" in DIGITS else 0.6)
        self.assertRegex(text, r"Predictions:( \d){10}\nTrue labels:( \d){10}\n")
        self.assertEqual(files["history.png"][:8], PNG)
        self.assertEqual(files["best_model.h5"][:8], b"\x89HDF\r\n\x1a\n")

    def test_gpu(self):
        text, _ = self.run_guide("gpu")
        device = re.search(r"^GPU available: (no|cuda:0 .*)\nUsing device: (\S+)$", text, re.M)
        self.assertEqual(device[2], "cpu" if device[1] == "no" else "cuda:0")
        self.assertIn("accuracy", text)

    def test_keras_callbacks(self):
        text, files = self.run_guide("keras-callbacks")
        self.assertRegex(text, r"Epoch 1: val_loss improved from None to [\d.]+, saving model to best_model\.h5")
        header = b"epoch,accuracy,learning_rate,loss,val_accuracy,val_loss"  # in Keras's order
        self.assertEqual(files["training.log"].splitlines()[0], header)
        folders = {os.path.dirname(name) for name in files if "events.out.tfevents" in name}
        self.assertEqual(folders, {"logs/train", "logs/validation"})

    def test_keras_saving(self):
        text, files = self.run_guide("keras-saving")
        self.assertIn("the same predictions as before", text)
        self.assertEqual(files["model.keras"][:2], b"PK")
        self.assertIn("saved_model/1/model.so", files)

    def test_keras_transfer_learning(self):
        text, _ = self.run_guide("keras-transfer-learning", "--weights", "none")
        self.assertIn("vgg16 (Functional)", text)
        self.assertIn(" Non-trainable params: 14,714,688 (56.13 MB)", text)
        self.assertEqual(len(re.findall(r"accuracy: [\d.e+-]+ - loss: [\d.]+", text)), 2)

    def test_exercise_1(self):
        text, _ = self.run_guide("exercise-1")
        accuracy = float(re.search(r"^Test accuracy: ([\d.]+)$", text, re.M)[1])
        self.assertGreater(accuracy, 0.985 if SAMPLES == "0" and "mnist.npz" in DIGITS else 0.6)


if __name__ == "__main__":
    if not os.path.exists(GUIDE):
        sys.exit("GuideTest runs build/bin/guide; run tools/build")
    if not DIGITS:
        print("skipped: neither ../shared/data/mnist.npz nor the package dataset-fashion-mnist is here")
        sys.exit(77)
    unittest.main()
