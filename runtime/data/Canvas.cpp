// Rasterises strokes by distance: a pixel is covered as far as its centre lies inside the stroke,
// with a ramp one pixel wide at the edge.
#include "runtime/data/Canvas.h"
#include "ingot/data/Picture.h"

#include <algorithm>
#include <cmath>

namespace ingot::data {

Canvas::Canvas(int width, int height, Color background)
    : columns(width), rows(height), pixels(size_t(width) * size_t(height) * 3) {
  fill(0, 0, width, height, background);
}

void Canvas::fill(int x, int y, int w, int h, Color color) {
  const int x1 = std::min(x + w, columns), y1 = std::min(y + h, rows);
  for (int row = std::max(y, 0); row < y1; ++row)
    for (int column = std::max(x, 0); column < x1; ++column) {
      uint8_t *pixel = &pixels[(size_t(row) * size_t(columns) + size_t(column)) * 3];
      pixel[0] = color.red, pixel[1] = color.green, pixel[2] = color.blue;
    }
}

static double distanceToSegment(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double length = dx * dx + dy * dy;
  double t = 0;
  if (length > 0)
    t = std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0);
  return std::hypot(p.x - (a.x + t * dx), p.y - (a.y + t * dy));
}

static uint8_t blend(uint8_t under, uint8_t over, double alpha) {
  return static_cast<uint8_t>(std::lround(under + (over - under) * alpha));
}

/// Cuts strokes at points that are not finite or too far off to matter.
static Strokes drawable(const Strokes &strokes) {
  Strokes result;
  for (const std::vector<Point> &line : strokes) {
    result.emplace_back();
    for (Point point : line) {
      if (std::abs(point.x) < 1e6 && std::abs(point.y) < 1e6)
        result.back().push_back(point);
      else if (!result.back().empty())
        result.emplace_back();
    }
    if (result.back().empty())
      result.pop_back();
  }
  return result;
}

void Canvas::stroke(const Strokes &strokes, double thickness, Color color) {
  const Strokes lines = drawable(strokes);
  double left = columns, top = rows, right = 0, bottom = 0;
  for (const std::vector<Point> &line : lines)
    for (Point point : line) {
      left = std::min(left, point.x), right = std::max(right, point.x);
      top = std::min(top, point.y), bottom = std::max(bottom, point.y);
    }
  const double margin = thickness / 2 + 1;
  cover(lines, thickness, color, std::max(0, int(left - margin)), std::max(0, int(top - margin)),
        std::min(columns, int(right + margin) + 1), std::min(rows, int(bottom + margin) + 1));
}

void Canvas::cover(const Strokes &strokes, double thickness, Color color, int x0, int y0, int x1,
                   int y1) {
  if (x0 >= x1 || y0 >= y1)
    return;
  const size_t stride = size_t(x1 - x0);
  std::vector<float> coverage(stride * size_t(y1 - y0), 0.0f);
  const double reach = thickness / 2 + 0.5;
  for (const std::vector<Point> &line : strokes)
    for (size_t i = 0; i + 1 < std::max<size_t>(line.size(), 2); ++i) {
      const Point a = line[i], b = line[std::min(i + 1, line.size() - 1)];
      const int left = std::max(x0, int(std::floor(std::min(a.x, b.x) - reach)));
      const int right = std::min(x1, int(std::ceil(std::max(a.x, b.x) + reach)) + 1);
      const int top = std::max(y0, int(std::floor(std::min(a.y, b.y) - reach)));
      const int bottom = std::min(y1, int(std::ceil(std::max(a.y, b.y) + reach)) + 1);
      for (int y = top; y < bottom; ++y)
        for (int x = left; x < right; ++x) {
          const double distance = distanceToSegment({x + 0.5, y + 0.5}, a, b);
          const double alpha = std::clamp(reach - distance, 0.0, std::min(1.0, thickness));
          float &cell = coverage[size_t(y - y0) * stride + size_t(x - x0)];
          cell = std::max(cell, float(alpha));
        }
    }
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x) {
      const double alpha = coverage[size_t(y - y0) * stride + size_t(x - x0)];
      uint8_t *pixel = &pixels[(size_t(y) * size_t(columns) + size_t(x)) * 3];
      pixel[0] = blend(pixel[0], color.red, alpha);
      pixel[1] = blend(pixel[1], color.green, alpha);
      pixel[2] = blend(pixel[2], color.blue, alpha);
    }
}

void Canvas::text(Point at, std::string_view text, double capHeight, Color color, Align align,
                  bool bold, bool upwards) {
  Strokes strokes = textStrokes(text, capHeight);
  const double width = textWidth(text, capHeight);
  const double shift = align == Align::Left ? 0 : align == Align::Center ? -width / 2 : -width;
  for (std::vector<Point> &line : strokes)
    for (Point &point : line) {
      const Point moved = {point.x + shift, point.y};
      point =
          upwards ? Point{at.x + moved.y, at.y - moved.x} : Point{at.x + moved.x, at.y + moved.y};
    }
  stroke(strokes, std::max(1.0, capHeight * (bold ? 0.19 : 0.125)), color);
}

Status Canvas::writePng(const std::string &path) const {
  const int64_t dims[] = {rows, columns, 3};
  return writePicture(path, {DType::U8, 3, dims, pixels.data()});
}

} // namespace ingot::data
