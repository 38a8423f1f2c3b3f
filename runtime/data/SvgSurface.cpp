// SVG 1.1: rect, path and text elements. See SvgSurface.h.
#include "runtime/data/SvgSurface.h"
#include "runtime/core/AtomicFile.h"

#include <cmath>
#include <cstdio>

namespace ingot::data {

namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string hex(Color color) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", color.red, color.green, color.blue);
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else // as Canvas: what is no ASCII character is not shown
      result += c >= ' ' && c <= '~' ? c : '?';
  }
  return result;
}

} // namespace

SvgSurface::SvgSurface(int width, int height, Color background) {
  const std::string w = std::to_string(width), h = std::to_string(height);
  document = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h +
             "\" viewBox=\"0 0 " + w + " " + h + "\">\n";
  SvgSurface::fill(0, 0, width, height, background);
}

void SvgSurface::fill(int x, int y, int w, int h, Color color) {
  document += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
              std::to_string(w) + "\" height=\"" + std::to_string(h) + "\" fill=\"" + hex(color) +
              "\"/>\n";
}

void SvgSurface::stroke(const Strokes &strokes, double thickness, Color color) {
  std::string path;
  for (const std::vector<Point> &line : strokes) {
    size_t joined = 0; // points since the line was broken
    for (size_t i = 0; i < line.size(); ++i) {
      if (!std::isfinite(line[i].x) || !std::isfinite(line[i].y)) {
        joined = 0;
        continue;
      }
      path += (joined++ ? "L" : "M") + number(line[i].x) + " " + number(line[i].y);
      // A point alone is a dot, which a line of no length with round caps is.
      const bool ends = i + 1 == line.size() || !std::isfinite(line[i + 1].y);
      if (joined == 1 && ends)
        path += "h0";
    }
  }
  if (!path.empty())
    document += "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + hex(color) +
                "\" stroke-width=\"" + number(thickness) +
                "\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>\n";
}

void SvgSurface::text(Point at, std::string_view text, double capHeight, Color color, Align align,
                      bool bold, bool upwards) {
  constexpr double sizeOfCapitals = 0.7; // of the font's size
  document += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) +
              "\" font-family=\"sans-serif\" font-size=\"" + number(capHeight / sizeOfCapitals) +
              "\" fill=\"" + hex(color) + "\"";
  if (align != Align::Left)
    document += align == Align::Center ? " text-anchor=\"middle\"" : " text-anchor=\"end\"";
  if (bold)
    document += " font-weight=\"bold\"";
  if (upwards)
    document += " transform=\"rotate(-90 " + number(at.x) + " " + number(at.y) + ")\"";
  document += ">" + escaped(text) + "</text>\n";
}

Status SvgSurface::write(const std::string &path) const {
  const std::string content = document + "</svg>\n";
  INGOT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  INGOT_RETURN_IF_ERROR(file.write(content.data(), content.size()));
  return file.commit();
}

} // namespace ingot::data
