// The keeper: the board by which its family finds it, and its own part, in the fork server.
#include "process/keeper.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "arena/birth.hpp"
#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
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

// A process that asks at its end is not to wait for one that is stopped amid an appointment.
constexpr std::chrono::seconds enough{1};

Board& board() { return *static_cast<Board*>(family_place()); }

constexpr std::size_t fewest_looked_through = 16;

UniqueFd make_socket() {
  UniqueFd made = clear_of_stdio(UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)});
  if (!made) throw_os_error("socket", "of the keeper");
  return made;
}

/// Has the kernel throw away what does not hold the key, before it is in the queue: a stranger can
/// neither fill that nor leave descriptors in it; to close them might take time. Where there are no
/// such filters the keeper still refuses strangers, though not before it has received what they
/// sent.
void turn_strangers_away(const UniqueFd& socket, const std::array<char, key_size>& key) {
  constexpr auto key_at = static_cast<std::uint32_t>(offsetof(KeeperRequest, key));
  std::vector<sock_filter> program{{BPF_LDX | BPF_IMM, 0, 0, 0}};  // X: the bits that differ
  for (std::uint32_t at = 0; at < key_size; at += sizeof(std::uint32_t)) {
    std::uint32_t part = 0;
    std::memcpy(&part, key.data() + at, sizeof part);
    program.insert(program.end(), {{BPF_LD | BPF_W | BPF_ABS, 0, 0, key_at + at},
                                   {BPF_ALU | BPF_XOR | BPF_K, 0, 0, ntohl(part)},
                                   {BPF_ALU | BPF_OR | BPF_X, 0, 0, 0},
                                   {BPF_MISC | BPF_TAX, 0, 0, 0}});
  }
  program.insert(program.end(), {{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
                                 {BPF_RET | BPF_K, 0, 0, ~0U},  // let in whole
                                 {BPF_RET | BPF_K, 0, 0, 0}});
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

/// The process that asked may have died since; one that does not read goes without.
void answer(const UniqueFd& to, int error, std::span<const int> descriptors = {}) {
  const KeeperAnswer answer{error};
  (void)send_message(to.get(), std::as_bytes(std::span{&answer, 1}), descriptors, MSG_DONTWAIT);
}

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

const KeeperAddress& Keeper::open() {
  if (socket_) return address_;
  UniqueFd made = make_socket();
  std::ranges::copy(random_key(), address_.key.begin());
  turn_strangers_away(made, address_.key);
  address_.network = network_of(made.get());
  address_.name = bind_to_fresh_name(made.get());
  address_.member = self();
  socket_ = std::move(made);
  return address_;
}

void Keeper::handle_request() {
  KeeperRequest request{};
  Message message = receive_message(socket_.get(), std::as_writable_bytes(std::span{&request, 1}));
  // A stranger gets no answer, for it need not be read.
  if (message.size != sizeof request || !same_key(request.key, address_.key)) return;
  if (message.descriptors.empty()) return;
  if (request.what == KeeperRequest::give)
    give(request.ticket, message.descriptors.front());
  else
    keep(request.ticket, std::move(message));
}

void Keeper::keep(const ObjectName& ticket, Message message) {
  fail_point("keeper.keep.asked");
  const UniqueFd to = std::move(message.descriptors.front());
  message.descriptors.erase(message.descriptors.begin());
  if (message.lost_some) {
    message.descriptors.clear();
    forget_unheld();
    return answer(to, EMFILE);
  }
  if (kept_.size() >= look_at_) forget_unheld();
  kept_[ticket.offset] = {ticket, std::move(message.descriptors)};
  tell_kept(kept_.size());
  fail_point("keeper.keep.kept");
  answer(to, 0);
}

void Keeper::give(const ObjectName& ticket, const UniqueFd& to) {
  fail_point("keeper.give.asked");
  const auto found = kept_.find(ticket.offset);
  if (found == kept_.end() || found->second.ticket != ticket) return answer(to, ENOENT);
  std::vector<int> numbers;
  for (const UniqueFd& fd : found->second.descriptors) numbers.push_back(fd.get());
  try {
    answer(to, 0, numbers);
  } catch (const OSError& error) {  // too many are under way between processes
    return answer(to, error.code().value());
  }
  fail_point("keeper.give.given");
  kept_.erase(found);
  tell_kept(kept_.size());
}

void Keeper::look() {
  (void)sweep();
  if (only_servants_are_left()) kept_.clear();  // objects may hold each other for ever
  forget_unheld();
}

void Keeper::forget_unheld() {
  std::erase_if(kept_, [](const auto& each) { return !exists(each.second.ticket); });
  look_at_ = std::max(2 * kept_.size(), fewest_looked_through);
  tell_kept(kept_.size());
}

void Keeper::leave() {
  socket_.reset();
  kept_.clear();
}

}  // namespace multiprocessing::detail
