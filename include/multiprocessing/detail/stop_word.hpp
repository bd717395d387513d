// StopWord: where something that runs is asked to stop, in shared memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// Names what is asked to stop, so that one word serves all that run there one after the other: a
/// request for what has ended meanwhile is none for what comes next.
struct StopWord {
  static constexpr std::uint64_t everything = UINT64_MAX;

  std::atomic<std::uint64_t> asked;  // 0: nothing

  [[nodiscard]] bool is_for(std::uint64_t name) const {
    const std::uint64_t seen = asked.load(std::memory_order_acquire);
    return seen != 0 && (seen == name || seen == everything);
  }

  /// For one thread at a time; nothing happens when everything is asked to.
  void ask(std::uint64_t name) {
    if (asked.load() != everything) asked.store(name);
  }
  void ask_everything() { asked.store(everything); }
  void clear() { asked.store(0); }
};

}  // namespace multiprocessing::detail
