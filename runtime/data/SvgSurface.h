// What is drawn as lines, rectangles and text in an SVG document: the same primitives as Canvas, in
// pixels. Text is real text, in whatever sans-serif font the reader has. Used by Plot.cpp only.
#ifndef INGOT_RUNTIME_DATA_SVGSURFACE_H
#define INGOT_RUNTIME_DATA_SVGSURFACE_H

#include "runtime/data/Canvas.h"

namespace ingot::data {

class SvgSurface : public Surface {
public:
  SvgSurface(int width, int height, Color background);

  void fill(int x, int y, int w, int h, Color color) override;
  void stroke(const Strokes &strokes, double thickness, Color color) override;
  void text(Point at, std::string_view text, double capHeight, Color color,
            Align align = Align::Left, bool bold = false, bool upwards = false) override;

  /// Writes the document; an existing file is replaced as a whole.
  [[nodiscard]] Status write(const std::string &path) const;

private:
  std::string document;
};

} // namespace ingot::data

#endif
