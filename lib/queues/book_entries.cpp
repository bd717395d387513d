#include "queues/book_entries.hpp"

#include "process/exit_code_of.hpp"

namespace multiprocessing::detail {

std::span<BookEntry> book_page(const QueueRef& queue, std::uint32_t page) {
  auto* entries = static_cast<BookEntry*>(data_of(queue.link(first_book_link + page)));
  if (entries == nullptr) return {};
  return {entries, first_page_entries << page};
}

BookEntry& book_entry(const QueueRef& queue, std::uint32_t index) {
  std::uint32_t page = 0;
  while (index >= first_page_entries << page) index -= first_page_entries << page++;
  return book_page(queue, page)[index];
}

void book(const QueueRef& queue, std::uint32_t entry, std::uint32_t got) {
  if (entry == dropped_entry)
    queue.body.dropped.store(got);
  else if (entry != 0)
    book_entry(queue, entry - 1).got.store(got);
}

std::uint32_t booked(const QueueRef& queue, std::uint32_t entry) {
  if (entry == dropped_entry) return queue.body.dropped.load();
  return entry == 0 ? 0 : book_entry(queue, entry - 1).got.load();
}

int BookEntry::exitcode() {
  constexpr std::int32_t known = 1000;
  if (ended.load() == 0) ended.store(known + exit_code_of(who.member()));
  return ended.load() - known;
}

}  // namespace multiprocessing::detail
