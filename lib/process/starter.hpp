// The thread that starts a process: what its child has from it.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What a child would inherit by fork, and a child of the fork server sets itself. Where there is
/// no /proc some of it is not known; then it is the same in all of them, and it is not set.
struct Settings {
  std::uint64_t blocked_signals = 0;  // the first bit is signal 1
  std::uint64_t ignored_signals = 0;
  mode_t umask = 0;
  int nice = 0;
  int policy = 0;  // of the scheduler, with its real-time priority
  int real_time = 0;
  int io_priority = 0;
  std::size_t processor_bytes = 0;  // of the mask; 0: unknown
  std::array<std::byte, 1024> processors{};
  struct Limit {
    std::uint64_t soft, hard;
    friend bool operator==(const Limit&, const Limit&) = default;
  };
  std::array<Limit, RLIM_NLIMITS> limits{};
};

/// Both parts of what a thread hands on.
struct Starter {
  std::string rights;  // see own_rights()
  Settings settings;

  [[nodiscard]] MULTIPROCESSING_API static Starter calling_thread();

  void write(Writer& writer) const;
  [[nodiscard]] static Starter read(Reader& reader);
};

/// Whether children of a process that this thread executed when it was as `begun` may be made for
/// one that is as `now`: they have the same rights, and what differs they can set themselves.
[[nodiscard]] MULTIPROCESSING_API bool may_serve(const Starter& begun, const Starter& now);

/// In such a child: sets what differs, the mask of signals last. Throws OSError.
void adopt(const Settings& now, const Settings& begun);

}  // namespace multiprocessing::detail
