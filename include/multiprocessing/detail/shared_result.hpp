// SharedResult: what all handles of one result share.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/chunk_tasks.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/delivered.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/task.hpp"
#include "multiprocessing/pool/callbacks.hpp"
#include "multiprocessing/reduction/results.hpp"

namespace multiprocessing::detail {

/// A result to come of any type.
class MULTIPROCESSING_API AnyResult {
 public:
  virtual ~AnyResult();

  [[nodiscard]] virtual bool ended() const = 0;
  /// False when it was not in time.
  [[nodiscard]] virtual bool wait(Timeout timeout) const = 0;
  /// Whether it never comes, now and ever after.
  [[nodiscard]] virtual bool cancel() const = 0;

  /// Ends what runs, within the grace or by a kill; false when all has ended by itself.
  [[nodiscard]] virtual bool stop(Timeout grace) const = 0;

  /// What it came to instead of a value; null when all went well. It has ended.
  [[nodiscard]] std::exception_ptr error();

  /// What its task wrote. Throws ValueError where that was not kept.
  [[nodiscard]] virtual std::string output() const;

 protected:
  /// What looked at the error up to now was not the program.
  void not_seen() { seen_.store(false, std::memory_order_relaxed); }

  /// For the last handle of a result that failed. Nothing happens when it has been seen.
  void log_unseen(const Origin& origin) noexcept;

 private:
  /// Reads the value, or throws that error.
  virtual void read_value() = 0;

  std::mutex mutex_;
  bool is_read_ = false;  // value and error are guarded by the mutex until then, and
                          // constant after
  std::exception_ptr error_;
  std::atomic<bool> seen_{false};
};

/// A result to come, and what came of it once it has been read. `Base` is what its handles have
/// beside that.
template <class R, class Base = AnyResult>
class SharedResult : public Base {
 public:
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  /// When there is no error.
  [[nodiscard]] Value& value() { return *value_; }

 private:
  virtual void read_into(std::optional<Value>& value) = 0;
  void read_value() final { read_into(value_); }

  std::optional<Value> value_;
};

/// That of one task.
template <class R, class Base = AnyResult>
class ResultOfTask : public SharedResult<R, Base> {
 public:
  using typename SharedResult<R, Base>::Value;

  ~ResultOfTask() override {
    if (task.failed_for_the_log()) this->log_unseen(task.origin());
  }

  [[nodiscard]] std::string output() const override { return task.output(); }

  [[nodiscard]] bool ended() const override { return task.ended(); }
  [[nodiscard]] bool wait(Timeout timeout) const override { return task.wait(timeout); }
  [[nodiscard]] bool cancel() const override { return task.cancel(); }
  [[nodiscard]] bool stop(Timeout grace) const override { return task.stop(grace); }

  SubmittedTask task;

 private:
  void read_into(std::optional<Value>& value) override {
    task.read_result(
        [](void* into, [[maybe_unused]] Reader& reader) {
          auto& place = *static_cast<std::optional<Value>*>(into);
          if constexpr (std::is_void_v<R>)
            place.emplace();
          else
            place.emplace(multiprocessing::detail::read<R>(reader));
        },
        &value);
  }
};

/// That of all chunks of a map, of which each element gives an `R`.
template <class R>
class ResultOfChunks : public SharedResult<list_of<R>> {
 public:
  using typename SharedResult<list_of<R>>::Value;

  ~ResultOfChunks() override {
    if (chunks.any_failed_for_the_log()) this->log_unseen({});
  }

  [[nodiscard]] bool ended() const override { return chunks.ended(); }
  [[nodiscard]] bool wait(Timeout timeout) const override { return chunks.wait(timeout); }
  [[nodiscard]] bool cancel() const override { return chunks.cancel(); }
  [[nodiscard]] bool stop(Timeout grace) const override { return chunks.stop(grace); }

  SubmittedChunks chunks;

 private:
  void read_into(std::optional<Value>& value) override {
    Value list;
    chunks.read_results(
        [](void* into, [[maybe_unused]] Reader& reader, [[maybe_unused]] std::size_t count) {
          [[maybe_unused]] auto& results = *static_cast<Value*>(into);
          if constexpr (!std::is_void_v<R>)
            for (std::size_t i = 0; i < count; ++i)
              results.push_back(multiprocessing::detail::read<R>(reader));
        },
        &list);
    value = std::move(list);
  }
};

/// Waits for the result and throws its error; TimeoutError when it has not come in time.
MULTIPROCESSING_API void await_success(AnyResult& result, Timeout timeout);

/// The value of a result that has come, moved out for the last handle.
template <class R, class Base>
R take_value(const std::shared_ptr<SharedResult<R, Base>>& result) {
  if constexpr (!std::is_void_v<R>) {
    if (result.use_count() == 1) return std::move(result->value());
    if constexpr (std::is_copy_constructible_v<R>)
      return result->value();
    else
      throw InvalidStateError("a result that cannot be copied has other handles, too");
  }
}

/// One of those that is ready only when a callback has had it.
template <class Result, class R>
class WithCallbacks final : public Result, public Delivered {
 public:
  WithCallbacks(PoolCore& pool, Callbacks<R> callbacks)
      : Delivered(pool), callbacks_(std::move(callbacks)) {}

  [[nodiscard]] bool ended() const override { return is_ready(); }
  [[nodiscard]] bool wait(Timeout timeout) const override { return wait_until_ready(timeout); }

 private:
  bool wait_before([[maybe_unused]] const Deadline& deadline) const override {
    if constexpr (requires { &Result::chunks; })
      return this->chunks.wait_and_tell(deadline);
    else
      return true;
  }

  bool read() override { return this->error() == nullptr; }

  void call() override {
    // They go when they have been called: what they hold may be this result.
    const Callbacks<R> callbacks = std::exchange(callbacks_, {});
    if (const std::exception_ptr error = this->error()) {
      if (callbacks.error_callback)
        callbacks.error_callback(error);
      else
        this->not_seen();
    } else if (callbacks.callback) {
      if constexpr (std::is_void_v<R>)
        callbacks.callback();
      else
        callbacks.callback(this->value());
    }
  }

  Callbacks<R> callbacks_;
};

}  // namespace multiprocessing::detail
