// PredictionService beside Predict: tf.Examples, signatures.
#include "tests/unit/runtime/serve/grpc/Services.h"

namespace {

using namespace ingot;
using namespace ingot::serve;
using namespace tensorflow::serving;

class PredictionServiceTest : public ServicesFixture {};

void addFloats(tensorflow::Example &example, const std::string &name,
               const std::vector<float> &values) {
  (*example.mutable_features()->mutable_feature())[name].mutable_float_list()->mutable_value()->Add(
      values.begin(), values.end());
}

TEST_F(PredictionServiceTest, ExamplesAreClassified) {
  ClassificationRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.mutable_model_spec()->set_signature_name("classify");
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {1, 0, 0});
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {0, 1, 1});
  ClassificationResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::Classify, *prediction, asked, reply));
  ASSERT_EQ(reply.result().classifications_size(), 2);
  EXPECT_EQ(reply.result().classifications(1).classes(1).label(), "dog");
  EXPECT_EQ(reply.result().classifications(1).classes(1).score(), 9.5f);
  EXPECT_EQ(reply.model_spec().version().value(), 2);
  EXPECT_EQ(reply.model_spec().signature_name(), "classify");

  asked.mutable_input()->mutable_example_list()->mutable_examples(1)->clear_features();
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "example 1, feature 'x'");
  asked.clear_input();
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "neither example_list nor example_list_with_context");
  asked.mutable_model_spec()->set_signature_name("total");
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "cannot classify");
}

TEST_F(PredictionServiceTest, ExamplesAreRegressedWithTheirContext) {
  RegressionRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.mutable_model_spec()->set_signature_name("regress");
  auto &given = *asked.mutable_input()->mutable_example_list_with_context();
  addFloats(*given.add_examples(), "a", {1.5f});
  (*given.mutable_context()->mutable_features()->mutable_feature())["b"]
      .mutable_int64_list()
      ->add_value(2);
  RegressionResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::Regress, *prediction, asked, reply));
  ASSERT_EQ(reply.result().regressions_size(), 1);
  EXPECT_EQ(reply.result().regressions(0).value(), 3.5f);
}

TEST_F(PredictionServiceTest, MultiInferenceRunsSignaturesForTheSameExamples) {
  MultiInferenceRequest asked;
  for (const char *signature : {"classify", "predict"}) {
    auto &task = *asked.add_tasks();
    task.mutable_model_spec()->set_name("m");
    task.mutable_model_spec()->set_signature_name(signature);
    task.set_method_name("tensorflow/serving/classify");
  }
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {1, 0, 0});
  MultiInferenceResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply));
  ASSERT_EQ(reply.results_size(), 2);
  EXPECT_EQ(reply.results(0).classification_result().classifications(0).classes(0).label(), "cat");
  EXPECT_EQ(reply.results(1).classification_result().classifications(0).classes(0).score(), 1.5f);
  EXPECT_EQ(reply.results(1).model_spec().signature_name(), "predict");
  EXPECT_EQ(records.next().status, grpc::StatusCode::OK);

  asked.mutable_tasks(1)->mutable_model_spec()->set_signature_name("classify");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'classify' is there twice");
  asked.mutable_tasks(1)->set_method_name("guess");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'guess' is neither");
  asked.mutable_tasks(1)->mutable_model_spec()->set_name("other");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'m' and 'other'");
  asked.clear_tasks();
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "no tasks");
}

TEST_F(PredictionServiceTest, MetadataHasTheSignatures) {
  GetModelMetadataRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.add_metadata_field("signature_def");
  GetModelMetadataResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply));
  EXPECT_EQ(reply.model_spec().version().value(), 2);
  SignatureDefMap map;
  ASSERT_TRUE(reply.metadata().at("signature_def").UnpackTo(&map));
  const tensorflow::SignatureDef &signature = map.signature_def().at("serving_default");
  EXPECT_EQ(signature.method_name(), "tensorflow/serving/predict");
  const tensorflow::TensorInfo &x = signature.inputs().at("x");
  EXPECT_EQ(x.dtype(), tensorflow::DT_FLOAT);
  EXPECT_EQ(x.name(), "x:0");
  ASSERT_EQ(x.tensor_shape().dim_size(), 2);
  EXPECT_EQ(x.tensor_shape().dim(0).size(), -1);
  EXPECT_EQ(x.tensor_shape().dim(1).size(), 3);
  EXPECT_EQ(map.signature_def().at("scalars").inputs().at("real").tensor_shape().dim_size(), 0);
  EXPECT_TRUE(map.signature_def().count("classify"));
  asked.set_metadata_field(0, "weights");
  EXPECT_CODE(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply),
              INVALID_ARGUMENT, "'weights' is not served");
  asked.clear_metadata_field();
  EXPECT_CODE(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply),
              INVALID_ARGUMENT, "signature_def");
}

} // namespace
