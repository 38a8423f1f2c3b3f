// IMDB and Reuters: lists of lists of word indices, which NumPy keeps as pickles inside an .npz.
#include "ingot/data/Npy.h"
#include "runtime/data/DatasetFiles.h"
#include "runtime/data/NpyFormat.h"
#include "runtime/data/NumPyRandom.h"
#include "runtime/data/Pickle.h"

#include <algorithm>
#include <numeric>

namespace ingot::data {

namespace {

Status misfit(const std::string &what) { return Status(StatusCode::DataLoss, what); }

struct Texts {
  Sequences words;
  std::vector<int64_t> labels;
};

/// The lists of an array of objects.
Result<Sequences> sequencesOf(const Pickle &pickle, size_t bytes) {
  using Kind = PickleValue::Kind;
  const Pickle::Values *elements =
      pickle.root().kind == Kind::Array ? pickle.objects(pickle.root()) : nullptr;
  if (!elements)
    return misfit("the pickle is no array of objects");
  Sequences all;
  size_t left = bytes; // a list may be there many times; a word takes a byte at least
  for (const PickleValue &element : *elements) {
    if (element.kind != Kind::List)
      return misfit("an element is no list of words");
    const Pickle::Values &words = pickle.list(element);
    if (words.size() > left)
      return misfit("its lists are longer together than it can hold");
    left -= words.size();
    std::vector<int32_t> &sequence = all.emplace_back();
    for (const PickleValue &word : words) {
      if (word.kind != Kind::Int || word.integer < 0 || word.integer > 1 << 30)
        return misfit("a word is no index");
      sequence.push_back(int32_t(word.integer));
    }
  }
  return all;
}

Result<Sequences> readSequences(const std::string &path, const std::string &name) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, readNpzMember(path, name));
  const auto parse = [&]() -> Result<Sequences> {
    INGOT_ASSIGN_OR_RETURN(const size_t begin, findPickle(bytes.data(), bytes.size()));
    INGOT_ASSIGN_OR_RETURN(const Pickle pickle,
                           Pickle::parse(bytes.data() + begin, bytes.size() - begin));
    return sequencesOf(pickle, bytes.size());
  };
  Result<Sequences> sequences = parse();
  if (!sequences.isOk())
    return sequences.status().withContext("'" + path + "': array '" + name + "'");
  return sequences;
}

Result<Texts> readTexts(const std::string &path, const std::string &x, const std::string &y) {
  Texts texts;
  INGOT_ASSIGN_OR_RETURN(texts.words, readSequences(path, x));
  INGOT_ASSIGN_OR_RETURN(const NamedTensors arrays, readNpz(path, {y}));
  const Tensor &labels = arrays[0].second;
  if (labels.dtype() != DType::I64 || labels.elementCount() != int64_t(texts.words.size()))
    return misfit("'" + path + "' holds " + std::to_string(texts.words.size()) + " texts in " + x +
                  " and " + describe(labels) + " in " + y + ", expected an i64 a text");
  texts.labels.assign(labels.data<int64_t>(), labels.data<int64_t>() + labels.elementCount());
  return texts;
}

void shuffle(Texts &texts, NumPyRandom &random) {
  std::vector<size_t> order(texts.words.size());
  std::iota(order.begin(), order.end(), size_t(0));
  random.shuffle(order);
  Texts shuffled;
  for (size_t from : order) {
    shuffled.words.push_back(std::move(texts.words[from]));
    shuffled.labels.push_back(texts.labels[from]);
  }
  texts = std::move(shuffled);
}

/// Adds indexFrom, puts the start before each text, leaves out those that are too long.
void begin(Texts &texts, const TextOptions &options) {
  Texts kept;
  for (size_t i = 0; i < texts.words.size(); ++i) {
    std::vector<int32_t> &words = texts.words[i];
    for (int32_t &word : words)
      word += options.startChar || options.indexFrom ? options.indexFrom : 0;
    if (options.startChar)
      words.insert(words.begin(), *options.startChar);
    if (options.maxlen.value_or(0) != 0 && int64_t(words.size()) >= *options.maxlen)
      continue;
    kept.words.push_back(std::move(words));
    kept.labels.push_back(texts.labels[i]);
  }
  texts = std::move(kept);
}

int64_t largestWord(const Sequences &all) {
  int64_t largest = 0;
  for (const std::vector<int32_t> &words : all)
    for (int32_t word : words)
      largest = std::max<int64_t>(largest, word);
  return largest;
}

/// Words that are too rare or too frequent become oovChar, or go.
void limit(Sequences &all, const TextOptions &options, int64_t numWords) {
  const auto isKept = [&](int32_t word) { return word >= options.skipTop && word < numWords; };
  for (std::vector<int32_t> &words : all) {
    if (!options.oovChar) {
      words.erase(
          std::remove_if(words.begin(), words.end(), [&](int32_t word) { return !isKept(word); }),
          words.end());
      continue;
    }
    for (int32_t &word : words)
      if (!isKept(word))
        word = *options.oovChar;
  }
}

Status checkOptions(const TextOptions &options) {
  const auto isSmall = [](int64_t value) { return value >= -(1 << 29) && value <= 1 << 29; };
  if (!isSmall(options.indexFrom) || !isSmall(options.startChar.value_or(0)) ||
      !isSmall(options.oovChar.value_or(0)))
    return Status(StatusCode::InvalidArgument,
                  "start_char, oov_char and index_from must be within 2^29");
  if (!(options.testSplit >= 0 && options.testSplit <= 1))
    return Status(StatusCode::InvalidArgument,
                  "test_split " + std::to_string(options.testSplit) + " is not from 0 to 1");
  return Status();
}

Status noneLeft() {
  return Status(StatusCode::InvalidArgument, "no text is shorter than maxlen; increase it");
}

} // namespace

Result<TextDataset> loadImdb(const TextOptions &options, const DatasetSource &source) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  INGOT_ASSIGN_OR_RETURN(
      const std::string path,
      locate(source, "imdb.npz", std::string(kerasOrigin) + "imdb.npz",
             "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"));
  INGOT_ASSIGN_OR_RETURN(Texts train, readTexts(path, "x_train", "y_train"));
  INGOT_ASSIGN_OR_RETURN(Texts test, readTexts(path, "x_test", "y_test"));
  NumPyRandom random(options.seed);
  shuffle(train, random);
  shuffle(test, random);
  begin(train, options);
  begin(test, options);
  if (train.words.empty() || test.words.empty())
    return noneLeft();
  const int64_t numWords = options.numWords.value_or(0) != 0
                               ? *options.numWords
                               : std::max(largestWord(train.words), largestWord(test.words));
  limit(train.words, options, numWords);
  limit(test.words, options, numWords);
  TextDataset set;
  set.xTrain = std::move(train.words), set.xTest = std::move(test.words);
  INGOT_ASSIGN_OR_RETURN(set.yTrain,
                         Tensor::of<int64_t>({int64_t(train.labels.size())}, train.labels));
  INGOT_ASSIGN_OR_RETURN(set.yTest,
                         Tensor::of<int64_t>({int64_t(test.labels.size())}, test.labels));
  return set;
}

Result<TextDataset> loadReuters(const TextOptions &options, const DatasetSource &source) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  INGOT_ASSIGN_OR_RETURN(
      const std::string path,
      locate(source, "reuters.npz", std::string(kerasOrigin) + "reuters.npz",
             "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"));
  INGOT_ASSIGN_OR_RETURN(Texts all, readTexts(path, "x", "y"));
  NumPyRandom random(options.seed);
  shuffle(all, random);
  begin(all, options);
  if (all.words.empty())
    return noneLeft();
  limit(all.words, options,
        options.numWords.value_or(0) != 0 ? *options.numWords : largestWord(all.words));
  const auto split = ptrdiff_t(double(all.words.size()) * (1 - options.testSplit));
  TextDataset set;
  set.xTrain.assign(std::make_move_iterator(all.words.begin()),
                    std::make_move_iterator(all.words.begin() + split));
  set.xTest.assign(std::make_move_iterator(all.words.begin() + split),
                   std::make_move_iterator(all.words.end()));
  const std::vector<int64_t> train(all.labels.begin(), all.labels.begin() + split);
  const std::vector<int64_t> test(all.labels.begin() + split, all.labels.end());
  INGOT_ASSIGN_OR_RETURN(set.yTrain, Tensor::of<int64_t>({int64_t(train.size())}, train));
  INGOT_ASSIGN_OR_RETURN(set.yTest, Tensor::of<int64_t>({int64_t(test.size())}, test));
  return set;
}

} // namespace ingot::data
