// One map as its two sides see it: the caller lays it out and waits, the workers take its chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>

#include "multiprocessing/detail/callable.hpp"
#include "multiprocessing/detail/current_element.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pool/pool_options.hpp"

namespace multiprocessing::detail {

class PoolCore;
class WorkerJob;

/// How elements or results lie in shared memory: not at all, as themselves in an array, or as
/// bytes.
enum class Storage : std::uint8_t { nothing, in_place, as_bytes };

/// Elements and results that want more than this go as bytes.
inline constexpr std::size_t job_alignment = 64;

struct MapShape {
  std::size_t items;
  Storage input;
  std::size_t input_size;  // of one element that is stored in place
  Storage result;
  std::size_t result_size;
};

/// Takes chunks of one job in a worker until there are none.
using MapRunner = void (*)(WorkerJob&);

/// Reads the results of `count` elements.
using ResultsReader = void (*)(void* state, Reader& reader, std::size_t count);

/// The caller's side. Use: write the callable, then either fill input() after prepare(), or
/// begin_chunk() and write its elements for each chunk before it; run(); read the results.
class MULTIPROCESSING_API MapJob {
 public:
  /// Throws ValueError for a chunksize below 1 and for a pool that takes no more work.
  MapJob(PoolCore& pool, const MapShape& shape, const MapOptions& options, MapRunner runner);
  ~MapJob();
  MapJob(const MapJob&) = delete;

  [[nodiscard]] std::size_t chunk_size() const;

  /// Takes the callable, then the elements that go as bytes. Handles among them are held by the
  /// job.
  [[nodiscard]] Writer& writer();
  void begin_chunk();

  /// Takes shared memory for all of it. Throws OSError when memory is short.
  void prepare();

  /// Where elements that are stored in place go; null for an empty map, which needs no memory.
  [[nodiscard]] void* input() const;

  /// Has the workers do it, waits until every chunk is done or lost, then throws the first failure:
  /// a task's own exception, or WorkerDied.
  void run();

  /// Where results that are stored in place are; null for an empty map.
  [[nodiscard]] const void* results() const;

  /// Calls `read` for the results of each chunk in order, each once.
  void read_results(ResultsReader read, void* state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The worker's side.
class MULTIPROCESSING_API WorkerJob {
 public:
  struct Chunk {
    std::uint32_t index;
    std::size_t first;
    std::size_t count;
  };

  [[nodiscard]] Reader callable() const;

  /// Claims a chunk for this worker; none when all are taken.
  [[nodiscard]] std::optional<Chunk> next();

  [[nodiscard]] const void* input() const;
  [[nodiscard]] void* results() const;
  [[nodiscard]] Reader input_bytes(const Chunk& chunk) const;

  /// Where results that go as bytes are written; empty at the start of each chunk.
  [[nodiscard]] Writer& result_writer();

  void finish(const Chunk& chunk);
  void fail(const Chunk& chunk, const std::exception_ptr& exception) noexcept;

 private:
  friend class JobInWorker;
  class Impl;
  explicit WorkerJob(Impl& impl) : impl_(impl) {}
  Impl& impl_;
};

template <class T>
consteval Storage storage_of() {
  if constexpr (std::is_void_v<T>) {
    return Storage::nothing;
  } else if constexpr (Flat<T> && alignof(T) <= job_alignment) {
    return Storage::in_place;
  } else {
    return Storage::as_bytes;
  }
}

template <class T>
consteval std::size_t stored_size() {
  if constexpr (storage_of<T>() == Storage::in_place) {
    return sizeof(T);
  } else {
    return 0;
  }
}

/// Runs one element after the other; what the function gives goes into place or behind each other.
template <class F, class T, class R>
void run_chunk(WorkerJob& job, F& function, const WorkerJob::Chunk& chunk) {
  Reader bytes = job.input_bytes(chunk);
  // Asked once: the calls in between may be as short as a nanosecond.
  [[maybe_unused]] const void* const elements = job.input();
  [[maybe_unused]] void* const results = job.results();
  for (std::size_t i = chunk.first; i < chunk.first + chunk.count; ++i) {
    at_element(i);
    // It has a name because the function may give a part of it: that must live until it is kept.
    T element = [&]() -> T {
      if constexpr (storage_of<T>() == Storage::in_place) {
        return static_cast<const T*>(elements)[i];
      } else {
        return read<T>(bytes);
      }
    }();
    if constexpr (std::is_void_v<R>) {
      static_cast<void>(std::invoke(function, std::move(element)));
    } else if constexpr (storage_of<R>() == Storage::in_place) {
      auto* place = static_cast<R*>(results) + i;
      ::new (static_cast<void*>(place)) R(std::invoke(function, std::move(element)));
    } else {
      write<R>(job.result_writer(), std::invoke(function, std::move(element)));
    }
  }
}

template <class F, class T, class R>
void run_map(WorkerJob& job) {
  Reader bytes = job.callable();
  F function = read_callable<F>(bytes);
  while (const auto chunk = job.next()) {
    try {
      run_chunk<F, T, R>(job, function, *chunk);
      job.finish(*chunk);
    } catch (...) {
      const std::exception_ptr exception = std::current_exception();
      if (exception == nullptr) throw;  // pthread_exit: the worker ends with the chunk in hand
      job.fail(*chunk, exception);
    }
  }
}

}  // namespace multiprocessing::detail
