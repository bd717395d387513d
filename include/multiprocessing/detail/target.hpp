// What a Process runs, without its types.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

class Process;
struct ProcessOptions;

}  // namespace multiprocessing

namespace multiprocessing::detail {

class Child;

enum class StartMethod : unsigned char { forkserver, fork, spawn };  // the default first

/// What a Process is beyond its target: none of both for an ordinary one.
struct ProcessKind {
  std::optional<StartMethod> method = {};  // bound to it by a context
  const std::type_info* type = nullptr;    // the user's class
};

/// What is done in the child.
class MULTIPROCESSING_API Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work();

  /// Does it; once, because arguments are moved.
  virtual void call() = 0;
};

/// Work that can be sent: a function and its arguments.
class MULTIPROCESSING_API Target : public Work {
 public:
  ~Target() override;

  /// As bytes that read_work() reads. Throws SerializationError for what cannot be sent.
  virtual void write(Writer& writer) const = 0;
};

[[noreturn]] MULTIPROCESSING_API void throw_not_sendable_target(const std::type_info& target);
[[noreturn]] MULTIPROCESSING_API void throw_not_callable_on_arrival(const std::type_info& target);
[[noreturn]] MULTIPROCESSING_API void throw_not_sendable_object(const std::type_info& object);

/// How work is read, written in front of it: the function that knows its types.
using WorkReader = std::unique_ptr<Work> (*)(Reader&);

inline void write_work_reader(Writer& writer, WorkReader reader) {
  write_function(writer, any_function(reader));
}

/// The work that was written. Nothing of it has been done yet, and the bytes may go.
[[nodiscard]] MULTIPROCESSING_API std::unique_ptr<Work> read_work(Reader& reader);

/// A function and its arguments, of the types that they were given as, after their arrival.
template <class F, class... A>
class ReceivedCall final : public Work {
 public:
  explicit ReceivedCall(Reader& reader)
      : function_(read_callable<F>(reader)), arguments_{read<arrival_t<A>>(reader)...} {}

  static std::unique_ptr<Work> make(Reader& reader) {
    return std::make_unique<ReceivedCall>(reader);
  }

  void call() override { invoke_on_arrival<F&, A...>(function_, arguments_); }

 private:
  F function_;
  std::tuple<arrival_t<A>...> arguments_;  // braces above: read from left to right
};

/// Whether a callable of this type can be sent is known here; whether it has to be is known when
/// the process starts, so under `fork` it may be anything.
template <class F, class... A>
class TargetOf final : public Target {
 public:
  template <class G, class... B>
  explicit TargetOf(std::in_place_t, G&& function, B&&... arguments)
      : function_(std::forward<G>(function)), arguments_(std::forward<B>(arguments)...) {}

  void call() override {
    std::tuple<A...> own = std::move(arguments_);  // a forked child's, and no copy of its parent's
    std::apply([this](A&... arguments) { std::invoke(function_, std::move(arguments)...); }, own);
  }

  void write(Writer& writer) const override {
    if constexpr (!is_sendable_callable<F>) {
      throw_not_sendable_target(typeid(F));
    } else if constexpr (!is_call<F, A...>) {
      throw_not_callable_on_arrival(typeid(F));
    } else {
      write_work_reader(writer, &ReceivedCall<F, A...>::make);
      write_callable(writer, function_);
      std::apply([&](const A&... arguments) { (detail::write(writer, arguments), ...); },
                 arguments_);
    }
  }

 private:
  F function_;
  std::tuple<A...> arguments_;
};

/// Compiles if `F` can be a target with these arguments; otherwise says what to do instead. A
/// lambda with captures may be one, because under fork nothing is sent; arguments are sent or not
/// as the start method says, so they always have to be sendable.
template <class F, class... A>
std::unique_ptr<Target> make_target(F&& function, A&&... arguments) {
  using Callable = std::decay_t<F>;
  (check_sendable<arrival_t<A>>(), ...);
  if constexpr (!(sendable<arrival_t<A>>() && ...)) {
    return nullptr;  // the texts are all that there is to say
  } else if constexpr (std::is_invocable_v<Callable&, std::decay_t<A>...>) {
    return std::make_unique<TargetOf<Callable, std::decay_t<A>...>>(
        std::in_place, std::forward<F>(function), std::forward<A>(arguments)...);
  } else if constexpr (std::is_invocable_v<Callable&, std::decay_t<A>&...>) {
    static_assert(
        never<F>,
        "multiprocessing: the target has a parameter that is a non-const reference. Arguments are "
        "copies of its own, as with std::thread: take them by value or const reference, and what "
        "both sides are to change as a handle such as mp::Value.");
    return nullptr;
  } else {
    static_assert(
        never<F>,
        "multiprocessing: the target cannot be called with these arguments: their number or the "
        "type of one is another. They arrive as values of their own, text as std::string.");
    return nullptr;
  }
}

/// What may stand where a target is wanted; what stands before one there is told apart by it.
template <class F>
concept TargetLike = !std::derived_from<std::remove_cvref_t<F>, Process> &&
                     !std::same_as<std::remove_cvref_t<F>, ProcessOptions>;

/// While alive, the next Process that is made on this thread is the calling process itself, as the
/// object that its parent started.
class MULTIPROCESSING_API ReceivingProcess {
 public:
  ReceivingProcess();
  ~ReceivingProcess();
  ReceivingProcess(const ReceivingProcess&) = delete;
  ReceivingProcess& operator=(const ReceivingProcess&) = delete;
};

/// A user's process object as it arrived.
template <class Object>
class ReceivedObject final : public Work {
 public:
  explicit ReceivedObject(Reader& reader) { read_into(reader, object_); }

  static std::unique_ptr<Work> make(Reader& reader) {
    const ReceivingProcess receiving;
    return std::make_unique<ReceivedObject>(reader);
  }

  void call() override { object_.run(); }

 private:
  Object object_;
};

template <class Object>
void write_object(Writer& writer, const Object& object) {
  if constexpr (std::default_initializable<Object> && form<Object> == Form::user) {
    write_work_reader(writer, &ReceivedObject<Object>::make);
    write_value(writer, object);
  } else {
    throw_not_sendable_object(typeid(Object));
  }
}

}  // namespace multiprocessing::detail
