#include "pool/output_files.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <span>

#include "base/os_error.hpp"
#include "pool/outcome.hpp"

namespace multiprocessing::detail {

void OutputFiles::expect_workers(std::size_t workers) {
  const std::scoped_lock guard{mutex_};
  workers_ = std::max(workers_, workers);
  if (in_use_) make_files();
}

void OutputFiles::begin() {
  const std::scoped_lock guard{mutex_};
  make_files();
  in_use_ = true;
}

void OutputFiles::make_files() {
  files_.reserve(workers_);
  while (files_.size() < workers_) {
    UniqueFd file = clear_of_stdio(UniqueFd{memfd_create("multiprocessing-output", MFD_CLOEXEC)});
    if (!file) throw_os_error("memfd_create", "a task's output");
    seats_of(board_)[files_.size()].output.store(static_cast<std::uint32_t>(file.get()) + 1);
    files_.push_back(std::move(file));  // there is room
  }
}

void OutputFiles::empty(std::size_t seat, Link* into) noexcept {
  const std::scoped_lock guard{mutex_};
  if (seat >= files_.size()) return;
  const int file = files_[seat].get();
  try {
    if (into != nullptr && into->load() == 0) give_output(file, *into);
  } catch (const std::exception&) {
    // No memory is left for it.
  }
  [[maybe_unused]] const int emptied = ftruncate(file, 0);
}

void give_output(int file, Link& into) {
  struct stat about {};
  if (fstat(file, &about) != 0) throw_os_error("fstat", "a task's output");
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size == 0) return;
  const std::size_t cut = size - std::min(size, most_output_kept);
  std::string text;
  if (cut != 0) text = "[the first " + std::to_string(cut) + " bytes were cut]\n";
  const std::size_t begin = text.size();
  text.resize(begin + size - cut);
  const ssize_t got = pread(file, text.data() + begin, size - cut, static_cast<off_t>(cut));
  if (got < 0) throw_os_error("pread", "a task's output");
  text.resize(begin + static_cast<std::size_t>(got));
  Writer writer;
  writer.bytes(reinterpret_cast<const std::byte*>(text.data()), text.size());
  Envelope nothing;
  outcome_block(Outcome::results, writer, nothing).give_to(into);
}

std::string output_in(const Link& link) {
  if (link.load() == 0) return {};
  Reader reader = results_in(link);
  const auto bytes = reader.take(reader.remaining());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace multiprocessing::detail
