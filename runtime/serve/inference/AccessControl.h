// AccessControl: who may call what. APIs form groups; a group is open, closed, or wants a bearer
// token (RFC 6750). Immutable, so any thread may ask.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_ACCESSCONTROL_H
#define INGOT_RUNTIME_SERVE_INFERENCE_ACCESSCONTROL_H

#include "ingot/Status.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

enum class ApiGroup {
  Health,
  Metadata,
  Inference,
  Statistics,
  Metrics,
  Repository,
  SharedMemory,
  Status
};
inline constexpr size_t apiGroupCount = 8;
/// "health", "metadata", …: as in --restrict.
const char *toString(ApiGroup group);
/// "health,metrics" as flags. InvalidArgument lists the groups there are.
Result<std::array<bool, apiGroupCount>> parseApiGroups(std::string_view list);

class AccessControl {
public:
  enum class Answer { Allowed, Unauthenticated, Forbidden };

  /// A token that may call these groups.
  struct Token {
    std::string secret;
    std::array<bool, apiGroupCount> groups{};
  };
  struct Rules {
    /// Groups that need a token; where there are no tokens, they are closed to everybody.
    std::array<bool, apiGroupCount> restricted{};
    std::vector<Token> tokens;
  };

  AccessControl() = default;
  explicit AccessControl(Rules rules) : rules_(std::move(rules)) {}

  /// A file of lines `TOKEN [GROUP,GROUP…]`, comments from a # at the
  /// beginning or after a space; a token without groups may call all.
  /// NotFound, IoError, InvalidArgument (names the line), and where others may read it: refused.
  static Result<std::vector<Token>> readTokens(const std::string &path);

  /// `authorization`: the header or metadata of that name, "" where there is none. Compares in
  /// constant time.
  Answer check(ApiGroup group, std::string_view authorization) const;
  /// Whether calls of the group need a token.
  bool isRestricted(ApiGroup group) const { return rules_.restricted[static_cast<size_t>(group)]; }

private:
  Rules rules_;
};

} // namespace ingot::serve

#endif
