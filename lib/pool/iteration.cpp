#include "multiprocessing/detail/iteration.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "arena/event_count.hpp"
#include "pool/chunk_size.hpp"
#include "pool/pool_core.hpp"
#include "pool/progress.hpp"
#include "pool/task_limits.hpp"

namespace multiprocessing::detail {
namespace {

/// Which chunks of one iteration have ended, in that order, and have not been taken.
class Arrivals : public Follower {
 public:
  void task_ended(std::uint32_t tag, std::shared_ptr<Follower>) noexcept override {
    const std::scoped_lock guard{mutex_};
    ended_.push_back(tag);  // there is room
    any_ = true;
  }

  [[nodiscard]] bool any() const { return any_.load(); }

  /// Makes room for as many.
  void expect(std::size_t most) {
    const std::scoped_lock guard{mutex_};
    if (ended_.capacity() < most) ended_.reserve(2 * most);
  }

  /// All of them, into `taken`, which is empty.
  void take(std::vector<std::uint32_t>& taken) {
    const std::scoped_lock guard{mutex_};
    taken.reserve(ended_.capacity());
    ended_.swap(taken);
    any_ = false;
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint32_t> ended_;
  std::atomic<bool> any_{false};
};

std::size_t most_elements(const PoolCore& pool, const MapOptions& options,
                          std::optional<std::size_t> size) {
  if (options.buffersize && *options.buffersize < 1)
    throw ValueError("buffersize must be at least 1, or not given");
  if (options.buffersize) return *options.buffersize;
  return size ? std::numeric_limits<std::size_t>::max()
              : static_cast<std::size_t>(pool.processes()) * 4;
}

}  // namespace

class ChunkWindow::Impl {
 public:
  Impl(PoolCore& pool, TaskRunner runner, const MapOptions& options, Order order,
       std::optional<std::size_t> size)
      : tasks_(pool.open_tasks()),
        runner_(runner),
        call_(tasks_->begin_call()),
        chunk_size_(chosen_chunk_size(0, options, pool.processes())),
        most_(most_elements(pool, options, size)),
        terms_(chunk_terms(options)),
        progress_(options.progress, size.value_or(0)),
        arrivals_(order == Order::of_ends ? std::make_shared<Arrivals>() : nullptr) {}
  ~Impl();
  Impl(const Impl&) = delete;

  [[nodiscard]] std::size_t chunk_size() const { return chunk_size_; }
  [[nodiscard]] bool empty() const { return chunks_.empty(); }
  [[nodiscard]] bool has_room() const { return empty() || elements_ + chunk_size_ <= most_; }
  [[nodiscard]] TaskCall call() const;
  void submit(TaskCall& call, std::size_t elements);
  [[nodiscard]] bool wait(Timeout timeout);
  void read_results(ResultsReader read, void* state);

 private:
  [[nodiscard]] bool await_any(const Deadline& deadline);

  struct Chunk {
    SubmittedTask task = {};
    Elements elements = {};
  };

  const std::shared_ptr<TaskTable> tasks_;
  const TaskRunner runner_;
  const std::uint32_t call_;
  const std::size_t chunk_size_;
  const std::size_t most_;  // elements
  const TaskTerms terms_;
  ProgressReport progress_;
  const std::shared_ptr<Arrivals> arrivals_;  // null: they are read in their order

  std::unordered_map<std::uint32_t, Chunk> chunks_;
  std::size_t elements_ = 0;  // in them
  std::size_t drawn_ = 0;     // elements so far
  std::uint32_t submitted_ = 0;
  std::uint32_t next_ = 0;  // to be read; of those in order of their ends once it is awaited
  bool awaited_ = false;
  std::vector<std::uint32_t> arrived_;  // the last one first
};

ChunkWindow::Impl::~Impl() {
  if (!tasks_->in_creator()) return;
  for (const auto& [tag, chunk] : chunks_) {
    try {
      static_cast<void>(chunk.task.cancel());
    } catch (const std::exception&) {
      return;  // then they are done, and dropped
    }
  }
}

/// Behind the end of the time for all of it the input is drawn no more.
TaskCall ChunkWindow::Impl::call() const {
  if (terms_.call_ends <= moment_now()) throw TimeoutError("the iteration was not over in time");
  return TaskCall(tasks_, runner_, call_, drawn_);
}

void ChunkWindow::Impl::submit(TaskCall& call, std::size_t elements) {
  if (arrivals_ != nullptr) arrivals_->expect(chunks_.size() + 1);
  const std::uint32_t tag = submitted_;
  Chunk& chunk = chunks_[tag];
  try {
    chunk.elements = {drawn_, elements};
    TaskTerms terms = terms_;
    terms.follower = arrivals_;
    terms.tag = tag;
    call.submit(chunk.task, std::move(terms));
  } catch (...) {
    chunks_.erase(tag);
    throw;
  }
  ++submitted_;
  drawn_ += elements;
  elements_ += elements;
}

bool ChunkWindow::Impl::wait(Timeout timeout) {
  if (arrivals_ != nullptr && !awaited_) {
    if (!tasks_->in_creator())
      throw AssertionError("an iteration belongs to the process that made it");
    if (!await_any(Deadline{timeout})) return false;
    next_ = arrived_.back();
    arrived_.pop_back();
    awaited_ = true;
  }
  const Chunk& next = chunks_.at(next_);
  if (!next.task.wait(timeout)) return false;
  progress_.tell(drawn_ - elements_ + next.elements.count);
  return true;
}

bool ChunkWindow::Impl::await_any(const Deadline& deadline) {
  EventCount& ends = tasks_->ends();
  for (Wait wait{back_off::messages, "IMapIterator.next", &ends.looks()}; arrived_.empty();) {
    const std::uint32_t key = ends.key();
    if (wait.spin([this] { return arrivals_->any() || tasks_->any_end(); })) {
      static_cast<void>(tasks_->tell_of_ends());
      arrivals_->take(arrived_);
      std::ranges::reverse(arrived_);
    } else {
      if (deadline.passed()) return false;
      ends.wait(wait, key, deadline);
    }
  }
  return true;
}

void ChunkWindow::Impl::read_results(ResultsReader read, void* state) {
  struct Results {
    const ResultsReader read;
    void* const state;
    const std::size_t count;
  };
  auto chunk = chunks_.extract(next_);
  if (arrivals_ == nullptr) ++next_;
  awaited_ = false;
  elements_ -= chunk.mapped().elements.count;
  Results results{read, state, chunk.mapped().elements.count};
  chunk.mapped().task.read_result(
      [](void* of, Reader& reader) {
        const Results& all = *static_cast<const Results*>(of);
        all.read(all.state, reader, all.count);
      },
      &results, chunk.mapped().elements);
}

ChunkWindow::ChunkWindow(PoolCore& pool, TaskRunner runner, const MapOptions& options, Order order,
                         std::optional<std::size_t> size)
    : impl_(std::make_unique<Impl>(pool, runner, options, order, size)) {}

ChunkWindow::~ChunkWindow() = default;

std::size_t ChunkWindow::chunk_size() const { return impl_->chunk_size(); }

bool ChunkWindow::has_room() const { return impl_->has_room(); }

TaskCall ChunkWindow::call() const { return impl_->call(); }

void ChunkWindow::submit(TaskCall& call, std::size_t elements) { impl_->submit(call, elements); }

bool ChunkWindow::empty() const { return impl_->empty(); }

bool ChunkWindow::wait(Timeout timeout) { return impl_->wait(timeout); }

void ChunkWindow::read_results(ResultsReader read, void* state) {
  impl_->read_results(read, state);
}

}  // namespace multiprocessing::detail
