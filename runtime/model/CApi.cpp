// The C interface (ingot.h) over Artifact, State, Session and ThreadPool.
#include "ingot/Device.h"
#include "runtime/model/CApiObjects.h"

using namespace ingot;
using namespace ingot::capi;

namespace {
static_assert(static_cast<int>(StatusCode::Unavailable) == INGOT_CODE_UNAVAILABLE);

Status convertInputs(ingot_session *session, const ingot_tensor *inputs, size_t count) {
  INGOT_RETURN_IF_ERROR(required("the session", session));
  return toViews(inputs, count, session->inputs);
}

Status giveModel(Result<std::shared_ptr<const Artifact>> artifact, ingot_model **model) {
  INGOT_RETURN_IF_ERROR(artifact.status());
  *model = new ingot_model{std::move(artifact).value()};
  return Status::ok();
}

Status giveState(Result<std::unique_ptr<State>> made, ingot_state **state) {
  INGOT_RETURN_IF_ERROR(made.status());
  *state = new ingot_state{std::move(made).value()};
  return Status::ok();
}
} // namespace

extern "C" {

const char *ingot_dtype_name(int32_t dtype) { return toString(static_cast<DType>(dtype)); }
size_t ingot_dtype_size(int32_t dtype) { return byteSize(static_cast<DType>(dtype)); }
size_t ingot_dtype_per_byte(int32_t dtype) {
  return static_cast<size_t>(elementsPerByte(static_cast<DType>(dtype)));
}

//===----------------------------------------------------------------------===//
// Models and pools
//===----------------------------------------------------------------------===//

ingot_code ingot_model_open(const char *path, const char *symbol, ingot_model **model,
                            ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the model", model));
    *model = nullptr;
    INGOT_RETURN_IF_ERROR(required("the path", path));
    return giveModel(Artifact::open(path, symbol ? symbol : "ingot_artifact"), model);
  });
}

ingot_code ingot_model_adopt(const ingot_artifact_table *table, ingot_model **model,
                             ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the model", model));
    *model = nullptr;
    return giveModel(Artifact::adopt(table), model);
  });
}

ingot_code ingot_model_on_device(const ingot_model *model, const char *device,
                                 ingot_model **on_device, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the model", on_device));
    *on_device = nullptr;
    INGOT_RETURN_IF_ERROR(required("the model", model));
    INGOT_RETURN_IF_ERROR(required("the device's name", device));
    INGOT_ASSIGN_OR_RETURN(std::shared_ptr<Device> opened, Device::open(device));
    return giveModel(model->artifact->onDevice(std::move(opened)), on_device);
  });
}

void ingot_model_close(ingot_model *model) { delete model; }

const ingot_artifact_table *ingot_model_table(const ingot_model *model) {
  return &model->artifact->table();
}

const ingot_function *ingot_model_function(const ingot_model *model, const char *name) {
  return model->artifact->findFunction(name);
}

const ingot_variable_info *ingot_model_variable(const ingot_model *model, const char *name) {
  return model->artifact->findVariable(name);
}

static Status givePool(int32_t threads, Placement placement, ingot_pool **pool) {
  INGOT_RETURN_IF_ERROR(required("the place for the pool", pool));
  *pool = nullptr;
  if (threads < 0 || threads > 4096)
    return Status(StatusCode::InvalidArgument,
                  "a pool has 1 to 4096 threads, not " + std::to_string(threads));
  *pool = new ingot_pool{ThreadPool(threads, placement)};
  return Status::ok();
}

ingot_code ingot_pool_create(int32_t threads, ingot_pool **pool, ingot_error *error) {
  return guarded(error, [&] { return givePool(threads, Placement::Free, pool); });
}

ingot_code ingot_pool_create_pinned(int32_t threads, ingot_pool **pool, ingot_error *error) {
  return guarded(error, [&] { return givePool(threads, Placement::Pinned, pool); });
}

void ingot_pool_destroy(ingot_pool *pool) { delete pool; }
int32_t ingot_pool_threads(const ingot_pool *pool) { return pool->pool.threadCount(); }

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

ingot_code ingot_state_create(const ingot_model *model, ingot_state **state, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the state", state));
    *state = nullptr;
    INGOT_RETURN_IF_ERROR(required("the model", model));
    return giveState(State::create(model->artifact), state);
  });
}

ingot_code ingot_state_create_read_only(const ingot_model *model, ingot_state **state,
                                        ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the state", state));
    *state = nullptr;
    INGOT_RETURN_IF_ERROR(required("the model", model));
    return giveState(State::readOnly(model->artifact), state);
  });
}

void ingot_state_destroy(ingot_state *state) { delete state; }

ingot_code ingot_state_bind(ingot_state *state, const char *path, uint32_t flags,
                            ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(required("the path", path));
    BindOptions options;
    options.requireAll = flags & INGOT_BIND_REQUIRE_ALL;
    options.allowMissing = flags & INGOT_BIND_ALLOW_MISSING;
    options.allowExtra = flags & INGOT_BIND_ALLOW_EXTRA;
    return state->state->bind(path, options);
  });
}

ingot_code ingot_state_save(const ingot_state *state, const char *path, uint32_t flags,
                            ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(required("the path", path));
    SaveOptions options;
    options.weightsOnly = flags & INGOT_SAVE_WEIGHTS_ONLY;
    return state->state->save(path, options);
  });
}

ingot_code ingot_state_set(ingot_state *state, const char *name, const ingot_tensor *value,
                           ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(required("the name", name));
    INGOT_RETURN_IF_ERROR(checkTensor(value));
    return state->state->set(name, toView(*value));
  });
}

ingot_code ingot_state_get(const ingot_state *state, const char *name, void *data, size_t bytes,
                           ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(required("the name", name));
    INGOT_ASSIGN_OR_RETURN(const ingot_variable_info *info,
                           state->state->artifact()->variable(name));
    if (bytes != info->bytes)
      return Status(StatusCode::InvalidArgument,
                    std::string("variable '") + name + "' is " + describe(*info) + " of " +
                        std::to_string(info->bytes) + " bytes, room was given for " +
                        std::to_string(bytes));
    INGOT_RETURN_IF_ERROR(bytes == 0 ? Status::ok() : required("the place for the value", data));
    INGOT_ASSIGN_OR_RETURN(Tensor out,
                           Tensor::borrow(static_cast<DType>(info->dtype),
                                          Shape(info->shape, info->shape + info->rank), data));
    return state->state->get(name, out);
  });
}

ingot_code ingot_state_derive(ingot_state *state, ingot_pool *pool, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    return state->state->derive(pool ? &pool->pool : nullptr);
  });
}

uint64_t ingot_state_version(const ingot_state *state) { return state->state->version(); }

//===----------------------------------------------------------------------===//
// Sessions
//===----------------------------------------------------------------------===//

ingot_code ingot_session_create(const ingot_model *model, const char *function, ingot_pool *pool,
                                ingot_session **session, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the session", session));
    *session = nullptr;
    INGOT_RETURN_IF_ERROR(required("the model", model));
    INGOT_RETURN_IF_ERROR(required("the function's name", function));
    SessionOptions options;
    options.pool = pool ? &pool->pool : nullptr;
    INGOT_ASSIGN_OR_RETURN(Session made, Session::create(model->artifact, function, options));
    *session = new ingot_session{std::move(made), options, {}};
    return Status::ok();
  });
}

void ingot_session_destroy(ingot_session *session) { delete session; }

void ingot_session_set_callbacks(ingot_session *session, int (*begin)(void *user, int64_t kernel),
                                 void (*end)(void *user, int64_t kernel), void *user) {
  session->options.begin = begin;
  session->options.end = end;
  session->options.user = user;
  session->session.setOptions(session->options);
}

ingot_code ingot_session_prepare(ingot_session *session, const ingot_tensor *inputs,
                                 size_t input_count, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(convertInputs(session, inputs, input_count));
    return session->session.prepare(session->inputs.data(), input_count);
  });
}

ingot_code ingot_session_run(ingot_session *session, ingot_state *state, const ingot_tensor *inputs,
                             size_t input_count, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(convertInputs(session, inputs, input_count));
    return session->session.run(*state->state, session->inputs);
  });
}

ingot_code ingot_session_start(ingot_session *session, ingot_state *state,
                               const ingot_tensor *inputs, size_t input_count, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(convertInputs(session, inputs, input_count));
    return session->session.start(*state->state, session->inputs);
  });
}

ingot_code ingot_session_wait(ingot_session *session, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the session", session));
    return session->session.wait();
  });
}

void ingot_session_reset(ingot_session *session) { session->session.reset(); }

ingot_code ingot_session_set_carried(ingot_session *session, size_t input,
                                     const ingot_tensor *value, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the session", session));
    INGOT_RETURN_IF_ERROR(checkTensor(value));
    return session->session.setCarried(input, toView(*value));
  });
}

ingot_code ingot_session_output(const ingot_session *session, size_t index, ingot_tensor *output,
                                ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the session", session));
    INGOT_RETURN_IF_ERROR(required("the place for the output", output));
    size_t count = session->session.outputCount();
    if (index >= count)
      return Status(StatusCode::InvalidArgument,
                    std::string("function '") + session->session.function().name + "' has " +
                        std::to_string(count) + " outputs, none is number " +
                        std::to_string(index));
    *output = fromTensor(session->session.output(index));
    return Status::ok();
  });
}

ingot_code ingot_session_set_output_buffer(ingot_session *session, size_t index, void *data,
                                           size_t bytes, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the session", session));
    return session->session.setOutputBuffer(index, data, bytes);
  });
}

int64_t ingot_session_arena_bytes(const ingot_session *session) {
  return session->session.arenaBytes();
}

} // extern "C"
