// The methods of PredictionService that take tf.Examples.
#ifndef INGOT_RUNTIME_SERVE_GRPC_EXAMPLEMETHODS_H
#define INGOT_RUNTIME_SERVE_GRPC_EXAMPLEMETHODS_H

namespace ingot::serve {

class UnaryCall;
void classify(UnaryCall &call);
void regress(UnaryCall &call);
void multiInference(UnaryCall &call);

} // namespace ingot::serve

#endif
