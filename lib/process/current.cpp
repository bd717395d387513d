#include "process/current.hpp"

#include <signal.h>
#include <unistd.h>

#include "multiprocessing/base/errors.hpp"
#include "process/identity.hpp"

namespace multiprocessing::detail {

Current::Current() : as_stranger_(self_if_any(), getpid(), current_name(), current_is_daemon()) {}

// Asking who one is makes no arena; being told apart from others does.
Member Current::member() const {
  const Member known = as_stranger_.member();
  return known || !is_here() ? known : self();
}

std::string Current::name() const { return is_here() ? current_name() : as_stranger_.name(); }
Bytes Current::authkey() const { return is_here() ? current_authkey() : as_stranger_.authkey(); }
bool Current::is_alive() { return is_here() || as_stranger_.is_alive(); }

std::optional<int> Current::exitcode() {
  return is_here() ? std::nullopt : as_stranger_.exitcode();
}

bool Current::join(const Deadline& deadline) {
  if (is_here()) throw AssertionError("can only join a child process, not the calling one");
  return as_stranger_.join(deadline);
}

int Current::sentinel() {
  if (is_here()) throw ValueError("the calling process has no sentinel: it does not see its end");
  return as_stranger_.sentinel();
}

void Current::send_signal(int signal) {
  if (!is_here()) return as_stranger_.send_signal(signal);
  (void)::kill(getpid(), signal);
}

void Current::check_here() const {
  if (!is_here()) throw AssertionError("only the calling process can be changed by its handle");
}

}  // namespace multiprocessing::detail
