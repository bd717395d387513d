// Files for what tasks write to standard output and standard error.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "arena/blocks.hpp"
#include "base/unique_fd.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// Of the output of one task.
inline constexpr std::size_t most_output_kept = std::size_t{1} << 20;

/// A memory file for each worker, which the pool's process keeps: so what a worker had written is
/// there when it is dead. It is empty but while a task runs that asked for it. Workers open it
/// by /proc, under every start method. None is made before a task asks for it. Any thread may call.
class OutputFiles {
 public:
  explicit OutputFiles(Handle board) : board_(std::move(board)) {}

  /// There may be so many workers. Throws OSError.
  void expect_workers(std::size_t workers);

  /// The output of a task that is about to be submitted is kept. Throws OSError.
  void begin();

  /// The worker in the seat has died: what it had written goes to the link, if there is one, unless
  /// the worker has given it there.
  void empty(std::size_t seat, Link* into) noexcept;

 private:
  void make_files();  // with the mutex held

  const Handle board_;
  std::mutex mutex_;
  std::size_t workers_ = 0;
  bool in_use_ = false;
  std::vector<UniqueFd> files_;
};

/// Gives the link a block with what is in the file, cut to what is kept; nothing for an empty one.
void give_output(int file, Link& into);
[[nodiscard]] std::string output_in(const Link& link);

}  // namespace multiprocessing::detail
