#include "arena/family.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <new>
#include <optional>

#include "arena/identity.hpp"
#include "arena/segment_file.hpp"
#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/start_hook.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

constinit std::atomic<const Segment*> current_segment{nullptr};
constinit OwnName* own_identity = nullptr;

namespace {

using namespace std::chrono_literals;

flock byte_of(std::uint32_t slot) {
  flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = slot;
  range.l_len = 1;
  return range;
}

/// The process id of the holder of the lock on the slot's byte: 0 for a process that has no id here
/// (another pid namespace); none when it is free.
std::optional<pid_t> holder_of_byte(const Segment& arena, std::uint32_t slot) {
  if (slot == own_identity->member.slot) return getpid();
  flock range = byte_of(slot);
  // A living process must not be taken for dead: this one may have closed the descriptor, and may
  // have opened another file under its number.
  if (fcntl(arena.family_fd, F_GETLK, &range) != 0) return 0;
  if (range.l_type != F_UNLCK) return range.l_pid;
  if (!names_file(arena.family_fd, arena.family_file)) return 0;
  return {};
}

bool has_ended(pid_t pid) {
  try {
    return wait_readable(open_pidfd(pid).get(), Deadline{0s});
  } catch (const OSError& error) {
    return error.code().value() == ESRCH;
  }
}

/// Whether an unborn child may still come to life: not once its parent, which prepares it, is dead,
/// nor once its own process has ended. The parent left its process id, which counts only where both
/// see the same ids.
bool may_be_born(const Segment& arena, Member child, std::uint32_t parent) {
  if (parent == 0) return true;
  const auto holder = holder_of_byte(arena, parent);
  const pid_t pid = pid_of(child);
  if (!holder || pid == 0) return holder.has_value();
  const auto parent_to_itself = static_cast<pid_t>(arena.slots[parent].pid.load() & 0xffffffff);
  return *holder != parent_to_itself || !has_ended(pid);
}

/// A living member that is neither a servant nor `except`; none when there is none.
Member find_master(Member except = {}) {
  const Segment& arena = segment();
  for (std::uint32_t slot = 1; slot < slot_count; ++slot) {
    const StateWord word = StateWord::from(arena.states[slot].load());
    const Member member{slot, word.generation};
    if (word.state == SlotState::vacant || arena.slots[slot].servant == word.generation) continue;
    if (member == except) continue;
    if (alive(member)) return member;
  }
  return {};
}

void make_identity_page() {
  if (own_identity != nullptr) return;
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw_os_error("mmap", "a page");
  if (madvise(page, 4096, MADV_WIPEONFORK) != 0) throw_os_error("madvise", "MADV_WIPEONFORK");
  own_identity = new (page) OwnName{};
}

// The errno of the lock by which other members see that this process lives.
constinit int refused = 0;

[[noreturn]] void throw_not_joined() {
  throw_os_error(refused, "fcntl", "the lock by which others see that this process lives");
}

ArenaAddress read_address(int birth_fd) {
  ArenaAddress address{};
  const ssize_t got = pread(birth_fd, &address, sizeof address, 0);
  if (got < 0) throw_os_error("pread", "the birth file");
  if (got != sizeof address || address.magic != arena_magic)
    throw ProcessError("this process was started as a child, but not by this library");
  return address;
}

void attach() {
  const int birth = birth_descriptor();
  const bool is_child = birth >= 0;
  const ArenaAddress address = is_child ? read_address(birth) : ArenaAddress{};
  make_identity_page();
  static Segment mapped;
  mapped = is_child ? map_segment(address) : make_segment();
  const Member member = is_child ? address.child : reserve_slot(mapped, 0);
  if (!join_family(mapped, member)) {
    if (refused != 0) throw_not_joined();
    throw ProcessError("the parent died or gave this child up before it was born");
  }
  current_segment.store(&mapped, std::memory_order_release);
}

}  // namespace

std::mutex& attach_mutex() {
  static constinit std::mutex mutex;
  return mutex;
}

const Segment& attach_segment() {
  std::scoped_lock guard{attach_mutex()};
  if (segment_if_any() == nullptr) attach();
  return *segment_if_any();
}

void throw_not_a_member() {
  if (!own_identity->member && refused != 0) throw_not_joined();
  if (!own_identity->member)
    throw ProcessError(
        "this process is outside the family: it was made by _Fork, raw clone or while the table of "
        "processes was full, or its parent died before its birth; make it with fork or Process to "
        "use shared objects in it");
  throw ProcessError(
      "the others took this process for dead, because it closed descriptors that it did not "
      "open (closefrom, a daemon's loop); keep those above 2 that this library opened");
}

Member self() {
  static_cast<void>(segment());
  return checked_self();
}

Member self_if_any() { return segment_if_any() == nullptr ? Member{} : own_identity->member; }

/// The commit of a birth: one exchange decides whether the child is to be.
bool be_born(const Segment& arena, Member member) {
  auto& state = arena.states[member.slot];
  std::uint64_t seen = state.load();
  StateWord word = StateWord::from(seen);
  if (word.state != SlotState::unborn || word.generation != member.generation) return false;
  word.state = SlotState::live;
  return state.compare_exchange_strong(seen, word.packed());
}

int join_error() { return refused; }

bool join_family(const Segment& arena, Member member) {
  flock range = byte_of(member.slot);
  // The lock before the state: a process that reads `live` must find the lock.
  refused = fcntl(arena.family_fd, F_SETLK, &range) != 0 ? errno : 0;
  if (refused != 0) return false;
  fail_point("arena.join.after_lock");
  if (!be_born(arena, member)) {
    range.l_type = F_UNLCK;  // or the slot's next member would seem to live as long as this process
    fcntl(arena.family_fd, F_SETLK, &range);
    return false;
  }
  fail_point("arena.join.after_birth");
  arena.slots[member.slot].pid.store(pid_word(member, getpid()));
  *own_identity = {member, member.lock_name()};
  return true;
}

Member reserve_slot(const Segment& arena, std::uint32_t parent) {
  for (std::uint32_t tries = 0; tries < slot_count; ++tries) {
    const auto slot =
        static_cast<std::uint32_t>(1 + arena.header->birth_cursor.fetch_add(1) % (slot_count - 1));
    std::uint64_t seen = arena.states[slot].load();
    const StateWord word = StateWord::from(seen);
    if (word.state != SlotState::vacant) continue;
    const StateWord unborn{SlotState::unborn, parent, word.generation + 1};
    if (!arena.states[slot].compare_exchange_strong(seen, unborn.packed())) continue;
    fail_point("arena.birth.reserved");
    const Member reserved{slot, unborn.generation};
    arena.slots[slot].pid.store(pid_word(reserved, 0));
    return reserved;
  }
  return {};
}

bool alive(Member member) {
  if (!member) return false;
  const Segment& arena = segment();
  std::uint64_t seen = arena.states[member.slot].load();
  StateWord word = StateWord::from(seen);
  if (word.generation != member.generation) return false;
  bool lives = false;
  if (word.state == SlotState::unborn)
    lives = may_be_born(arena, member, word.by);
  else if (word.state == SlotState::live)
    lives = holder_of_byte(arena, member.slot).has_value();
  else
    return false;
  if (lives) return true;
  word.state = SlotState::dead;
  // If the word changed meanwhile, the child was born, or another process has seen it dead.
  return !arena.states[member.slot].compare_exchange_strong(seen, word.packed()) && alive(member);
}

pid_t pid_of(Member member) {
  const Segment* arena = segment_if_any();
  if (!member || arena == nullptr) return 0;
  const std::uint64_t known = arena->slots[member.slot].pid.load();
  return known >> 32 == member.generation ? static_cast<pid_t>(known & 0xffffffff) : 0;
}

static_assert(place_at + family_place_bytes <= 4096);

void* family_place() {
  static_cast<void>(self());
  return segment().at<void>(place_at);
}

void leave_exit_code(int code) {
  const Member self = self_if_any();
  if (!self) return;
  segment().slots[self.slot].exit_code.store(std::uint64_t{self.generation} << 32 |
                                             static_cast<std::uint32_t>(code));
}

void note_exit_code(Member member, int code) {
  const Segment* arena = segment_if_any();
  if (!member || arena == nullptr) return;
  std::atomic<std::uint64_t>& word = arena->slots[member.slot].exit_code;
  std::uint64_t left = word.load();
  const auto other = static_cast<std::uint32_t>(left >> 32);
  // There is a code: its own, or that of a later member in the same slot.
  if (static_cast<std::int32_t>(member.generation - other) <= 0 && left != 0) return;
  const std::uint64_t noted =
      std::uint64_t{member.generation} << 32 | static_cast<std::uint32_t>(code);
  word.compare_exchange_strong(left, noted);
}

void become_servant() {
  const Member member = self();
  segment().slots[member.slot].servant.store(member.generation);
}

bool only_servants_are_left() {
  const std::atomic<std::uint64_t>& births = segment().header->birth_cursor;
  const std::uint64_t before = births.load();
  // Twice: a member that was being made during the first look, in a slot already passed, is there
  // at the second.
  return !find_master() && !find_master() && births.load() == before;
}

bool has_relatives() {
  const Member self = self_if_any();
  return self && find_master(self);
}

std::optional<Bequest> bequest_of_family() {
  const Segment* arena = segment_if_any();
  if (arena == nullptr || !names_file(arena->bequest_fd, arena->bequest_file)) return {};
  return Bequest{arena->bequest_fd, arena->header->arena};
}

std::optional<int> left_exit_code(Member member) {
  const Segment* arena = segment_if_any();
  if (!member || arena == nullptr) return {};
  const std::uint64_t left = arena->slots[member.slot].exit_code.load();
  if (left >> 32 != member.generation) return {};
  return static_cast<int>(left & 0xffffffff);
}

}  // namespace multiprocessing::detail
