// What HDF5 files are made of, below names and values: bytes with bounds, object headers and their
// messages, links of groups. Internal to frontends/kerasfile; the format is "HDF5 File Format
// Specification Version 3.0".
#pragma once
#include "frontends/kerasfile/Hdf5File.h"

#include <cstring>
#include <map>

namespace ingot::kerasfile {

/// Takes bytes from the front; throws where there are not as many. `what` is for the message.
class Cursor {
public:
  Cursor(std::string_view bytes, const char *what) : begin(bytes.data()), rest(bytes), what(what) {}

  std::string_view take(uint64_t count) {
    if (count > rest.size())
      throw FileError(std::string(what) + " is cut off");
    std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
  }
  void skip(uint64_t count) { take(count); }
  /// Little-endian.
  uint64_t number(size_t bytes) {
    std::string_view taken = take(bytes);
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(taken[i]);
    return value;
  }
  /// Skips to a multiple of 8 from the beginning, or to the end.
  void align() {
    uint64_t past = static_cast<uint64_t>(rest.data() - begin) % 8;
    skip(past ? std::min<uint64_t>(8 - past, rest.size()) : 0);
  }
  void expect(std::string_view signature) {
    if (rest.substr(0, signature.size()) != signature)
      throw FileError(std::string(what) + " is damaged");
    skip(signature.size());
  }
  uint64_t left() const { return rest.size(); }
  std::string_view all() const { return rest; }

private:
  const char *begin;
  std::string_view rest;
  const char *what;
};

enum class MessageType : uint16_t {
  Dataspace = 1,
  LinkInfo = 2,
  Datatype = 3,
  FillValue = 5,
  Link = 6,
  ExternalFiles = 7,
  Layout = 8,
  Filters = 11,
  Attribute = 12,
  Continuation = 16,
  SymbolTable = 17,
  AttributeInfo = 21
};

struct Message {
  MessageType type;
  bool isShared; // the content is elsewhere
  std::string_view data;
};

constexpr uint64_t kUndefinedAddress = ~uint64_t(0);

/// The file's objects by address. All that is parsed is kept, so that parsing anything twice is
/// free, and charged, so that structures that overlap do not multiply the work.
class Structure {
public:
  explicit Structure(std::string_view bytes);

  uint64_t root() const { return rootHeader; }
  const std::vector<Message> &header(uint64_t address);
  /// Hard links of a group: name and address of the object header. Null when it is no group.
  const std::vector<std::pair<std::string, uint64_t>> *links(uint64_t address);
  /// An object of a global heap: the bytes of a string of variable length.
  std::string_view heapObject(uint64_t collection, uint32_t index);

  std::string_view bytesAt(uint64_t address, uint64_t count, const char *what) const;
  std::string_view bytesFrom(uint64_t address, const char *what) const {
    return bytesAt(address, address < bytes.size() ? bytes.size() - address : 1, what);
  }
  uint64_t fileBytes() const { return bytes.size(); }
  void charge(uint64_t count);

private:
  using Links = std::vector<std::pair<std::string, uint64_t>>;
  void readHeaderChunks(uint64_t address, std::vector<Message> &messages);
  void readLinkMessage(std::string_view data, Links &links);
  void readSymbolTree(uint64_t node, std::string_view names, int level, Links &links);
  void readSymbolNode(uint64_t node, std::string_view names, Links &links);

  std::string_view bytes;
  uint64_t rootHeader = 0;
  uint64_t budget = 0;
  std::map<uint64_t, std::vector<Message>> headers;
  std::map<uint64_t, std::optional<Links>> groups;
  std::map<uint64_t, std::map<uint32_t, std::string_view>> heaps;
};

/// The first message of that type, or null.
const Message *find(const std::vector<Message> &messages, MessageType type);

} // namespace ingot::kerasfile
