// Methods of what a manager keeps, in a table: names, and how many arguments they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "managers/contents.hpp"
#include "managers/errors.hpp"
#include "managers/referent.hpp"

namespace multiprocessing::detail {

/// How CPython has written a method, on which depends what it says of wrong arguments.
enum class Form : std::uint8_t {
  none,            // "list.copy() takes no arguments (1 given)"
  one,             // "list.append() takes exactly one argument (0 given)"
  range,           // "pop expected at most 1 argument, got 2"
  wrapper,         // "expected 1 argument, got 0"
  spaced_wrapper,  // " expected 1 argument, got 0"
  any,             // takes any number, and no keywords
  own,             // checks by itself
};

/// What becomes of arguments that are proxies of this server's objects.
enum class Proxies : std::uint8_t { kept, looked_into };

struct Signature {
  std::string_view name;
  Form form;
  std::size_t least = 0;
  std::size_t most = least;
  Proxies proxies = Proxies::kept;
};

/// Throws TypeError, with Python's text, for a number of arguments that the method does not take.
void check_arguments(std::string_view type, const Signature& signature, const Call& call);

/// The same for a constructor such as list(): up to one argument and no keywords.
void check_constructor(std::string_view type, const std::vector<Object>& args, const Object& kwds);

template <class T>
struct Method {
  Signature signature;
  Outcome (T::*run)(const Call& call);
};

/// A referent of which `T::table()` lists the methods and `T::type` is the name. Names that begin
/// with '#' are the family's own: clients of ours call them, and they are not told to Python's.
template <class T>
class ByTable : public Referent {
 public:
  [[nodiscard]] const std::vector<std::string>& methods() const override {
    static const std::vector<std::string> names = [] {
      std::vector<std::string> found;
      for (const Method<T>& method : T::table())
        if (method.signature.name.front() != '#') found.emplace_back(method.signature.name);
      return found;
    }();
    return names;
  }

  std::optional<Outcome> call(Call& call) override {
    for (const Method<T>& method : T::table()) {
      if (method.signature.name != call.method) continue;
      check_arguments(T::type, method.signature, call);
      if (method.signature.proxies == Proxies::kept)
        return (static_cast<T&>(*this).*method.run)(call);
      const std::vector<Object> args = contents_of(call.args, call.others);
      return (static_cast<T&>(*this).*
              method.run)({call.method, args, call.kwds, call.caller, call.others, call.waiting});
    }
    raise_unknown_method(T::type, call.method);
  }
};

}  // namespace multiprocessing::detail
