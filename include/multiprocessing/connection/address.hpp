// Address: where a Listener listens and a Client connects to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Where a Listener is: a host and a port, a path, or a name without a file.
///
///     mp::Address{"localhost", 6000}    // AF_INET; port 0: any, host "": all interfaces
///     mp::Address{"/run/app/socket"}    // AF_UNIX
///     mp::Address{"@app"}               // AF_UNIX, a name in Linux's abstract namespace
///
/// An abstract name may also begin with a NUL, as in Python; for a path that begins with an at sign
/// write "./@".
class MULTIPROCESSING_API Address {
 public:
  // Implicit, so that a path or {"host", port} can stand where an address is wanted.
  Address(const char* path);
  Address(std::string path);
  Address(std::string host, std::uint16_t port);

  /// "AF_INET" or "AF_UNIX".
  [[nodiscard]] const char* family() const noexcept { return is_inet_ ? "AF_INET" : "AF_UNIX"; }

  /// Throw `ValueError` for an address of the other family.
  [[nodiscard]] const std::string& host() const;
  [[nodiscard]] std::uint16_t port() const;
  /// An abstract name begins with "@".
  [[nodiscard]] const std::string& path() const;

  /// Whether it is a name that no file stands for.
  [[nodiscard]] bool is_abstract() const noexcept { return !is_inet_ && text_.starts_with('@'); }

  friend bool operator==(const Address&, const Address&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& is_inet_& text_& port_;
  }
  /// The empty path; for a variable that is about to receive an address.
  Address() = default;

 private:
  bool is_inet_ = false;
  std::string text_;  // host or path
  std::uint16_t port_ = 0;
};

/// "127.0.0.1:6000", "/run/app/socket", "@app".
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Address& address);

/// "AF_INET" or "AF_UNIX"; Python's function of the name.
[[nodiscard]] MULTIPROCESSING_API std::string address_type(const Address& address);

/// An address of the family that is not in use: any port of this machine, or a path in a new folder
/// that only this user can enter: in the first usable one of $TMPDIR, $TEMP, $TMP, /tmp, /var/tmp,
/// /usr/tmp and the current folder, as Python's `tempfile`. Throws `ValueError` for another family,
/// `FileNotFoundError` when no folder can be used.
[[nodiscard]] MULTIPROCESSING_API Address arbitrary_address(std::string_view family = "AF_UNIX");

/// The families there are: AF_INET and AF_UNIX, the default.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> families();

}  // namespace multiprocessing
