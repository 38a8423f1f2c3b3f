// See TlsFiles.h.
#include "runtime/serve/inference/TlsFiles.h"

#include "runtime/core/AtomicFile.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace ingot::serve {

namespace {

struct Free {
  void operator()(BIO *bio) const { BIO_free(bio); }
  void operator()(X509 *certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Result<std::string> readPem(const std::string &path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return errnoStatus("read", path, errno);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad())
    return errnoStatus("read", path, errno);
  return text;
}

Bio bioOf(const std::string &text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Status wrong(const std::string &path, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return Status(StatusCode::InvalidArgument, "TLS: '" + path + "' has no " + what + " in PEM form" +
                                                 (reason ? ": " + std::string(reason) : ""));
}

/// Nobody is there to be asked for one.
int noPassword(char *, int, int, void *) { return -1; }

/// The first; those after it must be some, too, since a chain is read to its end.
Result<Certificate> readCertificates(const std::string &path, const std::string &text) {
  const Bio bio = bioOf(text);
  Certificate first(PEM_read_bio_X509(bio.get(), nullptr, noPassword, nullptr));
  if (!first)
    return wrong(path, "certificate");
  while (const Certificate next{PEM_read_bio_X509(bio.get(), nullptr, noPassword, nullptr)}) {
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) // which is how the end is told
    return wrong(path, "chain of certificates");
  ERR_clear_error();
  return first;
}

} // namespace

Result<TlsTexts> readTls(const TlsFiles &files) {
  TlsTexts texts;
  if (files.certificate.empty() || files.key.empty())
    return Status(StatusCode::InvalidArgument, "TLS needs both a certificate and its key");
  INGOT_ASSIGN_OR_RETURN(texts.certificate, readPem(files.certificate));
  INGOT_ASSIGN_OR_RETURN(texts.key, readPem(files.key));
  ERR_clear_error();
  INGOT_ASSIGN_OR_RETURN(const Certificate certificate,
                         readCertificates(files.certificate, texts.certificate));
  const Key key(PEM_read_bio_PrivateKey(bioOf(texts.key).get(), nullptr, noPassword, nullptr));
  if (!key)
    return wrong(files.key, "private key without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Status(StatusCode::InvalidArgument, "TLS: the key '" + files.key +
                                                   "' is not that of the certificate '" +
                                                   files.certificate + "'");
  }
  if (!files.clientAuthority.empty()) {
    INGOT_ASSIGN_OR_RETURN(texts.clientAuthority, readPem(files.clientAuthority));
    INGOT_RETURN_IF_ERROR(readCertificates(files.clientAuthority, texts.clientAuthority).status());
  }
  return texts;
}

} // namespace ingot::serve
