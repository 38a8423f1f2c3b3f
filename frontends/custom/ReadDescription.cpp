// Fields of descriptions; what they mean together the declaration's verifier says. See
// ReadDescription.h.
#include "frontends/custom/ReadDescription.h"
#include "ir/ops/Custom.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr size_t mostBytes = 1 << 20, mostExpressionBytes = 1024;

constexpr llvm::StringRef opFields[] = {"domain",      "operator",      "versions",   "function",
                                        "source",      "object",        "archive",    "flags",
                                        "inputs",      "outputs",       "attributes", "workspace",
                                        "thread_safe", "deterministic", "parallel",   "static_data",
                                        "gradient",    "link",          "needs"};
constexpr llvm::StringRef inputFields[] = {"name", "types", "shape"};
constexpr llvm::StringRef outputFields[] = {"name", "type", "shape"};
constexpr llvm::StringRef attributeFields[] = {"name", "type", "default"};

Type elementNamed(llvm::StringRef name, MLIRContext *context) {
  Builder b(context);
  if (name == "bool")
    return b.getI1Type();
  unsigned width;
  if ((name.starts_with("i") || name.starts_with("u")) &&
      !name.drop_front().getAsInteger(10, width) && llvm::is_contained({8u, 16u, 32u, 64u}, width))
    return b.getIntegerType(width, name.starts_with("i"));
  return llvm::StringSwitch<Type>(name)
      .Case("f16", b.getF16Type())
      .Case("bf16", b.getBF16Type())
      .Case("f32", b.getF32Type())
      .Case("f64", b.getF64Type())
      .Case("f8e4m3fn", Float8E4M3FNType::get(context))
      .Case("f8e4m3fnuz", Float8E4M3FNUZType::get(context))
      .Case("f8e5m2", Float8E5M2Type::get(context))
      .Case("f8e5m2fnuz", Float8E5M2FNUZType::get(context))
      .Case("f8e8m0fnu", Float8E8M0FNUType::get(context))
      .Default(Type());
}

} // namespace

DescriptionReader::DescriptionReader(CustomOps &ops, std::string file)
    : ops(ops), file(std::move(file)), b(ops.module->getContext()) {
  directory = llvm::sys::path::parent_path(this->file).str();
  b.setInsertionPointToEnd(ops.module->getBody());
}

void DescriptionReader::fail(const std::string &where, const llvm::Twine &text) {
  emitError(custom::locationOf(file, b.getContext()))
      << (where.empty() ? "" : "`" + where + "`: ") << text;
  isValid = false;
}

LogicalResult DescriptionReader::read() {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer) {
    fail("", "cannot be read: " + buffer.getError().message());
    return failure();
  }
  if ((*buffer)->getBufferSize() > mostBytes) {
    fail("", "is no description of custom ops: it has more than 1 MiB");
    return failure();
  }
  Json json;
  try {
    json = Json::parse((*buffer)->getBuffer().begin(), (*buffer)->getBuffer().end());
  } catch (const Json::parse_error &error) {
    fail("", std::string("is no JSON: ") + error.what());
    return failure();
  }
  if (!json.is_array()) {
    readOp(json, "");
    return success(isValid);
  }
  for (size_t i = 0; i < json.size(); ++i)
    readOp(json[i], "[" + std::to_string(i) + "]");
  return success(isValid);
}

void DescriptionReader::checkFields(const Json &json, llvm::ArrayRef<llvm::StringRef> known,
                                    const std::string &where) {
  for (const auto &[name, value] : json.items())
    if (!llvm::is_contained(known, name))
      fail(where + name, "is no field; there are " + llvm::join(known, ", "));
}

std::string DescriptionReader::requiredText(const Json &json, const char *field,
                                            const std::string &where) {
  auto it = json.find(field);
  if (it != json.end() && it->is_string() && !it->get_ref<const std::string &>().empty())
    return it->get<std::string>();
  fail(where + field, it == json.end() ? "is missing; give a string" : "must be a string");
  return "";
}

bool DescriptionReader::flag(const Json &json, const char *field, const std::string &where,
                             bool isRequired) {
  auto it = json.find(field);
  if (it == json.end() && isRequired)
    fail(where + field, "is missing; say true if several threads may call the function at once");
  if (it == json.end())
    return llvm::StringRef(field) == "deterministic";
  if (!it->is_boolean())
    fail(where + field, "must be true or false");
  return it->is_boolean() && it->get<bool>();
}

DescriptionReader::Strings DescriptionReader::texts(const Json &json, const char *field,
                                                    const std::string &where) {
  auto it = json.find(field);
  if (it == json.end())
    return {};
  if (it->is_string())
    return {it->get<std::string>()};
  Strings all;
  bool areStrings = it->is_array();
  for (const Json &entry : areStrings ? *it : Json::array()) {
    areStrings &= entry.is_string();
    if (entry.is_string())
      all.push_back(entry.get<std::string>());
  }
  if (!areStrings)
    fail(where + field, "must be a string or a list of strings");
  return all;
}

std::vector<DescriptionReader::Entry>
DescriptionReader::entries(const Json &json, const char *field,
                           llvm::ArrayRef<llvm::StringRef> known, const std::string &where) {
  std::vector<Entry> all;
  auto it = json.find(field);
  if (it == json.end())
    return all;
  if (!it->is_array()) {
    fail(where + field, "must be a list of {" + llvm::join(known, ", ") + "}");
    return all;
  }
  for (size_t i = 0; i < it->size(); ++i) {
    std::string place = where + field + "[" + std::to_string(i) + "]";
    const Json &entry = (*it)[i];
    if (!entry.is_object()) {
      fail(place, "must be {" + llvm::join(known, ", ") + "}");
      continue;
    }
    checkFields(entry, known, place + ".");
    std::string name = requiredText(entry, "name", place + ".");
    if (!name.empty() && (!graph::isIdentifier(name) || elementNamed(name, b.getContext())))
      fail(place + ".name", "`" + name + "` is no name of letters, digits and _, or is a type");
    all.push_back({place + ".", name, &entry});
  }
  return all;
}

void DescriptionReader::readOp(const Json &json, const std::string &at) {
  if (!json.is_object())
    return fail(at, "must be an object that describes a custom op, or a list of such");
  std::string where = at.empty() ? "" : at + ".";
  bool before = std::exchange(isValid, true);
  checkFields(json, opFields, where);
  std::string name = readName(json, where);
  Attribute versions = readVersions(json, where);
  std::string function = json.contains("function") || !json.contains("operator")
                             ? requiredText(json, "function", where)
                         : json["operator"].is_string() ? json["operator"].get<std::string>()
                                                        : "";
  if (!function.empty() && !graph::isIdentifier(function))
    fail(where + "function", "`" + function + "` is no name of a C function");
  Attribute inputs = readInputs(json, where), outputs = readOutputs(json, where),
            parameters = readParameters(json, where);
  Attribute workspace = json.contains("workspace")
                            ? readExpression(json["workspace"], where + "workspace")
                            : Dim::constant(b.getContext(), 0).asAttribute();
  bool threadSafe = flag(json, "thread_safe", where, true);
  bool deterministic = flag(json, "deterministic", where, false);
  bool parallel = flag(json, "parallel", where, false);
  Attribute gradient = readGradient(json, where);
  CustomOps::Code code;
  code.file = file;
  readCode(json, where, code);
  if (isValid && !ops.codes.emplace(name, std::move(code)).second)
    fail(where + "operator", "`" + name + "` is described already");
  if (isValid) {
    auto op = graph::CustomOpOp::create(
        b, custom::locationOf(file, b.getContext()), name, function, llvm::cast<ArrayAttr>(inputs),
        llvm::cast<ArrayAttr>(outputs), llvm::cast<ArrayAttr>(parameters),
        graph::DimsAttr::get(b.getContext(), {workspace}), threadSafe, deterministic, parallel,
        llvm::cast_or_null<FlatSymbolRefAttr>(gradient));
    if (versions)
      op->setAttr("graph.versions", versions);
  }
  isValid &= before;
}

std::string DescriptionReader::readName(const Json &json, const std::string &where) {
  std::string domain = requiredText(json, "domain", where),
              name = requiredText(json, "operator", where);
  if (!name.empty() && !graph::isIdentifier(name))
    fail(where + "operator", "`" + name + "` is no name of letters, digits and _");
  std::string full = domain + "::" + name;
  if (json.contains("versions") && json["versions"].is_array() && !json["versions"].empty())
    full += "@" + json["versions"][0].dump();
  return full;
}

Attribute DescriptionReader::readVersions(const Json &json, const std::string &where) {
  auto it = json.find("versions");
  if (it == json.end())
    return {};
  bool isRange = it->is_array() && it->size() == 2 && (*it)[0].is_number_unsigned() &&
                 (*it)[1].is_number_unsigned() && (*it)[0] <= (*it)[1] && (*it)[1] <= INT32_MAX;
  if (isRange)
    return b.getDenseI64ArrayAttr({(*it)[0].get<int64_t>(), (*it)[1].get<int64_t>()});
  fail(where + "versions", "must be the first and the last version of the domain's operator set, "
                           "such as [1, 3]");
  return {};
}

Attribute DescriptionReader::readType(const std::string &name, const std::string &where) {
  if (Type type = elementNamed(name, b.getContext()))
    return TypeAttr::get(type);
  fail(where, "`" + name +
                  "` is no type; there are bool, i8 to i64, u8 to u64, f16, bf16, f32, "
                  "f64, f8e4m3fn, f8e4m3fnuz, f8e5m2, f8e5m2fnuz and f8e8m0fnu");
  return {};
}

Attribute DescriptionReader::readInputs(const Json &json, const std::string &where) {
  llvm::SmallVector<Attribute> inputs;
  for (const auto &[place, name, entry] : entries(json, "inputs", inputFields, where)) {
    llvm::SmallVector<Attribute> types;
    for (const std::string &element : texts(*entry, "types", place))
      if (Attribute type = readType(element, place + "types"))
        types.push_back(type);
    if (types.empty())
      fail(place + "types", "must name the element types that the function takes: [\"f32\"]");
    llvm::SmallVector<NamedAttribute> fields = {b.getNamedAttr("name", b.getStringAttr(name)),
                                                b.getNamedAttr("types", b.getArrayAttr(types))};
    if (entry->contains("shape"))
      if (Attribute shape = readShape((*entry)["shape"], place + "shape"))
        fields.push_back(b.getNamedAttr("shape", shape));
    inputs.push_back(b.getDictionaryAttr(fields));
  }
  return b.getArrayAttr(inputs);
}

Attribute DescriptionReader::readOutputs(const Json &json, const std::string &where) {
  llvm::SmallVector<Attribute> outputs;
  if (!json.contains("outputs"))
    fail(where + "outputs", "is missing; describe what the function computes");
  for (const auto &[place, name, entry] : entries(json, "outputs", outputFields, where)) {
    std::string type = requiredText(*entry, "type", place);
    // An input's name, or a type's.
    Attribute element = elementNamed(type, b.getContext())
                            ? Attribute(TypeAttr::get(elementNamed(type, b.getContext())))
                            : Attribute(b.getStringAttr(type));
    Attribute shape;
    if (entry->contains("shape"))
      shape = readShape((*entry)["shape"], place + "shape");
    else
      fail(place + "shape", "is missing; give a list of expressions, or the name of an input");
    if (shape)
      outputs.push_back(
          b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(name)),
                               b.getNamedAttr("type", element), b.getNamedAttr("shape", shape)}));
  }
  return b.getArrayAttr(outputs);
}

Attribute DescriptionReader::readParameters(const Json &json, const std::string &where) {
  llvm::SmallVector<Attribute> parameters;
  for (const auto &[place, name, entry] : entries(json, "attributes", attributeFields, where)) {
    std::string kind = requiredText(*entry, "type", place);
    if (!kind.empty() && !llvm::is_contained({"int", "float", "ints", "floats", "string"}, kind))
      fail(place + "type", "`" + kind +
                               "` is no type of an attribute; there are int, float, ints, "
                               "floats and string");
    llvm::SmallVector<NamedAttribute> fields = {b.getNamedAttr("name", b.getStringAttr(name)),
                                                b.getNamedAttr("kind", b.getStringAttr(kind))};
    if (entry->contains("default"))
      if (Attribute value = readDefault((*entry)["default"], kind, place + "default"))
        fields.push_back(b.getNamedAttr("default", value));
    parameters.push_back(b.getDictionaryAttr(fields));
  }
  return b.getArrayAttr(parameters);
}

Attribute DescriptionReader::readDefault(const Json &value, llvm::StringRef kind,
                                         const std::string &where) {
  bool isList = kind == "ints" || kind == "floats";
  auto isElement = [&](const Json &v) {
    return kind.starts_with("int") ? v.is_number_integer() : v.is_number();
  };
  if (kind == "string" && value.is_string())
    return b.getStringAttr(value.get<std::string>());
  if (kind == "int" && isElement(value))
    return b.getI64IntegerAttr(value.get<int64_t>());
  if (kind == "float" && isElement(value))
    return b.getF32FloatAttr(value.get<float>());
  if (isList && value.is_array() && llvm::all_of(value, isElement))
    return kind == "ints" ? Attribute(b.getDenseI64ArrayAttr(value.get<std::vector<int64_t>>()))
                          : b.getDenseF32ArrayAttr(value.get<std::vector<float>>());
  fail(where, "is no " + kind);
  return {};
}

Attribute DescriptionReader::readShape(const Json &json, const std::string &where) {
  if (json.is_string())
    return b.getStringAttr(json.get<std::string>());
  if (!json.is_array()) {
    fail(where, "must be a list of expressions ([\"n\", \"m * 2\", 3]), or the name of an input");
    return {};
  }
  llvm::SmallVector<Attribute> expressions;
  for (const Json &entry : json)
    if (Attribute expression = readExpression(entry, where))
      expressions.push_back(expression);
  return graph::DimsAttr::get(b.getContext(), expressions);
}

Attribute DescriptionReader::readExpression(const Json &json, const std::string &where) {
  if (json.is_number_integer())
    return Dim::constant(b.getContext(), json.get<int64_t>()).asAttribute();
  std::string text = json.is_string() ? json.get<std::string>() : "";
  bool isPlausible =
      !text.empty() && text.size() <= mostExpressionBytes && llvm::all_of(text, [](char c) {
        return llvm::isAlnum(c) || llvm::StringRef("_ .,+-*()").contains(c);
      });
  graph::DimsAttr dims;
  if (isPlausible) {
    ScopedDiagnosticHandler silent(b.getContext(), [](Diagnostic &) { return success(); });
    dims = llvm::dyn_cast_or_null<graph::DimsAttr>(
        parseAttribute("#graph.dims<[" + text + "]>", b.getContext()));
  }
  if (dims && dims.getExprs().size() == 1)
    return dims.getExprs()[0];
  fail(where, "`" + (json.is_string() ? text : json.dump()) +
                  "` is no expression; write names and integers with +, -, *, floordiv, ceildiv, "
                  "min(a, b) and max(a, b)");
  return {};
}

Attribute DescriptionReader::readGradient(const Json &json, const std::string &where) {
  if (!json.contains("gradient"))
    return {};
  std::string name = requiredText(json, "gradient", where);
  if (!llvm::StringRef(name).contains("::") && json.contains("domain") &&
      json["domain"].is_string())
    name = json["domain"].get<std::string>() + "::" + name;
  return FlatSymbolRefAttr::get(b.getContext(), name);
}

void DescriptionReader::readCode(const Json &json, const std::string &where,
                                 CustomOps::Code &code) {
  for (const std::string &name : texts(json, "source", where))
    code.sources.push_back(existing(name, where + "source"));
  for (const char *field : {"object", "archive"})
    for (const std::string &name : texts(json, field, where))
      code.compiled.files.push_back(existing(name, where + field));
  if (code.sources.empty() && code.compiled.files.empty())
    fail(where + "source",
         "is missing; name the C file (`source`), or its compiled code (`object`, "
         "`archive`)");
  code.flags = texts(json, "flags", where);
  code.compiled.needs = texts(json, "needs", where);
  code.compiled.staticData = flag(json, "static_data", where, false);
  for (const std::string &name : texts(json, "link", where))
    code.compiled.libraries.push_back(library(name, where + "link"));
}

std::string DescriptionReader::existing(const std::string &name, const std::string &where) {
  llvm::SmallString<128> path(name);
  if (llvm::sys::path::is_relative(name) && !directory.empty()) {
    path = directory;
    llvm::sys::path::append(path, name);
  }
  if (!llvm::sys::fs::is_regular_file(path))
    fail(where, "there is no file `" + std::string(path) + "`");
  return std::string(path);
}

/// A path, or a name that is looked for beside the description and where the system has libraries.
std::string DescriptionReader::library(const std::string &name, const std::string &where) {
  if (llvm::StringRef(name).contains('/'))
    return existing(name, where);
  std::string here = directory.empty() ? "." : directory;
  for (const std::string &place :
       {here, std::string("/lib/x86_64-linux-gnu"), std::string("/usr/lib/x86_64-linux-gnu"),
        std::string("/lib64"), std::string("/usr/lib64"), std::string("/usr/local/lib")}) {
    llvm::file_magic magic;
    std::string path = place + "/" + name;
    if (llvm::sys::fs::is_regular_file(path) && !llvm::identify_magic(path, magic) &&
        magic == llvm::file_magic::elf_shared_object)
      return path;
  }
  fail(where, "the shared library `" + name +
                  "` is not found; give its whole name (libm.so.6), or "
                  "a path");
  return "";
}

} // namespace ingot
