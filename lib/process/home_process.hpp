// HomeProcess: a process that is known well in one process, and as a stranger in its forked
// children.
#pragma once

#include <memory>

#include "process/fork_gate.hpp"
#include "process/known_process.hpp"
#include "process/stranger.hpp"

namespace multiprocessing::detail {

/// Asks `at_home` in the process that made this; in a forked child, which inherits a copy, the same
/// process is a stranger like any other.
class HomeProcess final : public KnownProcess {
 public:
  explicit HomeProcess(std::shared_ptr<KnownProcess> at_home)
      : at_home_(std::move(at_home)),
        as_stranger_(at_home_->member(), at_home_->pid(), at_home_->name(), at_home_->daemon()) {}

  [[nodiscard]] Member member() const override { return known().member(); }
  [[nodiscard]] pid_t pid() const override { return known().pid(); }
  [[nodiscard]] std::string name() const override { return known().name(); }
  [[nodiscard]] bool daemon() const override { return known().daemon(); }
  [[nodiscard]] Bytes authkey() const override { return known().authkey(); }
  [[nodiscard]] bool is_alive() override { return known().is_alive(); }
  [[nodiscard]] std::optional<int> exitcode() override { return known().exitcode(); }
  [[nodiscard]] bool join(const Deadline& deadline) override { return known().join(deadline); }
  [[nodiscard]] int sentinel() override { return known().sentinel(); }
  void send_signal(int signal) override { known().send_signal(signal); }
  [[nodiscard]] bool is_current() const override { return known().is_current(); }

 private:
  [[nodiscard]] KnownProcess& known() { return home_.is_this_process() ? *at_home_ : as_stranger_; }
  [[nodiscard]] const KnownProcess& known() const {
    return const_cast<HomeProcess*>(this)->known();
  }

  const Creator home_;
  const std::shared_ptr<KnownProcess> at_home_;
  Stranger as_stranger_;
};

}  // namespace multiprocessing::detail
