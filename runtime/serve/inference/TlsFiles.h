// Files of TLS: which a listener has, and whether they can be what they should be. The libraries of
// the protocols tell no reason, or not which file.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_TLSFILES_H
#define INGOT_RUNTIME_SERVE_INFERENCE_TLSFILES_H

#include "ingot/Status.h"

#include <string>

namespace ingot::serve {

/// TLS of a listener. Files in PEM form; empty: no TLS.
struct TlsFiles {
  std::string certificate, key;
  std::string clientAuthority; ///< with it, clients need a certificate that it signed (mutual TLS)
  bool isEmpty() const { return certificate.empty() && key.empty() && clientAuthority.empty(); }
};

/// What is in them.
struct TlsTexts {
  std::string certificate, key, clientAuthority;
};

/// NotFound, IoError, InvalidArgument: certificate or key are not named, there is nothing of that
/// kind in a file (with OpenSSL's reason), the key is another certificate's. Names the file.
Result<TlsTexts> readTls(const TlsFiles &files);

} // namespace ingot::serve

#endif
