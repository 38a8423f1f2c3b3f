// See OnnxRuntime.h. Tensors travel in .npz files in a temporary directory.
#include "tools/ingot/OnnxRuntime.h"
#include "tools/ingot/ChildProcess.h"
#include "tools/ingot/TensorFile.h"
#include <filesystem>
#include <fstream>

namespace ingot::cli {
namespace {

constexpr const char *kScript =
#include "tools/ingot/onnxruntime_reference.inc"
    ;

void writeFile(const std::string &path, const std::string &text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  if (!stream.flush())
    throw Failure(kInput, "cannot write `" + path + "`");
}

std::string lastLine(const std::string &text) {
  size_t end = text.find_last_not_of("\n ");
  if (end == std::string::npos)
    return "";
  size_t start = text.rfind('\n', end);
  start = start == std::string::npos ? 0 : start + 1;
  return text.substr(start, end + 1 - start);
}

/// The script's answer; what went wrong as a Failure that says what to do.
Json answerOf(const OnnxRuntimeRequest &request, const TemporaryDirectory &directory) {
  const std::string install = "install it with `" + request.python +
                              " -m pip install onnxruntime numpy`, or name an interpreter that has "
                              "it with --python";
  ChildResult ran;
  try {
    ran = runChild({request.python, directory.file("script.py"), directory.path()});
  } catch (const Failure &failure) {
    throw Failure(kInput, failure.what(), "onnxruntime is run by Python; " + install);
  }
  std::ifstream file(directory.file("result.json"));
  Json answer = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object())
    throw Failure(kInput, "onnxruntime ended with code " + std::to_string(ran.code) + ": " +
                              lastLine(ran.err));
  if (answer.contains("missing"))
    throw Failure(kInput,
                  "`" + request.python +
                      "` has no onnxruntime: " + answer["missing"].get<std::string>(),
                  install);
  if (answer.contains("refused"))
    throw Failure(kInput,
                  "onnxruntime does not run this model: " + answer["refused"].get<std::string>(),
                  "inputs that are made up may not fit the model; give real ones with --input");
  return answer;
}

} // namespace

OnnxRuntimeResult runOnnxRuntime(const OnnxRuntimeRequest &request) {
  TemporaryDirectory directory;
  writeFile(directory.file("script.py"), kScript);
  std::vector<std::pair<std::string, TensorView>> arrays;
  Json inputs = Json::object();
  for (const auto &[name, tensor] : request.inputs) {
    std::string key = "i" + std::to_string(arrays.size());
    arrays.emplace_back(key, tensor);
    inputs[name] = key;
  }
  check(data::writeNpz(directory.file("inputs.npz"), arrays));
  Json json = {{"model", std::filesystem::absolute(request.model).string()},
               {"inputs", inputs},
               {"outputs", request.outputs},
               {"threads", request.threads}};
  writeFile(directory.file("request.json"),
            json.dump(-1, ' ', false, Json::error_handler_t::replace));
  Json answer = answerOf(request, directory);
  OnnxRuntimeResult result;
  result.version = answer["version"];
  for (const auto &[name, reason] : answer["skipped"].items())
    result.skipped[name] = reason;
  if (answer["arrays"].empty())
    return result;
  std::map<std::string, std::string> nameOf;
  for (const auto &[name, key] : answer["arrays"].items())
    nameOf[key] = name;
  for (auto &[key, tensor] : check(data::readNpz(directory.file("outputs.npz"))))
    result.tensors[nameOf[key]] = std::move(tensor);
  return result;
}

} // namespace ingot::cli
