// Byte sources over memory, files and gzip streams.
#include "runtime/data/ByteSource.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <sys/stat.h>
#include <zlib.h>

namespace ingot::data {

Status ByteSource::read(void *to, size_t size, const char *what) {
  INGOT_ASSIGN_OR_RETURN(const size_t got, readSome(to, size));
  if (got == size)
    return Status();
  return Status(StatusCode::DataLoss, "truncated: " + std::string(what) + " needs " +
                                          std::to_string(size) + " bytes, " + std::to_string(got) +
                                          " are left");
}

Status ByteSource::expectEnd() {
  char byte;
  INGOT_ASSIGN_OR_RETURN(const size_t got, readSome(&byte, 1));
  if (got == 0)
    return Status();
  return Status(StatusCode::DataLoss, "there are bytes after the last element");
}

Result<size_t> MemorySource::readSome(void *to, size_t size) {
  size = std::min(size, left);
  if (size)
    std::memcpy(to, next, size);
  next += size, left -= size;
  return size;
}

static Status systemError(const std::string &path, int error) {
  return Status(error == ENOENT || error == ENOTDIR ? StatusCode::NotFound : StatusCode::IoError,
                "cannot read '" + path + "': " + std::strerror(error));
}

namespace {

class FileSource : public ByteSource {
public:
  FileSource(FILE *file, uint64_t size) : file(file), left(size) {}
  ~FileSource() override { std::fclose(file); }

  Result<size_t> readSome(void *to, size_t size) override {
    const size_t got = std::fread(to, 1, size_t(std::min<uint64_t>(size, left)), file);
    if (got < size && std::ferror(file))
      return Status(StatusCode::IoError, std::string("cannot read: ") + std::strerror(errno));
    left -= got;
    return got;
  }
  uint64_t bound() const override { return left; }

private:
  FILE *file;
  uint64_t left;
};

class GzipSource : public ByteSource {
public:
  GzipSource(const void *data, size_t size)
      : next(static_cast<const uint8_t *>(data)), left(size) {}
  ~GzipSource() override { inflateEnd(&stream); }

  bool start() { return inflateInit2(&stream, 15 + 16) == Z_OK; }

  Result<size_t> readSome(void *to, size_t size) override {
    size_t done = 0;
    while (done < size && !ended) {
      const auto give = uInt(std::min<size_t>(left, 1u << 30));
      const auto want = uInt(std::min<size_t>(size - done, 1u << 30));
      stream.next_in = const_cast<Bytef *>(next);
      stream.avail_in = give;
      stream.next_out = static_cast<Bytef *>(to) + done;
      stream.avail_out = want;
      const int code = inflate(&stream, Z_NO_FLUSH);
      next += give - stream.avail_in, left -= give - stream.avail_in;
      done += want - stream.avail_out;
      if (code == Z_STREAM_END)
        ended = left == 0 || inflateReset(&stream) != Z_OK; // another member may follow
      else if (code != Z_OK)
        return Status(StatusCode::DataLoss,
                      left == 0 && code == Z_BUF_ERROR
                          ? "the gzip stream is truncated"
                          : std::string("the gzip stream is corrupt: ") +
                                (stream.msg ? stream.msg : "it makes no progress"));
    }
    return done;
  }
  uint64_t bound() const override {
    // Inflate may hold back what fits its window of input it has already taken.
    return ended ? 0 : left * maxDeflateRatio + (1u << 16);
  }

private:
  const uint8_t *next;
  size_t left;
  bool ended = false;
  z_stream stream = {};
};

} // namespace

Result<std::unique_ptr<ByteSource>> openFile(const std::string &path) {
  FILE *file = std::fopen(path.c_str(), "rbe");
  if (!file)
    return systemError(path, errno);
  struct stat info;
  const int failed = fstat(fileno(file), &info);
  if (failed || !S_ISREG(info.st_mode)) {
    const int error = failed ? errno : 0;
    std::fclose(file);
    return failed ? systemError(path, error)
                  : Status(StatusCode::IoError, "cannot read '" + path + "': not a regular file");
  }
  return std::unique_ptr<ByteSource>(new FileSource(file, uint64_t(info.st_size)));
}

bool looksLikeGzip(const void *data, size_t size) {
  return size >= 2 && std::memcmp(data, "\x1f\x8b", 2) == 0;
}

Result<std::unique_ptr<ByteSource>> openGzip(const void *data, size_t size) {
  auto source = std::make_unique<GzipSource>(data, size);
  if (!source->start())
    return Status(StatusCode::ResourceExhausted, "no memory for decompression");
  return std::unique_ptr<ByteSource>(std::move(source));
}

Result<std::vector<uint8_t>> readWholeFile(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> file, openFile(path));
  std::vector<uint8_t> bytes;
  try {
    bytes.resize(size_t(file->bound()));
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::ResourceExhausted,
                  "'" + path + "' needs " + std::to_string(file->bound()) + " bytes of memory");
  }
  INGOT_RETURN_IF_ERROR(
      file->read(bytes.data(), bytes.size(), "the file").withContext("'" + path + "'"));
  return bytes;
}

} // namespace ingot::data
