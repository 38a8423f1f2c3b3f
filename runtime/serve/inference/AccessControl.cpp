// Tokens and the groups that want one. See AccessControl.h.
#include "runtime/serve/inference/AccessControl.h"

#include "runtime/core/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace ingot::serve {

namespace {
constexpr const char *groupNames[apiGroupCount] = {"health",        "metadata", "inference",
                                                   "statistics",    "metrics",  "repository",
                                                   "shared-memory", "status"};

/// Looks at every byte of the secret whatever the given one is.
bool equalInConstantTime(std::string_view secret, std::string_view given) {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < secret.size(); ++i) {
    char other = given.empty() ? '\0' : given[i % given.size()];
    difference |= static_cast<unsigned char>(secret[i] ^ other);
  }
  return difference == 0;
}

/// The token of "Bearer TOKEN"; "" for anything else. The scheme's case does not matter.
std::string_view bearerToken(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size())
    return {};
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != (scheme[i] | 0x20))
      return {};
  authorization.remove_prefix(scheme.size());
  while (!authorization.empty() && authorization.front() == ' ')
    authorization.remove_prefix(1);
  return authorization;
}

/// A # within a token belongs to it.
std::string withoutComment(const std::string &line) {
  for (size_t at = line.find('#'); at != std::string::npos; at = line.find('#', at + 1))
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t')
      return line.substr(0, at);
  return line;
}

Result<std::string> readPrivateFile(const std::string &path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return errnoStatus("open", path, errno);
  struct stat about{};
  std::string text;
  Status status;
  if (::fstat(file, &about) != 0)
    status = errnoStatus("read", path, errno);
  else if (S_ISREG(about.st_mode) && (about.st_mode & S_IROTH))
    status = Status(StatusCode::InvalidArgument,
                    "'" + path + "' has secrets and everybody may read it: chmod o-r " + path);
  char block[4096];
  for (ssize_t n = 1; status.isOk() && n > 0;) {
    n = ::read(file, block, sizeof block);
    if (n < 0)
      status = errnoStatus("read", path, errno);
    else
      text.append(block, static_cast<size_t>(n));
  }
  ::close(file);
  if (!status.isOk())
    return status;
  return text;
}
} // namespace

const char *toString(ApiGroup group) { return groupNames[static_cast<size_t>(group)]; }

Result<std::array<bool, apiGroupCount>> parseApiGroups(std::string_view list) {
  std::array<bool, apiGroupCount> groups{};
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto *found = std::find(std::begin(groupNames), std::end(groupNames), name);
    if (found != std::end(groupNames)) {
      groups[static_cast<size_t>(found - std::begin(groupNames))] = true;
      continue;
    }
    std::string known;
    for (const char *group : groupNames)
      known += (known.empty() ? "" : ", ") + std::string(group);
    return Status(StatusCode::InvalidArgument,
                  "there is no group of APIs '" + std::string(name) + "'; there are " + known);
  }
  return groups;
}

Result<std::vector<AccessControl::Token>> AccessControl::readTokens(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(std::string text, readPrivateFile(path));
  std::vector<Token> tokens;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(withoutComment(line));
    Token token;
    std::string groups, rest;
    if (!(words >> token.secret))
      continue;
    words >> groups >> rest;
    std::string place = "'" + path + "', line " + std::to_string(number);
    if (!rest.empty())
      return Status(StatusCode::InvalidArgument,
                    place + ": a line is a token and, after a space, groups of APIs with commas");
    if (token.secret.size() < 16)
      return Status(StatusCode::InvalidArgument,
                    place +
                        ": a token has at least 16 characters; make one with openssl rand -hex 32");
    if (groups.empty()) {
      token.groups.fill(true);
    } else {
      auto parsed = parseApiGroups(groups);
      if (!parsed.isOk())
        return parsed.status().withContext(place);
      token.groups = *parsed;
    }
    tokens.push_back(std::move(token));
  }
  if (tokens.empty())
    return Status(StatusCode::InvalidArgument, "'" + path + "' has no token");
  return tokens;
}

AccessControl::Answer AccessControl::check(ApiGroup group, std::string_view authorization) const {
  auto index = static_cast<size_t>(group);
  if (!rules_.restricted[index])
    return Answer::Allowed;
  std::string_view given = bearerToken(authorization);
  const Token *known = nullptr;
  for (const Token &token : rules_.tokens) // all of them, so that time does not tell which
    if (equalInConstantTime(token.secret, given))
      known = &token;
  if (!known)
    return rules_.tokens.empty() ? Answer::Forbidden : Answer::Unauthenticated;
  return known->groups[index] ? Answer::Allowed : Answer::Forbidden;
}

} // namespace ingot::serve
