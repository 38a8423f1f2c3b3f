// See Clip.h.
#include "runtime/serve/inference/Clip.h"

#include <string_view>
#include <utility>

namespace ingot::serve {

std::string clip(std::string text, size_t mostBytes) {
  constexpr std::string_view mark = "…";
  if (text.size() <= mostBytes)
    return text;
  size_t end = mostBytes > mark.size() ? mostBytes - mark.size() : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) // within a character
    --end;
  text.resize(end);
  text.shrink_to_fit();
  return text += mark;
}

void clip(RequestRecord &record) {
  for (std::string RequestRecord::*name : {&RequestRecord::model, &RequestRecord::function,
                                           &RequestRecord::id, &RequestRecord::traceparent})
    record.*name = clip(std::move(record.*name), mostNameBytes);
  record.error = clip(std::move(record.error), mostMessageBytes);
}

} // namespace ingot::serve
