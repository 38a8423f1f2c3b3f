// See Graphviz.h.
#include "frontends/keras/Graphviz.h"
#include "frontends/keras/Layer.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

namespace ingot::keras {

std::string renderDot(const std::string &dot, const std::string &format) {
  auto program = llvm::sys::findProgramByName("dot");
  if (!program)
    throw Error("a picture of a graph needs Graphviz's program `dot`, which is not in PATH; "
                "install the package graphviz, or take the text (.dot)",
                StatusCode::FailedPrecondition);
  llvm::SmallString<128> in, out, messages;
  auto remove = llvm::scope_exit([&] {
    for (const auto &path : {in, out, messages})
      if (!path.empty())
        (void)llvm::sys::fs::remove(path);
  });
  if (llvm::sys::fs::createTemporaryFile("ingot", "dot", in) ||
      llvm::sys::fs::createTemporaryFile("ingot", format, out) ||
      llvm::sys::fs::createTemporaryFile("ingot", "txt", messages))
    throw Error("cannot make temporary files; set TMPDIR to a directory that can be written",
                StatusCode::IoError);
  std::error_code error;
  llvm::raw_fd_ostream stream(in, error);
  stream << dot;
  stream.close();
  if (error || stream.has_error())
    throw Error("cannot write '" + in.str().str() + "'; is the disk full?", StatusCode::IoError);
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), out.str(), messages.str()};
  const std::string type = "-T" + format;
  int code = llvm::sys::ExecuteAndWait(*program, {"dot", type, in}, std::nullopt, redirects);
  auto text = llvm::MemoryBuffer::getFile(code == 0 ? out : messages);
  std::string content = text ? (*text)->getBuffer().str() : "";
  if (code != 0)
    throw Error("`dot` failed with code " + std::to_string(code) + ": " + content,
                StatusCode::Internal);
  return content;
}

} // namespace ingot::keras
