// Processes that do everything at random to the same objects, for tests that kill some of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "arena/owner_lock.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace arena_test {

/// An object that all of them share. Its links are written under its lock.
struct Board {
  static constexpr std::size_t links = 12;
  multiprocessing::detail::OwnerLock lock;
  std::atomic<bool> stop;
  std::atomic<std::uint32_t> workers;  // next one's number
  std::atomic<std::uint64_t> rounds[64];
};
[[nodiscard]] multiprocessing::detail::Handle make_board();

/// One process's share.
class Churn {
 public:
  explicit Churn(const multiprocessing::detail::Handle& board, std::uint32_t seed)
      : board_(board), random_(seed) {}

  /// One random thing; `may_fork` leaves out children.
  void round(bool may_fork = true);

  void drop_all() { kept_.clear(); }

 private:
  void use_blocks();
  void use_linked_block();
  void use_large_block();
  void use_members();
  void keep_new_object();
  void keep_many();
  void drop_some();
  void nest();
  void write_board();
  void read_board();
  void tidy_up();
  void start_child();
  void start_doomed_child();
  [[nodiscard]] multiprocessing::detail::Handle some_object();

  multiprocessing::detail::Handle board_;
  std::mt19937 random_;
  std::vector<multiprocessing::detail::Handle> kept_;
};

/// Works until the board says stop; counts its rounds there. For the main of a child.
int work_until_stopped(const multiprocessing::detail::Handle& board, bool may_fork);

}  // namespace arena_test
