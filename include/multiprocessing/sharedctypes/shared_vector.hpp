// SharedVector: a vector that processes share, and that grows. Not part of sharedctypes.hpp, which
// stays free of Boost.Container: include it by its own name.
#pragma once

#include <boost/container/vector.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "multiprocessing/detail/shared_container.hpp"
#include "multiprocessing/detail/shared_text.hpp"

namespace multiprocessing {

/// A vector in shared memory: the in-memory alternative to a Manager's list. Its elements are
/// trivially copyable types or `std::string`.
///
///     mp::SharedVector<int> found;
///     found.push_back(7);                                       // one critical section each
///     found.update([](auto& all) { std::ranges::sort(all); });  // and one for as much as you like
///
/// Inside `access()` and `update` it is Boost's vector; text there is a `SharedText`, which is
/// given the vector's allocator. For what happens when a process is killed inside, see
/// `SharedContainer`.
///
/// Each call below is one critical section: it takes the lock, throws `OwnerDied` where its holder
/// died, and `OSError` where shared memory runs out. Elements are copied in and out. Growing moves
/// all of them now and then, as in `std::vector`. Any process and thread may use it. Python:
/// `Manager().list()`, where each call is a message to another process and back.
template <class T, class L = RLock>
class SharedVector : public SharedContainer<
                         boost::container::vector<typename detail::Stored<T>::type,
                                                  ArenaAllocator<typename detail::Stored<T>::type>>,
                         L> {
  using Stored = detail::Stored<T>;

 public:
  /// Empty. Made at first use.
  SharedVector() = default;
  SharedVector(std::initializer_list<T> items) {
    const auto all = this->access();
    for (const T& item : items) all->push_back(Stored::put(item, this->allocator()));
  }

  /// Adds an element at the end; Python's `v.append(item)`.
  void push_back(const T& item) const {
    this->access()->push_back(Stored::put(item, this->allocator()));
  }

  /// A copy of the element. Counts from the end when negative. Throws `IndexError`.
  [[nodiscard]] T at(std::ptrdiff_t index) const {
    const auto all = this->read();
    return Stored::get((*all)[detail::place_of(index, all->size())]);
  }

  /// Replaces the element; Python's `v[index] = item`. Throws `IndexError`.
  void set(std::ptrdiff_t index, const T& item) const {
    const auto all = this->access();
    (*all)[detail::place_of(index, all->size())] = Stored::put(item, this->allocator());
  }

  /// Takes the last element away and returns it; Python's `v.pop()`. Throws `IndexError` when there
  /// is none.
  T pop_back() const {
    const auto all = this->access();
    T last = Stored::get((*all)[detail::place_of(-1, all->size())]);
    all->pop_back();
    return last;
  }

  /// A copy of all elements as they are now, in one critical section; other processes wait
  /// meanwhile.
  [[nodiscard]] std::vector<T> copy() const {
    const auto all = this->read();
    std::vector<T> items;
    items.reserve(all->size());
    for (const auto& item : *all) items.push_back(Stored::get(item));
    return items;
  }
};

}  // namespace multiprocessing

template <class T, class L>
struct std::hash<multiprocessing::SharedVector<T, L>> : multiprocessing::detail::HashOfMemory {};
