// Popen: a child as its start method made it. One small file for each of the three.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>

#include "arena/family.hpp"
#include "base/unique_fd.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/detail/target.hpp"
#include "process/envelope.hpp"
#include "process/fork_gate.hpp"
#include "process/preparation.hpp"

namespace multiprocessing::detail {

/// What there is to start.
struct Launch {
  Preparation preparation;
  std::function<void()> run;                // in a child that has this memory
  std::function<void(Writer&)> write_body;  // for one that has not: what run_call() reads
};

/// A child that was started. It is the business of one thread at a time, but for the pidfd.
class Popen {
 public:
  virtual ~Popen() = default;

  /// Waits for its end; false when it runs on. Any thread.
  [[nodiscard]] bool has_ended(const Deadline& deadline) const;

  /// How the child ended, once it has. Must be asked before the family settles it, because what the
  /// child left behind goes with that. Nothing where the kernel does not tell yet.
  [[nodiscard]] virtual std::optional<int> poll();

  pid_t pid = -1;
  Member member;
  UniqueFd pidfd;

  // Its other end is the child's, which is killed when this one closes: by us, or with us.
  OwnFd life;
};

/// 255, for a child of which it is not known how it ended.
inline constexpr int status_lost = 255;

/// How a child ended that we could not reap: what the kernel tells, else what the child left.
[[nodiscard]] int code_of_the_lost(const Popen& popen);

/// A life pipe. `popen` keeps the write end; the read end is for the child.
[[nodiscard]] UniqueFd keep_life_pipe(Popen& popen);

// Each returns once the child exists, or throws and there is none.
[[nodiscard]] std::unique_ptr<Popen> popen_fork(const Launch& launch);
[[nodiscard]] std::unique_ptr<Popen> popen_spawn(const Launch& launch);
[[nodiscard]] std::unique_ptr<Popen> popen_forkserver(const Launch& launch);

/// Writes what the child is to do, and collects what goes along with it.
void write_body(const Launch& launch, Writer& writer, Envelope& envelope);

/// A group of its own for `pid` (0: this process), where it does not lead one already.
void lead_own_group(pid_t pid);

}  // namespace multiprocessing::detail
