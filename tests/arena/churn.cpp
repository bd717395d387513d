#include "churn.hpp"

#include <cstring>
#include <new>

#include "arena/birth.hpp"
#include "arena/blocks.hpp"
#include "arena/message_handles.hpp"
#include "arena/settle.hpp"
#include "children.hpp"
#include "multiprocessing/arena/allocator.hpp"

namespace arena_test {

using mp::detail::Block;
using mp::detail::Handle;
using mp::detail::handle_from;
using mp::detail::hold;
using mp::detail::Link;
using mp::detail::links_of;
using mp::detail::OwnerGuard;
using mp::detail::release;

Handle make_board() {
  Handle board = Handle::make(sizeof(Board), Board::links);
  new (board.body()) Board;
  return board;
}

void Churn::round(bool may_fork) {
  using Step = void (Churn::*)();
  static constexpr Step steps[] = {
      &Churn::use_blocks,  &Churn::use_blocks,      &Churn::use_linked_block,
      &Churn::use_members, &Churn::keep_new_object, &Churn::drop_some,
      &Churn::nest,        &Churn::write_board,     &Churn::write_board,
      &Churn::read_board,  &Churn::use_large_block};
  const auto pick = random_() % 400;
  if (pick < 2)
    tidy_up();
  else if (pick < 4)
    keep_many();
  else if (pick < 8 && may_fork)
    pick % 2 == 0 ? start_child() : start_doomed_child();
  else
    (this->*steps[pick % std::size(steps)])();
}

void Churn::use_blocks() {
  std::vector<Block> blocks;
  for (int i = 0; i < 8; ++i) blocks.emplace_back(random_() % 3000);
  for (Block& block : blocks) std::memset(block.data(), 0xee, 1);
}

void Churn::use_large_block() {
  *static_cast<char*>(Block{random_() % 500'000 + 33'000}.data()) = 1;
}

void Churn::use_linked_block() {
  Block block{random_() % 1000, 3};
  hold(block.links()[0], some_object());
  hold(block.links()[2], Handle::make(10));
  if (random_() % 2 == 0) return;
  OwnerGuard guard{board_.as<Board>()->lock};
  Link& link = links_of(board_)[random_() % Board::links];
  release(link);
  std::move(block).give_to(link);
}

void Churn::use_members() {
  const Handle object = Handle::make(8);
  mp::ArenaAllocator<char> allocator{object};
  auto dropped = allocator.allocate(100);
  for (int i = 0; i < 3; ++i) std::memset(allocator.allocate(100).get(), 0xcc, 100);
  allocator.deallocate(dropped, 100);
  if (random_() % 2 == 0) mp::detail::free_members(object);
}

void Churn::keep_new_object() {
  if (kept_.size() < 50) kept_.push_back(Handle::make(random_() % 300));
}

// Past the links in the slot itself and on the first page.
void Churn::keep_many() {
  while (kept_.size() < 700) kept_.push_back(Handle::make(1));
  if (random_() % 2 == 0) kept_.clear();
}

void Churn::drop_some() {
  for (int i = 0; i < 3 && !kept_.empty(); ++i) {
    std::swap(kept_[random_() % kept_.size()], kept_.back());
    kept_.pop_back();
  }
}

Handle Churn::some_object() {
  if (kept_.empty()) keep_new_object();
  return kept_[random_() % kept_.size()];
}

void Churn::nest() {
  Handle inside = some_object();
  for (int depth = 0; depth < 4; ++depth) {
    Handle around = Handle::make(20, 2);
    hold(links_of(around)[depth % 2], inside);
    inside = std::move(around);
  }
  if (random_() % 4 == 0 && kept_.size() < 50) kept_.push_back(std::move(inside));
}

void Churn::write_board() {
  const Handle object = random_() % 3 == 0 ? Handle::make(30, 1) : some_object();
  OwnerGuard guard{board_.as<Board>()->lock};
  // Empties also what a dead one left half released.
  Link& link = links_of(board_)[random_() % Board::links];
  release(link);
  hold(link, object);
}

void Churn::read_board() {
  Handle read;
  {
    OwnerGuard guard{board_.as<Board>()->lock};
    read = handle_from(links_of(board_)[random_() % Board::links]);
  }
  if (read && kept_.size() < 50) kept_.push_back(std::move(read));
}

void Churn::tidy_up() { mp::arena_sweep(); }

namespace {

/// So long that others go to sleep.
void hold_the_lock_for_long(Board& board) {
  OwnerGuard guard{board.lock};
  usleep(5000);
}

[[noreturn]] void be_a_short_child(const Handle& board, std::uint32_t seed) {
  if (!mp::detail::self_if_any()) _exit(0);  // its parent was killed before it was born
  end_with([&] {
    Churn churn{board, seed};
    for (int i = 0; i < 20; ++i) churn.round(false);
    // Leaves without dropping anything, and now and then with the lock or before a birth.
    if (seed % 4 == 0) static_cast<void>(board.as<Board>()->lock.acquire());
    if (seed % 8 == 1) hold_the_lock_for_long(*board.as<Board>());
    if (seed % 5 == 0) static_cast<void>(new mp::detail::Birth{});
    _exit(0);
    return 0;
  });
}

}  // namespace

void Churn::start_child() {
  if (random_() % 3 == 0) {
    const pid_t pid = fork();
    if (pid == 0) be_a_short_child(board_, static_cast<std::uint32_t>(random_()));
    if (pid > 0) reap(pid);
    return;
  }
  mp::detail::OutgoingHandles arguments;
  arguments.add(board_);
  arguments.add(some_object());
  mp::detail::Birth birth{arguments};
  const bool by_server = random_() % 2 == 0;
  const pid_t pid = by_server ? mp::detail::fork_for(birth.child()) : birth.fork();
  if (pid == 0) {
    { mp::detail::BirthHandles adopted; }
    be_a_short_child(board_, static_cast<std::uint32_t>(random_()));
  }
  if (pid < 0) return;
  if (by_server) birth.delivered(pid);
  reap(pid);
  mp::detail::settle(birth.child());
}

/// Killed somewhere in its life, perhaps before its birth.
void Churn::start_doomed_child() {
  mp::detail::Birth birth;
  const pid_t pid = birth.fork();
  if (pid == 0) be_a_short_child(board_, static_cast<std::uint32_t>(random_()));
  if (pid < 0) return;
  usleep(static_cast<useconds_t>(random_() % 500));
  kill(pid, SIGKILL);
  reap(pid);
  // A child that was never born has to be settled by its parent; any process settles another.
  if (random_() % 2 == 0 || mp::detail::alive(birth.child())) mp::detail::settle(birth.child());
}

int work_until_stopped(const Handle& board, bool may_fork) {
  auto* shared = board.as<Board>();
  const std::uint32_t number = shared->workers++;
  Churn churn{board, number + static_cast<std::uint32_t>(getpid())};
  while (!shared->stop) {
    churn.round(may_fork);
    ++shared->rounds[number % 64];
  }
  return 0;
}

}  // namespace arena_test
