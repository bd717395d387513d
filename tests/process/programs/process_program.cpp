// A program per scenario, named by its first argument; the start method comes from the environment.
// It ends with 0 when all was right.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base.hpp"
#include "multiprocessing/process.hpp"
#include "process/descriptor_message.hpp"
#include "process/fork_gate.hpp"
#include "process/keeper_client.hpp"
#include "process/mailbox.hpp"

namespace mp = multiprocessing;

namespace {

void leave(int code) { throw mp::Exit{code}; }
void say(std::string text) { std::cout << text + "\n" << std::flush; }
void wait_for_ever() {
  for (;;) pause();
}

bool child_leaves(int code) {
  mp::Process process{leave, code};
  process.start();
  process.join();
  return process.exitcode() == code;
}

// Children without a guard around main: it must be entered once.
int unguarded() {
  say("main");
  std::vector<mp::Process> children;
  for (int i = 0; i < 3; ++i) {
    children.emplace_back(say, "child");
    children.back().start();
  }
  for (auto& child : children) child.join();
  return 0;
}

int after_deleting_itself() {
  std::filesystem::remove(std::filesystem::read_symlink("/proc/self/exe"));
  return child_leaves(3) ? 0 : 1;
}

int after_replacing_itself() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  std::filesystem::copy_file("/bin/true", self.string() + ".new");
  std::filesystem::rename(self.string() + ".new", self);
  return child_leaves(3) ? 0 : 1;
}

void have_a_child_and_wait() {
  mp::Process child{wait_for_ever};
  child.start();
  say("ready");
  wait_for_ever();
}

// The thread that starts them is gone when the process is killed.
int killed() {
  std::thread{[] {
    for (int i = 0; i < 2; ++i) mp::Process{have_a_child_and_wait}.start();
  }}.join();
  wait_for_ever();
  return 1;
}

int starts_among_threads() {
  const int count = std::atoi(std::getenv("MULTIPROCESSING_TEST_CHILDREN"));
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&stop, t] {
      for (int line = 0; !stop; ++line) {
        const std::string text(static_cast<std::size_t>(20 + line % 50), 'x');
        std::printf("thread %d line %d %s\n", t, line, text.c_str());
        std::this_thread::sleep_for(std::chrono::microseconds{500});
      }
    });
  int wrong = 0;
  for (int i = 0; i < count; ++i) wrong += child_leaves(i % 100) ? 0 : 1;
  stop = true;
  for (auto& thread : threads) thread.join();
  return wrong == 0 ? 0 : 1;
}

int few_streams() { return child_leaves(3) && child_leaves(0) ? 0 : 1; }

int ends_by_itself() {
  mp::Process{{.daemon = true}, wait_for_ever}.start();
  mp::Process stopped{{.daemon = true}, wait_for_ever};  // which cannot end when it is told to
  stopped.start();
  kill(*stopped.pid(), SIGSTOP);
  static const process_test::Gate main_has_ended;
  mp::Process{[](process_test::Gate gate) {
                gate.wait();
                say("child ends");
              },
              main_has_ended}
      .start();
  // Handlers run last registered first: this one before the library's waits for the child.
  std::atexit([] { main_has_ended.open(); });
  say("main ends");
  return 0;
}

// A child that skipped the fork handlers is outside the family, and is told so.
int bare_fork() {
  if (!child_leaves(1)) return 1;
  const pid_t pid = _Fork();
  if (pid == 0) {
    try {
      mp::Process{leave, 0}.start();
    } catch (const std::exception& error) {
      say(error.what());
      _exit(7);
    }
    _exit(8);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WEXITSTATUS(status) == 7 && child_leaves(2) ? 0 : 1;
}

int other_ways() {
  const auto target = [] {
    if (std::system("exit 5") == -1) throw std::runtime_error{"system"};
    FILE* pipe = popen("echo by popen", "r");
    char text[64] = {};
    if (std::fgets(text, sizeof text, pipe) == nullptr) throw std::runtime_error{"popen"};
    pclose(pipe);
    say(text);
  };
  mp::Process child{target};
  child.start();
  const int here = std::system("exit 4");
  child.join();
  return WEXITSTATUS(here) == 4 && child.exitcode() == 0 ? 0 : 1;
}

int executing_child() {
  const auto target = [] { execl("/bin/sh", "sh", "-c", "exit 9", nullptr); };
  mp::Process child{target};
  child.start();
  child.join();
  return child.exitcode() == 9 ? 0 : 1;
}

// The grandchild works on its own; the first process goes without it.
int daemonising() {
  if (!child_leaves(1)) return 1;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return 1;
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const char answer = child_leaves(4) ? 'y' : 'n';
    const bool written = write(ends[1], &answer, 1) == 1;
    std::exit(written ? 0 : 1);
  }
  close(ends[1]);
  char answer = 0;
  const bool got = read(ends[0], &answer, 1) == 1;
  wait(nullptr);
  return got && answer == 'y' && child_leaves(2) ? 0 : 1;
}

int without_first_thread() {
  std::thread{[first = pthread_self()] {
    pthread_join(first, nullptr);
    const bool right = child_leaves(3) && child_leaves(4);
    std::exit(right ? 0 : 1);
  }}.detach();
  pthread_exit(nullptr);
}

int in_another_pid_namespace() {
  if (unshare(CLONE_NEWPID) != 0) {
    say("not permitted");
    return 0;
  }
  const auto target = [] {
    if (getpid() != 1) throw std::runtime_error{"the same namespace"};
    throw mp::Exit{mp::parent_process()->is_alive() ? 3 : 4};
  };
  // The first process of a namespace is its init, and takes all others along.
  mp::Process child{target};
  child.start();
  child.join();
  say("exit code " + std::to_string(*child.exitcode()));
  return child.exitcode() == 3 ? 0 : 1;
}

int works_or_says_why() {
  try {
    return child_leaves(3) ? 0 : 1;
  } catch (const std::exception& error) {
    say(std::string{"refused: "} + error.what());
    return 2;
  }
}

int buffered_text() {
  std::fputs("only once ", stdout);
  mp::Process child{say, "the child"};
  child.start();
  child.join();
  return 0;
}

int warned() {
  std::promise<void> over;
  std::thread waits{[&over] { over.get_future().wait(); }};
  const bool right = child_leaves(1) && child_leaves(2);
  over.set_value();
  waits.join();
  return right ? 0 : 1;
}

// Who writes to it gets SIGPIPE, and would die of it.
void lose_the_reader_of_standard_error() {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  dup2(ends[1], STDERR_FILENO);
  close(ends[0]);
  close(ends[1]);
}

int warned_unheard() {
  lose_the_reader_of_standard_error();
  return warned();
}

int preload_fails_unheard() {
  lose_the_reader_of_standard_error();
  mp::set_forkserver_preload([] { throw std::runtime_error{"nobody reads this"}; });
  return child_leaves(1) && child_leaves(2) ? 0 : 1;
}

// All but the mark of a child.
void say_arguments() {
  std::ifstream stream{"/proc/self/cmdline"};
  for (std::string argument; std::getline(stream, argument, '\0');)
    if (argument.find("multiprocessing-child") == std::string::npos)
      std::fputs((argument + ' ').c_str(), stdout);
}

void preload() {
  if (std::getenv("PRELOAD_SAYS_ARGUMENTS") != nullptr) say_arguments();
  std::fputs("preloaded ", stdout);
}

int preloading() {
  mp::set_forkserver_preload(preload);
  return child_leaves(1) && child_leaves(2) ? 0 : 1;
}

int logging() {
  mp::log_to_stderr(mp::LogLevel::info);
  mp::Process child{{.name = "Logging"}, [] {
                      mp::get_logger().info("from the child");
                      mp::get_logger().debug("not shown");
                    }};
  child.start();
  child.join();
  return child.exitcode() == 0 ? 0 : 1;
}

// A static constructor runs in spawned children too.
const bool started_before_main = [] {
  if (std::getenv("START_BEFORE_MAIN") == nullptr) return false;
  try {
    mp::Process{leave, 0}.start();
  } catch (const std::runtime_error& error) {
    say(std::string{"before main: "} + error.what());
  }
  return true;
}();

// Objects that hold each other are never freed, and with them what is kept for one of them.
int leaves_an_end_for_ever() {
  std::shared_ptr<mp::detail::EndFd> end;
  {
    std::scoped_lock guard{mp::detail::fork_gate()};
    end = std::make_shared<mp::detail::EndFd>(mp::detail::make_channel().second);
  }
  const auto object = mp::detail::Handle::make(8, 2);
  mp::detail::hold(mp::detail::links_of(object)[0], object);
  mp::detail::hold(mp::detail::links_of(object)[1],
                   mp::detail::leave_ends({&end, 1}, mp::detail::Deadline::never()));
  return child_leaves(0) ? 0 : 1;
}

// A child's standard input is empty, whatever its parent has read ahead.
template <bool synchronised>
int reads_ahead() {
  std::ios::sync_with_stdio(synchronised);
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], "one\ntwo\n", 8) != 8) return 2;
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  close(ends[1]);
  std::string line;
  if (!std::getline(std::cin, line) || line != "one") return 3;
  for (const bool by_stream : {false, true}) {
    mp::Process child{[](bool stream) {
                        const int found = stream ? std::cin.get() : std::getchar();
                        throw mp::Exit{found == EOF ? 0 : 4};
                      },
                      by_stream};
    child.start();
    child.join();
    if (const int code = *child.exitcode()) return code;
  }
  return std::getline(std::cin, line) && line == "two" ? 0 : 5;
}

const std::map<std::string, int (*)()> scenarios{
    {"unguarded", unguarded},
    {"deleted", after_deleting_itself},
    {"replaced", after_replacing_itself},
    {"killed", killed},
    {"thousand", starts_among_threads},
    {"few_streams", few_streams},
    {"ends", ends_by_itself},
    {"bare_fork", bare_fork},
    {"other_ways", other_ways},
    {"executing", executing_child},
    {"daemonising", daemonising},
    {"without_first_thread", without_first_thread},
    {"pid_namespace", in_another_pid_namespace},
    {"works_or_says_why", works_or_says_why},
    {"buffered", buffered_text},
    {"read_ahead", reads_ahead<true>},
    {"read_ahead_unsynchronised", reads_ahead<false>},
    {"warned", warned},
    {"warned_unheard", warned_unheard},
    {"preload_fails_unheard", preload_fails_unheard},
    {"preloading", preloading},
    {"logging", logging},
    {"end_for_ever", leaves_an_end_for_ever},
};

}  // namespace

int main(int argc, char** argv) {
  const auto scenario = scenarios.find(argc > 1 ? argv[1] : "");
  if (scenario == scenarios.end()) {
    std::cerr << "there is no such scenario\n";
    return 64;
  }
  return scenario->second();
}
