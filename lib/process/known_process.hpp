// KnownProcess: what a ProcessHandle asks, in the three ways in which a process can be known.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "arena/family.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/base/bytes.hpp"

namespace multiprocessing::detail {

/// A process that was started. Any thread may ask.
class KnownProcess {
 public:
  KnownProcess() = default;
  KnownProcess(const KnownProcess&) = delete;
  KnownProcess& operator=(const KnownProcess&) = delete;
  virtual ~KnownProcess() = default;

  [[nodiscard]] virtual Member member() const = 0;
  [[nodiscard]] virtual pid_t pid() const = 0;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual bool daemon() const = 0;
  [[nodiscard]] virtual Bytes authkey() const = 0;
  [[nodiscard]] virtual bool is_alive() = 0;
  [[nodiscard]] virtual std::optional<int> exitcode() = 0;
  [[nodiscard]] virtual bool join(const Deadline& deadline) = 0;
  [[nodiscard]] virtual int sentinel() = 0;
  virtual void send_signal(int signal) = 0;

  /// Whether it is the calling process.
  [[nodiscard]] virtual bool is_current() const { return false; }
};

}  // namespace multiprocessing::detail
