// Ends while system calls that the end relies on are refused: ending_program CHILD CALL ERROR,
// where CHILD is "daemon", "ended", "alive", "late" or "killed". The start method comes from the
// environment. It ends with 0 where main was right, with 77 where nothing can be refused here.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "multiprocessing/process.hpp"
#include "support/refused_calls.hpp"

extern "C" ssize_t pread64(int fd, void* data, size_t size, off64_t place) {
  if (const char* const error = getenv("REFUSED_PREAD")) {
    errno = std::atoi(error);
    return -1;
  }
  return syscall(SYS_pread64, fd, data, size, place);
}

namespace mp = multiprocessing;

namespace {

void wait_for_ever() {
  for (;;) pause();
}
void do_nothing() {}
void end_late() {
  usleep(500'000);
  std::cout << "child ends\n";
}

void (*target_of(const std::string& kind))() {
  if (kind == "daemon" || kind == "killed") return wait_for_ever;
  return kind == "late" ? end_late : do_nothing;
}

bool refuse(const std::string& call, int error) {
  static const std::map<std::string, std::vector<long>> numbers{
      {"signals", {SYS_pidfd_send_signal}},
      {"all signals", {SYS_pidfd_send_signal, SYS_kill}},
      {"waitid", {SYS_waitid}},
      {"poll", {SYS_poll, SYS_ppoll}},
      {"recvmsg", {SYS_recvmsg}}};
  if (call == "descriptors") {  // poll(2) is EINVAL then
    const rlimit none{0, 0};
    return setrlimit(RLIMIT_NOFILE, &none) == 0;
  }
  for (const long number : numbers.at(call))
    if (!test_support::refuse_call(number, error)) return false;
  return true;
}

}  // namespace

/// A child that can show nobody that it lives, or read what it is to do.
int start_a_child_that_cannot_live(const std::string& call, int error) {
  {
    mp::Process first{do_nothing};
    first.start();
    first.join();
  }
  // The loader would fail for a refused pread(2), so a child refuses that to itself.
  const bool refused = call == "lock"
                           ? test_support::refuse_command(SYS_fcntl, F_SETLK, error)
                           : setenv("REFUSED_PREAD", std::to_string(error).c_str(), 1) == 0;
  if (!refused) _exit(77);
  try {
    mp::Process child{do_nothing};
    child.start();
    child.join();
    if (child.exitcode() == 0) return 1;
  } catch (const std::exception& thrown) {
    std::cerr << thrown.what() << std::endl;
  }
  return 0;
}

int main(int, char** argv) {
  const std::string kind = argv[1];
  if (kind == "unborn") return start_a_child_that_cannot_live(argv[2], std::atoi(argv[3]));
  mp::Process child{mp::ProcessOptions{.daemon = kind == "daemon"}, target_of(kind)};
  child.start();
  if (kind == "ended") child.join();
  if (!refuse(argv[2], std::atoi(argv[3]))) _exit(77);
  if (kind == "killed") {
    child.kill();
    child.join();
    if (child.exitcode() != -9) return 1;
  }
  std::cout << "main returns\n" << std::flush;
}
