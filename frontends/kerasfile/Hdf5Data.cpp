// The elements of a dataset, however they are stored: see Hdf5Values.h.
//
// Invariant: memory is taken after it was seen that the bytes stored can make as much.
#include "frontends/kerasfile/Hdf5Values.h"

#include <algorithm>
#include <zlib.h>

namespace ingot::kerasfile {

namespace {

/// What deflate can make of a byte at most; zlib's bound.
constexpr uint64_t kMostExpansion = 1032;

struct Filter {
  uint64_t id, elementBytes;
};

struct Chunk {
  std::vector<uint64_t> offset; // of its first element
  uint64_t skippedFilters;
  std::string_view data;
};

/// Everything that is needed to find a dataset's elements.
struct Storage {
  Shape shape;
  uint64_t elementBytes = 0, bytes = 0;
  std::vector<Filter> filters;
  std::string fill; // an element, or empty for zero
};

std::vector<Filter> readFilters(std::string_view data) {
  Cursor at(data, "an HDF5 filter list");
  const uint64_t version = at.number(1), count = at.number(1);
  if (version != 1 && version != 2)
    throw FileError("an HDF5 filter list is damaged");
  at.skip(version == 1 ? 6 : 0);
  std::vector<Filter> filters;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t id = at.number(2);
    const uint64_t nameBytes = version == 1 || id >= 256 ? at.number(2) : 0;
    at.skip(2);
    const uint64_t values = at.number(2);
    at.skip(version == 1 ? (nameBytes + 7) / 8 * 8 : nameBytes);
    Cursor client(at.take(4 * values), "an HDF5 filter");
    at.skip(version == 1 && values % 2 ? 4 : 0);
    if (id != 1 && id != 2 && id != 3)
      throw FileError("compression filter " + std::to_string(id) +
                          (id == 32000 ? " (lzf)"
                           : id == 4   ? " (szip)"
                                       : "") +
                          " is not supported: gzip, shuffle and fletcher32 are",
                      StatusCode::Unsupported);
    filters.push_back({id, id == 2 && values > 0 ? client.number(4) : 1});
  }
  return filters;
}

std::string readFill(std::string_view data, uint64_t elementBytes) {
  Cursor at(data, "an HDF5 fill value");
  const uint64_t version = at.number(1);
  bool isGiven = false;
  if (version == 3) {
    isGiven = at.number(1) & 0x20;
  } else {
    at.skip(2);
    isGiven = at.number(1) == 1 || version == 1;
  }
  const uint64_t size = isGiven && at.left() >= 4 ? at.number(4) : 0;
  return size == elementBytes ? std::string(at.take(size)) : std::string();
}

std::string inflateTo(std::string_view data, uint64_t most) {
  std::string result(std::min(most, data.size() * kMostExpansion + 64), '\0');
  z_stream stream = {};
  if (inflateInit(&stream) != Z_OK)
    throw FileError("there is no memory to decompress", StatusCode::ResourceExhausted);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int outcome = inflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  inflateEnd(&stream);
  if (outcome != Z_STREAM_END)
    throw FileError("a compressed chunk is damaged");
  return result;
}

std::string unshuffle(const std::string &data, uint64_t elementBytes) {
  if (elementBytes < 2)
    return data;
  std::string result = data;
  const size_t count = data.size() / elementBytes;
  for (size_t byte = 0; byte < elementBytes; ++byte)
    for (size_t i = 0; i < count; ++i)
      result[i * elementBytes + byte] = data[byte * count + i];
  return result;
}

/// The chunk's elements as they were before the filters.
std::string unfilter(const Chunk &chunk, const std::vector<Filter> &filters, uint64_t bytes) {
  std::string data(chunk.data);
  for (size_t i = filters.size(); i-- > 0;) {
    if (i < 64 && (chunk.skippedFilters >> i & 1))
      continue;
    if (filters[i].id == 1)
      data = inflateTo(data, bytes + 4); // with a checksum, perhaps
    else if (filters[i].id == 2)
      data = unshuffle(data, filters[i].elementBytes);
    else if (data.size() >= 4)
      data.resize(data.size() - 4); // the checksum: not looked at
  }
  if (data.size() != bytes)
    throw FileError("a chunk has " + std::to_string(data.size()) + " bytes of " +
                    std::to_string(bytes));
  return data;
}

/// Walks the index of chunks; `level` is that of the node above, -1 for the first one.
void readChunks(Structure &structure, uint64_t node, size_t rank, int level,
                std::vector<Chunk> &chunks) {
  constexpr const char *what = "an HDF5 index of chunks";
  if (node == kUndefinedAddress)
    return;
  Cursor at(structure.bytesFrom(node, what), what);
  at.expect("TREE");
  const uint64_t type = at.number(1);
  const int here = static_cast<int>(at.number(1));
  const uint64_t count = at.number(2);
  if (type != 1 || (level >= 0 && here != level - 1))
    throw FileError(std::string(what) + " is damaged");
  at.skip(16);
  structure.charge(24 + count * (24 + 8 * rank));
  for (uint64_t i = 0; i < count; ++i) {
    Chunk chunk;
    const uint64_t size = at.number(4);
    chunk.skippedFilters = at.number(4);
    for (size_t d = 0; d < rank; ++d)
      chunk.offset.push_back(at.number(8));
    at.skip(8); // along the element's bytes
    const uint64_t child = at.number(8);
    if (here > 0) {
      readChunks(structure, child, rank, here, chunks);
      continue;
    }
    chunk.data = structure.bytesAt(child, size, "a chunk");
    chunks.push_back(std::move(chunk));
  }
}

/// Copies what of a chunk is inside the dataset, row by row.
void place(const std::string &data, const Chunk &chunk, const std::vector<uint64_t> &extents,
           const Storage &storage, char *to) {
  const size_t rank = extents.size();
  std::vector<uint64_t> count(rank), index(rank, 0);
  for (size_t d = 0; d < rank; ++d) {
    const auto all = static_cast<uint64_t>(storage.shape[d]);
    if (chunk.offset[d] >= all || chunk.offset[d] % extents[d] != 0)
      throw FileError("a chunk is outside its dataset");
    count[d] = std::min(extents[d], all - chunk.offset[d]);
  }
  const uint64_t row = count.back() * storage.elementBytes;
  while (true) {
    uint64_t from = 0, at = 0;
    for (size_t d = 0; d < rank; ++d) {
      from = from * extents[d] + index[d];
      at = at * static_cast<uint64_t>(storage.shape[d]) + chunk.offset[d] + index[d];
    }
    std::memcpy(to + at * storage.elementBytes, data.data() + from * storage.elementBytes, row);
    size_t d = rank - 1;
    while (d > 0 && ++index[d - 1] == count[d - 1])
      index[--d] = 0;
    if (d == 0)
      return;
  }
}

void fillWith(const Storage &storage, char *to) {
  if (storage.fill.find_first_not_of('\0') == std::string::npos)
    return; // the tensor is zero
  for (uint64_t i = 0; i < storage.bytes; i += storage.elementBytes)
    std::memcpy(to + i, storage.fill.data(), storage.elementBytes);
}

/// What a tensor is filled from: one run of bytes, or chunks.
struct Layout {
  std::string_view whole;
  bool isChunked = false;
  std::vector<uint64_t> extents; // of a chunk
  uint64_t chunkBytes = 0;
  std::vector<Chunk> chunks;
};

void readChunkedLayout(Structure &structure, Cursor &at, const Storage &storage, Layout &layout) {
  const uint64_t dimensions = at.number(1), tree = at.number(8);
  const size_t rank = storage.shape.size();
  if (rank == 0 || dimensions != rank + 1)
    throw FileError("the dataset's chunks have another rank than the dataset");
  layout.chunkBytes = storage.elementBytes;
  for (size_t d = 0; d < rank; ++d) {
    layout.extents.push_back(at.number(4));
    if (layout.extents.back() == 0 ||
        __builtin_mul_overflow(layout.chunkBytes, layout.extents.back(), &layout.chunkBytes))
      throw FileError("the dataset's chunks have a bad extent");
  }
  if (at.number(4) != storage.elementBytes || layout.chunkBytes > UINT32_MAX)
    throw FileError("the dataset's chunks have a bad size");
  readChunks(structure, tree, rank, -1, layout.chunks);
}

Layout readLayout(Structure &structure, std::string_view data, const Storage &storage) {
  Cursor at(data, "an HDF5 data layout");
  const uint64_t version = at.number(1), kind = at.number(1);
  if (version != 3 && version != 4)
    throw FileError("data layout version " + std::to_string(version) + " is not supported",
                    StatusCode::Unsupported);
  Layout layout;
  if (kind == 0) {
    layout.whole = at.take(at.number(2));
  } else if (kind == 1) {
    const uint64_t address = at.number(8), size = at.number(8);
    if (address != kUndefinedAddress)
      layout.whole = structure.bytesAt(address, size, "the dataset");
  } else if (kind == 2 && version == 3) {
    layout.isChunked = true;
    readChunkedLayout(structure, at, storage, layout);
  } else {
    throw FileError(kind == 3 ? "virtual datasets, made of other files, are not read"
                              : "chunks with an index of the newer kind (libver='latest') are not "
                                "supported; h5repack writes them in the usual form",
                    StatusCode::Unsupported);
  }
  return layout;
}

/// Throws when the elements cannot come from the bytes that are stored.
void checkSize(const Storage &storage, const Layout &layout, uint64_t fileBytes) {
  if (!layout.isChunked) {
    if (!layout.whole.empty() && layout.whole.size() < storage.bytes)
      throw FileError("it claims " + std::to_string(storage.bytes) + " bytes, and " +
                      std::to_string(layout.whole.size()) + " are stored");
    if (layout.whole.empty() && storage.bytes > fileBytes)
      throw FileError("it claims " + std::to_string(storage.bytes) + " bytes, and none are stored");
    return;
  }
  const bool isCompressed = std::any_of(storage.filters.begin(), storage.filters.end(),
                                        [](const Filter &filter) { return filter.id == 1; });
  uint64_t stored = 0, places = 1;
  for (size_t d = 0; d < layout.extents.size(); ++d)
    places *= (static_cast<uint64_t>(storage.shape[d]) + layout.extents[d] - 1) / layout.extents[d];
  for (const Chunk &chunk : layout.chunks) {
    stored += chunk.data.size();
    const uint64_t most =
        isCompressed ? chunk.data.size() * kMostExpansion : chunk.data.size() + 64;
    if (layout.chunkBytes > most)
      throw FileError("a chunk claims " + std::to_string(layout.chunkBytes) + " bytes, and " +
                      std::to_string(chunk.data.size()) + " are stored");
  }
  if (layout.chunks.size() > places || stored > fileBytes)
    throw FileError("its chunks overlap");
  if (storage.bytes > stored * (isCompressed ? kMostExpansion : 1) + fileBytes)
    throw FileError("it claims " + std::to_string(storage.bytes) + " bytes, and chunks of " +
                    std::to_string(stored) + " are stored");
}

void swapBytes(char *data, uint64_t bytes, uint64_t elementBytes) {
  for (uint64_t i = 0; i + elementBytes <= bytes; i += elementBytes)
    std::reverse(data + i, data + i + elementBytes);
}

} // namespace

std::string_view contentOf(const std::vector<Message> &messages, MessageType type,
                           const char *what) {
  const Message *message = find(messages, type);
  if (!message)
    throw FileError(std::string("it has no ") + what);
  if (message->isShared)
    throw FileError(std::string("its ") + what + " is shared, which is not supported",
                    StatusCode::Unsupported);
  return message->data;
}

Tensor readElements(Structure &structure, const std::vector<Message> &messages,
                    const Hdf5Type &type, const Hdf5File::Dataset &dataset) {
  if (find(messages, MessageType::ExternalFiles))
    throw FileError("its data are in another file, which is not read", StatusCode::Unsupported);
  Storage storage;
  storage.shape = dataset.shape;
  storage.elementBytes = type.bytes;
  if (__builtin_mul_overflow(countOf(dataset.shape), type.bytes, &storage.bytes))
    throw FileError("it claims more bytes than 64 bits count");
  if (find(messages, MessageType::Filters))
    storage.filters = readFilters(contentOf(messages, MessageType::Filters, "filters"));
  if (find(messages, MessageType::FillValue))
    storage.fill = readFill(contentOf(messages, MessageType::FillValue, "fill value"), type.bytes);
  const Layout layout =
      readLayout(structure, contentOf(messages, MessageType::Layout, "data layout"), storage);
  checkSize(storage, layout, structure.fileBytes());
  Result<Tensor> made = Tensor::zeros(dataset.dtype, storage.shape);
  if (!made.isOk())
    throw FileError(made.status().message(), made.status().code());
  Tensor tensor = std::move(*made);
  auto *to = static_cast<char *>(tensor.rawData());
  if (storage.bytes == 0)
    return tensor;
  if (layout.isChunked) {
    fillWith(storage, to);
    for (const Chunk &chunk : layout.chunks)
      place(unfilter(chunk, storage.filters, layout.chunkBytes), chunk, layout.extents, storage,
            to);
  } else if (layout.whole.empty()) {
    fillWith(storage, to);
  } else {
    std::memcpy(to, layout.whole.data(), storage.bytes);
  }
  if (type.isBigEndian)
    swapBytes(to, storage.bytes, storage.elementBytes);
  if (type.isBoolean) // any other number is no bool for us
    for (uint64_t i = 0; i < storage.bytes; ++i)
      to[i] = to[i] != 0;
  return tensor;
}

} // namespace ingot::kerasfile
