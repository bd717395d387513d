#include "process/current.hpp"

#include <signal.h>
#include <unistd.h>

#include "multiprocessing/base/errors.hpp"
#include "process/identity.hpp"

namespace multiprocessing::detail {

Member Current::member() const { return self(); }
pid_t Current::pid() const { return getpid(); }
std::string Current::name() const { return current_name(); }
bool Current::daemon() const { return current_is_daemon(); }
Bytes Current::authkey() const { return current_authkey(); }

bool Current::join(const Deadline&) {
  throw AssertionError("can only join a child process, not the calling one");
}

int Current::sentinel() {
  throw ValueError("the calling process has no sentinel: it does not see its own end");
}

void Current::send_signal(int signal) { (void)::kill(getpid(), signal); }

}  // namespace multiprocessing::detail
