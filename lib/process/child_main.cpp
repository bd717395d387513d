#include "process/child_main.hpp"

#include <cxxabi.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "arena/family.hpp"
#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/last_calls.hpp"
#include "base/process_name.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/base/logging.hpp"
#include "process/end_fd.hpp"
#include "process/fork_gate.hpp"
#include "process/identity.hpp"
#include "process/popen.hpp"
#include "process/process_record.hpp"
#include "process/program_end.hpp"
#include "process/report.hpp"
#include "process/standard_streams.hpp"
#include "process/start_method.hpp"

namespace multiprocessing::detail {
namespace {

void report_lost_text(int error) {
  print_error("Process " + current_name() + ":\nwhat it wrote to its standard streams is lost: " +
              std::system_category().message(error) + '\n');
}

// Exit handlers run last registered first. This one is registered before anything of the user's
// runs in the child, so by its turn all that the child registered have run, and it ends the process
// before those that were inherited: removing its parent's files, say, is not for a child to do.
void end_child(int code, void*) {
  finish_process();
  const int error = flush_standard_streams();
  try {
    get_logger().info("process exiting with exitcode " + std::to_string(code & 0xff));
    if (error != 0) report_lost_text(error);
  } catch (const std::exception&) {
    print_error("no memory is left to tell how a process has ended\n");
  }
  if (error != 0 && code == 0) code = 1;
  run_last_calls();
  if (const int signal = ending_signal()) {
    leave_exit_code(-signal);
    die_of(signal);
  }
  leave_exit_code(code & 0xff);
  ::_exit(code & 0xff);
}

void report_uncaught() {
  (void)flush_standard_streams();
  print_error("Process " + current_name() + ":\n" + describe_current_exception() + '\n');
}

// A forced unwinding has no object, so the reference in its handler is null.
__attribute__((no_sanitize("undefined"))) int call(const std::function<void()>& run) {
  try {
    run();
    return 0;
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const ShutDown& shut) {
    get_logger().debug(std::string{"ended because a queue was shut down: "} + shut.what());
    return 0;  // how a program releases processes that wait for more work, or for room
  } catch (const Interrupted& interrupted) {
    end_by(interrupted.signal);
    return 128 + interrupted.signal;
  } catch (abi::__forced_unwind&) {
    throw;  // pthread_exit: the process goes on as long as it has threads
  } catch (...) {
    report_uncaught();
    return 1;
  }
}

void take_on(const Preparation& told, int life_fd) {
  set_command_name(told.command_name);
  if (!told.outlive_parent) die_with(life_fd, SIGKILL);
  if (told.method != StartMethod::forkserver) close_standard_input();  // the server's is closed
  if (told.method == StartMethod::fork) drop_inherited_input();
  if (!told.directory.empty() && chdir(told.directory.c_str()) != 0)
    get_logger().warning("cannot go to the parent's directory " + told.directory);
  if (told.own_group) lead_own_group(0);
  become({told.name, told.authkey, told.daemon, told.lineage,
          std::make_shared<ProcessRecord>(told.parent, told.parent_pid, told.parent_name, false)});
  choose_start_method(told.method);
}

#if defined(__x86_64__)
#define MULTIPROCESSING_END_OF_STACK asm volatile(".cfi_undefined rip")
#elif defined(__aarch64__)
#define MULTIPROCESSING_END_OF_STACK asm volatile(".cfi_undefined x30")
#else
#define MULTIPROCESSING_END_OF_STACK static_cast<void>(0)
#endif

[[noreturn, gnu::noinline]] void live(const Preparation& told, int life_fd,
                                      const std::function<void()>& run) {
  ::on_exit(end_child, nullptr);
  const int code = call([&] {
    take_on(told, life_fd);
    get_logger().info("child process calling self.run()");
    run();
  });
  finish_process();
  std::exit(code & 0xff);
}

}  // namespace

// pthread_exit unwinds the stack. Under fork, below this frame lie those of the parent. Their
// objects are not this child's to destroy: for the unwinder the stack ends here. There is nothing
// to clean up in this function, because code for that would lie outside what the mark covers.
[[gnu::noinline]] void run_child(const Preparation& told, int life_fd,
                                 const std::function<void()>& run) {
  MULTIPROCESSING_END_OF_STACK;
  live(told, life_fd, run);
}

namespace {

std::vector<std::shared_ptr<EndFd>> in_care(std::vector<UniqueFd> fds) {
  std::scoped_lock guard{fork_gate()};
  return take_into_care(std::move(fds));
}

}  // namespace

void run_child(std::string_view content, int life_fd, std::vector<UniqueFd> given) {
  Reader reader{content};
  const Preparation told = Preparation::read(reader);
  adopt_logging_state(told.logging);
  run_child(told, life_fd, [&] {
    std::unique_ptr<Work> work;
    {
      const Envelope::Reading arguments{in_care(std::move(given))};
      work = read_work(reader);
    }
    work->call();
  });
}

}  // namespace multiprocessing::detail
