// An RGB picture with anti-aliased strokes, fills and text, written as PNG.
// Everything curved, text included, is a stroke: one primitive, one quality. Coordinates are pixels
// with the origin in the upper left corner and y downwards; whatever leaves the picture is clipped.
// Used by Plot.cpp only.
#ifndef INGOT_RUNTIME_DATA_CANVAS_H
#define INGOT_RUNTIME_DATA_CANVAS_H

#include "ingot/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::data {

struct Color {
  uint8_t red, green, blue;
};

struct Point {
  double x, y;
};

/// Strokes that are covered together: where they overlap, the colour is laid on once.
using Strokes = std::vector<std::vector<Point>>;

enum class Align { Left, Center, Right };

/// What pictures are drawn on: pixels (Canvas), or the elements of a document (SvgSurface).
class Surface {
public:
  virtual ~Surface() = default;

  /// Fills the rectangle [x, x + w) x [y, y + h), whole pixels.
  virtual void fill(int x, int y, int w, int h, Color color) = 0;

  /// Draws polylines `thickness` pixels wide with round caps and joints; a stroke of one point is a
  /// dot. Points that are not finite are left out and break the stroke.
  virtual void stroke(const Strokes &strokes, double thickness, Color color) = 0;

  /// Writes `text` (ASCII; other bytes become `?`) with its baseline at `at`; `capHeight` is the
  /// height of a capital in pixels. `upwards` turns the text by 90 degrees, to be read upwards.
  virtual void text(Point at, std::string_view text, double capHeight, Color color,
                    Align align = Align::Left, bool bold = false, bool upwards = false) = 0;
};

class Canvas : public Surface {
public:
  Canvas(int width, int height, Color background);

  int width() const { return columns; }
  int height() const { return rows; }

  void fill(int x, int y, int w, int h, Color color) override;
  void stroke(const Strokes &strokes, double thickness, Color color) override;
  void text(Point at, std::string_view text, double capHeight, Color color,
            Align align = Align::Left, bool bold = false, bool upwards = false) override;

  /// Writes the picture as an 8-bit RGB PNG; an existing file is replaced as a whole.
  [[nodiscard]] Status writePng(const std::string &path) const;

private:
  void cover(const Strokes &strokes, double thickness, Color color, int x0, int y0, int x1, int y1);

  int columns, rows;
  std::vector<uint8_t> pixels; // row-major, three bytes a pixel
};

/// Width in pixels of `text` set with that height of capitals.
double textWidth(std::string_view text, double capHeight);

/// The strokes of `text`, baseline from (0, 0) to the right, y downwards, unit: pixels.
Strokes textStrokes(std::string_view text, double capHeight);

} // namespace ingot::data

#endif
