// Tokens: scarce things of which a pool has so many, and how many of them each worker holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "arena/owner_lock.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// Makes the object that they lie in, if there are any. Throws ValueError for counts below 1.
void make_tokens(const Handle& board, const std::map<std::string, int>& tokens);

/// What a submit asks for, by name, as needs of a pool that has `tokens`. Throws ValueError for
/// what it never has.
[[nodiscard]] TokenNeeds token_needs(const std::map<std::string, int>& tokens,
                                     const std::map<std::string, int>& asked);

/// Those of a pool, as a worker or the pool sees them. What is free is what no seat holds; so the
/// store to a seat is the commit, and clearing the seat of a dead worker mends all.
class Tokens {
 public:
  explicit Tokens(const Handle& board);

  /// How many of each kind are free now.
  [[nodiscard]] TokenNeeds free() const;

  /// Has the seat hold as many, which holds none; false when they are not free. Under a lock, so
  /// that two workers never take the same one.
  [[nodiscard]] bool take(std::size_t seat, const TokenNeeds& needs, bool& in_time);

  /// Frees what the seat holds, and has workers look again.
  void give_back(std::size_t seat);

 private:
  struct Body {
    OwnerLock lock;
    std::uint32_t kinds;
    // Followed by how many there are of each kind, then by what each seat holds of each.

    [[nodiscard]] std::atomic<std::uint32_t>* counts() {
      return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
    }
    [[nodiscard]] std::atomic<std::uint32_t>* held(std::size_t seat) {
      return counts() + kinds * (seat + 1);
    }
  };
  friend void make_tokens(const Handle& board, const std::map<std::string, int>& tokens);
  [[nodiscard]] Body& body() const { return *tokens_.as<Body>(); }

  const Handle board_;
  const Handle tokens_;  // none: the pool has none
};

}  // namespace multiprocessing::detail
