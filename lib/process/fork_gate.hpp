// What must not be cut in two by a fork on another thread.
#pragma once

#include <mutex>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Guards what this module keeps per process, and is held across every fork, so that a forked child
/// finds it whole and free. For short sections; nothing of the arena is called in one, because the
/// arena has a mutex of that kind too and neither comes first.
[[nodiscard]] MULTIPROCESSING_API std::mutex& fork_gate();

/// A static object, by which a source says what a forked child has to forget of its parent's. The
/// child does that with the fork lock held, when it has closed all OwnFds.
struct InForkedChild {
  explicit InForkedChild(void (*work)()) noexcept;
  InForkedChild(const InForkedChild&) = delete;
  InForkedChild& operator=(const InForkedChild&) = delete;

  void (*const work)();
  const InForkedChild* const next;
};

/// Tells a process from its forked children: an object remembers the one that made it.
class MULTIPROCESSING_API Creator {
 public:
  Creator();

  /// Whether the calling process is the one that made this.
  [[nodiscard]] bool is_this_process() const;

 private:
  int pid_;
  unsigned forks_;  // process ids are few: a child in another namespace may have the same
};

/// A descriptor that forked children lose. It is taken into care with the gate held since before it
/// was opened, so that no fork in between keeps a copy.
class OwnFd {
 public:
  OwnFd() = default;
  ~OwnFd();
  OwnFd(const OwnFd&) = delete;
  OwnFd& operator=(const OwnFd&) = delete;

  /// With the gate held.
  void keep(UniqueFd fd);

  [[nodiscard]] int get() const { return fd_.get(); }
  void close();

 private:
  friend void close_own_fds();

  void unlink();

  UniqueFd fd_;
  OwnFd* previous_ = nullptr;  // of the list of those that are open; guarded by the gate
  OwnFd* next_ = nullptr;
};

/// In a forked child, with the gate held.
void close_own_fds();

}  // namespace multiprocessing::detail
