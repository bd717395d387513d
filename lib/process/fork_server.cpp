// The fork server's own loop. One thread; it never waits for anybody but in epoll_wait.
#include "process/fork_server.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "base/all_signals_blocked.hpp"
#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/process_name.hpp"
#include "base/retrying.hpp"
#include "process/child_main.hpp"
#include "process/descriptor_message.hpp"
#include "process/fork_server_client.hpp"
#include "process/keeper.hpp"
#include "process/popen.hpp"
#include "process/report.hpp"
#include "process/standard_streams.hpp"

namespace multiprocessing::detail {
namespace {

// Before an event is looked at again for which there was no memory.
constexpr std::chrono::milliseconds time_for_memory{10};
constexpr int most_failures = 5;  // in a row

// How often the keeper looks whether what it keeps can still be asked for: half of how long the
// other side of an end that was dropped may wait for its end-of-file.
constexpr std::chrono::duration<int, std::milli> look{50};

// Ctrl-C is for the processes that asked for children. Blocked and not ignored, because what is
// sent to a new child before it has changed that must wait for it and not be lost.
sigset_t interrupts() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

void hold_interrupts_back() {
  const sigset_t set = interrupts();
  (void)sigprocmask(SIG_BLOCK, &set, nullptr);
}

/// Where SIGCHLD is ignored, the kernel reaps children before anybody can ask how they ended.
/// Whether it was.
bool stop_ignoring_children() {
  struct sigaction action {};
  if (sigaction(SIGCHLD, nullptr, &action) != 0 || action.sa_handler != SIG_IGN) return false;
  (void)signal(SIGCHLD, SIG_DFL);
  return true;
}

/// What failed here.
ForkAnswer failure(const OSError& error) {
  ForkAnswer answer{.result = ForkAnswer::failed, .error = error.code().value()};
  std::string_view text = error.what();
  text = text.substr(0, text.rfind(": " + error.code().message()));
  text.copy(answer.call, sizeof answer.call - 1);
  return answer;
}

constexpr std::chrono::seconds now{0};

class Server {
 public:
  explicit Server(const ServerPreparation& told)
      : requests_(told.request_fd),
        key_(told.key),
        begun_(told.begun),
        events_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!events_) throw_os_error("epoll_create1", "in the fork server");
    watch(requests_.get());
  }

  /// Returns when no process is left that could make a request, the children have ended, and
  /// nothing is kept.
  void serve() {
    while (requests_ || !children_.empty() || keeper_.keeps_any()) {
      epoll_event event{};
      const int count =
          epoll_wait(events_.get(), &event, 1, keeper_.keeps_any() ? look.count() : -1);
      if (count < 0 && errno != EINTR) throw_os_error("epoll_wait", "in the fork server");
      look_in_time();
      std::erase_if(unwatched_, [](pid_t pid) { return kill_and_reap(pid, Deadline{now}); });
      if (count > 0) handle_event(event.data.fd);
    }
  }

 private:
  void handle_event(int fd) {
    try {
      if (fd == requests_.get())
        handle_request();
      else if (fd == keeper_.socket())
        keeper_.handle_request();
      else
        report_end(fd);
      failures_ = 0;
      return;
    } catch (const std::bad_alloc&) {
      if (++failures_ == most_failures) throw;
    } catch (const OSError& error) {
      if (!is_short_of_memory(error.code().value()) || ++failures_ == most_failures) throw;
    }
    // For the request there was no memory, but the children here are still to be told of. The
    // process that asked sees its channel closed, or the request waits there still; a new server is
    // made for it when this one gives up.
    std::this_thread::sleep_for(time_for_memory);
  }

  struct Child {
    pid_t pid;
    UniqueFd pidfd;
    UniqueFd status;
    Member member;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      throw_os_error("epoll_ctl", "in the fork server");
  }

  // Closing ours does not end the watch: a child that was just forked may have it still.
  void end_requests() {
    (void)epoll_ctl(events_.get(), EPOLL_CTL_DEL, requests_.get(), nullptr);
    requests_.reset();
  }

  void look_in_time() {
    if (!keeper_.keeps_any()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return;
    keeper_.look();
    next_look_ = now + look;
  }

  void handle_request() {
    ForkRequest request{};
    Message message =
        receive_message(requests_.get(), std::as_writable_bytes(std::span{&request, 1}));
    if (message.size == 0) return end_requests();
    if (message.size != sizeof request || message.descriptors.empty()) return;
    UniqueFd status = std::move(message.descriptors[status_socket]);
    if (message.user != getuid() || message.group != getgid()) return;  // it needs another server
    if (!same_key(request.key, key_)) return answer(status, {ForkAnswer::not_authenticated});
    if (message.lost_some)
      return answer(status, {.result = ForkAnswer::failed, .error = EMFILE, .call = "recvmsg"});
    if (!request.child) return be_keeper(status);
    if (message.descriptors.size() < request_descriptors) return;
    const pid_t pid = fork_child(request.child, message.descriptors, status);
    fail_point("fork_server.forked");
    if (pid < 0) {
      const auto result = errno == ESRCH ? ForkAnswer::requester_died : ForkAnswer::failed;
      return answer(status, {.result = result, .error = errno, .call = "fork"});
    }
    if (request.own_group) lead_own_group(pid);
    message.descriptors.clear();  // numbers for the pidfd
    keep_child(pid, std::move(status), request.child);
  }

  pid_t fork_child(Member child, std::vector<UniqueFd>& given, UniqueFd& status) {
    // A signal that is sent to a new child before that has the mask and dispositions of its own
    // waits for those, also one that is ignored here.
    const AllSignalsBlocked blocked;
    const pid_t pid = fork_for(child);
    if (pid != 0) return pid;
    status.reset();  // or the process that waits for an answer would not see the server's end
    requests_.reset();
    be_child(std::move(given));
  }

  void be_keeper(const UniqueFd& status) {
    const bool is_new = keeper_.socket() < 0;
    try {
      const KeeperAddress& address = keeper_.open();
      if (is_new) watch(keeper_.socket());
      answer(status, {.result = ForkAnswer::made, .keeper = address});
    } catch (const OSError& error) {
      if (is_new) keeper_.leave();  // or the next to ask would be given a socket that is never read
      answer(status, failure(error));
    }
  }

  void keep_child(pid_t pid, UniqueFd status, Member member) {
    try {
      UniqueFd pidfd = open_pidfd(pid);  // before it can be reaped, so it is the child's
      const int fd = pidfd.get();
      watch(fd);
      answer(status, {.result = ForkAnswer::made, .pid = pid}, {&fd, 1});
      children_.emplace(fd, Child{pid, std::move(pidfd), std::move(status), member});
    } catch (const OSError& error) {
      answer(status, failure(error));
      // Where it may not be signalled, it ends with its life pipe, which its starter closes now.
      status.reset();
      if (!kill_and_reap(pid, Deadline{now})) unwatched_.push_back(pid);
    }
  }

  void answer(const UniqueFd& status, const ForkAnswer& answer, std::span<const int> pidfd = {}) {
    // The process that asked may have died since; its child dies with its life pipe.
    (void)send_message(status.get(), std::as_bytes(std::span{&answer, 1}), pidfd, MSG_DONTWAIT);
  }

  void report_end(int pidfd) {
    const auto found = children_.find(pidfd);
    if (found == children_.end()) return;
    const Reaped reaped = reap(pidfd, found->second.pid);
    if (reaped.state == Reaped::running) return;
    if (reaped.state == Reaped::ended) {
      note_exit_code(found->second.member, reaped.exitcode);
      const ForkEnded ended{reaped.exitcode};
      (void)send_message(found->second.status.get(), std::as_bytes(std::span{&ended, 1}), {},
                         MSG_DONTWAIT);
    }
    // Closing ours does not end the watch: the starter of the child has the same open file, and its
    // end stays readable for as long as the starter keeps it.
    (void)epoll_ctl(events_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
    children_.erase(found);
  }

  [[noreturn]] void be_child(std::vector<UniqueFd> given) {
    keeper_.leave();
    children_.clear();
    unwatched_.clear();
    events_.reset();
    if (ignored_children_) (void)signal(SIGCHLD, SIG_IGN);
    BirthFile file{};
    int life_fd = -1;
    try {
      fail_point("fork_server.in_child");
      adopt_fork_server(std::move(given[request_socket]), getppid(), key_, begun_);
      file = read_birth_file(given[birth_file].get());
      adopt(Reader{std::string_view{file.content}}.raw<Settings>(), begun_.settings);
      given[birth_file].reset();
      life_fd = given[life_read_end].release();
      given.erase(given.begin(), given.begin() + request_descriptors);
    } catch (...) {
      // Caught further up, the child would go on as a server, and end well without any work.
      print_error("a child process cannot start:\n" + describe_current_exception() + '\n');
      _exit(1);
    }
    run_child(std::string_view{file.content}.substr(sizeof(Settings)), life_fd, std::move(given));
  }

  UniqueFd requests_;
  Bytes key_;
  const Starter begun_;
  const bool ignored_children_ = stop_ignoring_children();
  UniqueFd events_;
  int failures_ = 0;
  std::unordered_map<int, Child> children_;  // by pidfd
  std::vector<pid_t> unwatched_;             // children without one, which are to end
  Keeper keeper_;
  std::chrono::steady_clock::time_point next_look_;
};

void run_preload(void (*load)()) {
  if (load == nullptr) return;
  try {
    load();
  } catch (...) {
    print_error("Fork server, while preloading:\n" + describe_current_exception() + '\n');
  }
}

// What each child will do, done once here: symbols that the loader binds at first use would be
// bound by every child anew, in some twenty pages of its own.
void rehearse() {
  flush_all_streams();  // also, or every child would write again what the preload function wrote
  Writer content;
  detail::write(content, &rehearse);
  Reader reader{content.view()};
  (void)detail::read<void (*)()>(reader);
}

}  // namespace

void serve_forks(const ServerPreparation& told) {
  hold_interrupts_back();
  (void)::prctl(PR_SET_NAME, "mp-forkserver");
  set_process_name("ForkServer");
  close_standard_input();
  adopt_logging_state(told.logging);
  run_preload(told.preload);
  rehearse();
  become_servant();
  Server{told}.serve();
  ::_exit(0);
}

}  // namespace multiprocessing::detail
