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
/// Inside `access()` and `update` it is Boost's map; text there is a `SharedText`, which is given
/// the map's allocator. For what happens when somebody is killed inside, see `SharedContainer`.
template <class K, class V, class L = RLock>
class SharedMap : public SharedContainer<detail::StoredMap<K, V>, L> {
  using Key = detail::Stored<K>;
  using Mapped = detail::Stored<V>;

 public:
  SharedMap() = default;

  /// Nothing when the key is not there.
  [[nodiscard]] std::optional<V> get(const K& key) const {
    const auto all = this->read();
    const auto found = all->find(Key::key(key));
    if (found == all->end()) return std::nullopt;
    return Mapped::get(found->second);
  }
  /// Throws `KeyError` when the key is not there.
  [[nodiscard]] V at(const K& key) const {
    if (std::optional<V> found = get(key)) return std::move(*found);
    throw KeyError("a SharedMap has no such key");
  }
  [[nodiscard]] bool contains(const K& key) const {
    const auto all = this->read();
    return all->find(Key::key(key)) != all->end();
  }

  void set(const K& key, const V& value) const {
    const auto all = this->access();
    place(*all, key) = Mapped::put(value, this->allocator());
  }

  /// Has `change` work on the key's value, an empty one if the key is new; gives what it gives.
  template <class F>
  std::decay_t<std::invoke_result_t<F&, typename Mapped::type&>> change(const K& key,
                                                                        F change) const {
    const auto all = this->access();
    return change(place(*all, key));
  }

  /// Says whether the key was there.
  bool erase(const K& key) const {
    const auto all = this->access();
    const auto found = all->find(Key::key(key));
    if (found == all->end()) return false;
    all->erase(found);
    return true;
  }

  /// All of it as it is now.
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
