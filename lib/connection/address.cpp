#include "multiprocessing/connection/address.hpp"

#include <stdlib.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/os_error.hpp"
#include "connection/socket.hpp"
#include "connection/socket_files.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing {
namespace {

[[noreturn]] void throw_other_family(const Address& address, const char* wanted) {
  throw ValueError("the address " + to_string(address) + " is of the family " + address.family() +
                   " and has no " + wanted);
}

/// Where Python's tempfile makes its files, in the order in which it tries them.
std::vector<std::string> temporary_folders() {
  std::vector<std::string> folders;
  for (const char* variable : {"TMPDIR", "TEMP", "TMP"})
    if (const char* named = std::getenv(variable); named != nullptr && *named != '\0')
      folders.emplace_back(named);
  folders.insert(folders.end(), {"/tmp", "/var/tmp", "/usr/tmp", "."});
  return folders;
}

/// A new folder in the first of them in which one can be made. Absolute, because processes in other
/// folders connect to what is made in it. Throws FileNotFoundError when there is none.
std::string make_temporary_folder() {
  // What is made in it has to fit into a socket's address.
  constexpr std::size_t longest = detail::longest_path - sizeof "/pymp-XXXXXX/listener";
  std::string tried;
  for (const std::string& folder : temporary_folders()) {
    std::error_code error;
    std::string made = std::filesystem::absolute(folder, error).lexically_normal().string();
    tried += (tried.empty() ? "" : ", ") + made;
    if (error || made.size() > longest) continue;
    made += "/pymp-XXXXXX";
    if (::mkdtemp(made.data()) != nullptr) return made;
  }
  detail::throw_os_error(ENOENT, "mkdtemp", "no usable temporary folder among " + tried);
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
  const std::string folder = make_temporary_folder();
  detail::remove_folder_at_exit(folder);
  return folder + "/listener";
}

std::vector<std::string> families() { return {"AF_INET", "AF_UNIX"}; }

}  // namespace multiprocessing
