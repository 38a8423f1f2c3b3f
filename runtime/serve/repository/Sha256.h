// SHA-256 of bytes that come piece by piece: OpenSSL's, which uses the CPU's instructions for it.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_SHA256_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_SHA256_H

#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace ingot::serve {

class Sha256 {
public:
  Sha256();
  void update(const void *data, size_t bytes);
  void update(const std::string &text) { update(text.data(), text.size()); }
  /// Lower-case hexadecimal, 64 digits; call it once, last. Empty where OpenSSL could not (no
  /// memory): equal to no digest.
  std::string finish();

private:
  struct Free {
    void operator()(evp_md_ctx_st *context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  bool failed_ = false;
};

} // namespace ingot::serve

#endif
