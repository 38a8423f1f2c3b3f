// Zip archives as `.keras` files are: reading one member after another, and writing one.
//
// Invariant: a member's size was compared with the bytes that it is stored in before memory is
// taken. Names are only looked up, nothing is ever extracted to a path; encrypted members and names
// that lead out of the archive are refused. Called by frontends/keras/files and by tests.
#pragma once
#include "frontends/kerasfile/FileError.h"

#include <memory>
#include <string_view>
#include <vector>

namespace ingot::kerasfile {

class ZipFile {
public:
  static bool recognises(std::string_view bytes);

  /// The bytes outlive the reader. Throws FileError, as all that follows.
  explicit ZipFile(std::string_view bytes);
  ~ZipFile();
  ZipFile(ZipFile &&) noexcept;

  const std::vector<std::string> &names() const;
  bool contains(std::string_view name) const;
  /// The member's bytes, stored or deflated, with their checksum seen to be right. `most` bounds
  /// them further.
  std::string read(std::string_view name, uint64_t most = UINT64_MAX) const;

  struct Impl;

private:
  std::unique_ptr<Impl> impl;
};

struct ZipMember {
  std::string name;
  std::string_view bytes;
};
/// An archive of these members, stored, as Keras writes them.
std::string writeZip(const std::vector<ZipMember> &members);

} // namespace ingot::kerasfile
