// Labelled grayscale images for classification: MNIST and its relatives.
#ifndef INGOT_DATA_IMAGEDATASET_H
#define INGOT_DATA_IMAGEDATASET_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <string>
#include <vector>

namespace ingot::data {

/// A training and a test set. Labels are class indices from 0 to classNames.size() - 1.
struct ImageDataset {
  Tensor trainImages; ///< u8 [samples, height, width], 0 black to 255 white
  Tensor trainLabels; ///< i64 [samples]
  Tensor testImages;  ///< u8 [test samples, height, width]
  Tensor testLabels;  ///< i64 [test samples]
  std::vector<std::string> classNames;
};

/// Loads a data set from what stands at `path`, told by content:
/// - a directory with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
///   t10k-labels-idx1-ubyte, each plain or with `.gz`;
/// - a .npz archive with x_train, y_train, x_test and y_test, as Keras distributes MNIST.
/// The classes of Fashion-MNIST are named; other classes are called by their number.
/// NotFound (path, file, array), and as readIdx and readNpz; DataLoss when the arrays do not fit
/// together: the message names both.
Result<ImageDataset> loadImageDataset(const std::string &path);

/// The same values as f32, times `scale` (1/255.0 for images), in `shape`, which has as many
/// elements; empty: the shape they have. Any element type except floats below f32 and integers
/// below i8. InvalidArgument, ResourceExhausted.
Result<Tensor> toFloat(const TensorView &values, double scale = 1, Shape shape = {});

} // namespace ingot::data

#endif
