#include "multiprocessing/connection/address.hpp"

#include <utility>

#include "connection/listener_folder.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing {
namespace {

[[noreturn]] void throw_other_family(const Address& address, const char* wanted) {
  throw ValueError("the address " + to_string(address) + " is of the family " + address.family() +
                   " and has no " + wanted);
}

}  // namespace

Address::Address(const char* path) : Address(std::string{path}) {}
Address::Address(std::string path) : text_(std::move(path)) {
  if (text_.starts_with('\0')) text_.front() = '@';
}
Address::Address(std::string host, std::uint16_t port)
    : is_inet_(true), text_(std::move(host)), port_(port) {}

const std::string& Address::host() const {
  if (!is_inet_) throw_other_family(*this, "host");
  return text_;
}

std::uint16_t Address::port() const {
  if (!is_inet_) throw_other_family(*this, "port");
  return port_;
}

const std::string& Address::path() const {
  if (is_inet_) throw_other_family(*this, "path");
  return text_;
}

std::string to_string(const Address& address) {
  if (address.family() != std::string_view{"AF_INET"}) return address.path();
  return address.host() + ':' + std::to_string(address.port());
}

std::string address_type(const Address& address) { return address.family(); }

Address arbitrary_address(std::string_view family) {
  if (family == "AF_INET") return {"localhost", 0};
  if (family != "AF_UNIX") throw ValueError("unrecognized family " + std::string{family});
  return detail::make_listener_folder() + "/listener";
}

std::vector<std::string> families() { return {"AF_INET", "AF_UNIX"}; }

}  // namespace multiprocessing
