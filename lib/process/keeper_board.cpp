#include "process/keeper_board.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// In the arena; all zero is a family without a keeper.
struct Board {
  OwnerLock lock;
  std::atomic<std::uint64_t> kept;  // a Kept, by the keeper's word: whether to wait for its end
  KeeperAddress keeper;             // guarded by the lock
};
static_assert(sizeof(Board) <= family_place_bytes);

/// One word, so that a keeper which was dismissed and still lives does not speak for the next.
struct Kept {
  std::uint32_t keeper;  // its name as in an OwnerLock
  std::uint32_t tickets;

  [[nodiscard]] std::uint64_t packed() const { return std::uint64_t{keeper} << 32 | tickets; }
  [[nodiscard]] static Kept from(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
};

// Who asks at its end is not to wait for a process that is stopped amid an appointment.
constexpr std::chrono::seconds enough{1};

Board& board() { return *static_cast<Board*>(family_place()); }

}  // namespace

KeeperAddress family_keeper(KeeperAddress (*appoint)(const Deadline&), const Deadline& deadline) {
  KeeperAddress& keeper = board().keeper;
  const OwnerLock::Taken taken = board().lock.acquire(deadline);
  if (taken == OwnerLock::Taken::not_in_time) throw OutOfTime{};
  const OwnerGuard guard{board().lock, taken};
  if (guard.from_the_dead()) keeper = {};
  if (!keeper.member || !alive(keeper.member)) {
    keeper = appoint(deadline);
    const std::uint32_t name = OwnerLock::name_of(keeper.member);
    // The same one again knows what it has; of another one's the word tells nothing.
    if (Kept::from(board().kept.load()).keeper != name) board().kept.store(Kept{name, 0}.packed());
    fail_point("keeper.appointed");
  }
  return keeper;
}

void dismiss(Member member, const Deadline& deadline) {
  KeeperAddress& keeper = board().keeper;
  const OwnerLock::Taken taken = board().lock.acquire(deadline);
  if (taken == OwnerLock::Taken::not_in_time) throw OutOfTime{};
  const OwnerGuard guard{board().lock, taken};
  if (guard.from_the_dead() || keeper.member == member) keeper = {};
}

void tell_kept(std::size_t tickets) {
  const Kept now{OwnerLock::own_name(), static_cast<std::uint32_t>(tickets)};
  std::uint64_t seen = board().kept.load();
  while (Kept::from(seen).keeper == now.keeper)
    if (board().kept.compare_exchange_weak(seen, now.packed())) return;
}

bool keeps_ends(Member member) {
  try {
    return member && keeper_if_any().member == member && kept_tickets() != 0;
  } catch (const ProcessError&) {  // taken for dead: nothing is kept for this process
    return false;
  }
}

KeeperAddress keeper_if_any() {
  const OwnerLock::Taken taken = board().lock.acquire(Deadline{enough});
  if (taken == OwnerLock::Taken::not_in_time) return {};
  const OwnerGuard guard{board().lock, taken};
  return guard.from_the_dead() ? board().keeper = {} : board().keeper;
}

std::size_t kept_tickets() {
  const Member keeper = keeper_if_any().member;
  if (!alive(keeper)) return 0;
  const Kept kept = Kept::from(board().kept.load());
  return kept.keeper == OwnerLock::name_of(keeper) ? kept.tickets : 0;
}

}  // namespace multiprocessing::detail
