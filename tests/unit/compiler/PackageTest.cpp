// What is said about an artifact besides its table: the manifest and the model's C header.
#include "compiler/package/Header.h"
#include "compiler/package/Manifest.h"
#include "runtime/abi/manifest.pb.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot {
namespace {

using testing::HasSubstr;
using testing::Not;

ArtifactDescription describe() {
  FunctionDescription predict;
  predict.name = "predict";
  predict.flags = INGOT_FUNCTION_CANONICAL;
  predict.symbols = {"batch"};
  predict.sources = {{INGOT_SYMBOL_EXTENT, 0, 0}};
  predict.inputs = {{"x", INGOT_F32, {{-1, 0, "batch"}, {8, -1, "8"}}}};
  predict.outputs = {{"y/0", INGOT_F32, {{-1, 0, "batch"}}}, {"y_0", INGOT_BOOL, {}}};
  predict.planWords = 3;
  predict.kernels = {{"scale/mul", "scale", "batch * 8", "batch * 64"}};
  predict.arenaFormula = "batch * 64";
  ArtifactDescription description;
  description.name = "a */ model";
  description.stateBytes = 64;
  description.variables = {{"dense/kernel", INGOT_F32, {8}, 0, 32, INGOT_VARIABLE_TRAINABLE}};
  description.functions = {predict};
  description.nodes = {"scale"};
  return description;
}

TEST(ManifestOfAnArtifact, holdsItsDescription) {
  CompileOptions options;
  options.functions = {"predict"};
  std::string bytes = makeManifest(describe(), options, "x86-64-v3", {"x86-64-v4", "x86-64-v3"});
  Manifest manifest;
  ASSERT_TRUE(manifest.ParseFromString(bytes));
  EXPECT_EQ(manifest.name(), "a */ model");
  EXPECT_THAT(manifest.producer(), testing::StartsWith("ingot "));
  EXPECT_EQ(manifest.target(), "x86-64-v3");
  EXPECT_EQ(manifest.targets_size(), 2);
  EXPECT_FALSE(manifest.embeds_weights());
  EXPECT_FALSE(manifest.has_derive());
  ASSERT_EQ(manifest.functions_size(), 1);
  const Manifest::Function &predict = manifest.functions(0);
  EXPECT_TRUE(predict.canonical());
  EXPECT_FALSE(predict.writes_state());
  EXPECT_EQ(predict.inputs(0).dtype(), "f32");
  EXPECT_EQ(predict.inputs(0).dims(0).text(), "batch");
  EXPECT_EQ(predict.inputs(0).dims(1).size(), 8);
  EXPECT_EQ(predict.outputs(1).dtype(), "bool");
  EXPECT_EQ(predict.kernels(0).flops(), "batch * 8");
  EXPECT_EQ(predict.arena_bytes(), "batch * 64");
  EXPECT_TRUE(manifest.variables(0).trainable());
  EXPECT_EQ(manifest.variables(0).shape(0), 8);
}

TEST(ManifestOfAnArtifact, isTheSameForTheSameInputs) {
  EXPECT_EQ(makeManifest(describe(), {}, "x86-64", {"x86-64"}),
            makeManifest(describe(), {}, "x86-64", {"x86-64"}));
}

TEST(HeaderOfAModel, namesFunctionsTensorsAndVariables) {
  ArtifactDescription description = describe();
  std::string header = makeHeader({&description}, "my_model");
  EXPECT_THAT(header, HasSubstr("const struct ingot_artifact *my_model(void);"));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_STATE_BYTES 64u\n"));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT 0 "));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT_SYMBOL_BATCH 0\n"));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT_IN_X 0 /* \"x\": f32[batch, 8] */\n"));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT_IN_X_DIM1 8\n"));
  EXPECT_THAT(header, Not(HasSubstr("_IN_X_DIM0")));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT_OUT_Y_0 0 "));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_PREDICT_OUT_Y_0_2 1 "));
  EXPECT_THAT(header, HasSubstr("#define MY_MODEL_VARIABLE_DENSE_KERNEL 0 "));
}

TEST(HeaderOfAModel, leavesOutTheStateSizeWhenVariantsDiffer) {
  ArtifactDescription one = describe(), other = describe();
  other.stateBytes = 128;
  EXPECT_THAT(makeHeader({&one, &other}, "m"), Not(HasSubstr("STATE_BYTES")));
}

TEST(HeaderOfAModel, isPlainC) {
  auto cc = llvm::sys::findProgramByName("cc");
  if (!cc)
    GTEST_SKIP() << "no C compiler on this machine";
  llvm::SmallString<64> file;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("model", "h", file));
  ArtifactDescription description = describe();
  std::ofstream(file.c_str()) << makeHeader({&description}, "ingot_artifact");
  std::string include = std::string("-I") + INGOT_SOURCE_DIR + "/runtime/include";
  int code = llvm::sys::ExecuteAndWait(
      *cc, {*cc, "-std=c99", "-pedantic", "-Wall", "-Werror", "-fsyntax-only", include, file});
  std::filesystem::remove(file.c_str());
  EXPECT_EQ(code, 0);
}

} // namespace
} // namespace ingot
