#include "process/keeper_board.hpp"

#include <atomic>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// In the arena; all zero is a family without a keeper.
struct Board {
  OwnerLock lock;
  std::atomic<std::uint32_t> kept;  // tickets, by the keeper's word: whether to wait for its end
  KeeperAddress keeper;             // guarded by the lock
};
static_assert(sizeof(Board) <= family_place_bytes);

Board& board() { return *static_cast<Board*>(family_place()); }

}  // namespace

KeeperAddress family_keeper(KeeperAddress (*appoint)()) {
  KeeperAddress& keeper = board().keeper;
  const OwnerGuard guard{board().lock};
  if (guard.from_the_dead()) keeper = {};
  if (!keeper.member || !alive(keeper.member)) {
    keeper = appoint();
    board().kept.store(0);  // the one before may have died with some
    fail_point("keeper.appointed");
  }
  return keeper;
}

void dismiss(Member member) {
  KeeperAddress& keeper = board().keeper;
  const OwnerGuard guard{board().lock};
  if (guard.from_the_dead() || keeper.member == member) keeper = {};
}

void tell_kept(std::size_t tickets) { board().kept.store(static_cast<std::uint32_t>(tickets)); }

bool keeps_ends(Member member) {
  try {
    return member && keeper_if_any().member == member && kept_tickets() != 0;
  } catch (const ProcessError&) {  // taken for dead: nothing is kept for this process
    return false;
  }
}

KeeperAddress keeper_if_any() {
  const OwnerGuard guard{board().lock};
  return guard.from_the_dead() ? board().keeper = {} : board().keeper;
}

std::size_t kept_tickets() { return alive(keeper_if_any().member) ? board().kept.load() : 0; }

}  // namespace multiprocessing::detail
