#include "queues/book.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/exit_code_of.hpp"
#include "queues/side.hpp"

namespace multiprocessing::detail {
namespace {

/// Calls `visit(entry, index)` for each until it says true.
template <class Visit>
bool visit_entries(const QueueRef& queue, Visit visit) {
  std::uint32_t first = 0;
  for (std::uint32_t page = 0; page < book_pages; ++page) {
    for (BookEntry& entry : book_page(queue, page)) {
      if (!entry.who.member()) return false;  // given out in order
      if (visit(entry, first + static_cast<std::uint32_t>(&entry - book_page(queue, page).data())))
        return true;
    }
    first += first_page_entries << page;
  }
  return false;
}

void take(BookEntry& entry) {
  entry.ended.store(0);
  entry.who.set_to_this_process();  // the commit
}

/// The first entry that was never used, on a new page if need be.
std::uint32_t new_entry(const QueueRef& queue) {
  std::uint32_t first = 0;
  for (std::uint32_t page = 0; page < book_pages; first += first_page_entries << page++) {
    if (book_page(queue, page).empty()) {
      const std::size_t bytes = (first_page_entries << page) * sizeof(BookEntry);
      Block block{bytes};
      std::memset(block.data(), 0, bytes);
      std::move(block).give_to(queue.link(first_book_link + page));
      fail_point("queue.book.page_given");
    }
    const std::span<BookEntry> entries = book_page(queue, page);
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      if (entries[i].who.member()) continue;
      take(entries[i]);
      return first + i;
    }
  }
  throw ProcessError("more processes have taken from this queue than its book has room for");
}

std::int32_t owed(const BookEntry& entry) {
  return static_cast<std::int32_t>(entry.got.load() - entry.done.load());
}

}  // namespace

std::optional<std::uint32_t> own_entry(const QueueRef& queue, LazyDeadline& limit) {
  const Member me = self();
  const GetLock lock{queue, limit};
  if (!lock.held()) return std::nullopt;
  std::optional<std::uint32_t> found;
  visit_entries(queue, [&](BookEntry& entry, std::uint32_t index) {
    const bool mine = entry.who.member() == me;
    if (!mine && (owed(entry) != 0 || alive(entry.who.member()))) return false;
    if (!mine) take(entry);
    found = index;
    return true;
  });
  return (found ? *found : new_entry(queue)) + 1;
}

std::uint32_t unfinished(const QueueRef& queue) {
  std::uint32_t done = queue.body.dropped.load();
  visit_entries(queue, [&](const BookEntry& entry, std::uint32_t) {
    done += entry.done.load();
    return false;
  });
  return queue.body.tail.get().items - done;
}

void finish_one(const QueueRef& queue, std::uint32_t entry) {
  {
    const OwnerGuard guard{queue.body.book_lock};  // one word is stored: nothing to mend
    if (unfinished(queue) == 0) throw ValueError("task_done() called too many times");
    book_entry(queue, entry - 1).done.fetch_add(1);  // the commit
    fail_point("queue.task.done");
  }
  queue.body.tasks.notify_prepared();
}

std::optional<Debtor> find_debtor(const QueueRef& queue, LazyDeadline& limit) {
  if (const Member holder = queue.body.get.lock().holder(); holder && !alive(holder))
    const GetLock mends{queue, limit};  // what it had got was perhaps not booked yet
  std::int32_t lost = 0;
  std::int32_t answered = 0;
  BookEntry* dead = nullptr;
  visit_entries(queue, [&](BookEntry& entry, std::uint32_t) {
    const std::int32_t owes = owed(entry);
    answered += std::max(-owes, 0);
    if (owes <= 0 || alive(entry.who.member())) return false;
    lost += owes;
    if (dead == nullptr) dead = &entry;
    return false;
  });
  if (lost <= answered) return std::nullopt;
  const int code = dead->exitcode();
  return Debtor{dead->who.describe() + ' ' + describe_end(code), dead->who.pid(), code,
                static_cast<std::uint32_t>(owed(*dead))};
}

}  // namespace multiprocessing::detail
