// Function: any callable of one signature, which can be stored and sent.
#pragma once

#include <concepts>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/callable.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

namespace detail {

/// Throws std::bad_function_call.
[[noreturn]] MULTIPROCESSING_API void throw_empty_function();

}  // namespace detail

template <class Signature>
class Function;

/// Holds a callable, as `std::function` does, and can be sent: put into queues, passed as an
/// argument, kept in members of what is sent. It takes free functions, lambdas without captures,
/// functors that can be sent and what `partial()` gives; a lambda with captures does not compile.
///
/// A copy holds a copy of the callable. Calling an empty one throws `std::bad_function_call`.
template <class R, class... A>
class Function<R(A...)> {
 public:
  Function() = default;

  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Function> &&
           std::is_invocable_r_v<R, std::decay_t<F>&, A...>) Function(F&& callable) {
    using Held = std::decay_t<F>;
    detail::check_callable<Held>();
    static_assert(std::copy_constructible<Held>,
                  "multiprocessing: mp::Function copies what it holds. Send a callable that cannot "
                  "be copied by itself.");
    // A function itself is never null, and compilers warn of the question.
    if constexpr ((std::is_pointer_v<Held> || std::is_member_pointer_v<Held>)&&!std::is_function_v<
                      std::remove_reference_t<F>>) {
      if (callable == nullptr) return;
    }
    if constexpr (detail::is_sendable_callable<Held>) {
      target_ = std::make_unique<Holder<Held>>(std::forward<F>(callable));
    }
  }

  Function(const Function& other) : target_(other.target_ ? other.target_->copy() : nullptr) {}
  Function(Function&&) noexcept = default;
  Function& operator=(const Function& other) { return *this = Function(other); }
  Function& operator=(Function&&) noexcept = default;
  ~Function() = default;

  R operator()(A... args) const {
    if (!target_) detail::throw_empty_function();
    return target_->call(std::forward<A>(args)...);
  }

  /// Whether it holds something.
  [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

 private:
  friend struct Serializer<Function>;

  struct Target {
    virtual ~Target() = default;
    virtual R call(A... args) = 0;
    virtual std::unique_ptr<Target> copy() const = 0;
    virtual void write(detail::Writer& writer) const = 0;
  };

  template <class F>
  struct Holder final : Target {
    explicit Holder(F held) : callable(std::move(held)) {}
    R call(A... args) override {
      if constexpr (std::is_void_v<R>) {
        std::apply(callable, std::tuple<A&&...>(std::forward<A>(args)...));
      } else {
        return std::apply(callable, std::tuple<A&&...>(std::forward<A>(args)...));
      }
    }
    std::unique_ptr<Target> copy() const override { return std::make_unique<Holder>(callable); }
    void write(detail::Writer& writer) const override {
      detail::write_function(writer, detail::any_function(&read));
      detail::write_value(writer, callable);
    }
    static std::unique_ptr<Target> read(detail::Reader& reader) {
      return std::make_unique<Holder>(detail::read_value<F>(reader));
    }
    F callable;
  };

  using Read = std::unique_ptr<Target> (*)(detail::Reader&);

  std::unique_ptr<Target> target_;
};

template <class R, class... A>
struct Serializer<Function<R(A...)>> {
  using Held = Function<R(A...)>;
  static void save(OutArchive& out, const Held& function) {
    if (!function) return detail::write_function(out.writer(), nullptr);
    function.target_->write(out.writer());
  }
  static Held load(InArchive& in) {
    const auto read = reinterpret_cast<typename Held::Read>(detail::read_function(in.reader()));
    Held function;
    if (read != nullptr) function.target_ = read(in.reader());
    return function;
  }
};

}  // namespace multiprocessing
