// Stranger: a process of the family that is not a child of this one, such as its parent.
#pragma once

#include <atomic>
#include <string>

#include "process/known_process.hpp"

namespace multiprocessing::detail {

/// Known by its place in the family, which is never given out twice; its process id alone could
/// belong to another one by now.
class Stranger final : public KnownProcess {
 public:
  Stranger(Member member, pid_t pid, std::string name, bool daemon);
  ~Stranger() override;

  [[nodiscard]] Member member() const override { return member_; }
  [[nodiscard]] pid_t pid() const override { return pid_; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] bool daemon() const override { return daemon_; }
  [[nodiscard]] Bytes authkey() const override;
  [[nodiscard]] bool is_alive() override;
  [[nodiscard]] std::optional<int> exitcode() override;
  [[nodiscard]] bool join(const Deadline& deadline) override;
  [[nodiscard]] int sentinel() override;
  void send_signal(int signal) override;

 private:
  /// -1 when it has ended, or cannot be seen from this pid namespace.
  [[nodiscard]] int pidfd();

  const Member member_;
  const pid_t pid_;
  const std::string name_;
  const bool daemon_;
  std::atomic<int> pidfd_{-1};  // opened when it is needed, by whichever thread is first
};

}  // namespace multiprocessing::detail
