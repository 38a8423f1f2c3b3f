// config.json of a model, read and written. See ModelConfig.h.
#include "runtime/serve/repository/ModelConfig.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace ingot::serve {

using Json = nlohmann::json;

namespace {

/// What is wrong with a config, the first mistake alone.
using Problem = std::optional<std::string>;

std::string shown(const Json &value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

Problem wrong(const std::string &key, const Json &value, const std::string &allowed) {
  return "'" + key + "' must be " + allowed + ", not " + shown(value);
}

/// A reader of one key's value: `key` is its path, for messages.
using ReadValue = std::function<Problem(const std::string &key, const Json &value)>;
struct Key {
  const char *name;
  ReadValue read;
};

Problem readObject(const std::string &path, const Json &object, const std::vector<Key> &keys) {
  if (!object.is_object())
    return wrong(path, object, "an object");
  for (const auto &[name, value] : object.items()) {
    const Key *known = nullptr;
    std::string names;
    for (const Key &key : keys) {
      known = key.name == name ? &key : known;
      names += (names.empty() ? "" : ", ") + std::string(key.name);
    }
    const std::string inner = path.empty() ? name : path + "." + name;
    if (!known)
      return "unknown key '" + inner + "'; allowed are " + names;
    if (Problem problem = known->read(inner, value))
      return problem;
  }
  return {};
}

/// A number as JSON has it, or as text, in which protobuf's JSON has 64-bit integers.
std::optional<int64_t> integer(const Json &value) {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
    return {};
  if (value.is_number_integer())
    return value.get<int64_t>();
  if (!value.is_string())
    return {};
  const auto &text = value.get_ref<const std::string &>();
  int64_t number = 0;
  auto [last, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || problem != std::errc() || last != text.data() + text.size())
    return {};
  return number;
}

template <typename T> ReadValue readInteger(T &target, int64_t least, int64_t most) {
  return [&target, least, most](const std::string &key, const Json &value) -> Problem {
    std::optional<int64_t> number = integer(value);
    if (!number || *number < least || *number > most)
      return wrong(key, value,
                   "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    target = T(*number);
    return {};
  };
}

constexpr int64_t mostVersion = std::numeric_limits<int64_t>::max();
constexpr int64_t mostMilliseconds = int64_t{86'400'000}; // a day
constexpr int64_t mostMicroseconds = 1000 * mostMilliseconds;

Problem readVersions(const std::string &key, const Json &value, std::vector<int64_t> &versions) {
  versions.clear();
  if (!value.is_array() || value.empty())
    return wrong(key, value, "a list of versions, at least one");
  for (const Json &item : value) {
    int64_t version = 0;
    if (Problem problem = readInteger(version, 0, mostVersion)(key, item))
      return problem;
    versions.push_back(version);
  }
  return {};
}

Problem readPolicy(const std::string &key, const Json &value, VersionPolicy &policy) {
  if (!value.is_object() || value.size() != 1)
    return wrong(
        key, value,
        R"({"latest": {"num_versions": 1}}, {"all": {}} or {"specific": {"versions": [1]}})");
  policy = VersionPolicy();
  return readObject(
      key, value,
      {{"latest",
        [&](const std::string &path, const Json &latest) {
          return readObject(path, latest,
                            {{"num_versions", readInteger(policy.count, 1, 1'000'000)}});
        }},
       {"all",
        [&](const std::string &path, const Json &all) {
          policy.kind = VersionPolicy::Kind::All;
          return readObject(path, all, {});
        }},
       {"specific", [&](const std::string &path, const Json &specific) -> Problem {
          policy.kind = VersionPolicy::Kind::Specific;
          if (Problem problem = readObject(
                  path, specific, {{"versions", [&](const std::string &list, const Json &versions) {
                                      return readVersions(list, versions, policy.versions);
                                    }}}))
            return problem;
          return policy.versions.empty() ? wrong(path, specific, R"({"versions": [1, ...]})")
                                         : Problem();
        }}});
}

Problem readLabels(const std::string &key, const Json &value,
                   std::map<std::string, int64_t> &labels) {
  labels.clear();
  if (!value.is_object())
    return wrong(key, value, R"(an object such as {"stable": 3})");
  for (const auto &[label, version] : value.items()) {
    if (label.empty())
      return "'" + key + "' has a label without a name";
    if (Problem problem = readInteger(labels[label], 0, mostVersion)(key + "." + label, version))
      return problem;
  }
  return {};
}

Problem readWeight(const std::string &key, const Json &value, double &weight) {
  if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > 1e6)
    return wrong(key, value, "a number above 0, at most 1000000");
  weight = value.get<double>();
  return {};
}

/// Triton's dynamic_batching.
Problem readBatching(const std::string &path, const Json &value, QueueOptions &queue) {
  return readObject(
      path, value,
      {{"max_queue_delay_microseconds", readInteger(queue.maxDelay, 0, mostMicroseconds)},
       {"priority_levels", readInteger(queue.priorityLevels, 1, mostPriorityLevels)},
       {"default_queue_policy", [&](const std::string &inner, const Json &policy) {
          return readObject(inner, policy,
                            {{"max_queue_size", readInteger(queue.maxQueued, 1, 1'000'000'000)},
                             {"default_timeout_microseconds",
                              readInteger(queue.defaultTimeout, 0, mostMicroseconds)}});
        }}});
}

/// Triton's sequence_batching, as far as it is ours.
Problem readSequences(const std::string &path, const Json &value, QueueOptions &queue) {
  std::chrono::microseconds idle = queue.sequenceIdle;
  const Problem problem =
      readObject(path, value,
                 {{"max_sequence_idle_microseconds", readInteger(idle, 1000, mostMicroseconds)},
                  {"max_sequences", readInteger(queue.maxSequences, 1, 1'000'000'000)}});
  queue.sequenceIdle = std::chrono::ceil<std::chrono::milliseconds>(idle);
  return problem;
}

Problem readFlag(const std::string &key, const Json &value, bool &flag) {
  if (!value.is_boolean())
    return wrong(key, value, "true or false");
  flag = value.get<bool>();
  return {};
}

/// Triton's instance_group: how many runs there may be at the same time.
Problem readInstances(const std::string &key, const Json &value, int &maxRuns) {
  if (!value.is_array() || value.size() != 1 || !value[0].is_object())
    return wrong(key, value, R"(a list of one object, [{"count": 2}])");
  const Problem problem =
      readObject(key, value[0],
                 {{"count", readInteger(maxRuns, 0, 1024)},
                  {"kind", [](const std::string &inner, const Json &kind) {
                     return kind == "KIND_CPU" || kind == "KIND_AUTO"
                                ? Problem()
                                : wrong(inner, kind, "\"KIND_CPU\" or \"KIND_AUTO\"");
                   }}});
  return problem;
}

/// Keys of Triton's config that say what the compiled model says better.
Problem passOver(const std::string &, const Json &) { return {}; }

Problem readConfig(const Json &json, ModelConfig &config) {
  return readObject(
      "", json,
      {{"version_policy",
        [&](const std::string &key, const Json &value) {
          return readPolicy(key, value, config.versions);
        }},
       {"version_labels", [&](const std::string &key,
                              const Json &value) { return readLabels(key, value, config.labels); }},
       {"max_batch_size", readInteger(config.queue.maxBatchRows, 0, int64_t{1} << 30)},
       {"arena_bytes", readInteger(config.queue.arenaBytes, 1, int64_t{1} << 50)},
       {"max_request_bytes", readInteger(config.queue.maxRequestBytes, 1, int64_t{1} << 50)},
       {"keep_idle_milliseconds", readInteger(config.queue.keepIdle, 0, mostMilliseconds)},
       {"dynamic_batching",
        [&](const std::string &key, const Json &value) {
          return readBatching(key, value, config.queue);
        }},
       {"sequence_batching",
        [&](const std::string &key, const Json &value) {
          return readSequences(key, value, config.queue);
        }},
       {"trust_rows",
        [&](const std::string &key, const Json &value) {
          return readFlag(key, value, config.queue.trustRows);
        }},
       {"instance_group",
        [&](const std::string &key, const Json &value) {
          return readInstances(key, value, config.queue.maxRuns);
        }},
       {"weight", [&](const std::string &key,
                      const Json &value) { return readWeight(key, value, config.queue.weight); }},
       {"name", passOver},
       {"platform", passOver},
       {"backend", passOver},
       {"input", passOver},
       {"output", passOver}});
}

} // namespace

std::string describe(const VersionPolicy &policy) {
  switch (policy.kind) {
  case VersionPolicy::Kind::Latest:
    return "latest " + std::to_string(policy.count);
  case VersionPolicy::Kind::All:
    return "all";
  case VersionPolicy::Kind::Specific:
    break;
  }
  std::string text = "specific";
  for (size_t i = 0; i < policy.versions.size(); ++i)
    text += (i ? ", " : " ") + std::to_string(policy.versions[i]);
  return text;
}

bool isEqual(const QueueOptions &a, const QueueOptions &b) {
  return a.maxBatchRows == b.maxBatchRows && a.arenaBytes == b.arenaBytes &&
         a.maxDelay == b.maxDelay && a.maxQueued == b.maxQueued &&
         a.priorityLevels == b.priorityLevels && a.maxRuns == b.maxRuns && a.weight == b.weight &&
         a.defaultTimeout == b.defaultTimeout && a.maxSequences == b.maxSequences &&
         a.sequenceIdle == b.sequenceIdle && a.trustRows == b.trustRows &&
         a.maxRequestBytes == b.maxRequestBytes && a.keepIdle == b.keepIdle;
}

bool ModelConfig::operator==(const ModelConfig &other) const {
  return versions == other.versions && labels == other.labels && isEqual(queue, other.queue);
}

Result<ModelConfig> parseModelConfig(std::string_view text, const ModelConfig &defaults) {
  // Nesting first: what shows a value in an error is recursive, and the text may be a client's.
  int depth = 0, deepest = 0;
  for (char c : text) {
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    deepest = std::max(deepest, depth);
  }
  if (deepest > 64)
    return Status(StatusCode::InvalidArgument, "the config nests more than 64 levels deep");
  std::string syntax;
  Json json;
  try { // for the place of the mistake, which the parser tells by an exception alone
    json = Json::parse(text);
  } catch (const Json::exception &error) {
    syntax = error.what();
  }
  if (!syntax.empty())
    return Status(StatusCode::InvalidArgument, "the config is not JSON: " + syntax);
  if (!json.is_object())
    return Status(StatusCode::InvalidArgument,
                  "the config must be a JSON object, not " + shown(json));
  ModelConfig config = defaults;
  if (Problem problem = readConfig(json, config))
    return Status(StatusCode::InvalidArgument, *problem);
  return config;
}

std::string toJson(const ModelConfig &config) {
  Json policy;
  switch (config.versions.kind) {
  case VersionPolicy::Kind::Latest:
    policy = {{"latest", {{"num_versions", config.versions.count}}}};
    break;
  case VersionPolicy::Kind::All:
    policy = {{"all", Json::object()}};
    break;
  case VersionPolicy::Kind::Specific:
    policy = {{"specific", {{"versions", config.versions.versions}}}};
    break;
  }
  const QueueOptions &queue = config.queue;
  Json labels = Json::object();
  for (const auto &[label, version] : config.labels)
    labels[label] = version;
  Json json = {
      {"version_policy", policy},
      {"version_labels", labels},
      {"max_batch_size", queue.maxBatchRows},
      {"arena_bytes", queue.arenaBytes},
      {"max_request_bytes", queue.maxRequestBytes},
      {"keep_idle_milliseconds", queue.keepIdle.count()},
      {"dynamic_batching",
       {{"max_queue_delay_microseconds", queue.maxDelay.count()},
        {"priority_levels", queue.priorityLevels},
        {"default_queue_policy",
         {{"max_queue_size", queue.maxQueued},
          {"default_timeout_microseconds", queue.defaultTimeout.count()}}}}},
      {"sequence_batching",
       {{"max_sequence_idle_microseconds", std::chrono::microseconds(queue.sequenceIdle).count()},
        {"max_sequences", queue.maxSequences}}},
      {"trust_rows", queue.trustRows},
      {"instance_group", Json::array({{{"count", queue.maxRuns}}})},
      {"weight", queue.weight}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace ingot::serve
