// SharedString: text that processes share, and that grows. Not part of sharedctypes.hpp, which
// stays free of Boost.Container: include it by its own name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "multiprocessing/detail/shared_container.hpp"
#include "multiprocessing/detail/shared_text.hpp"

namespace multiprocessing {

/// Text of any length in shared memory. (`Array<char>` has a fixed size, and is Python's.)
///
///     mp::SharedString log;
///     log.append("one line\n");
///
/// Inside `access()` and `update` it is a `SharedText`. For what happens when somebody is killed
/// inside, see `SharedContainer`.
template <class L = RLock>
class BasicSharedString : public SharedContainer<SharedText, L> {
 public:
  BasicSharedString() = default;
  explicit BasicSharedString(std::string_view text) { set(text); }

  [[nodiscard]] std::string str() const {
    const auto text = this->read();
    return {text->data(), text->size()};
  }
  void set(std::string_view text) const { this->access()->assign(text.data(), text.size()); }
  void append(std::string_view text) const { this->access()->append(text.data(), text.size()); }
};

using SharedString = BasicSharedString<>;

}  // namespace multiprocessing

template <class L>
struct std::hash<multiprocessing::BasicSharedString<L>> : multiprocessing::detail::HashOfMemory {};
