// KeptCall: a function and its arguments, to be called again and again, here or elsewhere.
#pragma once

#include <concepts>
#include <memory>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/target.hpp"

namespace multiprocessing::detail {

/// What a child of a supervisor does: kept by its supervisor, which starts it more than once.
class MULTIPROCESSING_API KeptCall {
 public:
  KeptCall() = default;
  KeptCall(const KeptCall&) = delete;
  KeptCall& operator=(const KeptCall&) = delete;
  virtual ~KeptCall();

  /// Makes the call with copies of the arguments.
  virtual void call() const = 0;

  /// As bytes that read_kept_call() reads. Throws SerializationError for what cannot be sent.
  virtual void write(Writer& writer) const = 0;
};

using KeptCallReader = std::shared_ptr<const KeptCall> (*)(Reader&);

[[nodiscard]] MULTIPROCESSING_API std::shared_ptr<const KeptCall> read_kept_call(Reader& reader);

template <class F, class... A>
class KeptCallOf final : public KeptCall {
 public:
  template <class G, class... B>
  explicit KeptCallOf(std::in_place_t, G&& function, B&&... arguments)
      : function_(std::forward<G>(function)), arguments_(std::forward<B>(arguments)...) {}

  explicit KeptCallOf(Reader& reader)
      : function_(read_callable<F>(reader)), arguments_{read<arrival_t<A>>(reader)...} {}

  void call() const override {
    F function = function_;
    std::tuple<arrival_t<A>...> arguments = arguments_;
    static_cast<void>(invoke_on_arrival<F&, A...>(function, arguments));
  }

  void write(Writer& writer) const override {
    if constexpr (!is_sendable_callable<F>) {
      throw_not_sendable_target(typeid(F));
    } else {
      const KeptCallReader reader = [](Reader& from) -> std::shared_ptr<const KeptCall> {
        return std::make_shared<KeptCallOf>(from);
      };
      write_function(writer, any_function(reader));
      write_callable(writer, function_);
      std::apply([&](const auto&... arguments) { (detail::write(writer, arguments), ...); },
                 arguments_);
    }
  }

 private:
  F function_;
  std::tuple<arrival_t<A>...> arguments_;  // braces above: read from left to right
};

/// Compiles if `F` can be called with these arguments again and again; otherwise says what to do
/// instead. A lambda with captures may be called under fork.
template <class F, class... A>
std::shared_ptr<const KeptCall> keep_call(F&& function, A&&... arguments) {
  using Callable = std::decay_t<F>;
  constexpr bool copyable =
      (std::copy_constructible<Callable> && ... && std::copy_constructible<arrival_t<A>>);
  static_assert(copyable,
                "multiprocessing: a supervisor keeps the target and its arguments, and copies them "
                "for each start, so each has to be copyable. The end of a pipe is not, for it can "
                "be given away once: use a Queue, or a Listener with a name.");
  (check_sendable<arrival_t<A>>(), ...);
  if constexpr (!copyable || !(sendable<arrival_t<A>>() && ...)) {
    return nullptr;  // the texts are all that there is to say
  } else if constexpr (is_call<Callable&, A...>) {
    return std::make_shared<KeptCallOf<Callable, std::decay_t<A>...>>(
        std::in_place, std::forward<F>(function), std::forward<A>(arguments)...);
  } else {
    static_assert(never<F>,
                  "multiprocessing: the target cannot be called with these arguments. They arrive "
                  "as values of their own: take them by value or by const reference, and text as "
                  "std::string.");
    return nullptr;
  }
}

}  // namespace multiprocessing::detail
