// Pictures: they are PNGs of the right size whose pixels show what was asked for.
#include "ingot/data/Plot.h"
#include "Helpers.h"
#include "runtime/data/Canvas.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <png.h>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;

  /// Pixels close to a colour.
  int count(int red, int green, int blue) const {
    int hits = 0;
    for (size_t i = 0; i < rgb.size(); i += 3)
      hits +=
          std::abs(rgb[i] - red) + std::abs(rgb[i + 1] - green) + std::abs(rgb[i + 2] - blue) < 6;
    return hits;
  }
};

Picture readPng(const std::string &path) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  Picture picture;
  if (!png_image_begin_read_from_file(&image, path.c_str())) {
    ADD_FAILURE() << path << ": " << image.message;
    return picture;
  }
  image.format = PNG_FORMAT_RGB;
  picture.width = int(image.width), picture.height = int(image.height);
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr));
  return picture;
}

TEST(CanvasTest, ALineCoversItsPixelsAndFadesAtTheEdge) {
  TemporaryDirectory directory;
  Canvas canvas(9, 9, {255, 255, 255});
  canvas.stroke({{{-5, 4.5}, {20, 4.5}}}, 2, {0, 0, 0});
  ASSERT_TRUE(canvas.writePng(directory.path("line.png")).isOk());
  const Picture picture = readPng(directory.path("line.png"));
  const auto at = [&](int x, int y) { return int(picture.rgb[size_t(y * 9 + x) * 3]); };
  EXPECT_EQ(at(4, 4), 0);
  EXPECT_NEAR(at(4, 3), 128, 1);
  EXPECT_NEAR(at(4, 5), 128, 1);
  EXPECT_EQ(at(4, 2), 255);
}

TEST(CanvasTest, EveryPrintableCharacterHasItsOwnStrokes) {
  for (char c = '!'; c <= '~'; ++c) {
    const Strokes strokes = textStrokes(std::string(1, c), 70);
    ASSERT_FALSE(strokes.empty()) << c;
    for (const std::vector<Point> &line : strokes) {
      ASSERT_FALSE(line.empty()) << c;
      for (Point point : line) {
        EXPECT_GE(point.x, -6) << c;
        EXPECT_LE(point.x, textWidth(std::string(1, c), 70) + 6) << c;
        EXPECT_GE(point.y, -82) << c;
        EXPECT_LE(point.y, 26) << c;
      }
    }
  }
}

TEST(PlotTest, HistoryShowsTrainingAndValidation) {
  TemporaryDirectory directory;
  const std::string path = directory.path("curves.png");
  const Status status = plotHistory(path, {{"accuracy", {0.8, 0.9, 0.92}},
                                           {"loss", {0.5, 0.3, 0.2}},
                                           {"val_accuracy", {0.85, 0.88, 0.9}},
                                           {"val_loss", {0.4, 0.35, 0.33}}});
  ASSERT_TRUE(status.isOk()) << status.message();
  const Picture picture = readPng(path);
  EXPECT_EQ(picture.width, 1520);
  EXPECT_EQ(picture.height, 560);
  EXPECT_GT(picture.count(31, 98, 189), 500);  // training
  EXPECT_GT(picture.count(230, 111, 18), 500); // validation
}

TEST(PlotTest, OddHistoriesAreDrawnToo) {
  TemporaryDirectory directory;
  const std::string path = directory.path("odd.png");
  for (const std::vector<double> &values : {std::vector<double>{0.5},
                                            {},
                                            {2, 2, 2},
                                            {0, 0},
                                            {NAN, 1, INFINITY, 3},
                                            {NAN},
                                            {1e300, -1e300},
                                            {1e-12, 2e-12},
                                            std::vector<double>(1000, 0.25)})
    EXPECT_TRUE(plotHistory(path, {{"loss", values}}).isOk()) << values.size();
  EXPECT_EQ(plotHistory(path, {}).code(), StatusCode::InvalidArgument);
  for (const char *path : {"no/dir.png", "no/dir.svg"})
    EXPECT_EQ(plotHistory(directory.path(path), {{"loss", {1}}}).code(), StatusCode::NotFound);
}

TEST(PlotTest, RightIsGreenAndWrongIsRed) {
  TemporaryDirectory directory;
  const std::string path = directory.path("images.png");
  const std::vector<uint8_t> pixels(4 * 8 * 8, 100);
  LabelledImages images;
  images.count = 4, images.height = images.width = 8;
  images.pixels = pixels.data();
  images.predicted = {0, 1, 1, 0};
  images.truth = {0, 1, 1, 0};
  images.classNames = {"cat", "dog"};
  ASSERT_TRUE(plotImages(path, images, 2).isOk());
  Picture picture = readPng(path);
  EXPECT_GT(picture.count(22, 128, 61), 1000);
  EXPECT_EQ(picture.count(200, 30, 45), 0);
  EXPECT_EQ(picture.count(100, 100, 100) / (112 * 112), 4);
  images.predicted[2] = 0;
  ASSERT_TRUE(plotImages(path, images, 2).isOk());
  EXPECT_GT(readPng(path).count(200, 30, 45), 300);
}

TEST(PlotTest, LabelsThatDoNotFitAreRefused) {
  TemporaryDirectory directory;
  const std::vector<uint8_t> pixels(8 * 8, 0);
  LabelledImages images;
  images.count = 1, images.height = images.width = 8;
  images.pixels = pixels.data();
  images.predicted = {0, 1};
  EXPECT_NE(plotImages(directory.path("p.png"), images).message().find("2 predicted"),
            std::string::npos);
  images.predicted = {2};
  images.classNames = {"cat", "dog"};
  EXPECT_NE(plotImages(directory.path("p.png"), images).message().find("label 2 has no name"),
            std::string::npos);
}

TEST(PlotTest, OtherFormatsAreRefusedAndWhatWasThereStays) {
  TemporaryDirectory directory;
  const std::string path = directory.path("curves.jpg");
  EXPECT_EQ(plotHistory(path, {{"loss", {1}}}).code(), StatusCode::InvalidArgument);
  EXPECT_FALSE(std::ifstream(path).is_open());
}

TEST(PlotTest, APathThatEndsSoBecomesSvg) {
  TemporaryDirectory directory;
  const std::string path = directory.path("curves.svg");
  ASSERT_TRUE(plotHistory(path, {{"loss", {1, NAN, 0.5}}, {"val_loss", {1.5, 1, 0.75}}}).isOk());
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text.rfind("<svg xmlns=", 0), 0u);
  EXPECT_NE(text.find(">validation</text>"), std::string::npos);
  EXPECT_NE(text.find("h0M"), std::string::npos); // the gap leaves points alone
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 7), "</svg>\n");
  EXPECT_FALSE(plotHistory(directory.path("no/such/curves.svg"), {{"loss", {1}}}).isOk());
}

} // namespace
