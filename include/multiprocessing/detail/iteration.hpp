// Iterations: chunks of a range as tasks, of which a part is on its way at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/chunk_tasks.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/mapping.hpp"

namespace multiprocessing::detail {

enum class Order : bool { of_input, of_ends };

/// The chunks that have been submitted and whose results have not been read. For one thread at a
/// time. What has not begun when it goes never will.
class MULTIPROCESSING_API ChunkWindow {
 public:
  /// Throws ValueError for impossible options and a pool that takes no more work. For so many
  /// elements it has room by default; none: their number is not known.
  ChunkWindow(PoolCore& pool, TaskRunner runner, const MapOptions& options, Order order,
              std::optional<std::size_t> size);
  ~ChunkWindow();
  ChunkWindow(const ChunkWindow&) = delete;

  [[nodiscard]] std::size_t chunk_size() const;

  /// Whether another chunk may be drawn.
  [[nodiscard]] bool has_room() const;

  /// To be written, and submitted before the next one. Throws as a pool that takes no more work.
  [[nodiscard]] TaskCall call() const;
  void submit(TaskCall& call, std::size_t elements);

  [[nodiscard]] bool empty() const;

  /// Waits for the chunk whose turn it is; false when that was not in time. Throws Interrupted, and
  /// what telling of progress throws: then it may be waited for again.
  [[nodiscard]] bool wait(Timeout timeout);

  /// Has the results of that chunk read, and forgets it. Throws what it threw, or why it has not
  /// been done.
  void read_results(ResultsReader read, void* state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What Results go through. For one thread at a time.
template <class T>
class ResultSource {
 public:
  virtual ~ResultSource() = default;

  /// The next result; none at the end. Throws what the task or the input threw, and TimeoutError.
  virtual std::optional<T> next(Timeout timeout) = 0;
};

/// The results of chunks.
template <class T>
class Iteration : public ResultSource<T> {
 public:
  std::optional<T> next(Timeout timeout) override {
    if (read_ == results_.size()) {
      read_ = 0;
      results_.clear();
      draw_what_fits();
      if (window_.empty()) return at_the_end();
      if (!window_.wait(timeout)) throw TimeoutError("the next result has not come in time");
      read_chunk();
    }
    return std::optional<T>(std::move(results_[read_++].value));
  }

 protected:
  Iteration(PoolCore& pool, TaskRunner runner, const MapOptions& options, Order order,
            std::optional<std::size_t> size)
      : window_(pool, runner, options, order, size) {}

  void draw_what_fits() {
    while (!drawn_ && window_.has_room()) {
      try {
        drawn_ = !draw(window_);
      } catch (...) {
        failure_ = std::current_exception();
        drawn_ = true;
        if (failure_ == nullptr) throw;  // pthread_cancel
      }
    }
  }

 private:
  struct Kept {  // no vector of bits
    T value;
  };

  /// Submits the next chunk; false when there are no more elements. What it throws ends the
  /// iteration behind what was submitted.
  virtual bool draw(ChunkWindow& window) = 0;

  std::optional<T> at_the_end() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return {};
  }

  void read_chunk() {
    try {
      window_.read_results(
          [](void* state, Reader& reader, std::size_t count) {
            read_some(*static_cast<std::vector<Kept>*>(state), reader, count);
          },
          &results_);
    } catch (...) {
      results_.clear();  // those before what cannot be read
      throw;
    }
  }

  static void read_some(std::vector<Kept>& results, [[maybe_unused]] Reader& reader,
                        std::size_t count) {
    results.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, None_t>)
        results.push_back({});
      else
        results.push_back({multiprocessing::detail::read<T>(reader)});
    }
  }

  ChunkWindow window_;
  bool drawn_ = false;  // all there is, or until the failure
  std::exception_ptr failure_;
  std::vector<Kept> results_;  // of the chunk that is being read
  std::size_t read_ = 0;
};

/// Over `R`, which is a reference to a range that the caller keeps, or a range that is kept here.
template <class F, class R>
class IterationOver final
    : public Iteration<value_of<typename Mapping<F, std::remove_reference_t<R>>::Result>> {
  using Map = Mapping<F, std::remove_reference_t<R>>;
  using Base = Iteration<value_of<typename Map::Result>>;

 public:
  template <class G>
  IterationOver(PoolCore& pool, G&& function, R&& items, const MapOptions& options, Order order)
      : Base(pool, any_runner(), options, order, size_of(items)),
        function_(std::forward<G>(function)),
        items_(std::forward<R>(items)),
        at_(std::ranges::begin(items_)),
        end_(std::ranges::end(items_)) {
    this->draw_what_fits();
  }

 private:
  static constexpr TaskRunner any_runner() {
    return &run_chunk_task<F, typename Map::Element, typename Map::Result>;
  }

  static std::optional<std::size_t> size_of([[maybe_unused]] std::remove_reference_t<R>& items) {
    if constexpr (std::ranges::sized_range<R>)
      return static_cast<std::size_t>(std::ranges::size(items));
    else
      return {};
  }

  /// Goes on to the next element only when that is wanted: to make it may take its time.
  [[nodiscard]] bool more() {
    if (std::exchange(drew_, false)) ++at_;
    return at_ != end_;
  }

  bool draw(ChunkWindow& window) override {
    if (!more()) return false;
    TaskCall call = window.call();
    write_callable(call.writer(), function_);
    std::size_t count = 0;
    std::exception_ptr failure;
    try {
      do {
        element_.clear();
        Map::write_element(element_, *at_);
        drew_ = true;
        call.writer().raw(true);
        call.writer().bytes(element_.view().data(), element_.size());
        ++count;
      } while (count < window.chunk_size() && more());
    } catch (...) {
      if (count == 0) throw;
      failure = std::current_exception();
      if (failure == nullptr) throw;  // pthread_cancel
    }
    call.writer().raw(false);
    window.submit(call, count);
    if (failure) std::rethrow_exception(failure);  // those before it are on their way
    return true;
  }

  const F function_;
  R items_;
  std::ranges::iterator_t<std::remove_reference_t<R>> at_;
  std::ranges::sentinel_t<std::remove_reference_t<R>> end_;
  bool drew_ = false;  // what is at at_
  Writer element_;
};

}  // namespace multiprocessing::detail
