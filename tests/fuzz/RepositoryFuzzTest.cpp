// Damaged configs and manifests: whatever the bytes, they are read as what they say, or refused
// with a message. A config may come from a client, in a load request. INGOT_FUZZ_RUNS sets how many
// a case, INGOT_FUZZ_FIRST the first seed.
#include "../unit/runtime/data/Helpers.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/ModelConfig.h"

using namespace ingot;
using namespace ingot::serve;
using namespace ingot::test;

namespace {

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Calls `read` with mutations of the seeds. Both outcomes must occur, else the mutations miss
/// their aim.
template <typename Read> void run(const std::vector<std::string> &seeds, const Read &read) {
  const uint64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 5000);
  const uint64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  uint64_t good = 0, bad = 0;
  for (uint64_t i = first; i < first + runs; ++i) {
    std::mt19937_64 random(i);
    const Status status = read(mutate(seeds[random() % seeds.size()], random));
    ++(status.isOk() ? good : bad);
    if (!status.isOk()) {
      ASSERT_EQ(status.code(), StatusCode::InvalidArgument) << "seed " << i;
      ASSERT_FALSE(status.message().empty()) << "seed " << i;
      ASSERT_LT(status.message().size(), 4096u) << "seed " << i;
    }
  }
  EXPECT_GT(bad, 0u);
  if (runs >= 300)
    EXPECT_GT(good, 0u);
}

TEST(RepositoryFuzzTest, Configs) {
  ModelConfig config;
  config.labels = {{"stable", 3}, {"canary", 4}};
  const std::string written = toJson(config);
  config.versions.kind = VersionPolicy::Kind::Specific;
  config.versions.versions = {1, 2, 3};
  run({written, toJson(config), R"({"version_policy": {"all": {}}, "name": "m", "input": [[{}]]})"},
      [](const std::string &text) {
        auto read = parseModelConfig(text, {});
        if (!read.isOk())
          return read.status();
        // What is read can be written, and read again.
        auto again = parseModelConfig(toJson(*read), {});
        EXPECT_TRUE(again.isOk()) << again.status().message() << "\n" << text;
        if (again.isOk())
          EXPECT_EQ(toJson(*again), toJson(*read)) << text;
        return Status();
      });
}

TEST(RepositoryFuzzTest, Manifests) {
  Manifest manifest;
  manifest.compiler = "ingot 1";
  manifest.targets = {"x86-64-v3"};
  manifest.files["model.so"] = {12345, std::string(64, 'a')};
  manifest.files["assets/labels.txt"] = {1, std::string(64, '0')};
  run({toJson(manifest)}, [](const std::string &text) {
    auto read = parseManifest(text, "1/MANIFEST.json");
    if (!read.isOk())
      return read.status();
    EXPECT_TRUE(read->files.count(artifactName)) << text;
    for (const auto &[name, file] : read->files)
      EXPECT_TRUE(isFileName(name) && file.sha256.size() == 64) << text;
    return Status();
  });
}

} // namespace
