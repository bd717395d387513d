// ProcessHandle: a process that runs or ran, from anywhere in its family.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

class ProcessHandle;

namespace detail {
struct Member;
struct ProcessRecord;
ProcessHandle handle_of(std::shared_ptr<ProcessRecord> process);
MULTIPROCESSING_API Member member_of(const ProcessHandle& process);
}  // namespace detail

/// A process that runs or ran. Copies, in this process or in another one of the family that was
/// sent one, are the same process.
///
/// It holds no descriptor until one is needed, and never mistakes a process for another one that
/// was given its id later. Any thread may use it.
class MULTIPROCESSING_API ProcessHandle {
 public:
  /// No process; for a variable that is about to receive one. Everything but == throws
  /// `ValueError`.
  ProcessHandle();

  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] pid_t ident() const { return pid(); }

  /// As it was when the handle was made; `current_process()` tells its name of now.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool daemon() const;

  [[nodiscard]] bool is_alive() const;

  /// None while it runs. For a process that is not a child of this one: what the kernel tells
  /// (Linux 6.15), else what the process left behind; none when neither is known.
  [[nodiscard]] std::optional<int> exitcode() const;

  /// Waits until it has ended. Throws `AssertionError` for the calling process.
  void join() const;

  /// Waits at most `timeout`; says whether it has ended.
  bool join(Timeout timeout) const;

  /// Sends SIGTERM; nothing happens when it has ended.
  void terminate() const;
  /// Sends SIGKILL.
  void kill() const;
  /// Sends SIGINT.
  void interrupt() const;

  /// A descriptor that is readable once it has ended, open while a copy of this handle is here.
  /// Throws `OSError` when it has ended and been reaped already.
  [[nodiscard]] int sentinel() const;

  /// Of `current_process()` and of children; throws `ValueError` for others: keys are not sent.
  [[nodiscard]] Bytes authkey() const;

  /// Of `current_process()` only; throws `AssertionError` for others.
  void set_name(std::string name) const;
  void set_authkey(Bytes key) const;

  friend bool operator==(const ProcessHandle& a, const ProcessHandle& b) {
    return a.wire() == b.wire();
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    Wire wire{};
    if constexpr (Archive::is_saving::value) wire = this->wire();
    archive& wire.slot& wire.generation& wire.pid& wire.daemon& wire.name;
    if constexpr (!Archive::is_saving::value) *this = ProcessHandle{wire};
  }

 private:
  friend ProcessHandle detail::handle_of(std::shared_ptr<detail::ProcessRecord> process);
  friend detail::Member detail::member_of(const ProcessHandle& process);
  friend struct std::hash<ProcessHandle>;

  struct Wire {
    std::uint32_t slot;
    std::uint32_t generation;
    std::int32_t pid;
    bool daemon;
    std::string name;

    // Slot and generation name one process for ever.
    friend bool operator==(const Wire& a, const Wire& b) {
      return a.slot == b.slot && a.generation == b.generation && a.pid == b.pid;
    }
  };
  [[nodiscard]] Wire wire() const;
  explicit ProcessHandle(const Wire& wire);
  explicit ProcessHandle(std::shared_ptr<detail::ProcessRecord> process);
  [[nodiscard]] detail::ProcessRecord& known() const;

  std::shared_ptr<detail::ProcessRecord> process_;
};

/// The calling process: `MainProcess`, or a child under the name it was given.
[[nodiscard]] MULTIPROCESSING_API ProcessHandle current_process();

/// The process that started this one; none in the main process. Under `forkserver` that is the
/// caller of `start()`, not the server, which is what `getppid()` gives.
[[nodiscard]] MULTIPROCESSING_API std::optional<ProcessHandle> parent_process();

/// The children of this process that live. Reaps those that have ended.
[[nodiscard]] MULTIPROCESSING_API std::vector<ProcessHandle> active_children();

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::ProcessHandle> {
  std::size_t operator()(const multiprocessing::ProcessHandle& handle) const {
    return std::hash<std::int32_t>{}(handle.wire().pid);
  }
};
