// See Hdf5Structure.h.
#include "frontends/kerasfile/Hdf5Structure.h"

#include <algorithm>

namespace ingot::kerasfile {

namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr size_t kMostMessages = 1 << 16;
constexpr size_t kSymbolEntryBytes = 40;

[[noreturn]] void unsupported(const std::string &what) {
  throw FileError(what + "; h5repack or h5py write it in the usual form", StatusCode::Unsupported);
}

} // namespace

const Message *find(const std::vector<Message> &messages, MessageType type) {
  for (const Message &message : messages)
    if (message.type == type)
      return &message;
  return nullptr;
}

bool Hdf5File::recognises(std::string_view bytes) {
  return bytes.substr(0, kSignature.size()) == kSignature;
}

Structure::Structure(std::string_view bytes) : bytes(bytes), budget(4 * bytes.size() + 65536) {
  Cursor at(bytes, "the HDF5 superblock");
  at.expect(kSignature);
  const uint64_t version = at.number(1);
  if (version > 3)
    unsupported("HDF5 superblock version " + std::to_string(version) + " is not known");
  at.skip(version < 2 ? 4 : 0); // versions of other structures
  const uint64_t offsetBytes = at.number(1), lengthBytes = at.number(1);
  if (offsetBytes != 8 || lengthBytes != 8)
    unsupported("offsets of " + std::to_string(offsetBytes) + " bytes are not supported");
  at.skip(version == 0 ? 9 : version == 1 ? 13 : 1); // tree parameters and flags
  const uint64_t base = at.number(8);
  if (base != 0)
    unsupported("a file with a user block is not supported");
  at.skip(8); // free space, or the superblock's extension
  const uint64_t end = at.number(8);
  if (end > bytes.size())
    throw FileError("the file is truncated: it has " + std::to_string(bytes.size()) + " bytes of " +
                    std::to_string(end));
  at.skip(version < 2 ? 16 : 0); // driver, and the name in the root's entry
  rootHeader = at.number(8);
}

std::string_view Structure::bytesAt(uint64_t address, uint64_t count, const char *what) const {
  if (address > bytes.size() || count > bytes.size() - address)
    throw FileError(std::string(what) + " is outside the file");
  return bytes.substr(address, count);
}

void Structure::charge(uint64_t count) {
  if (count > budget)
    throw FileError("the HDF5 file's structures overlap");
  budget -= count;
}

const std::vector<Message> &Structure::header(uint64_t address) {
  auto found = headers.find(address);
  if (found == headers.end()) {
    std::vector<Message> messages;
    readHeaderChunks(address, messages);
    found = headers.emplace(address, std::move(messages)).first;
  }
  return found->second;
}

void Structure::readHeaderChunks(uint64_t address, std::vector<Message> &messages) {
  constexpr const char *what = "an HDF5 object header";
  Cursor at(bytesFrom(address, what), what);
  const bool isNew = at.all().substr(0, 4) == "OHDR";
  bool hasOrder = false;
  std::vector<std::string_view> chunks;
  if (isNew) {
    at.skip(5);
    const uint64_t flags = at.number(1);
    at.skip((flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
    hasOrder = flags & 4;
    chunks.push_back(at.take(at.number(size_t(1) << (flags & 3))));
  } else {
    if (at.number(1) != 1)
      throw FileError(std::string(what) + " is damaged");
    at.skip(7);
    const uint64_t size = at.number(4);
    at.skip(4);
    chunks.push_back(at.take(size));
  }
  const size_t headBytes = isNew ? (hasOrder ? 6 : 4) : 8;
  for (size_t i = 0; i < chunks.size(); ++i) {
    charge(chunks[i].size() + 64);
    Cursor chunk(chunks[i], what);
    while (chunk.left() >= headBytes) {
      const auto type = static_cast<MessageType>(chunk.number(isNew ? 1 : 2));
      const uint64_t size = chunk.number(2), flags = chunk.number(1);
      chunk.skip(headBytes - (isNew ? 4 : 5));
      const std::string_view data = chunk.take(size);
      if (type == MessageType::Continuation) {
        Cursor place(data, what);
        const uint64_t offset = place.number(8), length = place.number(8);
        std::string_view next = bytesAt(offset, length, what);
        if (isNew) { // a signature before it, a checksum behind it
          if (length < 8 || next.substr(0, 4) != "OCHK")
            throw FileError(std::string(what) + " is damaged");
          next = next.substr(4, length - 8);
        }
        chunks.push_back(next);
      } else {
        messages.push_back({type, (flags & 2) != 0, data});
      }
      if (messages.size() + chunks.size() > kMostMessages)
        throw FileError(std::string(what) + " has too many messages");
    }
  }
}

const Structure::Links *Structure::links(uint64_t address) {
  auto found = groups.find(address);
  if (found == groups.end()) {
    const std::vector<Message> &messages = header(address);
    std::optional<Links> links;
    if (const Message *table = find(messages, MessageType::SymbolTable)) {
      Cursor at(table->data, "an HDF5 group");
      const uint64_t tree = at.number(8), heap = at.number(8);
      Cursor names(bytesAt(heap, 32, "an HDF5 group's names"), "an HDF5 group's names");
      names.expect("HEAP");
      names.skip(4);
      const uint64_t size = names.number(8);
      names.skip(8);
      const std::string_view text = bytesAt(names.number(8), size, "an HDF5 group's names");
      links.emplace();
      readSymbolTree(tree, text, -1, *links);
    } else if (const Message *info = find(messages, MessageType::LinkInfo)) {
      Cursor at(info->data, "an HDF5 group");
      at.skip(1);
      at.skip(at.number(1) & 1 ? 8 : 0);
      if (at.number(8) != kUndefinedAddress)
        unsupported("a group with an index of the newer kind (track_order, libver='latest')");
      links.emplace();
      for (const Message &message : messages)
        if (message.type == MessageType::Link)
          readLinkMessage(message.data, *links);
    }
    found = groups.emplace(address, std::move(links)).first;
  }
  return found->second ? &*found->second : nullptr;
}

void Structure::readLinkMessage(std::string_view data, Links &links) {
  Cursor at(data, "an HDF5 link");
  at.skip(1);
  const uint64_t flags = at.number(1);
  const uint64_t type = flags & 8 ? at.number(1) : 0;
  at.skip((flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0));
  const uint64_t length = at.number(size_t(1) << (flags & 3));
  std::string name(at.take(length));
  if (type == 0) // others lead elsewhere, perhaps out of the file
    links.emplace_back(std::move(name), at.number(8));
}

/// `level` is that of the node above, -1 for the first one.
void Structure::readSymbolTree(uint64_t node, std::string_view names, int level, Links &links) {
  constexpr const char *what = "an HDF5 group's index";
  if (node == kUndefinedAddress)
    return;
  Cursor at(bytesFrom(node, what), what);
  at.expect("TREE");
  const uint64_t type = at.number(1);
  const int here = static_cast<int>(at.number(1));
  const uint64_t count = at.number(2);
  if (type != 0 || (level >= 0 && here != level - 1))
    throw FileError(std::string(what) + " is damaged");
  at.skip(16 + 8); // siblings, first key
  charge(24 + count * 16);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t child = at.number(8);
    at.skip(8);
    if (here > 0)
      readSymbolTree(child, names, here, links);
    else
      readSymbolNode(child, names, links);
  }
}

void Structure::readSymbolNode(uint64_t node, std::string_view names, Links &links) {
  constexpr const char *what = "an HDF5 group's table";
  Cursor at(bytesFrom(node, what), what);
  at.expect("SNOD");
  at.skip(2);
  const uint64_t count = at.number(2);
  charge(8 + count * kSymbolEntryBytes);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = at.number(8), object = at.number(8), cache = at.number(4);
    at.skip(20);
    if (cache == 2) // a symbolic link
      continue;
    const std::string_view tail = names.substr(std::min<uint64_t>(offset, names.size()));
    const size_t length = tail.find('\0');
    if (length == std::string_view::npos)
      throw FileError("an HDF5 group's names are damaged");
    charge(length);
    links.emplace_back(std::string(tail.substr(0, length)), object);
  }
}

std::string_view Structure::heapObject(uint64_t collection, uint32_t index) {
  constexpr const char *what = "an HDF5 heap of texts";
  auto found = heaps.find(collection);
  if (found == heaps.end()) {
    Cursor head(bytesAt(collection, 16, what), what);
    head.expect("GCOL");
    head.skip(4);
    const uint64_t size = head.number(8);
    charge(size);
    Cursor at(bytesAt(collection, size, what), what);
    at.skip(16);
    std::map<uint32_t, std::string_view> objects;
    while (at.left() >= 16) {
      const auto number = static_cast<uint32_t>(at.number(2));
      at.skip(6);
      const uint64_t length = at.number(8);
      if (number == 0) // the free space
        break;
      objects[number] = at.take(length);
      at.align();
    }
    found = heaps.emplace(collection, std::move(objects)).first;
  }
  auto object = found->second.find(index);
  if (object == found->second.end())
    throw FileError(std::string(what) + " has no text " + std::to_string(index));
  return object->second;
}

} // namespace ingot::kerasfile
