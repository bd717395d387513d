// CapturedOutput: what a worker's task writes, on its way into a file.
#pragma once

#include "base/unique_fd.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// The file of this worker, opened when it is first wanted. Throws OSError.
class OutputFile {
 public:
  [[nodiscard]] int open(const Board& board, const SeatRecord& seat);

 private:
  UniqueFd file_;
};

/// While it lives, standard output and standard error of this process, and of children that begin
/// meanwhile, go into the file; at its end what they came to goes to the link. What is left by a
/// kill is found by the watcher: text in the file counts if the link has none.
class CapturedOutput {
 public:
  CapturedOutput(int file, Link& into);
  ~CapturedOutput();
  CapturedOutput(const CapturedOutput&) = delete;

 private:
  const int file_;
  Link& into_;
  const bool by_lines_;  // standard output is written so anyhow
  const UniqueFd out_;   // none: it was closed
  const UniqueFd err_;
};

}  // namespace multiprocessing::detail
