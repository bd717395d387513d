// Referent: what a manager's server keeps behind an id.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

class Referent;
class WaitingCalls;  // waiting.hpp

/// A new object that a call gives: the client gets a proxy of it ('#PROXY').
struct Made {
  std::string type_id;
  std::shared_ptr<Referent> object;
};

/// What a call gives: a value, or a new object. An error is thrown.
using Outcome = std::variant<Object, Made>;

/// Thrown by a referent where the exception of Python has to be exact: KeyError(1) has an int as
/// its argument, which the class of C++ cannot keep. Other exceptions become those of Python by the
/// table on pickle's page.
class MULTIPROCESSING_API PythonError : public std::runtime_error {
 public:
  /// An exception of Python's `builtins`, such as "KeyError".
  PythonError(std::string_view builtin, std::vector<Object> args);
  [[nodiscard]] const Object& error() const noexcept { return error_; }

 private:
  explicit PythonError(Object error);
  Object error_;  // an instance of the exception
};

/// The other objects of the server.
class MULTIPROCESSING_API Referents {
 public:
  virtual ~Referents();

  /// What a value that is a proxy (RebuildProxy) stands for. Null for other values, and for proxies
  /// of other servers and of objects that are gone. Python's `d.update(other_proxy)` needs it.
  [[nodiscard]] virtual std::shared_ptr<Referent> behind(const Object& value) const = 0;
};

/// The origin of a call. A channel is one thread of one client. Of a client on this machine the
/// process is known; elsewhere each channel counts as a process of its own.
struct Caller {
  std::uint64_t channel = 0;
  std::uint64_t process = 0;
};

/// One call of a method by a client.
struct Call {
  std::string_view method;
  const std::vector<Object>& args;
  const Object& kwds;  // a dict
  Caller caller;
  const Referents& others;
  WaitingCalls& waiting;  // keeps a call that has to wait
};

/// All calls of one referent come one after the other, from the server's loop.
class MULTIPROCESSING_API Referent {
 public:
  Referent() = default;
  Referent(const Referent&) = delete;
  Referent& operator=(const Referent&) = delete;
  virtual ~Referent();

  /// What clients may call by name, in CPython's order ('exposed').
  [[nodiscard]] virtual const std::vector<std::string>& methods() const = 0;

  /// Runs the method, which is one of `methods()` or begins with '#'. Throws the callee's error,
  /// and for an unknown method beginning with '#' an AttributeError. Nothing: the call waits, and
  /// is answered later by `waiting`.
  virtual std::optional<Outcome> call(Call& call) = 0;

  /// As Python prints the referent.
  [[nodiscard]] virtual std::string repr() const = 0;
  [[nodiscard]] virtual std::string str() const { return repr(); }

  /// The referent itself by value ('#GETVALUE'). Throws TypeError where there is none.
  [[nodiscard]] virtual Object value() const = 0;

  /// Each value that is kept, so that proxies inside it can be found. Nothing is looked at while
  /// no proxy is inside any value of the server.
  virtual void for_each_value(const std::function<void(const Object&)>& look) const { (void)look; }

  /// The channel's call has waited for as long as it was to: it has to be answered now.
  virtual void timed_out(std::uint64_t channel) { (void)channel; }

  /// A channel, or its whole process, has ended; only told after `waiting.watch`. What it holds is
  /// given back, and its waiting calls are dropped without an answer.
  virtual void channel_ended(std::uint64_t channel) { (void)channel; }
  virtual void process_ended(std::uint64_t process) { (void)process; }

  /// A method of the user's class, which may take long.
  [[nodiscard]] virtual bool may_be_slow() const { return false; }
};

}  // namespace multiprocessing::detail
