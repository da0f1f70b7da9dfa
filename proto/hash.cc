#include "proto/hash.h"

#include <openssl/evp.h>

#include <new>

namespace dims {
namespace {

EVP_MD_CTX* NewContext() {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

// Looking the algorithm up takes longer than hashing a line.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

std::string BigEndian(uint64_t value, int bytes) {
  std::string out(bytes, '\0');
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) out[i] = static_cast<char>(value & 0xff);
  return out;
}

}  // namespace

Sha256::Sha256() : context_(NewContext()) { EVP_DigestInit_ex(context_, Algorithm(), nullptr); }

Sha256::Sha256(const Sha256& other) : context_(NewContext()) { EVP_MD_CTX_copy_ex(context_, other.context_); }

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) EVP_MD_CTX_copy_ex(context_, other.context_);
  return *this;
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::Update(absl::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }

std::string Sha256::Digest() const {
  Sha256 copy(*this);
  std::string digest(32, '\0');
  EVP_DigestFinal_ex(copy.context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

std::string Sha256::Of(absl::string_view bytes) {
  std::string digest(32, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, Algorithm(),
             nullptr);
  return digest;
}

std::string FirstPreviousHash(absl::string_view store_id) { return Sha256::Of(store_id); }

Sha256 BeginRecordHash(absl::string_view previous_hash, uint64_t number, uint32_t schema) {
  Sha256 hash;
  hash.Update(previous_hash);
  hash.Update(BigEndian(number, 8));
  hash.Update(BigEndian(schema, 4));
  return hash;
}

std::string RecordHash(absl::string_view previous_hash, uint64_t number, uint32_t schema, absl::string_view payload) {
  Sha256 hash = BeginRecordHash(previous_hash, number, schema);
  hash.Update(payload);
  return hash.Digest();
}

}  // namespace dims
