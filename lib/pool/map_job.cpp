#include "multiprocessing/detail/map_job.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "pool/chunk_size.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t spare_handles = 7;  // a job that is used again has room for
constexpr std::size_t largest_spare = std::size_t{64} << 20;

constexpr std::size_t aligned(std::size_t offset) {
  return (offset + job_alignment - 1) / job_alignment * job_alignment;
}

/// Throws OSError for more than any memory holds.
std::size_t bytes_of(std::size_t count, std::size_t size) {
  constexpr std::size_t most = std::size_t{1} << 60;
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > most)
    throw_os_error(ENOMEM, "map",
                   std::to_string(count) + " elements of " + std::to_string(size) + " bytes");
  return bytes;
}

/// The job is on the board for as long as this lives.
class Posted {
 public:
  Posted(PoolCore& pool, ActiveJob& job) : pool_(pool), job_(job) { pool_.post(job_); }
  ~Posted() { pool_.retire(job_); }
  Posted(const Posted&) = delete;

 private:
  PoolCore& pool_;
  ActiveJob& job_;
};

}  // namespace

class MapJob::Impl {
 public:
  Impl(PoolCore& pool, const MapShape& shape, const MapOptions& options, MapRunner runner);
  ~Impl();
  Impl(const Impl&) = delete;

  [[nodiscard]] std::size_t chunk_size() const { return chunk_size_; }
  [[nodiscard]] Writer& writer() { return writer_; }
  void begin_chunk();
  void prepare();
  void run();
  void read_results(ResultsReader read, void* state);

  /// Null when there are no elements, for then there is no job.
  [[nodiscard]] JobHeader* header() const { return header_; }

 private:
  void leave_ends_of_chunk();
  [[nodiscard]] JobLayout lay_out();
  void take_memory();
  void fill(const JobLayout& layout);

  PoolCore& pool_;
  const MapShape shape_;
  ProgressReport progress_;
  const int priority_;
  const std::size_t chunk_size_;
  const std::size_t chunks_;
  const std::uint32_t call_;
  Writer writer_;
  Envelope mentioned_;
  const Envelope::Writing writing_;
  std::size_t callable_bytes_ = 0;
  std::vector<ChunkElements> index_;  // of chunks in the writer, and the end of the last
  ActiveJob active_;
  JobHeader* header_ = nullptr;
  std::size_t bytes_ = 0;
  bool reusable_ = false;  // the memory is of use for the next job
};

MapJob::Impl::Impl(PoolCore& pool, const MapShape& shape, const MapOptions& options,
                   MapRunner runner)
    : pool_(pool),
      shape_(shape),
      progress_(options.progress, shape.items),
      priority_(options.priority),
      chunk_size_(chosen_chunk_size(shape.items, options, pool.processes())),
      chunks_((shape.items + chunk_size_ - 1) / chunk_size_),
      call_(pool.tasks()->begin_call()),
      writing_(mentioned_) {
  active_.retries = options.retries;
  write_function(writer_, any_function(runner));
}

MapJob::Impl::~Impl() {
  // Workers of a job that was aborted may still read what it holds.
  if (!reusable_ || !active_.handle || active_.aborted) return;
  try {
    for (Link& link : links_of(active_.handle))
      if (link.load() != 0) release(link);
    pool_.keep_spare({std::move(active_.handle), bytes_});
  } catch (const std::exception&) {
    // The others took this process for dead: there is nothing to keep.
  }
}

void MapJob::Impl::begin_chunk() {
  if (index_.empty()) callable_bytes_ = writer_.size();
  leave_ends_of_chunk();
  index_.push_back({writer_.size(), 0});
}

void MapJob::Impl::leave_ends_of_chunk() {
  if (mentioned_.ends().empty()) return;
  if (index_.empty())
    throw SerializationError(
        "a pool's function cannot hold the end of a pipe or socket, for all workers would take it: "
        "give it to the initializer");
  mentioned_.leave_ends();
  index_.back().ticket = mentioned_.handles().size();
}

void MapJob::Impl::prepare() {
  if (shape_.items == 0) return;
  begin_chunk();  // there is one more, which is empty
  const JobLayout layout = lay_out();
  take_memory();
  fill(layout);
}

JobLayout MapJob::Impl::lay_out() {
  std::size_t at = aligned(sizeof(JobHeader));
  const auto place = [&at](std::size_t count, std::size_t size) {
    return std::exchange(at, aligned(at + bytes_of(count, size)));
  };
  JobLayout layout{};
  layout.words_at = place(chunks_, sizeof(std::uint32_t));
  layout.index_at = place(index_.size(), sizeof(ChunkElements));
  layout.bytes_at = place(writer_.size(), 1);
  layout.input_at = place(shape_.items, shape_.input_size);
  layout.results_at = place(shape_.items, shape_.result_size);
  bytes_ = at;
  return layout;
}

void MapJob::Impl::take_memory() {
  const std::size_t handles = mentioned_.handles().size();
  const bool in_blocks = shape_.result == Storage::as_bytes;
  reusable_ = !in_blocks && handles <= spare_handles && bytes_ <= largest_spare;
  if (reusable_) {
    PoolCore::Spare spare = pool_.take_spare(bytes_);
    if (spare.job) {
      active_.handle = std::move(spare.job);
      bytes_ = spare.bytes;
      return;
    }
  }
  const std::size_t links = first_handle_link + std::max(handles, spare_handles);
  active_.handle = Handle::make_unset(bytes_, links + (in_blocks ? chunks_ : 0));
}

void MapJob::Impl::fill(const JobLayout& layout) {
  const std::size_t handles = mentioned_.handles().size();
  header_ = ::new (active_.handle.body()) JobHeader{};
  header_->turn = {priority_, next_serial()};
  header_->call = call_;
  header_->shape = shape_;
  header_->chunk_size = chunk_size_;
  header_->chunks = static_cast<std::uint32_t>(chunks_);
  header_->handles = static_cast<std::uint32_t>(handles);
  header_->callable_bytes = callable_bytes_;
  header_->layout = layout;
  header_->result_link =
      static_cast<std::uint32_t>(first_handle_link + std::max(handles, spare_handles));
  std::memset(header_->at<void>(layout.words_at), 0, chunks_ * sizeof(std::uint32_t));
  std::memcpy(header_->at<void>(layout.index_at), index_.data(),
              index_.size() * sizeof(ChunkElements));
  std::memcpy(header_->at<void>(layout.bytes_at), writer_.view().data(), writer_.size());
  mentioned_.hold_by(links_of(active_.handle).subspan(first_handle_link));
}

void MapJob::Impl::run() {
  if (header_ == nullptr) return;
  {
    const Posted posted(pool_, active_);
    try {
      wait_until_over(pool_.mutex(), active_, progress_);
    } catch (...) {  // a signal, or what the callable for progress threw
      const std::scoped_lock guard{pool_.mutex()};
      abort(active_, std::current_exception());
      throw;
    }
  }
  throw_failure(active_);
}

void MapJob::Impl::read_results(ResultsReader read, void* state) {
  if (header_ == nullptr) return;
  for (std::uint32_t chunk = 0; chunk < chunks_; ++chunk) {
    Link& link = links_of(active_.handle)[header_->result_link + chunk];
    {
      const Envelope::Reading reading(links_of(link));
      Reader reader = results_in(link);
      read(state, reader, header_->items_in(chunk));
    }
    release(link);
  }
}

MapJob::MapJob(PoolCore& pool, const MapShape& shape, const MapOptions& options, MapRunner runner)
    : impl_(std::make_unique<Impl>(pool, shape, options, runner)) {}

MapJob::~MapJob() = default;

std::size_t MapJob::chunk_size() const { return impl_->chunk_size(); }

Writer& MapJob::writer() { return impl_->writer(); }

void MapJob::begin_chunk() { impl_->begin_chunk(); }

void MapJob::prepare() { impl_->prepare(); }

void* MapJob::input() const {
  JobHeader* header = impl_->header();
  return header == nullptr ? nullptr : header->at<void>(header->layout.input_at);
}

void MapJob::run() { impl_->run(); }

const void* MapJob::results() const {
  JobHeader* header = impl_->header();
  return header == nullptr ? nullptr : header->at<const void>(header->layout.results_at);
}

void MapJob::read_results(ResultsReader read, void* state) { impl_->read_results(read, state); }

}  // namespace multiprocessing::detail
