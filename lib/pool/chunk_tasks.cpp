#include "multiprocessing/detail/chunk_tasks.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/deadline.hpp"
#include "pool/chunk_size.hpp"
#include "pool/pool_core.hpp"
#include "pool/progress.hpp"
#include "pool/task_limits.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {

TaskTerms chunk_terms(const MapOptions& options) {
  TaskTerms terms;
  terms.priority = options.priority;
  terms.retries = options.retries;
  terms.timeout = options.task_timeout;
  if (!options.timeout.is_forever()) terms.call_ends = moment_after(options.timeout);
  return terms;
}

bool SubmittedChunks::ended() const {
  std::size_t at = ended_.load(std::memory_order_relaxed);
  while (at < chunks_.size() && chunks_[at].ended()) ++at;
  ended_.store(at, std::memory_order_relaxed);  // another thread may have come further
  return at == chunks_.size();
}

bool SubmittedChunks::wait_and_tell(const Deadline& deadline) const {
  if (progress_ == nullptr || !progress_->wanted()) return true;
  const auto done = [this] {
    std::size_t elements = 0;
    for (std::size_t i = 0; i < chunks_.size(); ++i)
      if (chunks_[i].ended()) elements += std::min(chunk_size_, items_ - i * chunk_size_);
    return elements;
  };
  for (const SubmittedTask& chunk : chunks_) {
    for (bool ended = false; !ended;) {
      ended = chunk.wait_until(deadline.at_most(ProgressReport::pause));
      progress_->tell_when_due(done);
      if (!ended && deadline.passed()) return false;
    }
  }
  progress_->tell(items_);
  return true;
}

bool SubmittedChunks::wait(Timeout timeout) const {
  const Deadline deadline{timeout};
  if (!wait_and_tell(deadline)) return false;
  return std::all_of(chunks_.begin(), chunks_.end(),
                     [&](const SubmittedTask& chunk) { return chunk.wait_until(deadline); });
}

void SubmittedChunks::wait_or_withdraw() const {
  try {
    static_cast<void>(wait(Timeout::infinite));
  } catch (...) {
    for (std::size_t i = chunks_.size(); i-- > 0;) static_cast<void>(chunks_[i].cancel());
    throw;
  }
}

bool SubmittedChunks::any_failed_for_the_log() const {
  return std::ranges::any_of(chunks_, &SubmittedTask::failed_for_the_log) && ended();
}

bool SubmittedChunks::cancel() const {
  if (chunks_.empty() || !chunks_.front().cancel()) return false;
  for (const SubmittedTask& chunk : chunks_) static_cast<void>(chunk.cancel());
  return true;
}

bool SubmittedChunks::stop(Timeout grace) const {
  // The last first, so that none begins because another one has ended.
  for (std::size_t i = chunks_.size(); i-- > 0;) static_cast<void>(chunks_[i].cancel());
  for (const SubmittedTask& chunk : chunks_) chunk.ask_to_stop(grace);
  bool stopped = false;
  for (const SubmittedTask& chunk : chunks_)
    if (!chunk.ended() || chunk.stopped()) stopped = chunk.stop(grace) || stopped;
  return stopped;
}

void SubmittedChunks::read_results(ResultsReader read, void* state) {
  struct Chunk {
    const ResultsReader read;
    void* const state;
    const std::size_t count;
  };
  std::exception_ptr loss;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const std::size_t first = i * chunk_size_;
    Chunk chunk{read, state, std::min(chunk_size_, items_ - first)};
    try {
      chunks_[i].read_result(
          [](void* of, Reader& reader) {
            const Chunk& results = *static_cast<const Chunk*>(of);
            results.read(results.state, reader, results.count);
          },
          &chunk, {first, chunk.count});
    } catch (...) {
      if (!chunks_[i].lost()) throw;
      if (!loss) loss = std::current_exception();
    }
  }
  if (loss) std::rethrow_exception(loss);
}

ChunkCalls::ChunkCalls(PoolCore& pool, TaskRunner runner, std::size_t items,
                       const MapOptions& options)
    : tasks_(pool.open_tasks()),
      runner_(runner),
      call_(tasks_->begin_call()),
      items_(items),
      chunk_size_(chosen_chunk_size(items, options, pool.processes())),
      terms_(chunk_terms(options)),
      progress_(options.progress) {}

Writer& ChunkCalls::begin_chunk() {
  if (!calls_.empty()) calls_.back().end_of_writing();
  const std::size_t first = calls_.size() * chunk_size_;
  return calls_.emplace_back(tasks_, runner_, call_, first).writer();
}

void ChunkCalls::submit(SubmittedChunks& chunks, const std::shared_ptr<Delivered>& follower) {
  if (!calls_.empty()) calls_.back().end_of_writing();
  chunks.items_ = items_;
  chunks.chunk_size_ = chunk_size_;
  if (progress_.wanted()) chunks.progress_ = std::make_shared<ProgressReport>(progress_, items_);
  chunks.chunks_.reserve(calls_.size());
  if (follower != nullptr) follower->expect(static_cast<std::uint32_t>(calls_.size()));
  try {
    for (; !calls_.empty(); calls_.pop_front()) {
      TaskTerms terms = terms_;
      terms.follower = follower;
      calls_.front().submit(chunks.chunks_.emplace_back(), std::move(terms));
    }
  } catch (...) {
    chunks.chunks_.pop_back();  // it is none
    for (const SubmittedTask& chunk : chunks.chunks_) static_cast<void>(chunk.cancel());
    chunks.chunks_.clear();
    throw;
  }
}

}  // namespace multiprocessing::detail
