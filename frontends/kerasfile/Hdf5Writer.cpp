// See Hdf5Writer.h.
#include "frontends/kerasfile/Hdf5Writer.h"

#include <algorithm>
#include <hdf5.h>
#include <mutex>

namespace ingot::kerasfile {

namespace {

/// What an attribute may have of bytes: an object header holds 64 KiB. Keras's number.
constexpr size_t kMostAttributeBytes = 64512;

/// A handle of libhdf5's, closed by its function.
class Handle {
public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close, const char *what) : id(id), close(close) {
    if (id < 0)
      throw FileError(std::string("cannot write the HDF5 file: ") + what + " failed",
                      StatusCode::ResourceExhausted);
  }
  ~Handle() {
    if (id >= 0)
      close(id);
  }
  Handle(const Handle &) = delete;
  operator hid_t() const { return id; }

private:
  hid_t id;
  Close close;
};

void check(herr_t result, const char *what) {
  if (result < 0)
    throw FileError(std::string("cannot write the HDF5 file: ") + what + " failed",
                    StatusCode::ResourceExhausted);
}

/// libhdf5 prints its errors unless told otherwise, to the whole process.
class Silence {
public:
  Silence() {
    H5Eget_auto2(H5E_DEFAULT, &function, &data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Silence() { H5Eset_auto2(H5E_DEFAULT, function, data); }
  Silence(const Silence &) = delete;

private:
  H5E_auto2_t function = nullptr;
  void *data = nullptr;
};

std::mutex &libraryMutex() {
  static std::mutex mutex;
  return mutex;
}

hid_t makeAccess() {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  constexpr size_t increment = 1 << 20;
  H5Pset_fapl_core(access, increment, /*backing_store=*/0);
  return access;
}

/// The type as h5py has it for NumPy's; bf16 is what h5py makes of a type that NumPy does not have.
hid_t makeType(DType dtype) {
  switch (dtype) {
  case DType::Bool: {
    const hid_t type = H5Tenum_create(H5T_STD_I8LE);
    int8_t value = 0;
    H5Tenum_insert(type, "FALSE", &value);
    value = 1;
    H5Tenum_insert(type, "TRUE", &value);
    return type;
  }
  case DType::I8:
    return H5Tcopy(H5T_STD_I8LE);
  case DType::I16:
    return H5Tcopy(H5T_STD_I16LE);
  case DType::I32:
    return H5Tcopy(H5T_STD_I32LE);
  case DType::I64:
    return H5Tcopy(H5T_STD_I64LE);
  case DType::U8:
    return H5Tcopy(H5T_STD_U8LE);
  case DType::U16:
    return H5Tcopy(H5T_STD_U16LE);
  case DType::U32:
    return H5Tcopy(H5T_STD_U32LE);
  case DType::U64:
    return H5Tcopy(H5T_STD_U64LE);
  case DType::F32:
    return H5Tcopy(H5T_IEEE_F32LE);
  case DType::F64:
    return H5Tcopy(H5T_IEEE_F64LE);
  case DType::F16: {
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
  }
  case DType::BF16: {
    const hid_t type = H5Tcreate(H5T_OPAQUE, 2);
    H5Tset_tag(type, "NUMPY:bfloat16");
    return type;
  }
  default:
    throw FileError(std::string("an HDF5 file has no elements of type ") + toString(dtype),
                    StatusCode::Unsupported);
  }
}

std::string parentOf(const std::string &path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

} // namespace

struct Hdf5Writer::Impl {
  std::unique_lock<std::mutex> lock{libraryMutex()};
  Silence silence;
  Handle access{makeAccess(), H5Pclose, "H5Pcreate"};
  Handle file{H5Fcreate("ingot.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose, "H5Fcreate"};

  Handle object(const std::string &path) {
    return Handle(H5Oopen(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), H5Oclose,
                  "H5Oopen");
  }
  void attribute(const std::string &path, const std::string &name, hid_t type, hid_t space,
                 const void *data) {
    const Handle owner = object(path);
    const Handle attribute(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose, "H5Acreate");
    check(H5Awrite(attribute, type, data), "H5Awrite");
  }
};

Hdf5Writer::Hdf5Writer() : impl(std::make_unique<Impl>()) {}
Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::group(const std::string &path) {
  if (path.empty() || H5Lexists(impl->file, path.c_str(), H5P_DEFAULT) > 0)
    return;
  group(parentOf(path));
  if (H5Lexists(impl->file, path.c_str(), H5P_DEFAULT) > 0)
    return; // a path with a doubled slash
  const Handle made(H5Gcreate2(impl->file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                    H5Gclose, "H5Gcreate");
}

void Hdf5Writer::dataset(const std::string &path, const TensorView &value) {
  group(parentOf(path));
  std::vector<hsize_t> dims(value.dims, value.dims + value.rank);
  const Handle space(value.rank == 0
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(value.rank), dims.data(), nullptr),
                     H5Sclose, "H5Screate");
  const Handle type(makeType(value.dtype), H5Tclose, "H5Tcopy");
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "H5Pcreate");
  check(H5Pset_obj_track_times(properties, false), "H5Pset_obj_track_times");
  const Handle made(
      H5Dcreate2(impl->file, path.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
      H5Dclose, "H5Dcreate");
  if (elementCount(value) > 0)
    check(H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data), "H5Dwrite");
  if (value.dtype == DType::BF16)
    text(path, "dtype", "bfloat16");
}

void Hdf5Writer::text(const std::string &path, const std::string &name, const std::string &value,
                      bool isBytes) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate");
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy");
  if (isBytes) {
    check(H5Tset_size(type, std::max<size_t>(value.size(), 1)), "H5Tset_size");
    check(H5Tset_strpad(type, H5T_STR_NULLPAD), "H5Tset_strpad");
    return impl->attribute(path, name, type, space, value.c_str());
  }
  check(H5Tset_size(type, H5T_VARIABLE), "H5Tset_size");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "H5Tset_cset");
  const char *pointer = value.c_str();
  impl->attribute(path, name, type, space, &pointer);
}

void Hdf5Writer::texts(const std::string &path, const std::string &name,
                       const std::vector<std::string> &values) {
  size_t longest = 1;
  for (const std::string &value : values)
    longest = std::max(longest, value.size());
  if (longest > kMostAttributeBytes)
    throw FileError("a name of " + std::to_string(longest) + " bytes is too long for an HDF5 file",
                    StatusCode::Unsupported);
  const size_t each = kMostAttributeBytes / longest;
  const size_t parts = std::max<size_t>(1, (values.size() + each - 1) / each);
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy");
  check(H5Tset_size(type, longest), "H5Tset_size");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "H5Tset_strpad");
  for (size_t part = 0; part < parts; ++part) {
    const size_t begin = part * each, end = std::min(values.size(), begin + each);
    std::string data;
    for (size_t i = begin; i < end; ++i)
      (data += values[i]).append(longest - values[i].size(), '\0');
    const hsize_t count = end - begin;
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose, "H5Screate");
    impl->attribute(path, parts == 1 ? name : name + std::to_string(part), type, space,
                    data.data());
  }
}

std::string Hdf5Writer::finish() {
  check(H5Fflush(impl->file, H5F_SCOPE_GLOBAL), "H5Fflush");
  const ssize_t size = H5Fget_file_image(impl->file, nullptr, 0);
  check(size < 0 ? -1 : 0, "H5Fget_file_image");
  std::string image(static_cast<size_t>(size), '\0');
  check(H5Fget_file_image(impl->file, image.data(), image.size()) < 0 ? -1 : 0,
        "H5Fget_file_image");
  return image;
}

} // namespace ingot::kerasfile
