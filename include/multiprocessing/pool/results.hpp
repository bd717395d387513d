// Results: those of imap and imap_unordered, one by one.
#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/iteration.hpp"

namespace multiprocessing {

class Pool;
class ProcessPoolExecutor;

namespace detail {
class FuturesAccess;
}

/// The results of `Pool::imap` and `imap_unordered`, one by one; Python's `IMapIterator`. A
/// single-pass view, which can be moved.
///
///     for (int square : pool.imap(square_of, numbers))
///       std::cout << square << '\n';
///
/// Where a task failed, `next` and `*it` throw what a result's `get` would; the iteration goes on
/// behind that. For one thread at a time, in the process that made it. When it is dropped, what has
/// not begun never will.
template <class T>
class Results : public std::ranges::view_base {
 public:
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;

    /// Throws what the task threw.
    T& operator*() const { return results_->current(); }
    iterator& operator++() {
      results_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return results_->at_end(); }

   private:
    friend class Results;
    explicit iterator(Results& results) : results_(&results) {}
    Results* results_ = nullptr;
  };

  Results(Results&&) noexcept = default;
  Results& operator=(Results&&) noexcept = default;

  /// At the next result, for which it waits.
  iterator begin() {
    if (!fetched_ || seen_) advance();
    return iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

  /// The next result, for which it waits; or what the task threw. Throws `StopIteration` at the
  /// end.
  T next() { return next(Timeout::infinite); }

  /// Throws `TimeoutError` when it has not come by then; it may be asked again.
  T next(Timeout timeout) {
    std::optional<T> value = try_next(timeout);
    if (!value) throw StopIteration("there are no more results");
    return *std::move(value);
  }

  /// The same, and nothing at the end.
  std::optional<T> try_next() { return try_next(Timeout::infinite); }

  /// The next ones; fewer at the end.
  std::vector<T> take(std::size_t most) {
    std::vector<T> taken;
    while (taken.size() < most) {
      std::optional<T> value = try_next();
      if (!value) break;
      taken.push_back(*std::move(value));
    }
    return taken;
  }

 private:
  friend class Pool;
  friend class ProcessPoolExecutor;
  friend class detail::FuturesAccess;
  Results(std::unique_ptr<detail::ResultSource<T>> source) : source_(std::move(source)) {}

  [[nodiscard]] detail::ResultSource<T>& source() const {
    if (source_ == nullptr) throw ValueError("the results were moved from");
    return *source_;
  }

  std::optional<T> try_next(Timeout timeout) {
    if (!fetched_ || seen_) {
      std::optional<T> value = source().next(timeout);
      fetched_ = false;
      return value;
    }
    fetched_ = false;  // an iterator has it, and nobody looked
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return std::exchange(value_, std::nullopt);
  }

  // For iterators: the one that they are at.
  void advance() {
    error_ = nullptr;
    value_.reset();
    try {
      value_ = source().next(Timeout::infinite);
    } catch (...) {
      error_ = std::current_exception();
      if (error_ == nullptr) throw;  // pthread_cancel
    }
    fetched_ = true;
    seen_ = false;
  }
  [[nodiscard]] bool at_end() const { return !value_ && !error_; }
  T& current() {
    seen_ = true;
    if (error_) std::rethrow_exception(error_);
    return *value_;
  }

  std::unique_ptr<detail::ResultSource<T>> source_;
  bool fetched_ = false;  // what is below
  bool seen_ = false;     // by the program
  std::optional<T> value_;
  std::exception_ptr error_;
};

/// Python's name.
template <class T>
using IMapIterator = Results<T>;

}  // namespace multiprocessing
