// Products of matrices by a library: what the runtime asks cuBLASLt for is the product that an
// artifact described, on the fake driver. Elements are small integers, exact in every type.
#include "FakeDriver.h"
#include "ingot/Device.h"
#include "runtime/device/CublasLt.h"
#include "runtime/device/Driver.h"
#include "tests/gpu/shim/Half.h"

#include <cstring>
#include <thread>

using namespace ingot;
using namespace ingot::gputest;

namespace {

int64_t bytesOf(int64_t type) { return type == INGOT_F64 ? 8 : type == INGOT_F32 ? 4 : 2; }

void encode(char *to, int64_t type, double value) {
  const auto put = [&](auto x) { std::memcpy(to, &x, sizeof x); };
  if (type == INGOT_F64)
    put(value);
  else if (type == INGOT_F32)
    put(static_cast<float>(value));
  else if (type == INGOT_F16)
    put(static_cast<_Float16>(value));
  else
    put(shim::f32ToBf16(static_cast<float>(value)));
}

double decode(const char *from, int64_t type) {
  const auto get = [&](auto x) {
    std::memcpy(&x, from, sizeof x);
    return static_cast<double>(static_cast<float>(x));
  };
  if (type == INGOT_F64)
    return get(double());
  if (type == INGOT_F32)
    return get(float());
  if (type == INGOT_F16)
    return get(_Float16());
  uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return shim::bf16ToF32(bits);
}

/// rows x columns x depth, each matrix dense and row by row.
ingot_product product(int64_t rows, int64_t columns, int64_t depth) {
  ingot_product p = {};
  p.type = p.result_type = INGOT_F32;
  p.batch = 1;
  p.rows = rows;
  p.columns = columns;
  p.depth = depth;
  p.a_row = depth;
  p.a_depth = 1;
  p.b_depth = columns;
  p.b_column = 1;
  p.d_row = columns;
  p.a_batch = rows * depth;
  p.b_batch = depth * columns;
  p.d_batch = rows * columns;
  return p;
}

/// Elements of a matrix in memory: up to the last one that is read.
struct Matrix {
  Matrix(int64_t type, std::initializer_list<std::pair<int64_t, int64_t>> countsAndSteps)
      : type(type) {
    for (auto [count, step] : countsAndSteps)
      elements += (count - 1) * step;
  }
  void fill() {
    for (int64_t i = 0; i < elements; ++i)
      values.push_back(static_cast<double>(i % 5 - 2));
  }
  int64_t type, elements = 1;
  std::vector<double> values;
  void *there = nullptr;
};

class Products : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    code.api = "cuda";
    code.library = "cublaslt";
    open();
  }
  void TearDown() override {
    close();
    DeviceTest::TearDown();
  }
  void open() {
    close();
    device = std::move(Device::open("cuda")).value();
    loaded = std::move(device->driver().load(code)).value();
    stream = std::move(device->driver().makeStream()).value();
  }
  void close() {
    for (void *block : blocks)
      stream->free(block);
    blocks.clear();
    stream.reset();
    loaded.reset();
    device.reset();
  }

  void *allocate(int64_t bytes) {
    blocks.push_back(std::move(stream->allocate(static_cast<uint64_t>(bytes))).value());
    return blocks.back();
  }
  void upload(Matrix &matrix) {
    const int64_t bytes = matrix.elements * bytesOf(matrix.type);
    matrix.there = allocate(bytes);
    void *staging =
        std::move(device->driver().allocateStaging(static_cast<uint64_t>(bytes))).value();
    for (int64_t i = 0; i < matrix.elements; ++i)
      encode(static_cast<char *>(staging) + i * bytesOf(matrix.type), matrix.type,
             matrix.values[static_cast<size_t>(i)]);
    EXPECT_TRUE(stream->upload(matrix.there, staging, static_cast<uint64_t>(bytes)).isOk());
    EXPECT_TRUE(stream->wait().isOk());
    device->driver().freeStaging(staging);
  }
  std::vector<double> download(const Matrix &matrix) {
    const int64_t bytes = matrix.elements * bytesOf(matrix.type);
    void *staging =
        std::move(device->driver().allocateStaging(static_cast<uint64_t>(bytes))).value();
    EXPECT_TRUE(stream->download(staging, matrix.there, static_cast<uint64_t>(bytes)).isOk());
    EXPECT_TRUE(stream->wait().isOk());
    std::vector<double> values;
    for (int64_t i = 0; i < matrix.elements; ++i)
      values.push_back(
          decode(static_cast<const char *>(staging) + i * bytesOf(matrix.type), matrix.type));
    device->driver().freeStaging(staging);
    return values;
  }

  struct Operands {
    Matrix a, b, bias, d;
    ProductOperands pointers() const { return {a.there, b.there, bias.there, d.there}; }
  };
  Operands operandsOf(const ingot_product &p) {
    Operands all = {{p.type, {{p.batch, p.a_batch}, {p.rows, p.a_row}, {p.depth, p.a_depth}}},
                    {p.type, {{p.batch, p.b_batch}, {p.depth, p.b_depth}, {p.columns, p.b_column}}},
                    {p.result_type, {{p.columns, 1}}},
                    {p.result_type, {{p.batch, p.d_batch}, {p.rows, p.d_row}, {p.columns, 1}}}};
    for (Matrix *matrix : {&all.a, &all.b, &all.bias, &all.d}) {
      matrix->fill();
      upload(*matrix);
    }
    return all;
  }
  Result<bool> multiply(const ingot_product &p, const Operands &operands) {
    return stream->multiply(*loaded, p, operands.pointers());
  }
  /// What is in d afterwards; what is between its rows stays.
  static std::vector<double> expected(const ingot_product &p, const Operands &operands) {
    std::vector<double> d = operands.d.values;
    for (int64_t batch = 0; batch < p.batch; ++batch)
      for (int64_t row = 0; row < p.rows; ++row)
        for (int64_t column = 0; column < p.columns; ++column) {
          double sum = 0;
          for (int64_t k = 0; k < p.depth; ++k)
            sum += operands.a.values[static_cast<size_t>(batch * p.a_batch + row * p.a_row +
                                                         k * p.a_depth)] *
                   operands.b.values[static_cast<size_t>(batch * p.b_batch + k * p.b_depth +
                                                         column * p.b_column)];
          if (p.epilogue & INGOT_EPILOGUE_BIAS)
            sum += operands.bias.values[static_cast<size_t>(column)];
          if (p.epilogue & INGOT_EPILOGUE_RELU)
            sum = std::max(sum, 0.0);
          d[static_cast<size_t>(batch * p.d_batch + row * p.d_row + column)] = sum;
        }
    return d;
  }
  void expectProduct(const ingot_product &p) {
    Operands operands = operandsOf(p);
    Result<bool> isPut = multiply(p, operands);
    ASSERT_TRUE(isPut.isOk()) << isPut.status().message();
    ASSERT_TRUE(*isPut);
    EXPECT_EQ(download(operands.d), expected(p, operands));
  }

  ingot_device_code code = {};
  std::shared_ptr<Device> device;
  std::unique_ptr<DeviceCode> loaded;
  std::unique_ptr<Stream> stream;
  std::vector<void *> blocks;
};

TEST_F(Products, AreOfAnyLayoutTypeAndEpilogue) {
  const std::pair<int64_t, int64_t> types[] = {{INGOT_F32, INGOT_F32},   {INGOT_F64, INGOT_F64},
                                               {INGOT_F16, INGOT_F16},   {INGOT_F16, INGOT_F32},
                                               {INGOT_BF16, INGOT_BF16}, {INGOT_BF16, INGOT_F32}};
  for (const auto &[type, resultType] : types)
    for (int transposed = 0; transposed < 4; ++transposed)
      for (int64_t epilogue = 0; epilogue < 4; ++epilogue) {
        SCOPED_TRACE(std::to_string(type) + " " + std::to_string(transposed) + " " +
                     std::to_string(epilogue));
        ingot_product p = product(7, 5, 11);
        p.type = type;
        p.result_type = resultType;
        p.epilogue = epilogue;
        if (transposed & 1) {
          p.a_row = 1;
          p.a_depth = p.rows;
        }
        if (transposed & 2) {
          p.b_depth = 1;
          p.b_column = p.depth;
        }
        expectProduct(p);
      }
}

TEST_F(Products, MayHaveRoomBetweenRowsAndMatrices) {
  ingot_product p = product(4, 6, 5);
  p.batch = 3;
  p.a_row = 8;
  p.b_depth = 9;
  p.d_row = 7;
  p.a_batch = 40;
  p.b_batch = 0; // one for all
  p.d_batch = 30;
  expectProduct(p);
  // Heads of an attention: matrices in each other's rows.
  p = product(4, 6, 5);
  p.batch = 2;
  p.a_row = 10;
  p.a_batch = 5;
  p.d_row = 12;
  p.d_batch = 6;
  p.b_depth = 1;
  p.b_column = 5;
  p.b_batch = 30;
  expectProduct(p);
}

TEST_F(Products, OfOneRowOrColumnOrSummand) {
  expectProduct(product(1, 9, 4));
  expectProduct(product(9, 1, 4));
  expectProduct(product(3, 4, 1));
  expectProduct(product(1, 1, 1));
  ingot_product p = product(1, 6, 5); // of one row the step says nothing
  p.a_row = p.d_row = 0;
  expectProduct(p);
}

TEST_F(Products, WithLongSumsHaveAWorkspace) {
  expectProduct(product(8, 8, 300));
  expectProduct(product(8, 8, 600));
}

TEST_F(Products, ThatNoMatricesMakeAreLeftToKernels) {
  const auto isLeft = [&](const ingot_product &p) {
    Result<bool> isPut = stream->multiply(*loaded, p, {nullptr, nullptr, nullptr, nullptr});
    return isPut.isOk() && !*isPut;
  };
  ingot_product p = product(4, 4, 4);
  p.a_row = 1; // windows of a line
  EXPECT_TRUE(isLeft(p));
  p = product(4, 4, 4);
  p.b_depth = 8;
  p.b_column = 2;
  EXPECT_TRUE(isLeft(p));
  EXPECT_TRUE(isLeft(product(0, 4, 4)));
  EXPECT_TRUE(isLeft(product(4, 4, 0)));
  p = product(4, 4, 4);
  p.type = INGOT_I8;
  EXPECT_TRUE(isLeft(p));
  p = product(4, 4, 4);
  p.epilogue = 64; // of a later version
  EXPECT_TRUE(isLeft(p));
}

TEST_F(Products, AreTheChosenOnesAlone) {
  const ingot_library_choice choices[] = {{"Fake GPU", product(4, 5, 6)},
                                          {"another GPU", product(5, 5, 6)}};
  code.choice_count = 2;
  code.choices = choices;
  open();
  for (const auto &[rows, isChosen] : {std::pair{4, true}, {5, false}, {6, false}}) {
    const ingot_product p = product(rows, 5, 6);
    Result<bool> isPut = multiply(p, operandsOf(p));
    ASSERT_TRUE(isPut.isOk());
    EXPECT_EQ(*isPut, isChosen) << rows;
  }
}

TEST_F(Products, AreNobodysWhereTheArtifactAsksForNoLibraryOrAnother) {
  for (const char *library : {static_cast<const char *>(nullptr), "later"}) {
    code.library = library;
    open();
    const ingot_product p = product(4, 5, 6);
    Result<bool> isPut = multiply(p, operandsOf(p));
    ASSERT_TRUE(isPut.isOk());
    EXPECT_FALSE(*isPut);
  }
  EXPECT_EQ(driver.count("cublasLtCreate"), 0); // nor is it loaded
}

TEST_F(Products, AreRecordedAndReplayed) {
  const ingot_product p = product(6, 5, 300); // with a workspace
  Operands operands = operandsOf(p);
  ASSERT_TRUE(*multiply(p, operands)); // what is there before a recording
  ASSERT_OK(stream->beginRecording());
  Result<bool> isPut = multiply(p, operands);
  Result<std::unique_ptr<Recording>> recording = stream->endRecording();
  ASSERT_TRUE(isPut.isOk() && *isPut && recording.isOk());
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(stream->clear(operands.d.there, static_cast<uint64_t>(p.rows * p.columns * 4)));
    ASSERT_OK(stream->replay(**recording));
    EXPECT_EQ(download(operands.d), expected(p, operands));
  }
  EXPECT_EQ(driver.count("cublasLtMatmul"), 2);
}

TEST_F(Products, OfOneKindAreChosenForOnce) {
  const ingot_product p = product(6, 5, 4);
  Operands operands = operandsOf(p);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(*multiply(p, operands));
  ASSERT_OK(stream->wait());
  EXPECT_EQ(driver.count("cublasLtMatmulAlgoGetHeuristic"), 1);
}

TEST_F(Products, MayBePutByAnyThreads) {
  const ingot_product p = product(6, 5, 4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      std::unique_ptr<Stream> own = std::move(device->driver().makeStream()).value();
      std::vector<void *> memory;
      for (int64_t elements : {p.rows * p.depth, p.depth * p.columns, p.rows * p.columns})
        memory.push_back(std::move(own->allocate(static_cast<uint64_t>(elements * 4))).value());
      for (int run = 0; run < 5; ++run)
        EXPECT_TRUE(*own->multiply(*loaded, p, {memory[0], memory[1], nullptr, memory[2]}));
      for (void *block : memory)
        own->free(block);
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(Products, AreLeftToKernelsWhereTheLibraryHasNothing) {
  driver.set("cublaslt", "nothing");
  const ingot_product p = product(6, 5, 4);
  EXPECT_FALSE(*multiply(p, operandsOf(p)));
}

TEST_F(Products, AreLeftToKernelsWhereTheLibraryDoesNotStart) {
  driver.set("cublaslt", "unusable");
  const ingot_product p = product(6, 5, 4);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(*multiply(p, operandsOf(p)));
  EXPECT_FALSE(*multiply(p, operandsOf(p)));
  const std::string notice = testing::internal::GetCapturedStderr();
  EXPECT_EQ(notice,
            "ingot: products of matrices are computed by the model's kernels: cuBLASLt does "
            "not start: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED\n");
  EXPECT_STATUS(device->driver().productLibrary().status(), Unavailable, "does not start");
}

TEST_F(Products, FailWithTheLibrarysWords) {
  driver.set("cublaslt", "failing");
  const ingot_product p = product(6, 5, 4);
  EXPECT_STATUS(multiply(p, operandsOf(p)).status(), Internal,
                "cublasLtMatmul: CUBLAS_STATUS_EXECUTION_FAILED");
}

TEST_F(Products, ThatFailLaterLoseTheDevice) {
  driver.set("cublaslt", "losing");
  const ingot_product p = product(6, 5, 4);
  EXPECT_TRUE(*multiply(p, operandsOf(p)));
  EXPECT_STATUS(stream->wait(), Internal, "CUDA_ERROR_LAUNCH_FAILED");
  close();
  driver.reset(); // what is left in a lost context is left to the driver
}

TEST_F(Products, AreWatchedForMeasurements) {
  const ingot_product p = product(6, 5, 4);
  Operands operands = operandsOf(p);
  std::vector<int64_t> seen;
  bool isAllowed = true;
  device->driver().productWatcher = [&](const ingot_product &watched) {
    seen.push_back(watched.rows);
    return isAllowed;
  };
  EXPECT_TRUE(*multiply(p, operands));
  isAllowed = false;
  EXPECT_FALSE(*multiply(p, operands));
  EXPECT_FALSE(*multiply(product(0, 5, 4), operands)); // not the library's
  EXPECT_EQ(seen, (std::vector<int64_t>{6, 6}));
  ASSERT_OK(stream->wait());
  EXPECT_EQ(*device->driver().productLibrary(), "cuBLASLt 13.1.0");
}

//===----------------------------------------------------------------------===//
// Mistakes: the fake library finds them
//===----------------------------------------------------------------------===//

cublaslt::Library real;

struct Fault {
  const char *name;
  void (*seed)(cublaslt::Library &library);
  const char *seen; // of the report; "": the numbers are wrong
};

const Fault faults[] = {
    {"FactorsExchanged",
     [](cublaslt::Library &l) {
       l.cublasLtMatmul = [](auto handle, auto desc, auto alpha, auto a, auto aLayout, auto b,
                             auto bLayout, auto beta, auto c, auto cLayout, auto d, auto dLayout,
                             auto algo, auto workspace, auto bytes, auto stream) {
         return real.cublasLtMatmul(handle, desc, alpha, b, aLayout, a, bLayout, beta, c, cLayout,
                                    d, dLayout, algo, workspace, bytes, stream);
       };
     },
     ""},
    {"NotTransposed",
     [](cublaslt::Library &l) {
       l.cublasLtMatmulDescSetAttribute = [](auto desc, auto attribute, auto value, auto bytes) {
         const int32_t no = cublaslt::CUBLAS_OP_N;
         return real.cublasLtMatmulDescSetAttribute(
             desc, attribute, attribute == cublaslt::CUBLASLT_MATMUL_DESC_TRANSB ? &no : value,
             bytes);
       };
     },
     "the extents of the matrices do not go together"},
    {"AttributeOfAnotherSize",
     [](cublaslt::Library &l) {
       l.cublasLtMatmulPreferenceSetAttribute = [](auto preference, auto attribute, auto value,
                                                   auto) {
         return real.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, 8);
       };
     },
     "of 8 bytes"},
    {"NoWorkspace",
     [](cublaslt::Library &l) {
       l.cublasLtMatmul = [](auto handle, auto desc, auto alpha, auto a, auto aLayout, auto b,
                             auto bLayout, auto beta, auto c, auto cLayout, auto d, auto dLayout,
                             auto algo, auto, auto, auto stream) {
         return real.cublasLtMatmul(handle, desc, alpha, a, aLayout, b, bLayout, beta, c, cLayout,
                                    d, dLayout, algo, nullptr, 0, stream);
       };
     },
     "the workspace is too small"},
    {"InNoStream",
     [](cublaslt::Library &l) {
       l.cublasLtMatmul = [](auto handle, auto desc, auto alpha, auto a, auto aLayout, auto b,
                             auto bLayout, auto beta, auto c, auto cLayout, auto d, auto dLayout,
                             auto algo, auto workspace, auto bytes, auto) {
         return real.cublasLtMatmul(handle, desc, alpha, a, aLayout, b, bLayout, beta, c, cLayout,
                                    d, dLayout, algo, workspace, bytes, nullptr);
       };
     },
     "no stream has this handle"},
    {"AlgorithmOfAnotherProduct",
     [](cublaslt::Library &l) {
       l.cublasLtMatmulAlgoGetHeuristic = [](auto handle, auto desc, auto a, auto b, auto c, auto d,
                                             auto preference, auto requested, auto results,
                                             auto returned) {
         static cublaslt::cublasLtMatmulHeuristicResult_t first;
         const auto status = real.cublasLtMatmulAlgoGetHeuristic(
             handle, desc, a, b, c, d, preference, requested, results, returned);
         if (first.workspaceSize == 0)
           first = *results;
         *results = first;
         return status;
       };
     },
     "the algorithm was chosen for another product"},
    {"DescriptionsNeverDestroyed",
     [](cublaslt::Library &l) {
       l.cublasLtMatmulDescDestroy = [](auto) { return cublaslt::cublasStatus_t{0}; };
     },
     "descriptions of products"},
    {"NeverDestroyed",
     [](cublaslt::Library &l) {
       l.cublasLtDestroy = [](auto) { return cublaslt::cublasStatus_t{0}; };
     },
     "handles of cuBLASLt"}};

class ProductFaults : public Products, public testing::WithParamInterface<Fault> {
protected:
  ProductFaults() : library(const_cast<cublaslt::Library &>(*cublaslt::library().value())) {}
  void TearDown() override {
    library = real;
    driver.reset();
  }
  cublaslt::Library &library;
};

TEST_P(ProductFaults, AreFound) {
  real = library;
  GetParam().seed(library);
  bool isGood = true;
  for (int64_t rows : {6, 7}) {
    ingot_product p = product(rows, 6, 300);
    p.a_row = 1;
    p.a_depth = rows;
    Operands operands = operandsOf(p);
    Result<bool> isPut = multiply(p, operands);
    isGood = isGood && isPut.isOk() && download(operands.d) == expected(p, operands);
  }
  close();
  const std::string report = driver.report(), seen = GetParam().seen;
  if (seen.empty())
    EXPECT_FALSE(isGood) << report;
  else
    EXPECT_NE(report.find(seen), std::string::npos) << report;
}

INSTANTIATE_TEST_SUITE_P(All, ProductFaults, testing::ValuesIn(faults),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
