// Threads, listeners, TLS and the sweep over connections. See RestServer.h.
#include "runtime/serve/rest/RestServer.h"

#include "runtime/core/Cpus.h"
#include "runtime/serve/rest/Connection.h"
#include "runtime/serve/rest/Listeners.h"
#include "runtime/serve/rest/RestApi.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

namespace ingot::serve {

namespace {

using namespace rest;

/// How often connections are looked at: while requests are in flight, and else.
constexpr std::chrono::milliseconds busySweep{50}, idleSweep{250};

Status makeTlsContext(const TlsFiles &files, std::optional<asio::ssl::context> &context) {
  INGOT_RETURN_IF_ERROR(readTls(files).status()); // which tells what is wrong with which file
  context.emplace(asio::ssl::context::tls_server);
  error_code error;
  std::string file;
  const auto use = [&](const std::string &path, auto &&load) {
    if (error)
      return;
    file = path;
    load(path);
  };
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                           asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                           asio::ssl::context::no_tlsv1_1,
                       error);
  use(files.certificate,
      [&](const std::string &path) { context->use_certificate_chain_file(path, error); });
  use(files.key, [&](const std::string &path) {
    context->use_private_key_file(path, asio::ssl::context::pem, error);
  });
  if (!files.clientAuthority.empty()) {
    use(files.clientAuthority,
        [&](const std::string &path) { context->load_verify_file(path, error); });
    if (!error)
      context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert,
                               error);
    // Without it sessions of clients with certificates are not taken up again, but fail.
    static constexpr unsigned char name[] = "ingot";
    SSL_CTX_set_session_id_context(context->native_handle(), name, sizeof name - 1);
  }
  if (error)
    return Status(StatusCode::IoError, "TLS of REST: '" + file + "': " + error.message());
  // ALPN: of what a client offers, HTTP/1.1; who offers nothing is served too.
  SSL_CTX_set_alpn_select_cb(
      context->native_handle(),
      [](SSL *, const unsigned char **out, unsigned char *size, const unsigned char *in,
         unsigned inSize, void *) {
        static constexpr unsigned char ours[] = "\x08http/1.1";
        unsigned char *chosen = nullptr;
        if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, inSize) !=
            OPENSSL_NPN_NEGOTIATED)
          return SSL_TLSEXT_ERR_NOACK;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  return {};
}

class RunningRestServer final : public RestServer {
public:
  RunningRestServer(ServerContext &context, const RestOptions &options)
      : context_(context),
        threadCount_(options.threads > 0 ? options.threads : availableCpus() + 2),
        io_(threadCount_), work_(io_.get_executor()), slow_(2),
        api_(context, options,
             [this](std::function<void()> job) { asio::post(slow_, std::move(job)); }),
        listeners_(io_, [this](Socket socket, std::string peer, bool isTcp) {
          welcome(std::move(socket), std::move(peer), isTcp);
        }) {}

  ~RunningRestServer() override {
    // In this order: who connects meanwhile is let go.
    connections_.closeAll();
    listeners_.stop();
    if (sweeper_.joinable()) {
      {
        std::lock_guard lock(sweepMutex_);
        isStopping_ = true;
      }
      stopsSweep_.notify_all();
      sweeper_.join();
    }
    slow_.join();
    work_.reset();
    io_.stop();
    for (std::thread &thread : threads_)
      thread.join();
  }

  Status start(const RestOptions &options) {
    if (options.port < 0 && options.unixSocket.empty())
      return Status(StatusCode::InvalidArgument, "REST has neither a port nor a Unix socket");
    if (!options.tls.certificate.empty())
      INGOT_RETURN_IF_ERROR(makeTlsContext(options.tls, tls_));
    if (options.port >= 0)
      INGOT_RETURN_IF_ERROR(listeners_.listenTcp(options.address, options.port));
    if (!options.unixSocket.empty())
      INGOT_RETURN_IF_ERROR(listeners_.listenUnix(options.unixSocket));
    listeners_.takeClients();
    sweeper_ = std::thread([this] { sweep(); });
    for (int i = 0; i < threadCount_; ++i)
      threads_.emplace_back([this] { runThread(); });
    return {};
  }

  int port() const override { return listeners_.port(); }

  void stopAccepting() override {
    connections_.drain();
    listeners_.stop();
  }

  bool isDrained() const override { return listeners_.isStopped() && connections_.isDrained(); }

private:
  void runThread() {
    // A handler that throws (memory ended) ends its connection, not the server.
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception &) {
        continue;
      }
    }
  }

  void welcome(Socket socket, std::string peer, bool isTcp) {
    std::unique_ptr<Transport> transport =
        isTcp && tls_ ? makeTls(std::move(socket), *tls_) : makePlain(std::move(socket));
    const auto connection =
        std::make_shared<Connection>(io_, api_, connections_, std::move(transport),
                                     isTcp ? std::move(peer) : std::string(localPeer));
    // One too many is closed at once, which costs the client less than to wait.
    if (connections_.add(connection.get(), context_.limits.connections))
      connection->start();
  }

  /// On a thread of its own: the others may all be busy, or out of memory.
  void sweep() {
    std::unique_lock lock(sweepMutex_);
    const auto interval = [&] { return context_.lifecycle.inFlight() > 0 ? busySweep : idleSweep; };
    while (!stopsSweep_.wait_for(lock, interval(), [&] { return isStopping_; })) {
      connections_.sweep(Clock::now());
      listeners_.takeClients();
    }
  }

  ServerContext &context_;
  const int threadCount_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::thread_pool slow_; ///< loads and unloads models
  std::optional<asio::ssl::context> tls_;
  RestApi api_;
  Connections connections_;
  Listeners listeners_;
  std::thread sweeper_;
  std::mutex sweepMutex_;
  std::condition_variable stopsSweep_;
  bool isStopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace

Result<std::unique_ptr<RestServer>> RestServer::start(ServerContext &context,
                                                      const RestOptions &options) {
  try {
    auto server = std::make_unique<RunningRestServer>(context, options);
    INGOT_RETURN_IF_ERROR(server->start(options));
    return std::unique_ptr<RestServer>(std::move(server));
  } catch (const std::exception &error) { // of the system: threads, memory
    return Status(StatusCode::ResourceExhausted, std::string("REST: ") + error.what());
  }
}

} // namespace ingot::serve
