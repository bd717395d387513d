#include "multiprocessing/detail/message_type.hpp"

#include <atomic>
#include <mutex>

namespace multiprocessing::detail {
namespace {

// Grows before main and when a plug-in is loaded, and is read while an error is reported.
constinit std::mutex mutex;
constinit MessageType* types = nullptr;

}  // namespace

MessageType::MessageType(const std::type_info& type, std::uint32_t shape) noexcept
    : fingerprint_(fingerprint_of(type, shape)), type_(&type) {
  std::scoped_lock guard{mutex};
  next_ = types;
  types = this;
}

MessageType::~MessageType() {
  std::scoped_lock guard{mutex};
  for (MessageType** at = &types; *at != nullptr; at = &(*at)->next_)
    if (*at == this) {
      *at = next_;
      return;
    }
}

bool MessageType::is_known(std::uint32_t fingerprint) noexcept {
  std::scoped_lock guard{mutex};
  for (const MessageType* type = types; type != nullptr; type = type->next_)
    if (type->fingerprint_ == fingerprint) return true;
  return false;
}

std::string MessageType::describe(std::uint32_t fingerprint, const MessageType& wanted) {
  std::scoped_lock guard{mutex};
  for (const MessageType* type = types; type != nullptr; type = type->next_) {
    if (type->fingerprint_ != fingerprint) continue;
    const std::string name = type->name();
    if (name != wanted.name()) return "a " + name;
    return "another " + name + ", of another source file or library and with other members";
  }
  return "no value of a type that this program sends or receives (bytes are received by "
         "recv_bytes)";
}

}  // namespace multiprocessing::detail
