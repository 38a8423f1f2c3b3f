// Texts of clients, cut to a length: a name may be as long as a message.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_CLIP_H
#define INGOT_RUNTIME_SERVE_INFERENCE_CLIP_H

#include "runtime/serve/inference/RequestRecord.h"

#include <cstddef>
#include <string>

namespace ingot::serve {

/// Names in records, and what clients are told of a mistake: gRPC's clients take 8 KiB of it, in
/// which a byte beyond ASCII is three.
inline constexpr size_t mostNameBytes = 200, mostMessageBytes = 2048;

/// The text, or its beginning and "…" where it has more bytes: characters of UTF-8 stay whole.
std::string clip(std::string text, size_t mostBytes);

/// Names and message of a record, so that no client fills logs and memory.
void clip(RequestRecord &record);

} // namespace ingot::serve

#endif
