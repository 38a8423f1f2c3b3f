// See Sha256.h.
#include "runtime/serve/repository/Sha256.h"

#include <openssl/evp.h>

namespace ingot::serve {

void Sha256::Free::operator()(evp_md_ctx_st *context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  failed_ = !context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1;
}

void Sha256::update(const void *data, size_t bytes) {
  failed_ = failed_ || EVP_DigestUpdate(context_.get(), data, bytes) != 1;
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (failed_ || EVP_DigestFinal_ex(context_.get(), digest, &size) != 1)
    return "";
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

} // namespace ingot::serve
