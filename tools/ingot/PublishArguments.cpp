// See PublishArguments.h.
#include "tools/ingot/PublishArguments.h"
#include "runtime/serve/repository/Publish.h"
#include <filesystem>

namespace ingot::cli {

namespace fs = std::filesystem;

CLI::Option *addPublishOptions(CLI::App &command, PublishArguments &arguments) {
  CLI::Option *publish =
      command
          .add_option("--publish", arguments.target,
                      "MODEL_DIRECTORY or MODEL_DIRECTORY/VERSION: write a version that "
                      "`ingot serve` takes, by default the next one, with a manifest of its files")
          ->type_name("TARGET");
  command
      .add_option("--labels", arguments.labels,
                  "With --publish: names of the classes, one a line, for assets/labels.txt")
      ->needs(publish);
  return publish;
}

StagedVersion::StagedVersion(const PublishArguments &arguments) : labels(arguments.labels) {
  fs::path target = fs::absolute(arguments.target).lexically_normal();
  if (!target.has_filename()) // "models/classifier/"
    target = target.parent_path();
  modelDirectory = target.string();
  if (auto number = serve::parseVersion(target.filename().string())) {
    if (*number == 0)
      throw Failure(kUsage, "`" + arguments.target + "` for --publish: versions count from 1");
    version = *number;
    modelDirectory = target.parent_path().string();
    // Before a long compilation; publishVersion looks again.
    std::error_code error;
    if (fs::exists(target, error))
      throw Failure(kInput, "`" + arguments.target + "` is there already",
                    "published versions do not change: take another number, or `" + modelDirectory +
                        "` for the next free one");
  }
  std::error_code ignored;
  isNewModel = !fs::exists(modelDirectory, ignored);
  if (!labels.empty())
    if (std::error_code error; !fs::is_regular_file(labels, error))
      throw Failure(kInput, "cannot read `" + labels + "`: no such file");
  staging.emplace(check(AtomicDirectory::create((fs::path(modelDirectory) / "publish").string())));
}

StagedVersion::~StagedVersion() {
  staging.reset();
  std::error_code ignored;
  if (isNewModel)
    fs::remove(modelDirectory, ignored); // only if it is empty
}

std::string StagedVersion::publish(const std::string &compilerVersion,
                                   const std::vector<std::string> &targets) {
  std::vector<serve::PublishFile> files = {{"model.so", artifact()}};
  if (!labels.empty())
    files.push_back({"assets/labels.txt", labels});
  const int64_t number =
      check(serve::publishVersion(modelDirectory, version, files, compilerVersion, targets));
  return (fs::path(modelDirectory) / std::to_string(number)).string();
}

} // namespace ingot::cli
