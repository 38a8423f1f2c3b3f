// guide NAME [--digits PATH] [--samples N] [--weights WHICH]: runs one program of docs/Guide.md in
// the current directory, where it leaves its files.
#include "examples/guide/Guide.h"

#include <cstdlib>
#include <functional>
#include <iostream>

namespace keras = ingot::keras;

namespace {

const std::vector<std::pair<std::string, std::function<void(const guide::Material &)>>> programs = {
    {"sequential-api", guide::sequentialApi},
    {"functional-api", guide::functionalApi},
    {"model-subclassing", guide::modelSubclassing},
    {"functional-api-again", guide::functionalApiAgain},
    {"data-preprocessing", guide::dataPreprocessing},
    {"training", guide::training},
    {"gpu", guide::gpu},
    {"keras-callbacks", guide::kerasCallbacks},
    {"keras-saving", guide::kerasSaving},
    {"keras-transfer-learning", guide::kerasTransferLearning},
    {"exercise-1", guide::exercise1},
};

int usage() {
  std::cerr << "usage: guide NAME [--digits PATH] [--samples N] [--weights WHICH]\nnames:";
  for (const auto &[name, run] : programs)
    std::cerr << " " << name;
  std::cerr << "\n";
  return 2;
}

} // namespace

keras::datasets::Split guide::loadDigits(const Material &material) {
  keras::datasets::Split digits = keras::datasets::mnist::loadData(material.digits);
  if (material.samples > 0)
    for (keras::datasets::Arrays *part : {&digits.train, &digits.test}) {
      const int64_t count = std::min(material.samples, part->x.dim(0));
      part->x = keras::utils::rows(part->x, 0, count);
      part->y = keras::utils::rows(part->y, 0, count);
    }
  return digits;
}

int main(int count, char **arguments) {
  guide::Material material;
  for (int i = 2; i < count; i += 2) {
    const std::string name = arguments[i];
    if (i + 1 == count)
      return usage();
    if (name == "--digits")
      material.digits = arguments[i + 1];
    else if (name == "--samples")
      material.samples = std::atoll(arguments[i + 1]);
    else if (name == "--weights")
      material.weights = arguments[i + 1];
    else
      return usage();
  }
  for (const auto &[name, run] : programs)
    if (count > 1 && name == arguments[1])
      try {
        run(material);
        return 0;
      } catch (const std::exception &error) {
        std::cerr << "guide: " << error.what() << "\n";
        return 1;
      }
  return usage();
}
