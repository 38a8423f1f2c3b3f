// PNG through libpng. Errors of libpng leave its functions by longjmp: every setjmp stands in a
// function of PngReader whose frame has nothing to destroy.
#include "ingot/data/Picture.h"
#include "runtime/data/ByteSource.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <png.h>

namespace ingot::data {

namespace {

class PngReader {
public:
  PngReader(const uint8_t *data, size_t size) : next(data), left(size) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, onError, onWarning);
    info = png ? png_create_info_struct(png) : nullptr;
  }
  PngReader(const PngReader &) = delete;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }

  bool hasMemory() const { return info != nullptr; }
  const char *message() const { return text; }

  /// Reads up to the first pixel.
  bool readHeader() {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_set_read_fn(png, this, onRead);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png, 1 << 20);
    // Texts and colour profiles are neither used nor unpacked.
    static const png_byte skipped[] = "iCCP\0iTXt\0tEXt\0zTXt\0sPLT\0eXIf";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped, 6);
    png_read_info(png, info);
    width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    bits = png_get_bit_depth(png, info) * png_get_channels(png, info);
    return true;
  }

  /// Asks for 8 bits a channel; takes memory for a row.
  bool prepareRows() {
    if (setjmp(png_jmpbuf(png)))
      return false;
    const int color = png_get_color_type(png, info);
    if (color == PNG_COLOR_TYPE_PALETTE)
      png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
      png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS))
      png_set_tRNS_to_alpha(png);
    png_set_strip_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    channels = png_get_channels(png, info), rowBytes = png_get_rowbytes(png, info);
    return true;
  }

  bool readRows(png_bytep *rows) {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    return true;
  }

  int64_t width = 0, height = 0, bits = 0, channels = 0;
  size_t rowBytes = 0;

private:
  static void onRead(png_structp png, png_bytep to, size_t size) {
    auto *self = static_cast<PngReader *>(png_get_io_ptr(png));
    if (size > self->left)
      png_error(png, "the file is truncated");
    std::memcpy(to, self->next, size);
    self->next += size, self->left -= size;
  }
  [[noreturn]] static void onError(png_structp png, png_const_charp message) {
    auto *self = static_cast<PngReader *>(png_get_error_ptr(png));
    std::snprintf(self->text, sizeof self->text, "%s", message);
    png_longjmp(png, 1);
  }
  static void onWarning(png_structp, png_const_charp) {}

  const uint8_t *next;
  size_t left;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char text[128] = "";
};

Status corrupt(const PngReader &reader) {
  return Status(StatusCode::DataLoss,
                "the PNG is damaged (" + std::string(reader.message()) + "); replace or remove it");
}

} // namespace

bool looksLikePng(const uint8_t *data, size_t size) {
  return size >= 8 && png_sig_cmp(data, 0, 8) == 0;
}

Result<Pixels> decodePng(const uint8_t *data, size_t size) {
  PngReader reader(data, size);
  if (!reader.hasMemory())
    return Status(StatusCode::ResourceExhausted, "no memory to read the PNG");
  if (!reader.readHeader())
    return corrupt(reader);
  // Pixels are deflated.
  const uint64_t most = uint64_t(size) * maxDeflateRatio / uint64_t(reader.bits) * 8;
  INGOT_RETURN_IF_ERROR(checkExtents(reader.width, reader.height, most, size));
  if (!reader.prepareRows())
    return corrupt(reader);
  if (reader.rowBytes != size_t(reader.width * reader.channels))
    return Status(StatusCode::Internal, "libpng does not give 8 bits a channel");
  Pixels pixels;
  INGOT_RETURN_IF_ERROR(pixels.resize(DType::U8, {reader.height, reader.width, reader.channels}));
  std::vector<png_bytep> rows(size_t(reader.height));
  for (size_t row = 0; row < rows.size(); ++row)
    rows[row] = pixels.data<uint8_t>() + row * reader.rowBytes;
  if (!reader.readRows(rows.data()))
    return corrupt(reader);
  return pixels;
}

Result<std::vector<uint8_t>> encodePng(const TensorView &picture) {
  INGOT_RETURN_IF_ERROR(checkPicture(picture));
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.height = png_uint_32(picture.dims[0]), image.width = png_uint_32(picture.dims[1]);
  image.format = picture.dims[2] == 1   ? PNG_FORMAT_GRAY
                 : picture.dims[2] == 3 ? PNG_FORMAT_RGB
                                        : PNG_FORMAT_RGBA;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<uint8_t> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.data, 0, nullptr))
    return Status(StatusCode::Internal, image.message);
  bytes.resize(size);
  return bytes;
}

} // namespace ingot::data
