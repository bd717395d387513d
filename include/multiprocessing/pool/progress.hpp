// Progress: how far a call over a range has come, as a bar or for the program.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// What `MapOptions::progress` takes. `true`: a bar on standard error with rate and time left,
/// drawn ten times a second at most, and nothing where standard error is no terminal. Or a
/// callable:
///
///     pool.map(f, items, {.progress = [](std::size_t done, std::size_t all) { … }});
///
/// It is told how many elements are done, failed ones included, and how many there are; 0 of a
/// range that does not know its size. It runs in the thread that waits for the results, `map`
/// itself, `get` and `wait`, or `next`; by `map`, `get` and `wait` ten times a second at most and
/// at the end, by `next` for each chunk. What it throws comes out of that call, and it is called no
/// more: `map` ends, while results of the others can be read as before.
class Progress {
 public:
  Progress(bool bar = false) : bar_(bar) {}

  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Progress> &&
           std::invocable<F&, std::size_t, std::size_t>) Progress(F call)
      : call_(std::move(call)) {}

  [[nodiscard]] bool wanted() const { return bar_ || call_ != nullptr; }
  [[nodiscard]] bool bar() const { return bar_; }
  [[nodiscard]] const std::function<void(std::size_t, std::size_t)>& call() const { return call_; }

 private:
  bool bar_ = false;
  std::function<void(std::size_t, std::size_t)> call_;
};

}  // namespace multiprocessing
