// Pipe: two connected ends.
#pragma once

#include <utility>

#include "multiprocessing/connection/connection.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

struct PipeOptions {
  /// Both ends send and receive; otherwise the first only receives and the second only sends.
  bool duplex = true;
};

/// Two connected ends, after Python's `multiprocessing.Pipe`.
///
///     auto [here, there] = mp::Pipe();
///     mp::Process child{work, std::move(there)};
///     child.start();
///     auto result = here.recv<int>();  // EOFError if the child dies first
///
/// Throws `OSError` when descriptors or shared memory run out.
[[nodiscard]] MULTIPROCESSING_API std::pair<Connection, Connection> Pipe(PipeOptions options = {});

}  // namespace multiprocessing
