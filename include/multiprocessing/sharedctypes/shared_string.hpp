// SharedString: text that processes share, and that grows. Not part of sharedctypes.hpp, which
// stays free of Boost.Container: include it by its own name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "multiprocessing/detail/shared_container.hpp"
#include "multiprocessing/detail/shared_text.hpp"

namespace multiprocessing {

/// Text of any length in shared memory, and its lock. (`Array<char>` has a fixed size, and is
/// Python's.)
///
///     mp::SharedString log;
///     log.append("one line\n");
///
/// Each call is one critical section, which throws `OwnerDied` where the lock's holder died and
/// `OSError` where shared memory runs out. Text is copied in and out. Any process and thread may
/// use it; copies, and what a child is given, are the same text.
///
/// Inside `access()` and `update` it is a `SharedText`. For what happens when a process is killed
/// inside, see `SharedContainer`.
template <class L = RLock>
class BasicSharedString : public SharedContainer<SharedText, L> {
 public:
  /// Empty. Made at first use.
  BasicSharedString() = default;
  explicit BasicSharedString(std::string_view text) { set(text); }

  /// A copy of the text as it is now.
  [[nodiscard]] std::string str() const {
    const auto text = this->read();
    return {text->data(), text->size()};
  }

  /// Replaces the text, or adds to its end.
  void set(std::string_view text) const { this->access()->assign(text.data(), text.size()); }
  void append(std::string_view text) const { this->access()->append(text.data(), text.size()); }
};

/// With an `RLock`, as all shared objects that name no other lock.
using SharedString = BasicSharedString<>;

}  // namespace multiprocessing

template <class L>
struct std::hash<multiprocessing::BasicSharedString<L>> : multiprocessing::detail::HashOfMemory {};
