// Loading artifacts, sound and hostile ones.
#include "TestFiles.h"
#include "ingot/Model.h"

#include <functional>

using namespace ingot;

namespace {

using ArtifactTest = FileTest;

TEST_F(ArtifactTest, OpensAndDescribesItself) {
  auto artifact = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(artifact.status());
  EXPECT_EQ((*artifact)->name(), "linear");
  EXPECT_EQ((*artifact)->variant(), "any");
  EXPECT_FALSE((*artifact)->hasWeights());
  const ingot_function *predict = (*artifact)->findFunction("predict");
  ASSERT_NE(predict, nullptr);
  EXPECT_EQ(describe(predict->inputs[0]), "f32[batch, 3]");
  EXPECT_EQ(describe(*(*artifact)->findVariable("dense/kernel")), "f32[3, 2]");
  EXPECT_EQ(describe(*(*artifact)->findVariable("optimizer/steps")), "i64[]");
  EXPECT_STREQ(predict->kernels[0].name, "dense/matmul+add");
}

TEST_F(ArtifactTest, UnknownNamesListTheKnownOnes) {
  auto artifact = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(artifact.status());
  EXPECT_EQ((*artifact)->findFunction("predictt"), nullptr);
  EXPECT_STATUS((*artifact)->function("predictt").status(), NotFound,
                "no function 'predictt' in model 'linear'; it has predict, train_step");
  EXPECT_STATUS((*artifact)->variable("kernel").status(), NotFound, "dense/kernel, dense/bias");
}

TEST_F(ArtifactTest, SaysWhyAFileCannotBeLoaded) {
  EXPECT_STATUS(Artifact::open(path("absent.so")).status(), NotFound, "absent.so");
  EXPECT_STATUS(Artifact::open(path("")).status(), Unsupported, "is not a file");
  EXPECT_STATUS(Artifact::open(write("empty.so", "")).status(), Unsupported,
                "is not a shared object");
  EXPECT_STATUS(Artifact::open(write("text.so", std::string(5000, 'x'))).status(), Unsupported,
                "is not a shared object");
  EXPECT_STATUS(Artifact::open("/proc/self/exe", "absent").status(), Unsupported, "exe");
  EXPECT_STATUS(Artifact::open(FIXTURELINEAR, "my_model").status(), NotFound,
                "it defines no symbol 'my_model'");
  EXPECT_STATUS(Artifact::open(FIXTUREABI2).status(), Unsupported,
                "has interface version 2." + std::to_string(INGOT_ABI_MINOR) +
                    ", this runtime reads version 1");
  EXPECT_STATUS(Artifact::open(FIXTURENOVARIANT).status(), Unsupported, "no code for this CPU");
}

TEST_F(ArtifactTest, ATruncatedFileIsAStatus) {
  std::string bytes = read(FIXTURELINEAR);
  ASSERT_GT(bytes.size(), 4096u);
  // The section headers at the end are not needed to load: a file cut there may well open.
  for (size_t size = 0; size < bytes.size(); size += 331) {
    Status status = Artifact::open(write("cut.so", bytes.substr(0, size))).status();
    EXPECT_TRUE(!status.isOk() || size > bytes.size() / 2) << size;
  }
  EXPECT_STATUS(Artifact::open(write("cut.so", bytes.substr(0, 4096))).status(), DataLoss,
                "is truncated");
}

TEST_F(ArtifactTest, AnotherMachinesFileIsRefused) {
  std::string bytes = read(FIXTURELINEAR);
  bytes[18] = char(0xF3); // RISC-V
  bytes[19] = 0;
  EXPECT_STATUS(Artifact::open(write("riscv.so", bytes)).status(), Unsupported, "another machine");
}

TEST_F(ArtifactTest, ABareNameMeansTheWorkingDirectory) {
  write("bare.so", read(FIXTURELINEAR));
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory);
  auto artifact = Artifact::open("bare.so");
  std::filesystem::current_path(before);
  EXPECT_TRUE(artifact.isOk()) << artifact.status().message();
}

TEST_F(ArtifactTest, AFileThatReplacedALoadedOneIsTheOneThatIsOpened) {
  std::filesystem::copy_file(FIXTURELINEAR, path("model.so"));
  auto old = Artifact::open(path("model.so"));
  ASSERT_OK(old.status());
  std::filesystem::copy_file(FIXTUREWEIGHTS, path("new.so"));
  std::filesystem::rename(path("new.so"), path("model.so"));
  auto replaced = Artifact::open(path("model.so"));
  ASSERT_OK(replaced.status());
  EXPECT_TRUE((*replaced)->hasWeights());
  EXPECT_FALSE((*old)->hasWeights());
}

TEST_F(ArtifactTest, AdoptsATableAndNullMeansNoVariant) {
  auto loaded = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(loaded.status());
  EXPECT_TRUE(Artifact::adopt(&(*loaded)->table()).isOk());
  EXPECT_STATUS(Artifact::adopt(nullptr).status(), Unsupported, "no code for this CPU");
}

constexpr ingot_symbol_source noSource = {INGOT_SYMBOL_EXTENT, -1, 0};
constexpr ingot_symbol_source badAxis = {INGOT_SYMBOL_EXTENT, 0, 2};
constexpr ingot_symbol_source badType = {INGOT_SYMBOL_VALUE, 0, 0};
constexpr ingot_symbol_source noVector = {INGOT_SYMBOL_VALUE_IF_ANY, 0, 0};

constexpr ingot_carry otherFunction = {99, 0, 0}, otherType = {0, 0, 0}, sizeOfItself = {5, 0, 1};
constexpr ingot_carry twice[] = {{5, 0, 0}, {5, 0, 0}};

TEST_F(ArtifactTest, ATableOfTheVersionBeforeCarriesNothing) {
  auto loaded = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(loaded.status());
  ingot_artifact_table older = (*loaded)->table();
  older.size = offsetof(ingot_artifact_table, carry_count);
  auto adopted = Artifact::adopt(&older);
  ASSERT_OK(adopted.status());
  EXPECT_TRUE((*adopted)->carries(*(*adopted)->findFunction("accumulate")).empty());
}

TEST_F(ArtifactTest, AMalformedTableIsRefused) {
  auto loaded = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(loaded.status());
  const ingot_artifact_table &good = (*loaded)->table();
  struct Copy {
    ingot_artifact_table table;
    std::vector<ingot_variable_info> variables;
    std::vector<ingot_function> functions;
    ingot_function derive;
    ingot_tensor_info input;
    ingot_dim dims[2];
  };
  struct Case {
    const char *fragment;
    std::function<void(Copy &)> damage;
  };
  static const int64_t negative[] = {-3, 2};
  static const ingot_symbol_bound badBound = {0, 7, 1, 2};
  const Case cases[] = {
      {"a table of 8 bytes", [](Copy &c) { c.table.size = 8; }},
      {"at least", [](Copy &c) { c.table.size = offsetof(ingot_artifact_table, manifest); }},
      {"bounds are missing", [](Copy &c) { c.table.bound_count = 1; }},
      {"bounds count", [](Copy &c) { c.table.bound_count = -1; }},
      {"bounds of a symbol that is not there",
       [](Copy &c) { c.table.bound_count = 1, c.table.bounds = &badBound; }},
      {"it has no name", [](Copy &c) { c.table.name = nullptr; }},
      {"variables count -1", [](Copy &c) { c.table.variable_count = -1; }},
      {"variables are missing", [](Copy &c) { c.table.variables = nullptr; }},
      {"functions count", [](Copy &c) { c.table.function_count = int64_t{1} << 40; }},
      {"no name of its own", [](Copy &c) { c.variables[1].name = "dense/kernel"; }},
      {"no name of its own", [](Copy &c) { c.variables[1].name = nullptr; }},
      {"has rank -1", [](Copy &c) { c.variables[0].rank = -1; }},
      {"number 77", [](Copy &c) { c.variables[0].dtype = 77; }},
      {"negative extent", [](Copy &c) { c.variables[0].shape = negative; }},
      {"claims 25 bytes", [](Copy &c) { c.variables[0].bytes = 25; }},
      {"of a state of", [](Copy &c) { c.variables[0].offset = 1 << 20; }},
      {"of a state of", [](Copy &c) { c.variables[0].offset = UINT64_MAX - 3; }},
      {"of a state of", [](Copy &c) { c.variables[0].offset = 2; }},
      {"'dense/kernel' and 'dense/bias' overlap", [](Copy &c) { c.variables[1].offset = 20; }},
      {"no name of its own", [](Copy &c) { c.functions[1].name = "predict"; }},
      {"no code", [](Copy &c) { c.functions[0].run = nullptr; }},
      {"no code", [](Copy &c) { c.functions[0].plan = nullptr; }},
      {"symbols are missing", [](Copy &c) { c.functions[0].symbols = nullptr; }},
      {"a plan of 0 words", [](Copy &c) { c.functions[0].plan_words = 0; }},
      {"output extents at 3", [](Copy &c) { c.functions[0].output_dims = 3; }},
      {"output extents at -1", [](Copy &c) { c.functions[0].output_dims = -1; }},
      {"bad dimension 0", [](Copy &c) { c.dims[0].symbol = 1; }},
      {"bad dimension 1", [](Copy &c) { c.dims[1].size = -2; }},
      {"bad dimension 1", [](Copy &c) { c.dims[1].text = nullptr; }},
      {"no name, element type or shape", [](Copy &c) { c.input.name = nullptr; }},
      {"no name, element type or shape", [](Copy &c) { c.input.rank = 1000; }},
      {"'derive' has symbols",
       [](Copy &c) {
         c.derive.symbol_count = 1, c.derive.symbols = c.functions[0].symbols;
         c.derive.sources = &noSource;
       }},
      {"sources are missing", [](Copy &c) { c.functions[0].sources = nullptr; }},
      {"symbol 'batch' has no possible source", [](Copy &c) { c.functions[0].sources = &badAxis; }},
      {"symbol 'batch' has no possible source", [](Copy &c) { c.functions[0].sources = &badType; }},
      {"symbol 'batch' has no possible source",
       [](Copy &c) { c.functions[0].sources = &noVector; }},
      {"nodes are missing", [](Copy &c) { c.table.nodes = nullptr; }},
      {"weights are not aligned",
       [](Copy &c) { c.table.initial_state = reinterpret_cast<const void *>(72); }},
      {"manifest is missing", [](Copy &c) { c.table.manifest_bytes = 9; }},
      {"carried values are missing", [](Copy &c) { c.table.carries = nullptr; }},
      {"no input and output of one type", [](Copy &c) { c.table.carries = &otherFunction; }},
      {"no input and output of one type", [](Copy &c) { c.table.carries = &otherType; }},
      {"the size 'batch' is that of a carried value",
       [](Copy &c) { c.table.carries = &sizeOfItself; }},
      {"carried value 1 is carried twice",
       [](Copy &c) { c.table.carry_count = 2, c.table.carries = twice; }},
  };
  for (const Case &oneCase : cases) {
    Copy copy;
    copy.table = good;
    copy.variables.assign(good.variables, good.variables + good.variable_count);
    copy.functions.assign(good.functions, good.functions + good.function_count);
    copy.derive = *good.derive;
    copy.input = good.functions[0].inputs[0];
    std::copy(copy.input.dims, copy.input.dims + 2, copy.dims);
    copy.input.dims = copy.dims;
    copy.functions[0].inputs = &copy.input;
    copy.table.variables = copy.variables.data();
    copy.table.functions = copy.functions.data();
    copy.table.derive = &copy.derive;
    ASSERT_OK(Artifact::adopt(&copy.table).status());
    oneCase.damage(copy);
    EXPECT_STATUS(Artifact::adopt(&copy.table).status(), Internal, oneCase.fragment);
  }
}

TEST_F(ArtifactTest, ATableOfTheFirstVersionHasNoBounds) {
  auto loaded = Artifact::open(FIXTURELINEAR);
  ASSERT_OK(loaded.status());
  ingot_artifact_table old = (*loaded)->table();
  old.size = offsetof(ingot_artifact_table, bound_count);
  old.abi_minor = 0;
  old.bound_count = 1; // not there: what lies behind such a table is not its own
  EXPECT_TRUE(Artifact::adopt(&old).isOk());
}

} // namespace
