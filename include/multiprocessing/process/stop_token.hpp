// StopToken: whether what runs has been asked to stop.
#pragma once

#include <cstdint>

#include "multiprocessing/detail/stop_word.hpp"

namespace multiprocessing {

/// Says to something that runs whether another process has asked it to stop. What `std::stop_token`
/// is among threads, except that it calls nothing: ask it now and then, which costs one read.
///
///     long count(mp::StopToken stop) {
///       long turns = 0;
///       while (!stop.stop_requested()) ++turns;
///       return turns;
///     }
///
/// Any thread of the process that was given it may ask, as long as the process lives, and so may
/// children forked from it. It cannot be sent.
class StopToken {
 public:
  /// Nothing that could be asked to stop.
  constexpr StopToken() = default;

  /// Whether it was asked; stays so.
  [[nodiscard]] bool stop_requested() const { return word_ != nullptr && word_->is_for(name_); }

  /// False where nothing can ask.
  [[nodiscard]] bool stop_possible() const { return word_ != nullptr; }

  /// `name` is what the word names this by, and nothing else. For libraries.
  constexpr StopToken(const detail::StopWord& word, std::uint64_t name)
      : word_(&word), name_(name) {}

 private:
  const detail::StopWord* word_ = nullptr;
  std::uint64_t name_ = 0;
};

}  // namespace multiprocessing
