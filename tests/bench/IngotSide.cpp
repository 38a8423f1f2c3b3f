// Ours in tests/bench/peers: an artifact through the runtime's C interface.
#include "tests/bench/Side.h"

namespace ingot::bench {
namespace {

class IngotSide final : public Side {
public:
  explicit IngotSide(const Request &request) : IngotSide(request, nullptr) {
    ingot_model *model = nullptr;
    check(ingot_model_open(request.model, nullptr, &model, &error));
    bool trains = std::string(request.function) == "train_step";
    ingot_code code = ingot_pool_create(request.threads, &pool, &error);
    if (code == INGOT_CODE_OK)
      code = (trains ? ingot_state_create : ingot_state_create_read_only)(model, &state, &error);
    if (code == INGOT_CODE_OK)
      code = ingot_session_create(model, request.function, pool, &session, &error);
    ingot_model_close(model);
    check(code);
  }
  ~IngotSide() override {
    ingot_session_destroy(session);
    ingot_state_destroy(state);
    ingot_pool_destroy(pool);
  }

  void run() override {
    check(ingot_session_run(session, state, request.inputs, static_cast<size_t>(request.count),
                            &error));
  }
  ingot_tensor output() override {
    ingot_tensor first;
    check(ingot_session_output(session, 0, &first, &error));
    return first;
  }

private:
  /// Complete, so that the destructor runs where the other constructor throws.
  IngotSide(const Request &request, std::nullptr_t) : request(request) {}

  void check(ingot_code code) {
    if (code != INGOT_CODE_OK)
      throw std::runtime_error(error.message);
  }

  Request request;
  ingot_error error;
  ingot_pool *pool = nullptr;
  ingot_state *state = nullptr;
  ingot_session *session = nullptr;
};

} // namespace

std::unique_ptr<Side> openIngot(const Request &request) {
  return std::make_unique<IngotSide>(request);
}

} // namespace ingot::bench
