// Runs the compiler without a shell; see CompileSource.h.
#include "frontends/custom/CompileSource.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace ingot::custom {
namespace {

constexpr unsigned mostSeconds = 600;
constexpr size_t mostMessageBytes = 8192;

Error writeText(const std::string &path, StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (!code) {
    out << text;
    out.close();
    code = out.error();
    out.clear_error();
  }
  return code ? createStringError("cannot write '" + path + "': " + code.message())
              : Error::success();
}

/// The start of what the compiler said.
std::string messagesIn(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return "";
  StringRef text = (*buffer)->getBuffer();
  std::string shown = text.take_front(mostMessageBytes).rtrim().str();
  return text.size() > mostMessageBytes ? shown + "\n…" : shown;
}

} // namespace

BuildDirectory::~BuildDirectory() {
  if (!path.empty())
    llvm::sys::fs::remove_directories(path);
}

Error BuildDirectory::create() {
  if (!path.empty())
    return Error::success();
  llvm::SmallString<128> made;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("ingot-custom", made))
    return createStringError("cannot make a directory for the C compiler: " + code.message());
  path = made.str().str();
  if (std::error_code code = llvm::sys::fs::create_directories(path + "/include/ingot"))
    return createStringError("cannot write to '" + path + "': " + code.message());
  if (Error error = writeText(file("include/ingot/artifact.h"), artifactHeader))
    return error;
  return writeText(file("include/ingot/custom_op.h"), customOpHeader);
}

Expected<std::string> compileSource(const BuildDirectory &directory, const std::string &compiler,
                                    const std::string &source,
                                    const std::vector<std::string> &flags,
                                    const std::string &name) {
  llvm::SmallVector<StringRef> command;
  StringRef(compiler).split(command, ' ', -1, /*KeepEmpty=*/false);
  if (command.empty())
    return createStringError("no C compiler is named");
  auto program = llvm::sys::findProgramByName(command.front());
  if (!program)
    return createStringError("the C compiler '" + command.front() +
                             "' is not found; name another one with --cc or in CC");
  std::string object = directory.file(name + ".o"), include = directory.file("include"),
              messages = directory.file(name + ".txt");
  // The artifact has what these would call from no library, and its bytes follow from the source.
  command.append(
      {"-O2", "-fPIC", "-fvisibility=hidden", "-fno-stack-protector", "-fno-ident", "-I", include});
  command.append(flags.begin(), flags.end());
  command.append({"-c", source, "-o", object});
  std::string reason;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(messages), StringRef(messages)};
  int code = llvm::sys::ExecuteAndWait(*program, command, std::nullopt, redirects, mostSeconds, 0,
                                       &reason);
  if (code == 0)
    return object;
  std::string text = messagesIn(messages);
  return createStringError("'" + source + "' does not compile with '" + compiler + "'" +
                           (reason.empty() ? "" : " (" + reason + ")") +
                           (text.empty() ? "" : ":\n" + text));
}

} // namespace ingot::custom
