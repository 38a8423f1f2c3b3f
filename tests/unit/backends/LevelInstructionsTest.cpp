// Which instructions artifacts have for each CPU level: those that the level is there for, and none
// for products that they are not for. What the instructions compute is seen in tests/emulated.
#include "compiler/Compile.h"
#include "tests/unit/compiler/GraphTest.h"
#include "llvm-c/Disassembler.h"
#include "llvm-c/Target.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

namespace ingot::cpu {
namespace {

/// By its beginning, how many instructions the file's code has.
class Instructions {
public:
  explicit Instructions(llvm::StringRef path) {
    auto file = llvm::cantFail(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)));
    auto object = llvm::cantFail(llvm::object::ELF64LEObjectFile::create(file->getMemBufferRef()));
    for (const llvm::object::SectionRef &section : object.sections())
      if (section.isText())
        disassemble(llvm::cantFail(section.getContents()));
  }
  int64_t count(llvm::StringRef beginning) const {
    int64_t sum = 0;
    for (auto &[name, count] : counts)
      if (llvm::StringRef(name).starts_with(beginning))
        sum += count;
    return sum;
  }

private:
  void disassemble(llvm::StringRef code) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86Disassembler();
    auto *disassembler = LLVMCreateDisasmCPUFeatures("x86_64-linux-gnu", "sapphirerapids", "",
                                                     nullptr, 0, nullptr, nullptr);
    auto *bytes = reinterpret_cast<uint8_t *>(const_cast<char *>(code.data()));
    for (uint64_t at = 0; at < code.size();) {
      char text[128];
      size_t size =
          LLVMDisasmInstruction(disassembler, bytes + at, code.size() - at, at, text, sizeof text);
      llvm::StringRef name = llvm::StringRef(text).trim();
      name.consume_front("{vex}"); // how it is encoded
      if (size != 0)
        ++counts[name.trim().split('\t').first.str()];
      at += std::max<size_t>(1, size);
    }
    LLVMDisasmDispose(disassembler);
  }
  std::map<std::string, int64_t> counts;
};

class LevelInstructions : public test::GraphTest {
protected:
  LevelInstructions() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  Instructions of(const std::string &level, const std::string &model) {
    parse(model);
    CompileOptions options;
    options.targetCpu = level;
    llvm::SmallString<64> path;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("ingot-level", "so", path));
    EXPECT_TRUE(mlir::succeeded(compileToFile(*module, options, path.str().str())));
    Instructions found(path);
    llvm::sys::fs::remove(path);
    return found;
  }

  /// A product of 512 x 512 matrices, cast to f32 or i32 where they have other elements.
  static std::string product(const std::string &x, const std::string &y, const std::string &sum) {
    auto matrix = [](const std::string &element) { return "tensor<512x512x" + element + ">"; };
    auto cast = [&](const char *to, const char *from, const std::string &element) {
      return "  %" + std::string(to) + " = graph.cast %" + from + " : " + matrix(element) + " to " +
             matrix(sum) + "\n";
    };
    return "func.func @f(%x: " + matrix(x) + ", %y: " + matrix(y) + ") -> " + matrix(sum) + " {\n" +
           (x == sum ? "" : cast("a", "x", x) + cast("b", "y", y)) + "  %r = graph.matmul " +
           (x == sum ? "%x, %y" : "%a, %b") + " : (" + matrix(sum) + ", " + matrix(sum) + ") -> " +
           matrix(sum) + "\n  return %r : " + matrix(sum) + "\n}";
  }
};

TEST_F(LevelInstructions, ProductsOfBf16TakeTheirInstructions) {
  std::string model = product("bf16", "bf16", "f32");
  Instructions fma = of("x86-64-v3", model), pairs = of("x86-64-v4+bf16", model),
               tiles = of("x86-64-v4+amx", model);
  EXPECT_GE(fma.count("vfmadd"), 24);
  EXPECT_EQ(fma.count("vdpbf16ps"), 0);
  EXPECT_GE(pairs.count("vdpbf16ps"), 28);
  EXPECT_EQ(pairs.count("vfmadd"), 0);
  EXPECT_EQ(pairs.count("tdp"), 0);
  EXPECT_GE(tiles.count("tdpbf16ps"), 4);
  EXPECT_EQ(tiles.count("vdpbf16ps") + tiles.count("vfmadd"), 0);
  EXPECT_GE(tiles.count("ldtilecfg"), 1);
  EXPECT_GE(tiles.count("tilerelease"), 1);
}

TEST_F(LevelInstructions, ProductsOfBytesTakeTheirInstructions) {
  const std::string byVnni = product("ui8", "si8", "si32");
  EXPECT_GE(of("x86-64-v3", byVnni).count("vpmaddwd"), 12);
  EXPECT_GE(of("x86-64-v3+vnni", byVnni).count("vpdpbusd"), 12);
  EXPECT_GE(of("x86-64-v4+bf16", byVnni).count("vpdpbusd"), 28);
  Instructions tiles = of("x86-64-v4+amx", byVnni);
  EXPECT_GE(tiles.count("tdpbusd"), 4);
  EXPECT_EQ(tiles.count("vpdp"), 0);
  EXPECT_GE(of("x86-64-v4+amx", product("si8", "si8", "si32")).count("tdpbssd"), 4);
  EXPECT_GE(of("x86-64-v4+amx", product("si8", "ui8", "si32")).count("tdpbsud"), 4);
  EXPECT_GE(of("x86-64-v4+amx", product("ui8", "ui8", "si32")).count("tdpbuud"), 4);
}

TEST_F(LevelInstructions, ProductsOfF32StayWhatTheyAre) {
  for (const char *level : {"x86-64-v4+bf16", "x86-64-v4+amx"}) {
    Instructions found = of(level, product("f32", "f32", "f32"));
    EXPECT_GE(found.count("vfmadd"), 28) << level;
    EXPECT_EQ(found.count("vdpbf16ps") + found.count("tdp") + found.count("ldtilecfg"), 0) << level;
  }
}

} // namespace
} // namespace ingot::cpu
