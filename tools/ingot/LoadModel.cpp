// Reading models and wording what is wrong with them. See LoadModel.h.
#include "tools/ingot/LoadModel.h"
#include "compiler/prepare/Prepare.h"
#include "frontends/keras/ModelDirectory.h"
#include "frontends/keras/files/KerasFiles.h"
#include "frontends/onnx/ReadOnnx.h"
#include "ir/exec/Exec.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include <filesystem>

using namespace mlir;

namespace ingot::cli {
namespace {

std::string fileLocation(Location location) {
  std::string result;
  location->walk([&](Location inner) {
    auto file = llvm::dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    result = file.getFilename().str();
    if (file.getLine() != 0) // else the whole file
      result += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
    return WalkResult::interrupt();
  });
  return result;
}

/// "'graph.matmul' op has …" reads "`graph.matmul` has …".
std::string inUsersWords(std::string text) {
  if (text.empty() || text[0] != '\'')
    return text;
  size_t end = text.find("' op ");
  if (end == std::string::npos)
    return text;
  return "`" + text.substr(1, end - 1) + "` " + text.substr(end + 5);
}

/// Whether the message says already which layer it is about.
bool names(const std::string &text, const std::string &layer) {
  return llvm::StringRef(text).starts_with(layer + ":") ||
         text.find("`" + layer + "`") != std::string::npos ||
         text.find("'" + layer + "'") != std::string::npos;
}

/// A file written with `module { … }` around its content: takes that away.
void unwrap(ModuleOp module) {
  Block &body = *module.getBody();
  auto inner = llvm::hasSingleElement(body) ? llvm::dyn_cast<ModuleOp>(body.front()) : ModuleOp();
  if (!inner)
    return;
  module->setAttrs(inner->getAttrDictionary());
  body.getOperations().splice(body.begin(), inner.getBody()->getOperations());
  inner.erase();
}

/// Reads a .mlir file and verifies it op by op, so that one wrong op does not hide the next. The
/// parser's record says where each op stands; its location tells only the layer.
OwningOpRef<ModuleOp> readText(const std::string &path, MLIRContext *context,
                               const CustomOps &customOps, DiagnosticCollector &collector) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    throw Failure(kInput, "cannot read `" + path + "`: " + buffer.getError().message());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  AsmParserState places;
  if (failed(parseAsmSourceFile(sources, module->getBody(),
                                ParserConfig(context, /*verifyAfterParse=*/false), &places)))
    return nullptr;
  unwrap(*module);
  if (failed(checkTypes(*module)) || failed(customOps.declareIn(*module)))
    return module;
  module->walk([&](Operation *op) {
    if (const auto *definition = places.getOpDef(op)) {
      auto [line, column] = sources.getLineAndColumn(definition->loc.Start);
      collector.setSource(path + ":" + std::to_string(line) + ":" + std::to_string(column));
    }
    (void)verify(op, /*verifyRecursively=*/false);
  });
  collector.setSource(path);
  if (collector.errors().empty())
    (void)verify(*module);
  return module;
}

/// The compiler checks them (compiler/prepare/CheckModel.cpp).
void addCarries(ModuleOp module, const std::string &path,
                const std::vector<std::pair<std::string, std::string>> &carries) {
  auto predict = module.lookupSymbol<func::FuncOp>("predict");
  if (!predict)
    throw Failure(kInput, "`" + path + "` has no function `predict` to carry values of");
  Builder b(module.getContext());
  llvm::SmallVector<Attribute> list;
  for (const auto &[output, input] : carries)
    list.push_back(b.getStrArrayAttr({output, input}));
  predict->setAttr("graph.carries", b.getArrayAttr(list));
}

} // namespace

void checkExists(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw Failure(kInput, "cannot read `" + path + "`: no such file or directory");
}

bool hasExtension(const std::string &path, const char *extension) {
  return std::filesystem::path(path).extension() == extension;
}

std::map<std::string, std::string> parseShapes(const std::vector<std::string> &options) {
  std::map<std::string, std::string> shapes;
  for (const std::string &option : options) {
    auto [name, sizes] = llvm::StringRef(option).split('=');
    if (name.empty() || sizes.empty())
      throw Failure(
          kUsage, "`" + option + "` for --shape is not NAME=SIZES",
          "give a dimension one size (batch=8) or bounds (batch=1..64), or an input all sizes "
          "(images=1,3,224,224)");
    shapes[name.str()] = sizes.str();
  }
  return shapes;
}

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  context->loadAllAvailableDialects();
  return context;
}

DiagnosticCollector::DiagnosticCollector(MLIRContext *context, std::string source)
    : source(std::move(source)), handler(context, [this](Diagnostic &d) { return collect(d); }) {}

LogicalResult DiagnosticCollector::collect(Diagnostic &diagnostic) {
  std::string text = inUsersWords(diagnostic.str());
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning) {
    printWarning(text);
    return success();
  }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return success();
  if (!messages.empty() && llvm::StringRef(text).ends_with("failed to infer returned types"))
    return success(); // the reason was the message before
  std::string layer = graph::layerName(diagnostic.getLocation());
  if (!layer.empty() && !names(text, layer))
    text = "layer `" + layer + "`: " + text;
  std::string where = fileLocation(diagnostic.getLocation());
  Message message{text, where.empty() ? source : where, "", {}};
  for (Diagnostic &note : diagnostic.getNotes())
    if (note.str().find("see current operation") == std::string::npos)
      message.notes.push_back(note.str());
  messages.push_back(std::move(message));
  return success();
}

void DiagnosticCollector::throwErrors() const {
  if (messages.empty())
    return;
  bool isInternal = llvm::any_of(messages, [](const Message &message) {
    return message.text.find("internal error") != std::string::npos;
  });
  throw Failure(isInternal ? kInternal : kInput, messages);
}

std::vector<std::string> LoadedModel::functionNames() const {
  std::vector<std::string> names;
  for (auto function : (*module).getOps<func::FuncOp>())
    if (!function.isPrivate())
      names.push_back(function.getName().str());
  return names;
}

LoadedModel loadModel(const std::string &path, const LoadOptions &options) {
  checkExists(path);
  std::error_code error;
  LoadedModel model;
  model.isSaved = std::filesystem::is_directory(path, error) || keras::isKerasFile(path);
  bool isOnnx = hasExtension(path, ".onnx");
  if (!model.isSaved && !isOnnx && !hasExtension(path, ".mlir"))
    throw Failure(
        kInput, "`" + path + "` is no model that Ingot reads",
        "give a model directory, as keras::Model::save writes it, a .keras or .h5 file, an .onnx "
        "or a .mlir file; "
        "PyTorch's models become .onnx by torch.onnx.export");
  if (model.isSaved && options.train)
    throw Failure(kUsage, "--train is for .onnx and .mlir models",
                  "a saved model is trained as it was compiled in Keras's API: save it after "
                  "compile(), and take --functions all");
  model.context = makeContext();
  DiagnosticCollector collector(model.context.get(), path);
  if (auto customOps = CustomOps::read(options.customOps, model.context.get());
      succeeded(customOps))
    model.customOps = std::move(*customOps);
  collector.throwErrors();
  if (model.isSaved) {
    model.module = keras::loadModelDirectory(path, model.context.get(), options.withTraining,
                                             options.recompute);
    if (model.module)
      (void)verify(*model.module);
  } else if (isOnnx) {
    model.module =
        readOnnx(path, model.context.get(),
                 {options.shapes, options.intermediates, model.customOps->declarations()});
  } else {
    model.module = readText(path, model.context.get(), *model.customOps, collector);
  }
  collector.throwErrors();
  if (model.module && !options.carries.empty())
    addCarries(*model.module, path, options.carries);
  if (model.module && options.train) {
    auto made = keras::addTraining(*model.module, *options.train);
    collector.throwErrors();
    if (succeeded(made))
      model.training = std::move(*made);
  }
  if (!model.module || (options.train && !model.training))
    throw Failure(kInternal, "`" + path + "` gave neither a model nor an error");
  return model;
}

std::string moduleText(ModuleOp module, int64_t elideAbove) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (elideAbove >= 0)
    flags.elideLargeElementsAttrs(elideAbove).elideLargeResourceString(elideAbove);
  module.print(stream, flags);
  stream << '\n';
  return text;
}

} // namespace ingot::cli
