// Current: the calling process, as its own handle knows it.
#pragma once

#include "process/fork_gate.hpp"
#include "process/known_process.hpp"
#include "process/stranger.hpp"

namespace multiprocessing::detail {

/// The process that made this. In a forked child, which inherits a copy, a stranger like any other.
class Current final : public KnownProcess {
 public:
  Current();

  [[nodiscard]] Member member() const override;
  [[nodiscard]] pid_t pid() const override { return as_stranger_.pid(); }
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] bool daemon() const override { return as_stranger_.daemon(); }
  [[nodiscard]] Bytes authkey() const override;
  [[nodiscard]] bool is_alive() override;
  [[nodiscard]] std::optional<int> exitcode() override;
  [[nodiscard]] bool join(const Deadline& deadline) override;
  [[nodiscard]] int sentinel() override;
  void send_signal(int signal) override;

  /// Throws AssertionError elsewhere.
  void check_here() const;

 private:
  [[nodiscard]] bool is_here() const { return creator_.is_this_process(); }

  const Creator creator_;
  Stranger as_stranger_;
};

}  // namespace multiprocessing::detail
