// One description file, field by field. Used by CustomOps::read.
#pragma once
#include "frontends/custom/CustomOps.h"
#include <nlohmann/json.hpp>

namespace ingot {

/// Reads a file into a CustomOps: one description, or a list of them.
class DescriptionReader {
public:
  DescriptionReader(CustomOps &ops, std::string file);
  /// Reports every mistake at the file: its field, what is wrong, and what to do.
  mlir::LogicalResult read();

private:
  using Json = nlohmann::ordered_json;
  using Strings = std::vector<std::string>;

  void readOp(const Json &json, const std::string &where);
  void checkFields(const Json &json, llvm::ArrayRef<llvm::StringRef> known,
                   const std::string &where);
  std::string requiredText(const Json &json, const char *field, const std::string &where);
  bool flag(const Json &json, const char *field, const std::string &where, bool isRequired);
  /// A string, or a list of strings; empty where the field is not there.
  Strings texts(const Json &json, const char *field, const std::string &where);
  struct Entry {
    std::string place, name; // "inputs[0].", "x"
    const Json *fields;
  };
  /// The entries of a list of objects, each with a name.
  std::vector<Entry> entries(const Json &json, const char *field,
                             llvm::ArrayRef<llvm::StringRef> known, const std::string &where);

  std::string readName(const Json &json, const std::string &where);
  mlir::Attribute readVersions(const Json &json, const std::string &where);
  mlir::Attribute readInputs(const Json &json, const std::string &where);
  mlir::Attribute readOutputs(const Json &json, const std::string &where);
  mlir::Attribute readParameters(const Json &json, const std::string &where);
  mlir::Attribute readDefault(const Json &value, llvm::StringRef kind, const std::string &where);
  /// A list of expressions, or the name of an input.
  mlir::Attribute readShape(const Json &json, const std::string &where);
  mlir::Attribute readExpression(const Json &json, const std::string &where);
  mlir::Attribute readType(const std::string &name, const std::string &where);
  mlir::Attribute readGradient(const Json &json, const std::string &where);
  void readCode(const Json &json, const std::string &where, CustomOps::Code &code);
  /// The path of a file that a description names, from where that is; reports one that is not
  /// there.
  std::string existing(const std::string &name, const std::string &where);
  std::string library(const std::string &name, const std::string &where);

  /// Reports; `where` is a field ("inputs[0].shape").
  void fail(const std::string &where, const llvm::Twine &text);

  CustomOps &ops;
  std::string file, directory;
  mlir::OpBuilder b;
  bool isValid = true;
};

} // namespace ingot
