// See Names.h.
#include "frontends/keras/Names.h"
#include "frontends/keras/Layer.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <numeric>

namespace ingot::keras::detail {

namespace {
std::mutex mutex;
std::map<std::string, int, std::less<>> counts;

/// Insertions, deletions, substitutions and swaps of neighbours.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> twoBack, oneBack(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 1; i <= a.size(); ++i) {
    twoBack = oneBack;
    oneBack = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({oneBack[j] + 1, row[j - 1] + 1, oneBack[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], twoBack[j - 2] + 1);
    }
  }
  return row.back();
}
} // namespace

std::string snakeCase(std::string_view className) {
  // As Keras: an underscore before a capital that starts a word; "2D" stays one piece.
  std::string result;
  for (size_t i = 0; i < className.size(); ++i) {
    auto upper = [&](size_t k) { return std::isupper(static_cast<unsigned char>(className[k])); };
    auto lower = [&](size_t k) { return std::islower(static_cast<unsigned char>(className[k])); };
    bool afterLower = i > 0 && lower(i - 1);
    bool startsWord = i > 0 && i + 1 < className.size() && lower(i + 1);
    if (upper(i) && (afterLower || startsWord))
      result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(className[i])));
  }
  return result;
}

std::string automaticName(std::string_view className) {
  std::string base = snakeCase(className);
  std::lock_guard<std::mutex> lock(mutex);
  int count = counts[base]++;
  return count == 0 ? base : base + "_" + std::to_string(count);
}

void resetAutomaticNames() {
  std::lock_guard<std::mutex> lock(mutex);
  counts.clear();
}

void checkName(std::string_view kind, const std::string &name) {
  auto isControl = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (name.size() > 255)
    throw Error("a " + std::string(kind) + "'s name has " + std::to_string(name.size()) +
                " bytes ('" + name.substr(0, 32) + "…'), at most 255 are supported");
  if (std::any_of(name.begin(), name.end(), isControl))
    throw Error("a " + std::string(kind) +
                "'s name has control characters; use letters, digits, _");
}

std::string unknownName(std::string_view kind, std::string_view name,
                        const std::vector<std::string> &known) {
  if (name.size() > 64) // no misspelling
    return "unknown " + std::string(kind) + " '" + std::string(name.substr(0, 32)) + "…'";
  std::string text = "unknown " + std::string(kind) + " '" + std::string(name) + "'";
  std::string lowered(name), list;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string *best = nullptr;
  size_t bestDistance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string &candidate : known) {
    size_t distance = editDistance(lowered, candidate);
    if (distance < bestDistance) {
      best = &candidate;
      bestDistance = distance;
    }
    list += (list.empty() ? "" : ", ") + candidate;
  }
  if (best)
    text += ": did you mean '" + *best + "'?";
  return text + " (known: " + list + ")";
}

} // namespace ingot::keras::detail

void ingot::keras::clearSession() { detail::resetAutomaticNames(); }
