// GRPCInferenceService: the model repository, and shared memory.
#include "tests/unit/runtime/serve/grpc/Services.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace {

using namespace ingot;
using namespace ingot::serve;
using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

class RepositoryMethodsTest : public ServicesFixture {};

TEST_F(RepositoryMethodsTest, LoadAndUnloadReachTheRepository) {
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("m");
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded));
  (*load.mutable_parameters())["config"].set_string_param("{}");
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded));
  EXPECT_EQ(repository.said().front(), "load m");
  EXPECT_EQ(repository.said().back().rfind("load m {", 0), 0u);
  (*load.mutable_parameters())["config"].set_string_param("{");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded),
              INVALID_ARGUMENT, "");
  load.clear_parameters();
  (*load.mutable_parameters())["file:1/model.so"].set_bytes_param("x");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded),
              UNIMPLEMENTED, "file:1/model.so");
  inference::RepositoryModelUnloadRequest unload;
  inference::RepositoryModelUnloadResponse unloaded;
  unload.set_model_name("m");
  repository.answer(Status(StatusCode::NotFound, "no model"));
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelUnload, *service, unload, unloaded),
              NOT_FOUND, "no model");
  EXPECT_EQ(repository.said().back(), "unload m");
}

TEST_F(RepositoryMethodsTest, TheIndexHasEveryVersionAndItsReason) {
  inference::RepositoryIndexRequest asked;
  inference::RepositoryIndexResponse reply;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryIndex, *service, asked, reply));
  ASSERT_EQ(reply.models_size(), 3);
  EXPECT_EQ(reply.models(0).name(), "broken");
  EXPECT_EQ(reply.models(0).state(), "UNAVAILABLE");
  EXPECT_EQ(reply.models(0).reason(), "truncated");
  EXPECT_EQ(reply.models(2).version(), "2");
  EXPECT_EQ(reply.models(2).state(), "READY");
  asked.set_ready(true);
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryIndex, *service, asked, reply));
  EXPECT_EQ(reply.models_size(), 2);
}

class SharedObject {
public:
  explicit SharedObject(size_t bytes) : name_("/ingot-test-grpc-" + std::to_string(getpid())) {
    const int file = ::shm_open(name_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(::ftruncate(file, static_cast<off_t>(bytes)), 0);
    data_ =
        static_cast<char *>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    bytes_ = bytes;
    ::close(file);
  }
  ~SharedObject() {
    ::munmap(data_, bytes_);
    ::shm_unlink(name_.c_str());
  }
  const std::string &name() const { return name_; }
  float *floats(size_t offset) { return reinterpret_cast<float *>(data_ + offset); }

private:
  std::string name_;
  char *data_ = nullptr;
  size_t bytes_ = 0;
};

template <typename Parameters> void place(Parameters &parameters, int64_t offset, int64_t bytes) {
  parameters["shared_memory_region"].set_string_param("r");
  parameters["shared_memory_offset"].set_int64_param(offset);
  parameters["shared_memory_byte_size"].set_int64_param(bytes);
}

TEST_F(RepositoryMethodsTest, TensorsTravelThroughSharedMemory) {
  SharedObject object(4096);
  inference::SystemSharedMemoryRegisterRequest add;
  add.set_name("r");
  add.set_key(object.name());
  add.set_byte_size(4096);
  inference::SystemSharedMemoryRegisterResponse added;
  ASSERT_CALL_OK(
      call(&GRPCInferenceService::Stub::SystemSharedMemoryRegister, *service, add, added));
  object.floats(64)[0] = 1;

  ModelInferRequest asked = predictRequest();
  asked.clear_raw_input_contents();
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 12);
  auto &output = *asked.add_outputs();
  output.set_name("y");
  place(*output.mutable_parameters(), 128, 100);
  ModelInferResponse reply;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply));
  EXPECT_EQ(object.floats(128)[0], 1.5f);
  EXPECT_EQ(reply.raw_output_contents(0), "");
  EXPECT_EQ(reply.outputs(0).parameters().at("shared_memory_byte_size").int64_param(), 8);
  EXPECT_EQ(reply.outputs(0).parameters().at("shared_memory_region").string_param(), "r");

  place(*asked.mutable_inputs(0)->mutable_parameters(), 4090, 12);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "beyond its 4096 bytes");
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 16);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "takes 12 bytes, but shared_memory_byte_size is 16");
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 12);
  place(*asked.mutable_outputs(0)->mutable_parameters(), 128, 4);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "output 'y' takes 8 bytes");

  inference::SystemSharedMemoryStatusResponse status;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::SystemSharedMemoryStatus, *service,
                      inference::SystemSharedMemoryStatusRequest(), status));
  EXPECT_EQ(status.regions().at("r").byte_size(), 4096u);
  inference::SystemSharedMemoryUnregisterResponse removed;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::SystemSharedMemoryUnregister, *service,
                      inference::SystemSharedMemoryUnregisterRequest(), removed));
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply), NOT_FOUND,
              "'r'");
}

TEST_F(RepositoryMethodsTest, ThereIsNoCudaMemory) {
  inference::CudaSharedMemoryStatusResponse status;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryStatus, *service,
                   inference::CudaSharedMemoryStatusRequest(), status),
              OK, "");
  inference::CudaSharedMemoryRegisterResponse added;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryRegister, *service,
                   inference::CudaSharedMemoryRegisterRequest(), added),
              UNIMPLEMENTED, "no CUDA memory");
  inference::CudaSharedMemoryUnregisterResponse removed;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryUnregister, *service,
                   inference::CudaSharedMemoryUnregisterRequest(), removed),
              OK, "");
}

} // namespace
