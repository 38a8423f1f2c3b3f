// Writes the text line by line; HeaderWriter keeps macro names valid and unique.
#include "compiler/package/Header.h"
#include "compiler/package/DTypeName.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

namespace ingot {
namespace {

/// `text` between comment signs without ending the comment or the line.
std::string inComment(std::string text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n' || (text[i] == '/' && i && text[i - 1] == '*'))
      text[i] = ' ';
  return text;
}

class HeaderWriter {
public:
  explicit HeaderWriter(const std::string &symbol) : prefix(identifier(symbol)) {}

  void line(const std::string &text) { out += text + "\n"; }
  /// Returns the name that was defined, which differs from the one asked for when that was taken.
  std::string define(const std::string &name, uint64_t value, const std::string &comment,
                     const char *suffix = "");
  void tensors(const std::string &function, const char *kind,
               const std::vector<TensorDescription> &tensors);
  void function(const FunctionDescription &d, size_t index);

  static std::string identifier(llvm::StringRef text) {
    std::string result;
    for (char c : text)
      result += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
    return result;
  }

  std::string prefix, out;

private:
  llvm::StringSet<> taken;
};

std::string HeaderWriter::define(const std::string &name, uint64_t value,
                                 const std::string &comment, const char *suffix) {
  std::string unique = identifier(name);
  for (int copy = 2; !taken.insert(unique).second; ++copy)
    unique = identifier(name) + "_" + std::to_string(copy);
  line("#define " + unique + " " + std::to_string(value) + suffix +
       (comment.empty() ? "" : " /* " + inComment(comment) + " */"));
  return unique;
}

void HeaderWriter::tensors(const std::string &function, const char *kind,
                           const std::vector<TensorDescription> &tensors) {
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    std::vector<std::string> dims;
    for (const DimDescription &dim : tensor.dims)
      dims.push_back(dim.text);
    std::string type = std::string(dtypeName(tensor.dtype)) + "[" + llvm::join(dims, ", ") + "]";
    std::string name =
        define(function + kind + tensor.name, index, "\"" + tensor.name + "\": " + type);
    for (auto [axis, dim] : llvm::enumerate(tensor.dims))
      if (dim.size >= 0)
        define(name + "_DIM" + std::to_string(axis), dim.size, "");
  }
}

void HeaderWriter::function(const FunctionDescription &d, size_t index) {
  line("");
  std::string name = define(prefix + "_" + d.name, index, "functions[]: \"" + d.name + "\"");
  for (auto [symbol, text] : llvm::enumerate(d.symbols))
    define(name + "_SYMBOL_" + text, symbol, "");
  tensors(name, "_IN_", d.inputs);
  tensors(name, "_OUT_", d.outputs);
  define(name + "_PLAN_WORDS", d.planWords, "");
}

} // namespace

std::string makeHeader(const std::vector<const ArtifactDescription *> &variants,
                       const std::string &symbol) {
  const ArtifactDescription &d = *variants.front();
  HeaderWriter header(symbol);
  header.line("/* The model '" + inComment(d.name) +
              "', made by ingot. See ingot/artifact.h for how");
  header.line(" * to call it; the macros name the indices of its tables. */");
  header.line("#ifndef INGOT_MODEL_" + header.prefix + "_H");
  header.line("#define INGOT_MODEL_" + header.prefix + "_H");
  header.line("\n#include <ingot/artifact.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif");
  header.line("/* NULL when none of its variants can run on this CPU. */");
  header.line("const struct ingot_artifact *" + symbol + "(void);");
  header.line("#ifdef __cplusplus\n}\n#endif\n");
  auto sameState = [&](const ArtifactDescription *other) {
    return other->stateBytes == d.stateBytes;
  };
  if (llvm::all_of(variants, sameState))
    header.define(header.prefix + "_STATE_BYTES", d.stateBytes, "", "u");
  for (auto [index, function] : llvm::enumerate(d.functions))
    header.function(function, index);
  header.line("");
  for (auto [index, variable] : llvm::enumerate(d.variables))
    header.define(header.prefix + "_VARIABLE_" + variable.name, index,
                  "variables[]: \"" + variable.name + "\"");
  header.line("\n#endif");
  return header.out;
}

} // namespace ingot
