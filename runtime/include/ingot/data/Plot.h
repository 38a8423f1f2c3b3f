// Pictures for reports: training curves (PNG, or SVG where the path ends so) and labelled test
// images (PNG).
// Needs neither a display nor a font file. Functions are independent of each other and may run on
// any threads; an existing file is replaced.
#ifndef INGOT_DATA_PLOT_H
#define INGOT_DATA_PLOT_H

#include "ingot/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ingot::data {

/// One line of a panel: values[i] is the value at epoch `firstEpoch + i` of its panel. Values that
/// are not finite leave a gap.
struct Curve {
  std::string name;
  std::vector<double> values;
};

/// One coordinate system, with the epoch on the horizontal axis.
struct CurvePanel {
  std::string title;
  std::string yLabel;
  std::vector<Curve> curves;
  int64_t firstEpoch = 1;
};

/// Draws the panels side by side. Fails when there is no panel, or when the file cannot be written.
[[nodiscard]] Status plotCurves(const std::string &path, const std::vector<CurvePanel> &panels);

/// Draws what a training run returned (`History::history`): one panel for `loss` and one for every
/// other metric, each with its training curve and, where `val_<metric>` exists, its validation
/// curve. At most `maxPanels` panels; `loss` comes first, the others by name.
[[nodiscard]] Status plotHistory(const std::string &path,
                                 const std::map<std::string, std::vector<double>> &metrics,
                                 int64_t firstEpoch = 1, size_t maxPanels = 2);

/// Images with what a classifier says about them.
struct LabelledImages {
  int64_t count = 0, height = 0, width = 0;
  const uint8_t *pixels = nullptr; // count * height * width bytes, row-major; 0 black, 255 white
  std::vector<int64_t> predicted;  // count class indices
  std::vector<int64_t> truth;      // count class indices, or empty: then nothing is judged
  std::vector<std::string> classNames; // empty: the index is written
  std::string title;
};

/// Draws a grid of grayscale images, `columns` a row, with `predicted (true)` below each: green
/// where both agree, red where they differ. Fails when the counts disagree, a class has no name, or
/// the file cannot be written.
[[nodiscard]] Status plotImages(const std::string &path, const LabelledImages &images,
                                int64_t columns = 8);

} // namespace ingot::data

#endif
