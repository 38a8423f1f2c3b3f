// See GpuTuning.h.
#include "tools/ingot/GpuTuning.h"
#include "compiler/package/DTypeName.h"
#include "runtime/core/AtomicFile.h"
#include "tools/ingot/TensorFile.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

namespace ingot::cli {
namespace {

constexpr const char *kFormat = "ingot-gpu-tuning";
constexpr int64_t kVersion = 1;

const std::pair<const char *, int64_t> kEpilogues[] = {{"bias", INGOT_EPILOGUE_BIAS},
                                                       {"relu", INGOT_EPILOGUE_RELU}};

/// A field of the product, "a.row", and where it is.
struct Number {
  const char *object, *name; // object: null for the product's own
  int64_t ingot_product::*field;
};
const Number kNumbers[] = {
    {nullptr, "batch", &ingot_product::batch},     {nullptr, "rows", &ingot_product::rows},
    {nullptr, "columns", &ingot_product::columns}, {nullptr, "depth", &ingot_product::depth},
    {"a", "batch", &ingot_product::a_batch},       {"a", "row", &ingot_product::a_row},
    {"a", "depth", &ingot_product::a_depth},       {"b", "batch", &ingot_product::b_batch},
    {"b", "depth", &ingot_product::b_depth},       {"b", "column", &ingot_product::b_column},
    {"d", "batch", &ingot_product::d_batch},       {"d", "row", &ingot_product::d_row}};

std::vector<std::string> epilogueNames(const ingot_product &product) {
  std::vector<std::string> names;
  for (auto [name, bit] : kEpilogues)
    if (product.epilogue & bit)
      names.push_back(name);
  return names;
}

/// Reads one file, and says where it is wrong.
class Reader {
public:
  explicit Reader(const std::string &path) : path(path) {}
  std::vector<TunedProduct> read();

private:
  [[noreturn]] void fail(const std::string &what) const {
    throw Failure(kInput, fmt::format("`{}`: {}", path, what),
                  "`ingot bench ARTIFACT --device cuda --tune FILE` writes such files");
  }
  const Json &member(const Json &object, const std::string &where, const char *name) const {
    if (!object.is_object())
      fail(where + " is no object");
    auto found = object.find(name);
    if (found == object.end())
      fail(fmt::format("{} has no \"{}\"", where, name));
    return *found;
  }
  std::string text(const Json &object, const std::string &where, const char *name) const {
    const Json &value = member(object, where, name);
    if (!value.is_string())
      fail(fmt::format("{}.{} is no string", where, name));
    return value.get<std::string>();
  }
  int64_t integer(const Json &object, const std::string &where, const char *name) const {
    const Json &value = member(object, where, name);
    if (!value.is_number_integer() || value.get<int64_t>() < 0)
      fail(fmt::format("{}.{} is no number of elements", where, name));
    return value.get<int64_t>();
  }
  double time(const Json &object, const std::string &where, const char *name) const {
    const Json &value = member(object, where, name);
    if (!value.is_number() || value.get<double>() < 0)
      fail(fmt::format("{}.{} is no time", where, name));
    return value.get<double>();
  }
  int64_t type(const Json &object, const std::string &where, const char *name) const {
    std::string value = text(object, where, name);
    for (ingot_dtype dtype : {INGOT_F16, INGOT_BF16, INGOT_F32, INGOT_F64})
      if (value == dtypeName(dtype))
        return dtype;
    fail(fmt::format("{}.{} is \"{}\"; known are f16, bf16, f32 and f64", where, name, value));
  }
  int64_t epilogue(const Json &object, const std::string &where) const;
  TunedProduct product(const Json &object, const std::string &where) const;
  const std::string &path;
};

int64_t Reader::epilogue(const Json &object, const std::string &where) const {
  const Json &names = member(object, where, "epilogue");
  int64_t bits = 0;
  for (const Json &name : names) {
    const auto *known = std::find_if(std::begin(kEpilogues), std::end(kEpilogues),
                                     [&](const auto &each) { return name == each.first; });
    if (known == std::end(kEpilogues))
      fail(fmt::format("{}.epilogue has {}; known are \"bias\" and \"relu\"", where, name.dump()));
    bits |= known->second;
  }
  return bits;
}

TunedProduct Reader::product(const Json &object, const std::string &where) const {
  TunedProduct made;
  made.device = text(object, where, "device");
  made.capability = text(object, where, "compute_capability");
  made.library = text(object, where, "library");
  made.product.type = type(object, where, "type");
  made.product.result_type = type(object, where, "result_type");
  made.product.epilogue = epilogue(object, where);
  for (const Number &number : kNumbers) {
    const Json &holder = number.object ? member(object, where, number.object) : object;
    std::string place = number.object ? where + "." + number.object : where;
    made.product.*number.field = integer(holder, place, number.name);
  }
  made.kernelMicroseconds = time(object, where, "kernel_us");
  made.libraryMicroseconds = time(object, where, "library_us");
  std::string chosen = text(object, where, "chosen");
  if (chosen != "library" && chosen != "kernel")
    fail(fmt::format("{}.chosen is \"{}\"; it is \"library\" or \"kernel\"", where, chosen));
  made.isLibraryChosen = chosen == "library";
  return made;
}

std::vector<TunedProduct> Reader::read() {
  std::ifstream file(path);
  if (!file)
    throw Failure(kInput, fmt::format("`{}` cannot be read: {}", path, std::strerror(errno)));
  std::string content(std::istreambuf_iterator<char>(file), {});
  Json json;
  try {
    json = Json::parse(content);
  } catch (const Json::parse_error &error) {
    auto line = 1 + std::count(content.begin(),
                               content.begin() + static_cast<std::ptrdiff_t>(
                                                     std::min(error.byte, content.size())),
                               '\n');
    fail(fmt::format("line {} is no JSON", line));
  }
  if (!json.is_object() || json.value("format", Json()) != kFormat)
    fail(fmt::format("it is no table of products: \"format\" is not \"{}\"", kFormat));
  if (json.value("version", Json()) != kVersion)
    fail(fmt::format("\"version\" is not {}, which this ingot reads", kVersion));
  const Json &products = member(json, "the table", "products");
  if (!products.is_array())
    fail("\"products\" is no list");
  std::vector<TunedProduct> result;
  for (size_t i = 0; i < products.size(); ++i)
    result.push_back(product(products[i], fmt::format("products[{}]", i)));
  return result;
}

Json productJson(const TunedProduct &tuned) {
  Json json = {{"device", tuned.device},
               {"compute_capability", tuned.capability},
               {"library", tuned.library},
               {"type", dtypeName(static_cast<ingot_dtype>(tuned.product.type))},
               {"result_type", dtypeName(static_cast<ingot_dtype>(tuned.product.result_type))},
               {"epilogue", epilogueNames(tuned.product)}};
  for (const Number &number : kNumbers)
    (number.object ? json[number.object] : json)[number.name] = tuned.product.*number.field;
  json["kernel_us"] = tuned.kernelMicroseconds;
  json["library_us"] = tuned.libraryMicroseconds;
  json["chosen"] = tuned.isLibraryChosen ? "library" : "kernel";
  return json;
}

} // namespace

std::vector<TunedProduct> readTuning(const std::string &path) { return Reader(path).read(); }

void mergeTuning(const std::string &path, const std::vector<TunedProduct> &products) {
  std::vector<TunedProduct> all;
  if (std::filesystem::exists(path))
    all = readTuning(path);
  for (const TunedProduct &product : products) {
    auto place = std::find_if(all.begin(), all.end(), [&](const TunedProduct &known) {
      return known.device == product.device && wordsOf(known.product) == wordsOf(product.product);
    });
    if (place == all.end())
      all.push_back(product);
    else
      *place = product;
  }
  Json list = Json::array();
  for (const TunedProduct &product : all)
    list.push_back(productJson(product));
  std::string text =
      Json{{"format", kFormat}, {"version", kVersion}, {"products", list}}.dump(1) + "\n";
  AtomicFile file = check(AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

GpuLibrary libraryOf(const std::vector<TunedProduct> &products) {
  GpuLibrary library;
  for (const TunedProduct &product : products)
    if (product.isLibraryChosen)
      library.choices.push_back({product.device, product.product});
  library.name = library.choices.empty() ? "" : "cublaslt";
  return library;
}

std::string describe(const ingot_product &product) {
  std::string text = dtypeName(static_cast<ingot_dtype>(product.type));
  if (product.batch != 1)
    text += fmt::format(" {} of", product.batch);
  text += fmt::format(" {} x {} x {}", product.rows, product.columns, product.depth);
  for (const std::string &name : epilogueNames(product))
    text += ", " + name;
  return text;
}

} // namespace ingot::cli
