// ArenaAllocator: containers with all their memory in the family's shared memory.
#pragma once

#include <boost/interprocess/offset_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing {

namespace detail {

/// Memory that belongs to `object`, which the caller holds: freed by free_member or with it.
[[nodiscard]] MULTIPROCESSING_API void* allocate_member(std::uint64_t object, std::size_t bytes);

/// Does nothing for memory that does not belong to the object, or not any more.
MULTIPROCESSING_API void free_member(std::uint64_t object, void* memory) noexcept;

/// Has this process map what others have allocated so far, which may lie where it has never been.
/// Before the pointers of a container are followed, with its lock held. Throws OSError with the
/// figures when a limit of address space (`RLIMIT_AS`) forbids that; the container is as it was.
MULTIPROCESSING_API void reach_members();

/// Frees all memory that belongs to the object at once: for a container that a process left half
/// changed when it died. No other thread may use that memory meanwhile.
MULTIPROCESSING_API void free_members(const Handle& object);

}  // namespace detail

/// A standard allocator for memory that belongs to one object in the family's shared memory, so
/// that the containers of Boost.Container and Boost.Interprocess can live in that object and be
/// used by all processes that hold it. `SharedContainer` makes such a container, brings its lock,
/// and has each process map what the others have allocated before it looks:
///
///     using Numbers = boost::container::deque<int, mp::ArenaAllocator<int>>;
///     mp::SharedContainer<Numbers> numbers;
///     numbers.access()->push_back(1);
///
/// A process that reaches the container by a pointer that it kept, or because a flag of its own
/// says so, has perhaps not mapped what others have put in: it may meet an address that is not
/// there. Plain values and arrays, which have no pointers, are always there.
///
/// Allocating and freeing are safe in any thread of any process of the family; the container wants
/// a lock, like any other. What is allocated is the object's from one store on, and is freed with
/// the object, wherever its last user drops it or dies. Destructors do not run then, so elements
/// may own memory of the same object and nothing else.
///
/// A process killed in the middle of an operation of a container leaves memory that is the
/// object's and a container that may be half changed, to be mended or dropped; see
/// `SharedContainer`.
///
/// Throws OSError with the figures when memory is short, ProcessError outside the family.
template <class T>
class ArenaAllocator {
 public:
  using value_type = T;
  using pointer = boost::interprocess::offset_ptr<T>;
  using const_pointer = boost::interprocess::offset_ptr<const T>;
  using void_pointer = boost::interprocess::offset_ptr<void>;
  using const_void_pointer = boost::interprocess::offset_ptr<const void>;
  using reference = std::add_lvalue_reference_t<T>;
  using const_reference = std::add_lvalue_reference_t<const T>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  template <class U>
  struct rebind {
    using other = ArenaAllocator<U>;
  };

  /// Memory that belongs to `object`.
  ArenaAllocator(const detail::Handle& object) : object_(object.offset()) {}
  template <class U>
  ArenaAllocator(const ArenaAllocator<U>& other) noexcept : object_(other.object()) {}

  [[nodiscard]] pointer allocate(size_type count) {
    static_assert(alignof(T) <= 64, "blocks of the shared memory are aligned to 64 bytes");
    if (count > max_size()) throw std::bad_array_new_length{};
    return pointer{static_cast<T*>(detail::allocate_member(object_, count * sizeof(T)))};
  }
  void deallocate(const pointer& memory, size_type) noexcept {
    detail::free_member(object_, memory.get());
  }
  [[nodiscard]] size_type max_size() const noexcept {
    return static_cast<size_type>((std::numeric_limits<difference_type>::max)()) / sizeof(T);
  }

  /// The place of the object that the memory belongs to.
  [[nodiscard]] std::uint64_t object() const noexcept { return object_; }

  template <class U>
  friend bool operator==(const ArenaAllocator& a, const ArenaAllocator<U>& b) noexcept {
    return a.object() == b.object();
  }

 private:
  std::uint64_t object_;
};

}  // namespace multiprocessing
