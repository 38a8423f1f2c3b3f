// Keras's keras.utils for arrays, pictures and histories over runtime/data, and the few operations
// of numpy that the guide's programs use. Part of Keras.h. Throws Error where that returns a
// Status.
#pragma once
#include "frontends/keras/Layer.h"
#include "ingot/data/Arrays.h"
#include "ingot/data/GetFile.h"
#include "ingot/data/ImageDirectory.h"
#include "ingot/train/Trainer.h"

namespace ingot::keras::utils {

/// Batches of the pictures in a directory, with the labels that its subdirectories say: a
/// DataSource for fit. Prints what was found, as Keras does.
data::ImageDirectory imageDatasetFromDirectory(const std::string &directory,
                                               const data::ImageDirectoryOptions &options = {});
/// A picture as f32 (height, width, channels), 0 … 255: img_to_array(load_img(path)).
ingot::Tensor loadImg(const std::string &path, const data::LoadPictureOptions &options = {});
/// Writes an array (height, width, channels) as .png or .jpg; `scale` spreads its values over
/// 0 … 255.
void saveImg(const std::string &path, const TensorView &image, bool scale = true);

/// One-hot rows f32 of class indices; numClasses 0: the largest index + 1.
ingot::Tensor toCategorical(const TensorView &labels, int64_t numClasses = 0);
/// x over its norm along `axis`.
ingot::Tensor normalize(const TensorView &x, int64_t axis = -1, int order = 2);
/// i32 (sequences, maxlen).
ingot::Tensor padSequences(const std::vector<std::vector<int32_t>> &sequences,
                           const data::PadOptions &options = {});
data::Split splitDataset(const std::vector<TensorView> &arrays, const data::SplitOptions &options);
/// The path of a file of the cache, downloaded when it is not there, which is announced.
std::string getFile(data::GetFileOptions options);

/// Loss and metrics of a training, each with its validation curve, as a picture (.png or .svg).
void plotHistory(const train::History &history, const std::string &toFile);

/// `x.reshape(shape).astype("float32") * scale`. One extent may be None: what is left.
ingot::Tensor toFloat32(const TensorView &x, Shape shape, double scale = 1);
/// `x[begin:end]`, a copy; both within the rows that there are.
ingot::Tensor rows(const TensorView &x, int64_t begin, int64_t end);
/// `np.argmax(x, axis=-1)` of f32: the first of the largest values, by row.
std::vector<int64_t> argmax(const ingot::Tensor &x);

} // namespace ingot::keras::utils
