#include "base/child_entries.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/death.hpp"
#include "base/os_error.hpp"
#include "base/process_name.hpp"
#include "base/start_hook.hpp"
#include "base/waiting.hpp"

namespace base_test {
namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;

// All but the library's own, by which it executes itself. Not by /proc, which may be absent.
std::vector<int> open_descriptors() {
  std::vector<int> found;
  for (int fd = 0; fd < 1024; ++fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_PATH) == 0) found.push_back(fd);
  }
  return found;
}

std::string list_descriptors() {
  std::ostringstream text;
  for (const int fd : open_descriptors()) text << fd << ' ';
  return text.str();
}

std::string list_inheritable() {
  std::ostringstream text;
  for (const int fd : open_descriptors())
    if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) text << fd << ' ';
  return text.str();
}

std::string lines_of(const char* path, std::initializer_list<const char*> beginnings) {
  std::ifstream file{path};
  std::string text;
  for (std::string line; std::getline(file, line);)
    for (const char* beginning : beginnings)
      if (line.starts_with(beginning)) text += line + "\n";
  return text;
}

std::string own_arguments() {
  std::ifstream file{"/proc/self/cmdline"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

std::string own_name() {
  char name[17] = {};
  prctl(PR_GET_NAME, name);
  return name;
}

void log_as_told(int level, bool to_stderr) {
  adopt_logging_state({.level = static_cast<LogLevel>(level), .to_stderr = to_stderr});
  set_process_name("Process-1");
  get_logger().info("quiet");
  get_logger().warning("loud");
}

std::string read_order(int line) {
  std::string order;
  for (char letter = 0; read(line, &letter, 1) == 1 && letter != '\n';) order += letter;
  return order;
}

void send(int line, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto count = ::send(line, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

std::string do_order(const std::string& order, int line) {
  std::istringstream words{order};
  std::string what;
  int first = 0, second = 0;
  words >> what >> first >> second;
  if (what == "descriptors") return list_descriptors();
  if (what == "flags") return list_inheritable();
  if (what == "signals") return lines_of("/proc/self/status", {"SigBlk", "SigIgn", "SigCgt"});
  if (what == "arguments") return own_arguments();
  if (what == "name") return own_name();
  if (what == "exit") _exit(first);
  if (what == "grandchild") return ask_child("descriptors").text;
  if (what == "log") {
    dup2(line, STDERR_FILENO);
    log_as_told(first, second != 0);
    return "";
  }
  return "unknown order " + order;
}

void run_entry(int birth_fd) {
  std::string answer;
  try {
    answer = do_order(read_order(birth_fd), birth_fd);
  } catch (const std::exception& error) {
    answer = error.what();
  }
  send(birth_fd, answer);
  _exit(0);
}

const bool registered = [] {
  set_child_main(run_entry);
  return true;
}();

}  // namespace

Asked spawn_child(std::vector<int> descriptors, const std::string& extra) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw_os_error("socketpair");
  UniqueFd ours{ends[0]}, theirs{ends[1]};
  theirs = clear_of_stdio(std::move(theirs));
  std::vector<std::string> arguments{child_mark + std::to_string(theirs.get())};
  if (!extra.empty()) arguments.push_back(extra);
  descriptors.push_back(theirs.get());
  return {.child = spawn_program(arguments, descriptors), .line = std::move(ours)};
}

Answer Asked::order(const std::string& command) {
  send(line.get(), command + "\n");
  Answer answer;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(line.get(), buffer, sizeof buffer)) > 0;)
    answer.text.append(buffer, static_cast<std::size_t>(count));
  (void)wait_readable(child.pidfd.get(), Deadline::never());
  answer.exitcode = reap(child.pidfd.get(), child.pid).exitcode;
  return answer;
}

Answer ask_child(const std::string& command, std::vector<int> descriptors) {
  return spawn_child(std::move(descriptors)).order(command);
}

}  // namespace base_test
