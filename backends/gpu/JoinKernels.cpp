// Several kernels as one: see joinKernels in KernelText.h. Of equal texts there is one, whose
// parameters are chosen by the number of the block.
#include "backends/gpu/KernelText.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

namespace ingot::gpu {

namespace {

using Parameter = KernelText::Parameter;

class Joiner {
public:
  KernelText join(llvm::ArrayRef<KernelPart> parts);

private:
  /// Code for parts of one text, whose blocks come next.
  std::string put(llvm::ArrayRef<const KernelPart *> alike);
  /// What the part has for its text's parameter: a parameter of the joined kernel, or a number.
  std::string argument(const KernelPart &part, const Parameter &parameter);

  KernelText joined;
  int64_t blocks = 0; // of what is put so far
};

std::string Joiner::argument(const KernelPart &part, const Parameter &parameter) {
  if (parameter.kind == Parameter::Kind::Count)
    return std::to_string(part.count);
  return joined.letter + std::to_string(parameter.placeIn(joined.parameters));
}

std::string Joiner::put(llvm::ArrayRef<const KernelPart *> alike) {
  const KernelText &text = alike.front()->text;
  std::string code = "  k_i64 first = " + std::to_string(blocks) + ";\n";
  std::vector<std::string> current;
  for (auto [i, parameter] : llvm::enumerate(text.parameters)) {
    current.push_back(argument(*alike.front(), parameter));
    code += "  " + parameter.declare(llvm::Twine(text.letter) + llvm::Twine(i)) + " = " +
            current.back() + ";\n";
  }
  blocks += alike.front()->blocks;
  for (const KernelPart *part : alike.drop_front()) {
    const std::string begin = std::to_string(blocks);
    code += "  if (place >= " + begin + ") {\n    first = " + begin + ";\n";
    for (auto [i, parameter] : llvm::enumerate(part->text.parameters))
      if (std::string value = argument(*part, parameter); value != current[i]) {
        code += "    " + (text.letter + std::to_string(i)) + " = " + value + ";\n";
        current[i] = value;
      }
    code += "  }\n";
    blocks += part->blocks;
  }
  return code + "  const k_i64 block = place - first;\n" + text.body;
}

KernelText Joiner::join(llvm::ArrayRef<KernelPart> parts) {
  joined.letter = 'q';
  joined.threads = parts.front().text.threads;
  llvm::MapVector<llvm::StringRef, llvm::SmallVector<const KernelPart *>> byText;
  for (const KernelPart &part : parts) {
    byText[part.text.body].push_back(&part);
    joined.calls.insert(part.text.calls.begin(), part.text.calls.end());
    joined.usesShared |= part.text.usesShared;
  }
  joined.head = "  const k_i64 place = K_BLOCK;\n";
  // Shared memory is declared in the outermost block of a kernel.
  if (byText.size() == 1) {
    joined.body = put(byText.front().second);
    return joined;
  }
  for (const auto &[text, alike] : byText) {
    std::string code = put(alike);
    joined.body += "  if (place < " + std::to_string(blocks) + ") {\n" + code + "  return;\n  }\n";
  }
  return joined;
}

} // namespace

KernelText joinKernels(llvm::ArrayRef<KernelPart> parts) { return Joiner().join(parts); }

} // namespace ingot::gpu
