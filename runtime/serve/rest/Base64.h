// Base64 (RFC 4648), of which TF Serving's {"b64": …} is made.
#ifndef INGOT_RUNTIME_SERVE_REST_BASE64_H
#define INGOT_RUNTIME_SERVE_REST_BASE64_H

#include "runtime/serve/rest/Bytes.h"

#include <string_view>

namespace ingot::serve::rest {

/// Appends the bytes that `text` stands for. False, with nothing appended, where it is not base64.
/// Both alphabets are read ("+/", "-_"); padding may be left out.
bool decodeBase64(std::string_view text, Bytes &bytes);
void encodeBase64(std::string_view bytes, Bytes &text);

} // namespace ingot::serve::rest

#endif
