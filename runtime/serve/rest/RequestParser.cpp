// See RequestParser.h.
#include "runtime/serve/rest/RequestParser.h"

#include "runtime/serve/rest/Text.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <optional>

namespace ingot::serve::rest {

namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

/// Copies what is looked at out of the head; of the body, what comes in chunks. Trailers are passed
/// over: the head was judged without them.
class Parser : public http::basic_parser<true> {
public:
  explicit Parser(HttpRequest &request) : request_(request) {}

  bool hasCoding() const { return hasCoding_; }
  bool hasUnknownCoding() const { return hasUnknownCoding_; }
  int hosts() const { return hosts_; }

private:
  using View = boost::beast::string_view;

  static void assign(std::string &to, View from) { to.assign(from.data(), from.size()); }

  void on_request_impl(http::verb, View method, View target, int version, error_code &) override {
    assign(request_.method, method);
    assign(request_.target, target);
    request_.isVersion10 = version < 11;
  }

  void on_field_impl(http::field name, View text, View value, error_code &) override {
    if (isHeadDone_)
      return;
    switch (name) {
    case http::field::host:
      ++hosts_;
      break;
    case http::field::content_encoding:
      // Two of them are two codings, one after another.
      request_.contentEncoding += request_.contentEncoding.empty() ? "" : ", ";
      request_.contentEncoding.append(value.data(), value.size());
      break;
    case http::field::accept_encoding:
      request_.acceptEncoding += request_.acceptEncoding.empty() ? "" : ", ";
      request_.acceptEncoding.append(value.data(), value.size());
      break;
    case http::field::authorization:
      assign(request_.authorization, value);
      break;
    case http::field::origin:
      assign(request_.origin, value);
      break;
    case http::field::access_control_request_headers:
      assign(request_.requestedHeaders, value);
      break;
    case http::field::transfer_encoding:
      hasCoding_ = true;
      hasUnknownCoding_ |= !equalsIgnoreCase({value.data(), value.size()}, "chunked");
      break;
    case http::field::expect: {
      const bool isContinue = equalsIgnoreCase({value.data(), value.size()}, "100-continue");
      (isContinue ? request_.expectsContinue : request_.expectsOther) = true;
      break;
    }
    case http::field::unknown:
      onOwnField({text.data(), text.size()}, {value.data(), value.size()});
      break;
    default:
      break;
    }
  }

  void onOwnField(std::string_view name, std::string_view value) {
    if (equalsIgnoreCase(name, "Inference-Header-Content-Length"))
      request_.inferenceHeaderLength = value;
    else if (equalsIgnoreCase(name, "traceparent"))
      request_.traceparent = value;
    else if (equalsIgnoreCase(name, "X-Request-Id"))
      request_.requestId = value;
    else
      for (const char *header : {"X-Request-Timeout-Ms", "X-Envoy-Expected-Rq-Timeout-Ms"})
        if (equalsIgnoreCase(name, header)) {
          request_.timeoutMs = value;
          request_.timeoutHeader = header;
        }
  }

  void on_response_impl(int, View, int, error_code &) override {}
  void on_header_impl(error_code &) override { isHeadDone_ = true; }
  void on_body_init_impl(const boost::optional<uint64_t> &, error_code &) override {}
  size_t on_body_impl(View body, error_code &) override {
    request_.body->append({body.data(), body.size()});
    return body.size();
  }
  void on_chunk_header_impl(uint64_t, View, error_code &) override {}
  size_t on_chunk_body_impl(uint64_t, View body, error_code &) override {
    request_.body->append({body.data(), body.size()});
    return body.size();
  }
  void on_finish_impl(error_code &) override {}

  HttpRequest &request_;
  bool hasCoding_ = false, hasUnknownCoding_ = false, isHeadDone_ = false;
  int hosts_ = 0;
};

/// Whether the request line in `bytes` has the version of another HTTP; the parser says the same of
/// whatever else stands there.
bool hasOtherVersion(std::string_view bytes) {
  const size_t target = bytes.find(' ');
  const size_t version = target == std::string_view::npos ? target : bytes.find(' ', target + 1);
  if (version == std::string_view::npos)
    return false;
  const std::string_view text = bytes.substr(version + 1, 8);
  return text.size() == 8 && text.substr(0, 5) == "HTTP/" && isDigit(text[5]) && text[6] == '.' &&
         isDigit(text[7]) && text != "HTTP/1.0" && text != "HTTP/1.1";
}

/// The path of a target: "/v2?x", "http://host:80/v2".
std::string_view pathOf(std::string_view target) {
  if (!target.empty() && target[0] != '/') {
    const size_t scheme = target.find("://");
    if (scheme != std::string_view::npos) {
      const size_t slash = target.find('/', scheme + 3);
      target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

} // namespace

struct RequestParser::Impl {
  const Limits &limits;
  HttpRequest *request = nullptr;
  std::optional<Parser> parser;
  State state = State::Head;
  uint64_t headBytes = 0; ///< that were taken
  int errorStatus = 400;
  std::string error;

  explicit Impl(const Limits &ofAll) : limits(ofAll) {}

  void fail(int status, std::string message) {
    state = State::Failed;
    errorStatus = status;
    error = std::move(message);
  }

  void failTooLong(const char *what) {
    fail(431, std::string(what) + " more than " + std::to_string(limits.headerBytes) +
                  " bytes, the most that this server takes");
  }
  void failHeadTooLong() { failTooLong("the request line and headers have"); }

  /// `bytes`: where the parser met it.
  void fail(const error_code &code, std::string_view bytes) {
    const bool isHead = state == State::Head;
    if (code == http::error::header_limit)
      failHeadTooLong();
    else if (code == http::error::body_limit)
      fail(413, "the body has more than " + std::to_string(limits.bodyBytes) +
                    " bytes, the most that this server takes");
    else if (code == http::error::bad_version && hasOtherVersion(bytes))
      fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    else
      fail(400, std::string("malformed HTTP ") + (isHead ? "head: " : "body: ") + code.message());
  }

  void finishHead() {
    HttpRequest &to = *request;
    to.path = pathOf(to.target);
    to.isChunked = parser->chunked();
    to.hasLength = parser->content_length().has_value();
    to.contentLength = to.hasLength ? *parser->content_length() : 0;
    to.keepsAlive = parser->keep_alive();
    // Which host is meant nobody here asks, but proxies do: two would be understood in two ways.
    if (parser->hosts() > 1 || (parser->hosts() == 0 && !to.isVersion10))
      return fail(400, parser->hosts() == 0
                           ? "malformed HTTP head: HTTP/1.1 wants the header Host"
                           : "malformed HTTP head: the header Host is there twice");
    // Who speaks HTTP/1.0 may take the chunks for the body (RFC 9112, 6.1).
    if (parser->hasCoding() && to.isVersion10)
      return fail(400, "malformed HTTP head: Transfer-Encoding is none of HTTP/1.0");
    if (to.isVersion10)
      to.expectsContinue = false; // it would not know the answer
    if (parser->hasUnknownCoding())
      return fail(501, "the transfer encoding is not known here; use chunked or Content-Length");
    if (parser->upgrade())
      to.keepsAlive = false;
    const bool hasBody = to.isChunked || to.contentLength > 0;
    state = hasBody ? State::Body : State::Done;
  }
};

RequestParser::RequestParser(const Limits &limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset(HttpRequest &request) {
  request.clear();
  Impl &impl = *impl_;
  impl.request = &request;
  impl.parser.emplace(request);
  impl.parser->header_limit(impl.limits.headerBytes);
  impl.parser->body_limit(impl.limits.bodyBytes);
  impl.state = State::Head;
  impl.headBytes = 0;
}

size_t RequestParser::put(std::string_view bytes) {
  Impl &impl = *impl_;
  if (impl.state == State::Body && !impl.request->isChunked) {
    const Room room = this->room(bytes.size());
    if (room.size > 0)
      std::memcpy(room.data, bytes.data(), room.size);
    filled(room.size);
    return room.size;
  }
  size_t used = 0;
  // Of no bytes Beast would look two beyond.
  while (used < bytes.size() && (impl.state == State::Head || impl.state == State::Body)) {
    const std::string_view left = bytes.substr(used);
    error_code code;
    const size_t taken =
        impl.parser->put(boost::asio::const_buffer(left.data(), left.size()), code);
    used += taken;
    const bool wantsMore = code == http::error::need_more;
    if (code && !wantsMore) {
      impl.fail(code, left);
      break;
    }
    if (impl.state == State::Head) {
      const bool isDone = impl.parser->is_header_done();
      impl.headBytes += taken;
      // Beast's own limit is one of each call.
      const uint64_t waiting = isDone ? 0 : bytes.size() - used;
      if (impl.headBytes + waiting > impl.limits.headerBytes) {
        impl.failHeadTooLong();
      } else if (isDone) {
        impl.finishHead();
        impl.parser->eager(true);
      }
      break;
    }
    if (wantsMore) {
      if (bytes.size() - used > impl.limits.headerBytes)
        impl.failTooLong("the header of a chunk, or the trailers, have");
      break;
    }
    if (impl.parser->is_done())
      impl.state = State::Done;
  }
  return used;
}

RequestParser::State RequestParser::state() const { return impl_->state; }

RequestParser::Room RequestParser::room(size_t most) {
  const HttpRequest &request = *impl_->request;
  const uint64_t left = request.contentLength - request.body->size();
  const size_t size = static_cast<size_t>(std::min<uint64_t>(left, most));
  return {request.body->room(size), size};
}

void RequestParser::filled(size_t bytes) {
  const HttpRequest &request = *impl_->request;
  request.body->advance(bytes);
  if (request.body->size() == request.contentLength)
    impl_->state = State::Done;
}

int RequestParser::errorStatus() const { return impl_->errorStatus; }
const std::string &RequestParser::error() const { return impl_->error; }

} // namespace ingot::serve::rest
