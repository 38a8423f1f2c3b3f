// Lays out training curves and image grids on a Canvas. All sizes are pixels of the PNG.
#include "ingot/data/Plot.h"
#include "runtime/data/Canvas.h"
#include "runtime/data/SvgSurface.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ingot::data {

namespace {

constexpr Color white{255, 255, 255}, ink{38, 43, 51}, faint{112, 120, 132}, grid{228, 231, 236},
    frame{176, 182, 192}, right{22, 128, 61}, wrong{200, 30, 45};
constexpr Color palette[] = {{31, 98, 189},  {230, 111, 18}, {20, 140, 100},
                             {170, 45, 120}, {110, 90, 190}, {120, 110, 30}};

constexpr int panelWidth = 760, panelHeight = 560;
constexpr int marginLeft = 96, marginRight = 28, marginTop = 64, marginBottom = 72;

/// An axis from `low` to `high` with a tick at every multiple of `step`.
struct Axis {
  double low, high, step;
};

/// The smallest step of the form {1, 2, 2.5, 5} x 10^k that cuts `span` into at most `most` pieces.
double niceStep(double span, int most) {
  const double magnitude = std::pow(10.0, std::floor(std::log10(span / most)));
  for (double factor : {1.0, 2.0, 2.5, 5.0})
    if (span / (factor * magnitude) <= most)
      return factor * magnitude;
  return 10 * magnitude;
}

Axis valueAxis(const CurvePanel &panel) {
  double low = INFINITY, high = -INFINITY;
  for (const Curve &curve : panel.curves)
    for (double value : curve.values)
      if (std::isfinite(value))
        low = std::min(low, value), high = std::max(high, value);
  if (low > high)
    low = 0, high = 1;
  // A flat or nearly flat curve still gets a readable scale.
  const double least = std::max(1e-9, 1e-6 * std::max(std::abs(low), std::abs(high)));
  if (high - low < least)
    low -= std::max(least, 0.1 * std::abs(low)), high += std::max(least, 0.1 * std::abs(high));
  const double step = niceStep((high - low) * 1.06, 7);
  return {std::floor((low - 0.03 * (high - low)) / step) * step,
          std::ceil((high + 0.03 * (high - low)) / step) * step, step};
}

Axis epochAxis(const CurvePanel &panel) {
  size_t count = 1;
  for (const Curve &curve : panel.curves)
    count = std::max(count, curve.values.size());
  const double first = double(panel.firstEpoch), last = first + double(count) - 1;
  const double step = count > 1 ? std::max(1.0, niceStep(last - first, 10)) : 1;
  const double margin = count > 1 ? 0.03 * (last - first) : 0.5;
  return {first - margin, last + margin, std::ceil(step)};
}

/// As many decimals as the step needs, so that neighbouring labels differ.
std::string tickLabel(double value, double step) {
  char text[40];
  if (std::abs(value) < step * 1e-9)
    value = 0;
  if (step < 1e-5 || std::abs(value) >= 1e7) {
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
  }
  int decimals = 0;
  for (double scaled = step; decimals < 7 && std::abs(scaled - std::round(scaled)) > 1e-6 * scaled;
       scaled *= 10)
    ++decimals;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// Draws one panel in its own rectangle of the canvas.
class PanelPainter {
public:
  PanelPainter(Surface &canvas, const CurvePanel &panel, int left)
      : canvas(canvas), panel(panel), x0(left + marginLeft), x1(left + panelWidth - marginRight),
        y0(marginTop), y1(panelHeight - marginBottom), epochs(epochAxis(panel)),
        values(valueAxis(panel)) {}

  void paint() {
    paintGrid();
    for (size_t i = 0; i < panel.curves.size(); ++i)
      paintCurve(panel.curves[i], palette[i % std::size(palette)]);
    paintLegend();
    canvas.text({(x0 + x1) / 2.0, y0 - 24.0}, panel.title, 17, ink, Align::Center, true);
    canvas.text({(x0 + x1) / 2.0, y1 + 54.0}, "epoch", 13, ink, Align::Center);
    canvas.text({x0 - 66.0, (y0 + y1) / 2.0}, panel.yLabel, 13, ink, Align::Center, false, true);
  }

private:
  double columnOf(double epoch) const {
    return x0 + (epoch - epochs.low) / (epochs.high - epochs.low) * (x1 - x0);
  }
  double rowOf(double value) const {
    return y1 - (value - values.low) / (values.high - values.low) * (y1 - y0);
  }

  void paintGrid() {
    const auto lines = int64_t(std::llround((values.high - values.low) / values.step));
    for (int64_t i = 0; i <= lines; ++i) {
      const double value = values.low + double(i) * values.step;
      const int y = int(std::lround(rowOf(value)));
      canvas.fill(x0, y, x1 - x0, 1, grid);
      canvas.text({x0 - 10.0, y + 5.5}, tickLabel(value, values.step), 11, faint, Align::Right);
    }
    const double first = std::ceil(epochs.low / epochs.step) * epochs.step;
    for (double epoch = first; epoch <= epochs.high; epoch += epochs.step) {
      const int x = int(std::lround(columnOf(epoch)));
      canvas.fill(x, y0, 1, y1 - y0, grid);
      canvas.text({x + 0.5, y1 + 24.0}, tickLabel(epoch, epochs.step), 11, faint, Align::Center);
    }
    canvas.fill(x0, y0, x1 - x0, 1, frame);
    canvas.fill(x0, y1, x1 - x0 + 1, 1, frame);
    canvas.fill(x0, y0, 1, y1 - y0, frame);
    canvas.fill(x1, y0, 1, y1 - y0, frame);
  }

  void paintCurve(const Curve &curve, Color color) {
    Strokes line(1), dots;
    for (size_t i = 0; i < curve.values.size(); ++i) {
      const Point point = {columnOf(double(panel.firstEpoch) + double(i)) + 0.5,
                           rowOf(curve.values[i]) + 0.5};
      line[0].push_back(point);
      if (std::isfinite(curve.values[i]))
        dots.push_back({point});
    }
    canvas.stroke(line, 2.4, color);
    if (curve.values.size() <= 40)
      canvas.stroke(dots, 7, color);
  }

  /// The corner that fewest points of the curves fall into takes the legend.
  void paintLegend() {
    double widest = 0;
    for (const Curve &curve : panel.curves)
      widest = std::max(widest, textWidth(curve.name, 12));
    const int w = int(widest) + 76, h = int(panel.curves.size()) * 26 + 12;
    const int xs[] = {x1 - 14 - w, x0 + 14}, ys[] = {y0 + 14, y1 - 14 - h};
    int x = xs[0], y = ys[0];
    size_t fewest = SIZE_MAX;
    for (int left : xs)
      for (int top : ys)
        if (const size_t hits = pointsIn(left, top, w, h); hits < fewest)
          fewest = hits, x = left, y = top;
    canvas.fill(x, y, w, h, frame);
    canvas.fill(x + 1, y + 1, w - 2, h - 2, white);
    for (size_t i = 0; i < panel.curves.size(); ++i) {
      const double row = y + 19.0 + 26.0 * double(i);
      const Color color = palette[i % std::size(palette)];
      canvas.stroke({{{x + 14.0, row}, {x + 46.0, row}}}, 2.4, color);
      canvas.stroke({{{x + 30.0, row}}}, 7, color);
      canvas.text({x + 58.0, row + 5.5}, panel.curves[i].name, 12, ink);
    }
  }

  /// Samples along the curves inside a rectangle.
  size_t pointsIn(int left, int top, int w, int h) const {
    size_t hits = 0;
    for (const Curve &curve : panel.curves)
      for (size_t i = 0; i + 1 < curve.values.size(); ++i)
        for (int part = 0; part <= 8; ++part) {
          const double t = part / 8.0;
          const double x = columnOf(double(panel.firstEpoch) + double(i) + t);
          const double y = rowOf(curve.values[i] * (1 - t) + curve.values[i + 1] * t);
          hits += x >= left - 6 && x <= left + w + 6 && y >= top - 6 && y <= top + h + 6;
        }
    return hits;
  }

  Surface &canvas;
  const CurvePanel &panel;
  const int x0, x1, y0, y1;
  const Axis epochs, values;
};

std::string capitalized(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = char(text[0] - 'a' + 'A');
  return text;
}

} // namespace

static bool endsIn(const std::string &path, const std::string &ending) {
  return path.size() > ending.size() &&
         path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
}

Status plotCurves(const std::string &path, const std::vector<CurvePanel> &panels) {
  if (!endsIn(path, ".svg") && !endsIn(path, ".png"))
    return Status(StatusCode::InvalidArgument,
                  "picture '" + path + "': curves are drawn as .png or .svg");
  if (panels.empty() || panels.size() > 32)
    return Status(StatusCode::InvalidArgument, "picture '" + path +
                                                   "': 1 to 32 panels can be drawn, got " +
                                                   std::to_string(panels.size()));
  const int width = panelWidth * int(panels.size());
  const auto paintOn = [&](Surface &surface) {
    for (size_t i = 0; i < panels.size(); ++i)
      PanelPainter(surface, panels[i], panelWidth * int(i)).paint();
  };
  if (endsIn(path, ".svg")) {
    SvgSurface document(width, panelHeight, white);
    paintOn(document);
    return document.write(path);
  }
  Canvas canvas(width, panelHeight, white);
  paintOn(canvas);
  return canvas.writePng(path);
}

Status plotHistory(const std::string &path,
                   const std::map<std::string, std::vector<double>> &metrics, int64_t firstEpoch,
                   size_t maxPanels) {
  std::vector<std::string> names;
  for (const auto &[name, values] : metrics)
    if (name.rfind("val_", 0) != 0 && name != "loss")
      names.push_back(name);
  if (metrics.count("loss"))
    names.insert(names.begin(), "loss");
  if (names.size() > maxPanels)
    names.resize(maxPanels);
  std::vector<CurvePanel> panels;
  for (const std::string &name : names) {
    CurvePanel panel{capitalized(name), name, {{"training", metrics.at(name)}}, firstEpoch};
    if (auto validation = metrics.find("val_" + name); validation != metrics.end())
      panel.curves.push_back({"validation", validation->second});
    panels.push_back(std::move(panel));
  }
  if (panels.empty())
    return Status(StatusCode::InvalidArgument,
                  "picture '" + path + "': the history has no metric; train for an epoch first");
  return plotCurves(path, panels);
}

static Status checkImages(const std::string &path, const LabelledImages &images, int64_t columns) {
  const auto bad = [&](const std::string &what) {
    return Status(StatusCode::InvalidArgument, "picture '" + path + "': " + what);
  };
  if (images.count < 1 || images.count > 1024 || columns < 1 || columns > 64)
    return bad("1 to 1024 images in 1 to 64 columns can be drawn, got " +
               std::to_string(images.count) + " in " + std::to_string(columns));
  if (!images.pixels || images.height < 1 || images.width < 1 || images.height > 1024 ||
      images.width > 1024)
    return bad("images of 1x1 to 1024x1024 pixels can be drawn, got " +
               std::to_string(images.height) + "x" + std::to_string(images.width));
  if (images.predicted.size() != size_t(images.count) ||
      (!images.truth.empty() && images.truth.size() != size_t(images.count)))
    return bad(std::to_string(images.count) + " images have " +
               std::to_string(images.predicted.size()) + " predicted and " +
               std::to_string(images.truth.size()) + " true labels");
  if (!images.classNames.empty())
    for (const std::vector<int64_t> *labels : {&images.predicted, &images.truth})
      for (int64_t label : *labels)
        if (label < 0 || size_t(label) >= images.classNames.size())
          return bad("label " + std::to_string(label) + " has no name: there are " +
                     std::to_string(images.classNames.size()) + " class names");
  return {};
}

/// Draws image `index`, magnified by whole pixels, with its frame; returns nothing, cannot fail.
static void paintImage(Canvas &canvas, const LabelledImages &images, int64_t index, int x, int y,
                       int zoom, Color color) {
  const int w = int(images.width) * zoom, h = int(images.height) * zoom;
  canvas.fill(x - 3, y - 3, w + 6, h + 6, color);
  const uint8_t *pixel = images.pixels + index * images.height * images.width;
  for (int row = 0; row < images.height; ++row)
    for (int column = 0; column < images.width; ++column, ++pixel)
      canvas.fill(x + column * zoom, y + row * zoom, zoom, zoom, {*pixel, *pixel, *pixel});
}

Status plotImages(const std::string &path, const LabelledImages &images, int64_t columns) {
  if (!endsIn(path, ".png"))
    return Status(StatusCode::InvalidArgument, "picture '" + path + "': images are drawn as .png");
  if (Status status = checkImages(path, images, columns); !status.isOk())
    return status;
  columns = std::min(columns, images.count);
  const auto nameOf = [&](int64_t label) {
    return images.classNames.empty() ? std::to_string(label) : images.classNames[size_t(label)];
  };
  std::vector<std::string> labels;
  double widest = 0;
  for (size_t i = 0; i < size_t(images.count); ++i) {
    labels.push_back(nameOf(images.predicted[i]));
    if (!images.truth.empty())
      labels.back() += " (" + nameOf(images.truth[i]) + ")";
    widest = std::max(widest, textWidth(labels.back(), 10));
  }
  const int zoom = std::max(1, int(112 / std::max(images.width, images.height)));
  const int w = int(images.width) * zoom, h = int(images.height) * zoom;
  const int cellWidth = std::max(w, int(widest)) + 24, cellHeight = h + 46;
  const int header = images.title.empty() ? 18 : 60, side = 12;
  const auto gridRows = int((images.count + columns - 1) / columns);
  Canvas canvas(cellWidth * int(columns) + 2 * side, cellHeight * gridRows + header, white);
  if (!images.title.empty())
    canvas.text({canvas.width() / 2.0, 36}, images.title, 16, ink, Align::Center, true);
  for (int64_t i = 0; i < images.count; ++i) {
    const int x = side + int(i % columns) * cellWidth, y = header + int(i / columns) * cellHeight;
    const Color color = images.truth.empty()                                     ? ink
                        : images.truth[size_t(i)] == images.predicted[size_t(i)] ? right
                                                                                 : wrong;
    paintImage(canvas, images, i, x + (cellWidth - w) / 2, y, zoom, color);
    canvas.text({x + cellWidth / 2.0, y + h + 22.0}, labels[size_t(i)], 10, color, Align::Center);
  }
  return canvas.writePng(path);
}

} // namespace ingot::data
