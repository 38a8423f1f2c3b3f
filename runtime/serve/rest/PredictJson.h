// TF Serving's predict: bodies in row form ("instances") and column form ("inputs"), and replies.
#ifndef INGOT_RUNTIME_SERVE_REST_PREDICTJSON_H
#define INGOT_RUNTIME_SERVE_REST_PREDICTJSON_H

#include "runtime/serve/rest/Bytes.h"
#include "runtime/serve/rest/Signature.h"

#include <string_view>

namespace ingot::serve::rest {

struct PredictRequest {
  Signature signature;
  DecodedInputs inputs;
  bool isRowForm = false;
};

/// InvalidArgument says what is wrong with the body and where, or which output cannot be given in
/// its form; else what `lookup` says.
Result<PredictRequest> decodePredict(std::string_view body, const SignatureLookup &lookup,
                                     int maxDepth);

/// {"predictions": …} or {"outputs": …}. InvalidArgument: in row form the outputs do not
/// have a row for each of the request, where the signature did not tell that before.
Status encodePredict(Bytes &out, const InferenceResponse &response, bool isRowForm);

/// The member "signature_name" of the object in `body`; empty: there is none, or no such object.
std::string findSignatureName(std::string_view body, int maxDepth);

} // namespace ingot::serve::rest

#endif
