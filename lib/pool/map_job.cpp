#include "multiprocessing/detail/map_job.hpp"

#include <sched.h>

#include <cstring>
#include <new>

#include "arena/blocks.hpp"
#include "base/waiting.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"
#include "pool/progress.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t most_chunks = std::size_t{1} << 31;
constexpr std::size_t spare_handles = 7;  // a job that is used again has room for
constexpr std::size_t largest_spare = std::size_t{64} << 20;
constexpr int polls_before_sleep = 2000;
constexpr int polls_per_yield = 32;

constexpr std::size_t aligned(std::size_t offset) { return (offset + line - 1) / line * line; }

std::size_t chosen_chunk_size(const MapShape& shape, const MapOptions& options, int workers) {
  if (options.chunksize && *options.chunksize < 1)
    throw ValueError("Chunksize must be 1+, not " + std::to_string(*options.chunksize));
  if (options.retries < 0)
    throw ValueError("retries must be 0 or more, not " + std::to_string(options.retries));
  const auto share = static_cast<std::size_t>(workers) * 4;
  const std::size_t wanted = options.chunksize ? static_cast<std::size_t>(*options.chunksize)
                                               : (shape.items + share - 1) / share;
  const std::size_t least = (shape.items + most_chunks - 1) / most_chunks;
  return std::max<std::size_t>({wanted, least, 1});
}

bool over(std::uint32_t word) { return word != chunk_free && word < first_name; }

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

class MapJob::Impl {
 public:
  Impl(PoolCore& pool, const MapShape& shape, const MapOptions& options, MapRunner runner)
      : pool_(pool),
        shape_(shape),
        options_(options),
        chunk_size_(chosen_chunk_size(shape, options, pool.processes())),
        chunks_((shape.items + chunk_size_ - 1) / chunk_size_),
        scope_(outgoing_) {
    pool.check_open();
    active_.retries = options.retries;
    write_function(writer_, any_function(runner));
  }

  void begin_chunk() {
    if (begins_.empty()) callable_bytes_ = writer_.size();
    begins_.push_back(writer_.size());
  }

  void prepare() {
    if (shape_.items == 0) return;
    if (begins_.empty()) callable_bytes_ = writer_.size();
    begins_.push_back(writer_.size());
    JobHeader layout{};
    lay_out(layout);
    take_memory();
    header_ = ::new (active_.handle.body()) JobHeader{};
    fill(layout);
  }

  void run() {
    if (shape_.items == 0) return;
    pool_.post(active_);
    wait();
    pool_.retire(active_);
    throw_failure();
  }

  void read_results(void (*read)(void*, Reader&, std::size_t), void* state) {
    for (std::uint32_t chunk = 0; chunk < chunks_; ++chunk) {
      const Link& link = links_of(active_.handle)[header_->result_link + chunk];
      const IncomingHandles incoming(links_of(link));
      Reader reader = results_in(link);
      read(state, reader, header_->items_in(chunk));
    }
  }

  ~Impl() {
    if (reusable_ && active_.handle) pool_.keep_spare(std::move(active_.handle), bytes_);
  }

  PoolCore& pool_;
  const MapShape shape_;
  const MapOptions options_;
  const std::size_t chunk_size_;
  const std::size_t chunks_;
  Writer writer_;
  OutgoingHandles outgoing_;
  OutgoingHandles::Scope scope_;
  std::size_t callable_bytes_ = 0;
  std::vector<std::uint64_t> begins_;
  ActiveJob active_;
  JobHeader* header_ = nullptr;
  std::size_t bytes_ = 0;
  bool reusable_ = false;

 private:
  void lay_out(JobHeader& layout) {
    std::size_t at = aligned(sizeof(JobHeader));
    const auto place = [&at](std::size_t bytes) {
      const std::size_t here = at;
      at = aligned(at + bytes);
      return here;
    };
    layout.words_at = place(chunks_ * sizeof(std::uint32_t));
    layout.index_at = place(begins_.size() * sizeof(std::uint64_t));
    layout.bytes_at = place(writer_.size());
    layout.input_at = place(shape_.items * shape_.input_size);
    layout.results_at = place(shape_.items * shape_.result_size);
    bytes_ = at;
  }

  void take_memory() {
    const std::size_t handles = outgoing_.handles().size();
    const bool in_blocks = shape_.result == Storage::as_bytes;
    reusable_ = !in_blocks && handles <= spare_handles && bytes_ <= largest_spare;
    if (reusable_) active_.handle = pool_.take_spare(bytes_);
    if (active_.handle) {
      for (Link& link : links_of(active_.handle)) release(link);  // what the last job left
    } else {
      const std::size_t room = 1 + std::max(handles, spare_handles);
      active_.handle = Handle::make(bytes_, room + (in_blocks ? chunks_ : 0));
    }
  }

  void fill(const JobHeader& layout) {
    header_->serial = next_serial();
    header_->shape = shape_;
    header_->chunk_size = chunk_size_;
    header_->chunks = static_cast<std::uint32_t>(chunks_);
    header_->handles = static_cast<std::uint32_t>(outgoing_.handles().size());
    header_->callable_bytes = callable_bytes_;
    header_->words_at = layout.words_at;
    header_->index_at = layout.index_at;
    header_->bytes_at = layout.bytes_at;
    header_->bytes_size = writer_.size();
    header_->input_at = layout.input_at;
    header_->results_at = layout.results_at;
    header_->result_link =
        static_cast<std::uint32_t>(1 + std::max(outgoing_.handles().size(), spare_handles));
    std::memset(header_->at<void>(header_->words_at), 0, chunks_ * sizeof(std::uint32_t));
    std::memcpy(header_->at<void>(header_->index_at), begins_.data(),
                begins_.size() * sizeof(std::uint64_t));
    std::memcpy(header_->at<void>(header_->bytes_at), writer_.view().data(), writer_.size());
    for (std::size_t i = 0; i < outgoing_.handles().size(); ++i)
      hold(links_of(active_.handle)[first_handle_link + i], outgoing_.handles()[i]);
  }

  [[nodiscard]] bool aborted() const {
    if (header_->stopped.load() == 0) return false;
    const std::scoped_lock guard{pool_.mutex()};
    return active_.aborted != nullptr;
  }

  /// Until every chunk is done, has thrown or is lost. The pool's watcher sees to it that chunks of
  /// dead workers come to an end too, so no chunk can keep us for ever.
  void wait() {
    Progress progress(options_.progress, chunks_);
    std::uint32_t ended = 0;  // all chunks before it
    for (;;) {
      const std::uint32_t seen = header_->wake.load();
      while (ended < chunks_ && over(header_->word(ended).load(std::memory_order_acquire))) ++ended;
      progress.show(*header_, ended);
      if (ended == chunks_ || aborted()) return;
      if (!woken_soon(seen)) sleep(seen, progress.interval());
    }
  }

  [[nodiscard]] bool woken_soon(std::uint32_t seen) const {
    for (int poll = 1; poll <= polls_before_sleep; ++poll) {
      if (header_->wake.load(std::memory_order_relaxed) != seen) return true;
      if (poll % polls_per_yield == 0) sched_yield();
    }
    return false;
  }

  void sleep(std::uint32_t seen, Timeout timeout) {
    header_->caller_sleeps.store(1);
    futex_wait(header_->wake, seen, Deadline{timeout});
    header_->caller_sleeps.store(0);
  }

  void throw_failure() {
    {
      const std::scoped_lock guard{pool_.mutex()};
      if (active_.aborted) std::rethrow_exception(active_.aborted);
    }
    for (std::uint32_t chunk = 0; chunk < chunks_; ++chunk)
      if (header_->word(chunk).load() == chunk_threw) throw_thrown(chunk);
    if (active_.loss) throw WorkerDied(*active_.loss);
  }

  [[noreturn]] void throw_thrown(std::uint32_t chunk) {
    const bool in_blocks = shape_.result == Storage::as_bytes;
    const Link& link =
        links_of(active_.handle)[in_blocks ? header_->result_link + chunk : error_link];
    std::rethrow_exception(exception_in(link));
  }
};

MapJob::MapJob(PoolCore& pool, const MapShape& shape, const MapOptions& options, MapRunner runner)
    : impl_(std::make_unique<Impl>(pool, shape, options, runner)) {}

MapJob::~MapJob() = default;

std::size_t MapJob::chunk_size() const { return impl_->chunk_size_; }
std::size_t MapJob::chunks() const { return impl_->chunks_; }
Writer& MapJob::writer() { return impl_->writer_; }
void MapJob::begin_chunk() { impl_->begin_chunk(); }
void MapJob::prepare() { impl_->prepare(); }
void MapJob::run() { impl_->run(); }

void* MapJob::input() const {
  JobHeader* header = impl_->header_;
  return header == nullptr ? nullptr : header->at<void>(header->input_at);
}

const void* MapJob::results() const {
  JobHeader* header = impl_->header_;
  return header == nullptr ? nullptr : header->at<const void>(header->results_at);
}

void MapJob::read_results(void (*read)(void* state, Reader& reader, std::size_t count),
                          void* state) {
  if (impl_->header_ != nullptr) impl_->read_results(read, state);
}

}  // namespace multiprocessing::detail
