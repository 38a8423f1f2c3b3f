// TLS and mutual TLS on the port. Certificates are made by the test.
#include "runtime/serve/grpc/proto/open_inference.grpc.pb.h"
#include "tests/unit/runtime/serve/grpc/TestServer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace {

using namespace ingot;
using namespace ingot::serve;

struct Identity {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  std::string keyPem, certificatePem;
  ~Identity() {
    EVP_PKEY_free(key);
    X509_free(certificate);
  }
};

std::string textOf(BIO *bio) {
  char *data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

/// For 127.0.0.1, signed by `authority`, or by itself.
std::unique_ptr<Identity> makeIdentity(const std::string &name, const Identity *authority) {
  auto made = std::make_unique<Identity>();
  X509 *certificate = made->certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), authority ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, made->key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char *>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(authority ? authority->certificate : certificate));
  for (const auto &[nid, value] :
       {std::pair{NID_subject_alt_name, "IP:127.0.0.1"},
        std::pair{NID_basic_constraints, authority ? "CA:FALSE" : "critical,CA:TRUE"}}) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, authority ? authority->key : made->key, EVP_sha256());
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  made->certificatePem = textOf(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, made->key, nullptr, nullptr, 0, nullptr, nullptr);
  made->keyPem = textOf(bio);
  return made;
}

class TlsTest : public GrpcServerFixture {
protected:
  void SetUp() override {
    GrpcServerFixture::SetUp();
    authority = makeIdentity("authority", nullptr);
    host = makeIdentity("host", authority.get());
    options.address = "127.0.0.1";
    options.port = 0;
    options.tls.certificate = write("host.pem", host->certificatePem);
    options.tls.key = write("host.key", host->keyPem);
  }
  grpc::Status live(const grpc::SslCredentialsOptions &credentials) {
    auto stub = inference::GRPCInferenceService::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(server->port()), grpc::SslCredentials(credentials)));
    grpc::ClientContext call; // fails fast: does not wait for a connection
    inference::ServerLiveResponse reply;
    return stub->ServerLive(&call, inference::ServerLiveRequest(), &reply);
  }

  std::unique_ptr<Identity> authority, host;
  GrpcOptions options;
};

TEST_F(TlsTest, ClientsThatKnowTheAuthorityAreServed) {
  start(options);
  EXPECT_CODE(live({authority->certificatePem, "", ""}), OK, "");
  EXPECT_CODE(live({makeIdentity("other", nullptr)->certificatePem, "", ""}), UNAVAILABLE, "");
  inference::ServerLiveResponse reply; // and the Unix socket has no TLS
  CallContext call;
  auto stub = inference::GRPCInferenceService::NewStub(channel());
  EXPECT_CODE(stub->ServerLive(&call, inference::ServerLiveRequest(), &reply), OK, "");
}

TEST_F(TlsTest, MutualTlsWantsACertificateOfTheClient) {
  options.tls.clientAuthority = write("authority.pem", authority->certificatePem);
  start(options);
  EXPECT_CODE(live({authority->certificatePem, "", ""}), UNAVAILABLE, "");
  const auto client = makeIdentity("client", authority.get());
  EXPECT_CODE(live({authority->certificatePem, client->keyPem, client->certificatePem}), OK, "");
  const auto stranger = makeIdentity("stranger", makeIdentity("other", nullptr).get());
  EXPECT_CODE(live({authority->certificatePem, stranger->keyPem, stranger->certificatePem}),
              UNAVAILABLE, "");
}

TEST_F(TlsTest, FilesThatCannotBeAreNamed) {
  const auto status = [&] { return GrpcServer::start(context, options).status(); };
  const TlsFiles right = options.tls;
  options.tls.key = path("missing.key");
  EXPECT_STATUS(status(), NotFound, "missing.key");
  options.tls.key = "";
  EXPECT_STATUS(status(), InvalidArgument, "both a certificate and its key");
  options.tls.key = write("no.key", "no key");
  EXPECT_STATUS(status(), InvalidArgument, "no.key");
  options.tls.key = write("other.key", authority->keyPem);
  EXPECT_STATUS(status(), InvalidArgument, "other.key' is not that of the certificate");
  options.tls = right;
  options.tls.certificate = write("empty.pem", "");
  EXPECT_STATUS(status(), InvalidArgument, "empty.pem' has no certificate in PEM form");
  options.tls.certificate = write("cut.pem", host->certificatePem.substr(0, 100));
  EXPECT_STATUS(status(), InvalidArgument, "cut.pem");
  options.tls.certificate =
      write("chain.pem", host->certificatePem + authority->certificatePem.substr(0, 100));
  EXPECT_STATUS(status(), InvalidArgument, "chain.pem' has no chain of certificates");
  options.tls = right;
  options.tls.clientAuthority = write("authority.pem", "-----BEGIN CERTIFICATE-----\nxx\n");
  EXPECT_STATUS(status(), InvalidArgument, "authority.pem");
  options.tls.clientAuthority = right.certificate + ".none";
  EXPECT_STATUS(status(), NotFound, ".none");
}

} // namespace
