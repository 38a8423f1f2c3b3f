// See CompiledModel.h.
#include "tools/ingot/CompiledModel.h"
#include "tools/ingot/RunCompiler.h"
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

CompiledModel::CompiledModel(const std::string &path, const LoadOptions &options,
                             const std::string &targetCpu, int threads)
    : pool(threads) {
  {
    LoadedModel model = loadModel(path, options);
    std::vector<std::string> known = model.functionNames();
    if (!llvm::is_contained(known, "predict"))
      throw Failure(kInput, "`" + path + "` has no function `predict`", suggest("predict", known));
    CompileOptions compileOptions;
    compileOptions.targetCpu = targetCpu;
    compileOptions.functions = {"predict"};
    compileOptions.embedWeights = true;
    compileOptions.name = stemOf(path);
    // One run is compared, to which what a stream would carry is given like all else.
    if (auto predict = model.module->lookupSymbol<mlir::func::FuncOp>("predict"))
      predict->removeAttr("graph.carries");
    runCompiler(model, path, [&] {
      return compileToFile(*model.module, compileOptions, directory.file("model.so"));
    });
  }
  artifact = check(Artifact::open(directory.file("model.so")));
  state = check(State::create(artifact));
  SessionOptions sessionOptions;
  sessionOptions.pool = &pool;
  session = std::make_unique<Session>(check(Session::create(artifact, "predict", sessionOptions)));
}

std::vector<std::string> CompiledModel::inputNames() const {
  return namesOf(function().inputs, function().input_count);
}

std::vector<std::string> CompiledModel::outputNames() const {
  return namesOf(function().outputs, function().output_count);
}

void CompiledModel::run(const std::vector<TensorView> &inputs) {
  check(session->run(*state, inputs), "give the model's inputs by --input NAME=@FILE.npy");
}

} // namespace ingot::cli
