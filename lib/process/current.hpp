// Current: the calling process, as it knows itself.
#pragma once

#include "process/known_process.hpp"

namespace multiprocessing::detail {

class Current final : public KnownProcess {
 public:
  [[nodiscard]] Member member() const override;
  [[nodiscard]] pid_t pid() const override;
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] bool daemon() const override;
  [[nodiscard]] Bytes authkey() const override;
  [[nodiscard]] bool is_alive() override { return true; }
  [[nodiscard]] std::optional<int> exitcode() override { return std::nullopt; }
  [[nodiscard]] bool join(const Deadline& deadline) override;
  [[nodiscard]] int sentinel() override;
  void send_signal(int signal) override;
  [[nodiscard]] bool is_current() const override { return true; }
};

}  // namespace multiprocessing::detail
