// The base of shared containers: a container in the arena, its lock, and a note of whether a dead
// holder was changing it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

#include "multiprocessing/arena/allocator.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/carried_lock.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/shared_cells.hpp"
#include "multiprocessing/synchronize/rlock.hpp"

namespace multiprocessing {

namespace detail {

/// Stands before the container. All of it is guarded by the container's lock; a process that takes
/// the lock over reads what a dead holder left.
struct ContainerState {
  std::atomic<std::uint32_t> made;      // 0: the memory behind it is no container yet
  std::atomic<std::uint32_t> changing;  // how many levels of the holder may change it now
};

using MakeContainer = void (*)(void* memory, const Handle& object);

/// With the lock held. The container is made if it is not there.
MULTIPROCESSING_API void begin_use(ContainerState& state, const Handle& object, void* memory,
                                   MakeContainer make, bool changes);
MULTIPROCESSING_API void end_use(ContainerState& state, bool changes) noexcept;

/// With the lock held: frees all that the container has. The next use makes it anew.
MULTIPROCESSING_API void drop_container(ContainerState& state, const Handle& object);

}  // namespace detail

/// A container of Boost's in shared memory, and its lock; see `SharedVector`, `SharedString`,
/// `SharedMap`, which add the everyday operations.
///
/// A handle: copies, and what a child or a message is given, are the same container. It is its lock
/// too, so that guards take it; the lock may be taken again by the thread that holds it.
///
/// When a process dies holding it, whatever it was doing, every access throws `OwnerDied` until one
/// caller takes it over: by `recover()`, to repair the content, or by `drop()`, to begin anew.
template <class C, class L = RLock>
class SharedContainer : public detail::carried_lock<L> {
  struct Body {
    detail::ContainerState state;
    alignas(C) std::byte memory[sizeof(C)];
  };

 public:
  using container_type = C;

  /// Shows the container and holds its lock until the end of the scope.
  template <class Shown>
  class Access {
   public:
    ~Access() {
      detail::end_use(owner_.body().state, changes);
      owner_.release();
    }
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

    Shown* operator->() const { return shown_; }
    Shown& operator*() const { return *shown_; }

    /// After `recover()`: whether the dead process was only reading, so that nothing needs repair.
    /// If not, the content may be half changed and unsafe even to look at: `drop()` is always safe.
    [[nodiscard]] bool sound() const { return sound_; }

   private:
    friend class SharedContainer;
    static constexpr bool changes = !std::is_const_v<Shown>;

    // The lock is held.
    Access(const SharedContainer& owner, bool recovered) : owner_(owner) {
      Body& body = owner_.body();
      try {
        detail::reach_members();
        if (recovered) sound_ = body.state.changing.exchange(0) == 0;
        detail::begin_use(body.state, owner_.body_, body.memory, make, changes);
      } catch (...) {
        owner_.give_back(recovered);
        throw;
      }
      shown_ = reinterpret_cast<Shown*>(body.memory);
    }

    const SharedContainer owner_;  // keeps the container alive
    bool sound_ = true;
    Shown* shown_ = nullptr;
  };

  /// Empty. Made at first use, which throws `OSError` when shared memory runs out.
  SharedContainer() : body_(maker) {}

  /// Holds the lock while the result lives: `v.access()->push_back(1)`, or keep it for more.
  [[nodiscard]] Access<C> access() const {
    L::acquire();
    return {*this, false};
  }
  /// The same for reading only. A death in between leaves the container `sound()`.
  [[nodiscard]] Access<const C> read() const {
    L::acquire();
    return {*this, false};
  }

  /// Calls `change` with the container, in one critical section; returns what it returns.
  template <std::invocable<C&> F>
  std::decay_t<std::invoke_result_t<F&, C&>> update(F change) const {
    const auto held = access();
    return change(*held);
  }

  /// Takes over from a dead holder, and shows what it left, for the caller to repair: see
  /// `Access::sound()`. Throws `ValueError` unless the last holder died.
  [[nodiscard]] Access<C> recover() const {
    L::recover();
    return {*this, true};
  }

  /// Begins anew with nothing in it, whether the last holder died or not.
  void drop() const {
    bool recovered = false;
    try {
      L::acquire();
    } catch (const OwnerDied&) {
      L::recover();
      recovered = true;
    }
    try {
      detail::reach_members();
      detail::drop_container(body().state, body_);
    } catch (...) {
      give_back(recovered);
      throw;
    }
    L::release();
  }

  [[nodiscard]] bool empty() const { return read()->empty(); }
  [[nodiscard]] std::size_t size() const { return read()->size(); }
  void clear() const { access()->clear(); }

  friend bool operator==(const SharedContainer& a, const SharedContainer& b) {
    return a.body_ == b.body_;
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    L::serialize(archive, version);
    archive& body_;
  }

 protected:
  /// For elements that have memory of their own.
  [[nodiscard]] ArenaAllocator<char> allocator() const { return {body_}; }

 private:
  friend struct detail::HashOfMemory;
  [[nodiscard]] const detail::Handle& memory() const { return body_; }

  /// Releases the lock as it was found, because the container cannot be reached.
  void give_back(bool recovered) const {
    if (recovered)
      L::leave_unmended();
    else
      L::release();
  }

  [[nodiscard]] Body& body() const { return *body_.as<Body>(); }
  static void make(void* memory, const detail::Handle& object) {
    new (memory) C(typename C::allocator_type{object});
  }

  // Its link, which is not used, has it begin at a multiple of 64.
  static constexpr detail::ObjectMaker maker{sizeof(Body), nullptr, 1};

  detail::Handle body_;
};

}  // namespace multiprocessing
