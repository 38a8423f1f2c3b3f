// Listening, TLS, limits, and stopping. See GrpcServer.h.
#include "runtime/serve/grpc/GrpcServer.h"

#include "runtime/core/Cpus.h"
#include "runtime/serve/grpc/Calls.h"

#include <arpa/inet.h>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <limits>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace ingot::serve {

namespace {

/// How long the destructor waits for calls in flight.
constexpr std::chrono::seconds lastWait{1};

/// Memory of gRPC's own: so many messages of the largest size at the same time.
constexpr uint64_t messagesInQuota = 16, leastQuota = uint64_t{1} << 30,
                   mostInQuota = uint64_t{1} << 40;

int milliseconds(std::chrono::seconds time) {
  const auto most = std::chrono::seconds(std::numeric_limits<int>::max() / 1000);
  return static_cast<int>(std::min(time, most).count() * 1000);
}

int clampToInt(uint64_t value) {
  return static_cast<int>(std::min<uint64_t>(value, std::numeric_limits<int>::max()));
}

Result<std::shared_ptr<grpc::ServerCredentials>> credentialsOf(const TlsFiles &tls) {
  if (tls.isEmpty())
    return grpc::InsecureServerCredentials();
  INGOT_ASSIGN_OR_RETURN(TlsTexts texts, readTls(tls)); // gRPC would tell no reason
  grpc::SslServerCredentialsOptions options(
      tls.clientAuthority.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                  : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({std::move(texts.key), std::move(texts.certificate)});
  options.pem_root_certs = std::move(texts.clientAuthority);
  return grpc::SslServerCredentials(options);
}

/// Why nobody can listen there; "" where one can. gRPC itself tells no reason but on stderr.
std::string whyNot(const std::string &address, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo *found = nullptr;
  if (const int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found))
    return gai_strerror(error);
  std::string reason;
  const int file = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (file >= 0)
    ::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (file < 0 || ::bind(file, found->ai_addr, found->ai_addrlen) != 0 || ::listen(file, 1) != 0)
    reason = std::strerror(errno);
  if (file >= 0)
    ::close(file);
  freeaddrinfo(found);
  return reason;
}

/// The same of a Unix socket. gRPC takes the place of any socket that is there.
std::string whyNot(const std::string &path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return "a path has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes";
  path.copy(address.sun_path, path.size());
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) {
    if (errno != ENOENT)
      return std::strerror(errno);
    const size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    return ::access(directory.c_str(), W_OK | X_OK) == 0 ? "" : std::strerror(errno);
  }
  if (!S_ISSOCK(about.st_mode))
    return "there is a file that is no socket";
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool isServed = file >= 0 && ::connect(file, reinterpret_cast<const sockaddr *>(&address),
                                               sizeof address) == 0;
  if (file >= 0)
    ::close(file);
  return isServed ? "another server listens there" : "";
}

void setLimits(grpc::ServerBuilder &builder, const Limits &limits) {
  // Where messages that are being received or sent take more, connections are refused and, in the
  // end, cut off.
  grpc::ResourceQuota quota("ingot-serve");
  quota.Resize(static_cast<size_t>(
      std::max(leastQuota, messagesInQuota * std::min(limits.bodyBytes, mostInQuota))));
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(clampToInt(limits.bodyBytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, clampToInt(limits.headerBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.requests);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(limits.idleTimeout));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             milliseconds(limits.headerTimeout));
  // gRPC's own decompression knows no limit; Wire.h does it.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Dead connections are found, and clients may look for a dead server as often as every 5 s.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  // Two servers on one port would each get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

/// What concerns the process as a whole.
void setUpLibraries() {
  // gRPC stays loaded: its shutdown waits up to 10 s for a poller that large messages have woken.
  static const bool isLoaded = (grpc_init(), true);
  (void)isLoaded;
  // A stranger's failed handshake or a message that is not UTF-8 would each be lines on stderr.
  // Those who look for a fault set GRPC_VERBOSITY, as with any gRPC program.
  google::protobuf::SetLogHandler(nullptr);
  if (!std::getenv("GRPC_VERBOSITY"))
    gpr_set_log_function([](gpr_log_func_args *args) {
      if (std::strncmp(args->message, "assertion failed", 16) == 0)
        std::fprintf(stderr, "gRPC: %s:%d: %s\n", args->file, args->line, args->message);
    });
}

class Server final : public GrpcServer {
public:
  Server(ServerContext &context, const GrpcOptions &options)
      : calls_(context, methods_), options_(options) {
    addPredictionService(methods_);
    addModelService(methods_);
    addInferenceService(methods_);
    addHealthService(methods_);
    addReflectionService(methods_);
  }

  Status listen() {
    if (options_.port < 0 && options_.unixSocket.empty())
      return Status(StatusCode::InvalidArgument,
                    "the gRPC server has neither a port nor a Unix socket");
    const int threads = options_.threads > 0 ? options_.threads : availableCpus() + 2;
    grpc::ServerBuilder builder;
    setLimits(builder, calls_.context().limits);
    const bool isV6 = options_.address.find(':') != std::string::npos;
    const std::string place = (isV6 ? "[" + options_.address + "]" : options_.address) + ":" +
                              std::to_string(options_.port);
    if (options_.port >= 0) {
      if (const std::string reason = whyNot(options_.address, options_.port); !reason.empty())
        return Status(StatusCode::IoError, "gRPC cannot listen at " + place + ": " + reason);
      INGOT_ASSIGN_OR_RETURN(auto credentials, credentialsOf(options_.tls));
      builder.AddListeningPort(place, credentials, &port_);
    }
    if (!options_.unixSocket.empty()) {
      if (const std::string reason = whyNot(options_.unixSocket); !reason.empty())
        return Status(StatusCode::IoError, "gRPC cannot listen at the Unix socket '" +
                                               options_.unixSocket + "': " + reason);
      builder.AddListeningPort("unix:" + options_.unixSocket, grpc::InsecureServerCredentials());
    }
    methods_.registerAt(builder);
    calls_.addQueues(builder, threads);
    server_ = builder.BuildAndStart();
    if (server_) {
      calls_.start(threads);
      return Status();
    }
    calls_.stop();
    return Status(StatusCode::IoError,
                  "gRPC cannot listen" + (options_.port < 0 ? "" : " at " + place) +
                      (options_.unixSocket.empty() ? "" : " at '" + options_.unixSocket + "'"));
  }

  ~Server() override {
    if (!server_)
      return;
    stopAccepting();
    std::unique_lock lock(mutex_);
    const auto isShut = [this] { return isShut_; };
    if (!shut_.wait_for(lock, lastWait, isShut)) {
      grpc_server_cancel_all_calls(server_->c_server());
      shut_.wait(lock, isShut); // models that run for cancelled calls end first
    }
    lock.unlock();
    shutting_.join();
    calls_.stop();
  }

  int port() const override { return options_.port < 0 ? -1 : port_; }

  void stopAccepting() override {
    const std::lock_guard lock(mutex_);
    if (shutting_.joinable())
      return;
    // As grpc::Server::Shutdown does, which would return only when every call is gone: once this
    // has returned, no call and no connection is taken.
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(nullptr);
    grpc_server_shutdown_and_notify(server_->c_server(), queue, nullptr);
    calls_.startStopping();
    shutting_ = std::thread([this, queue] {
      const gpr_timespec never = gpr_inf_future(GPR_CLOCK_REALTIME);
      grpc_completion_queue_next(queue, never, nullptr); // the last call is gone
      grpc_completion_queue_shutdown(queue);
      grpc_completion_queue_next(queue, never, nullptr);
      grpc_completion_queue_destroy(queue);
      server_->Shutdown(never);
      const std::lock_guard done(mutex_);
      isShut_ = true;
      shut_.notify_all();
    });
  }

  bool isDrained() const override {
    const std::lock_guard lock(mutex_);
    // Not isShut_: connections whose clients do not answer may take their time, and a call that has
    // left its connection may have an event to come.
    return shutting_.joinable() && calls_.areGone();
  }

private:
  Methods methods_;
  Calls calls_;
  const GrpcOptions options_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  mutable std::mutex mutex_;
  std::thread shutting_;
  std::condition_variable shut_;
  bool isShut_ = false;
};

} // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(ServerContext &context,
                                                      const GrpcOptions &options) {
  setUpLibraries();
  auto server = std::make_unique<Server>(context, options);
  INGOT_RETURN_IF_ERROR(server->listen());
  return Result<std::unique_ptr<GrpcServer>>(std::move(server));
}

} // namespace ingot::serve
