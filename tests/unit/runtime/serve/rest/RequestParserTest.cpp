#include "runtime/serve/rest/RequestParser.h"

#include <gtest/gtest.h>

namespace ingot::serve::rest {
namespace {

using State = RequestParser::State;

class RequestParserTest : public testing::Test {
protected:
  /// Gives the parser `step` bytes more at a time; what it leaves is given again, as a connection
  /// does. Returns what is left at the end.
  std::string parse(const std::string &bytes, size_t step) {
    parser.emplace(limits);
    parser->reset(request);
    std::string waiting;
    for (size_t at = 0; at < bytes.size() && !isAtEnd();) {
      const size_t size = std::min(step, bytes.size() - at);
      waiting.append(bytes, at, size);
      at += size;
      for (size_t used = 1; used > 0 && !isAtEnd();) {
        const State before = parser->state();
        used = parser->put(waiting);
        waiting.erase(0, used);
        used += parser->state() != before;
      }
      if (isAtEnd())
        waiting += bytes.substr(at);
    }
    return waiting;
  }
  bool isAtEnd() const {
    return parser->state() == State::Done || parser->state() == State::Failed;
  }
  int errorOf(const std::string &bytes) {
    parse(bytes, bytes.size());
    return parser->state() == State::Failed ? parser->errorStatus() : 0;
  }

  Limits limits;
  HttpRequest request;
  std::optional<RequestParser> parser;
};

TEST_F(RequestParserTest, BytesMayComeInAnyPieces) {
  const std::string withLength = "POST /v2/models/m/infer?x=1 HTTP/1.1\r\nHost: h\r\n"
                                 "Content-Encoding: gzip\r\nInference-Header-Content-Length: 3\r\n"
                                 "Authorization: Bearer t\r\nContent-Length: 10\r\n\r\n0123456789";
  const std::string chunked = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\n012\r\n7;ext=1\r\n3456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t step = 1; step < 40; ++step) {
    EXPECT_EQ(parse(withLength + "GET", step), "GET") << step;
    ASSERT_EQ(parser->state(), State::Done) << step;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v2/models/m/infer?x=1");
    EXPECT_EQ(request.path, "/v2/models/m/infer");
    EXPECT_EQ(request.contentEncoding, "gzip");
    EXPECT_EQ(request.inferenceHeaderLength, "3");
    EXPECT_EQ(request.authorization, "Bearer t");
    EXPECT_EQ(request.body->view(), "0123456789");
    EXPECT_TRUE(request.keepsAlive);
    EXPECT_EQ(parse(chunked + "GET", step), "GET") << step;
    ASSERT_EQ(parser->state(), State::Done) << step << parser->error();
    EXPECT_EQ(request.body->view(), "0123456789");
    EXPECT_TRUE(request.isChunked);
  }
}

TEST_F(RequestParserTest, TheHeadIsThereBeforeTheBody) {
  parser.emplace(limits);
  parser->reset(request);
  const std::string head =
      "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(parser->put(head + "ab"), head.size());
  EXPECT_EQ(parser->state(), State::Body);
  EXPECT_TRUE(request.expectsContinue);
  EXPECT_EQ(parser->put("abGET"), 2u);
  EXPECT_EQ(parser->state(), State::Done);
}

TEST_F(RequestParserTest, TargetsAreReducedToTheirPath) {
  const char *rows[][2] = {{"/v2#x?y", "/v2"},
                           {"http://host:80/v2?q", "/v2"},
                           {"http://host", "/"},
                           {"*", "*"},
                           {"/", "/"}};
  for (const auto &row : rows) {
    parse(std::string("GET ") + row[0] + " HTTP/1.1\r\nHost: h\r\n\r\n", 1000);
    EXPECT_EQ(request.path, row[1]) << row[0];
  }
}

TEST_F(RequestParserTest, ConnectionsAreKeptAsTheClientWants) {
  const struct {
    const char *head;
    bool keeps;
  } rows[] = {{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
              {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
              {"GET / HTTP/1.0\r\n\r\n", false},
              {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}};
  for (const auto &row : rows) {
    parse(row.head, 1000);
    EXPECT_EQ(request.keepsAlive, row.keeps) << row.head;
  }
}

TEST_F(RequestParserTest, WhatIsNoHttpIsRefused) {
  for (const char *bad :
       {"GET\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"})
    EXPECT_EQ(errorOf(bad), 400) << bad;
  EXPECT_EQ(errorOf("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"), 501);
}

TEST_F(RequestParserTest, HostIsThereOnce) {
  EXPECT_EQ(errorOf("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(errorOf("GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(errorOf("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(errorOf("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST_F(RequestParserTest, OtherVersionsAreToldFromWhatIsMalformed) {
  for (const char *version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"})
    EXPECT_EQ(errorOf(std::string("GET / ") + version + "\r\n\r\n"), 505) << version;
  for (const char *line :
       {"GET /a b HTTP/1.1", "GET / HTTP/1.1x", "GET / http/1.1", "GET / FTP/1.10"})
    EXPECT_EQ(errorOf(std::string(line) + "\r\nHost: h\r\n\r\n"), 400) << line;
}

/// Who speaks it may take the chunks for the body, and what follows them for a request.
TEST_F(RequestParserTest, TransferEncodingIsNoneOfHttp10) {
  EXPECT_EQ(errorOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(errorOf("POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n"), 400);
  parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 1000);
  EXPECT_FALSE(request.expectsContinue);
}

TEST_F(RequestParserTest, TrailersChangeNothing) {
  parse("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: gzip\r\n\r\n"
        "1\r\na\r\n0\r\nAccept-Encoding: deflate\r\nContent-Encoding: gzip\r\nHost: i\r\n"
        "Authorization: Bearer t\r\nX-Request-Timeout-Ms: 1\r\n\r\n",
        1000);
  ASSERT_EQ(parser->state(), State::Done) << parser->error();
  EXPECT_EQ(request.acceptEncoding, "gzip");
  EXPECT_EQ(request.contentEncoding, "");
  EXPECT_EQ(request.authorization, "");
  EXPECT_EQ(request.timeoutMs, "");
}

TEST_F(RequestParserTest, TheSizeOfTheHeadIsThatOfAllFields) {
  limits.headerBytes = 2000;
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i)
    head += "Accept-Encoding: gzip\r\n";
  for (const size_t step : {1, 23, 500, 10000}) {
    parse(head + "\r\n", step);
    ASSERT_EQ(parser->state(), State::Failed) << step;
    EXPECT_EQ(parser->errorStatus(), 431) << step;
    EXPECT_LT(request.acceptEncoding.size(), 2000u);
  }
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string &rest :
       {"1;" + std::string(3000, 'x'), "1;x=\"" + std::string(3000, 'x'),
        "0\r\nA: " + std::string(3000, 'x'), "0\r\n" + head.substr(16) + "\r\n"}) {
    parse(chunked + rest, 20);
    ASSERT_EQ(parser->state(), State::Failed) << rest;
    EXPECT_EQ(parser->errorStatus(), 431) << rest;
  }
}

TEST_F(RequestParserTest, WhatIsTooLongIsRefused) {
  limits.headerBytes = 200;
  limits.bodyBytes = 10;
  EXPECT_EQ(errorOf("GET /" + std::string(300, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 431);
  EXPECT_EQ(errorOf("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(300, 'x')), 431);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n"), 413);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n"),
            413);
  EXPECT_EQ(
      errorOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n"),
      413);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n"),
            413);
  EXPECT_EQ(errorOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789"), 0);
}

} // namespace
} // namespace ingot::serve::rest
