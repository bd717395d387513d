// SharedMap: a dictionary that processes share. Not part of sharedctypes.hpp, which stays free of
// Boost.Container: include it by its own name.
#pragma once

#include <boost/container/map.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/shared_container.hpp"
#include "multiprocessing/detail/shared_text.hpp"

namespace multiprocessing {

namespace detail {

template <class K, class V>
using StoredPair = std::pair<const typename Stored<K>::type, typename Stored<V>::type>;

template <class K, class V>
using StoredMap = boost::container::map<typename Stored<K>::type, typename Stored<V>::type,
                                        StoredLess, ArenaAllocator<StoredPair<K, V>>>;

}  // namespace detail

/// An ordered dictionary in shared memory: the in-memory alternative to a Manager's dict. Keys and
/// values are trivially copyable types or `std::string`.
///
///     mp::SharedMap<std::string, int> words;
///     words.change("hello", [](int& count) { ++count; });  // one critical section
///
///     const auto all = words.access();                     // one for many operations
///     for (auto& [word, count] : *all) count = 0;
///
/// When a process is killed inside, the next access throws, and the content may be repaired:
///
///     } catch (const mp::OwnerDied&) {
///       const auto left = words.recover();                 // holds the lock
///       if (!left.sound()) ...                             // half changed: words.drop() is safe
///     }
///
/// Inside `access()` and `update` it is Boost's map; text there is a `SharedText`, which is given
/// the map's allocator. For what happens when a process is killed inside, see `SharedContainer`.
///
/// Each call below is one critical section: it takes the lock, throws `OwnerDied` where its holder
/// died, and `OSError` where shared memory runs out. Keys and values are copied in and out; there
/// is no system call as long as the lock is free and memory at hand. A look-up takes a time that
/// grows with the logarithm of the size. Any process and thread may use it. Python:
/// `Manager().dict()`, where each call is a message to another process and back.
template <class K, class V, class L = RLock>
class SharedMap : public SharedContainer<detail::StoredMap<K, V>, L> {
  using Key = detail::Stored<K>;
  using Mapped = detail::Stored<V>;

 public:
  /// Empty. Made at first use.
  SharedMap() = default;

  /// The value of the key, or none when it is not there; Python's `d.get(key)`.
  [[nodiscard]] std::optional<V> get(const K& key) const {
    const auto all = this->read();
    const auto found = all->find(Key::key(key));
    if (found == all->end()) return std::nullopt;
    return Mapped::get(found->second);
  }

  /// The value of the key; Python's `d[key]`. Throws `KeyError` when it is not there.
  [[nodiscard]] V at(const K& key) const {
    if (std::optional<V> found = get(key)) return std::move(*found);
    throw KeyError("a SharedMap has no such key");
  }

  /// Python's `key in d`. Another process may change it before the caller acts on the answer: hold
  /// `access()` over both, or use `change`.
  [[nodiscard]] bool contains(const K& key) const {
    const auto all = this->read();
    return all->find(Key::key(key)) != all->end();
  }

  /// Adds the key or replaces its value; Python's `d[key] = value`.
  void set(const K& key, const V& value) const {
    const auto all = this->access();
    place(*all, key) = Mapped::put(value, this->allocator());
  }

  /// Calls `change` with a reference to the key's value, an empty one if the key is new, and
  /// returns what it returns: read, compute and write in one critical section.
  template <class F>
  std::decay_t<std::invoke_result_t<F&, typename Mapped::type&>> change(const K& key,
                                                                        F change) const {
    const auto all = this->access();
    return change(place(*all, key));
  }

  /// Removes the key; returns whether it was there.
  bool erase(const K& key) const {
    const auto all = this->access();
    const auto found = all->find(Key::key(key));
    if (found == all->end()) return false;
    all->erase(found);
    return true;
  }

  /// A copy of all of it as it is now, in one critical section; other processes wait meanwhile.
  [[nodiscard]] std::map<K, V> copy() const {
    const auto all = this->read();
    std::map<K, V> items;
    for (const auto& [key, value] : *all)
      items.emplace_hint(items.end(), Key::get(key), Mapped::get(value));
    return items;
  }

 private:
  typename Mapped::type& place(detail::StoredMap<K, V>& all, const K& key) const {
    const auto found = all.find(Key::key(key));
    if (found != all.end()) return found->second;
    return all.emplace(Key::put(key, this->allocator()), Mapped::put(V{}, this->allocator()))
        .first->second;
  }
};

}  // namespace multiprocessing

template <class K, class V, class L>
struct std::hash<multiprocessing::SharedMap<K, V, L>> : multiprocessing::detail::HashOfMemory {};
