// Texts of clients, cut to a length.
#include "runtime/serve/inference/Clip.h"

#include <gtest/gtest.h>

namespace {

using namespace ingot::serve;

TEST(ClipTest, LongTextsAreCutBetweenCharacters) {
  EXPECT_EQ(clip("short", 5), "short");
  EXPECT_EQ(clip("longer than that", 8), "longe…");
  EXPECT_EQ(clip("aäöü", 6), "aä…");    // 'ä' fits, whole
  EXPECT_EQ(clip("aäöü😀", 8), "aäö…"); // and nothing of the next one is left
}

TEST(ClipTest, NoTextOfARecordIsLong) {
  RequestRecord record;
  record.model = record.function = record.id = record.traceparent = std::string(1000, 'x');
  record.error = std::string(10000, 'x');
  clip(record);
  EXPECT_EQ(record.model.size(), mostNameBytes);
  EXPECT_EQ(record.id.size(), mostNameBytes);
  EXPECT_EQ(record.error.size(), mostMessageBytes);
}

} // namespace
