// The names that a pickle may mention: an exact list, and nothing else is ever looked up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What a name is good for.
enum class NameForm : std::uint8_t {
  list,  // these make a value of the kind
  set,
  frozenset,
  bytearray,
  bytes,
  encode,          // bytes from text, in protocols 0 to 2
  reconstructor,   // an instance, in protocols 0 and 1
  object,          // an argument of that
  ellipsis,        // a value by itself
  called,          // an instance made by calling it with its arguments
  exception,       // the same, of an exception
  stateful,        // an instance made without arguments, that then gets its state
  partial,         // multiprocessing.reduction._rebuild_partial
  shareable_list,  // what that one is for
  proxy_class,     // an argument of RebuildProxy
};

struct KnownName {
  std::string_view module;
  std::string_view name;
  NameForm form;
  std::uint8_t least = 0;  // arguments of a call
  std::uint8_t most = 255;
};

/// Null for a name that is not in the list. Spellings of Python 2 mean those of Python 3.
[[nodiscard]] MULTIPROCESSING_API const KnownName* find_name(std::string_view module,
                                                             std::string_view name) noexcept;

/// "builtins.KeyError".
[[nodiscard]] MULTIPROCESSING_API std::string full_name(const KnownName& name);

/// What Python's `type(x).__name__` says of an instance.
[[nodiscard]] std::string class_name(const KnownName& name);

}  // namespace multiprocessing::detail
