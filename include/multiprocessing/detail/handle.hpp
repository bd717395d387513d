// Handle: what a Lock, a Queue, a Value … is made of: a counted reference to an object in the
// arena.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

struct HandleRecord;  // one per object that this process holds; lib/arena/handles.hpp

/// How to make the object of a handle that has not been used yet. `construct` is given zeroed
/// memory.
struct ObjectMaker {
  std::size_t bytes;
  void (*construct)(void* body);
  std::size_t links = 0;
};

/// What one process keeps beside an object. A forked child has a copy of its parent's, so it should
/// know its owner. The destructor must not touch handles or links.
class MULTIPROCESSING_API LocalPart {
 public:
  LocalPart() = default;
  LocalPart(const LocalPart&) = delete;
  virtual ~LocalPart();
};

/// A counted reference to one object in the family's shared memory.
///
/// Copies, in this process or in another one that was given a copy, are the same object; it is
/// freed when the last process drops its last handle or dies. Copying costs one local atomic
/// increment; only a process's first and last handle of an object touch shared memory.
///
/// A default handle refers to nothing; a `lazy` one makes its object at first use, when it is
/// copied, sent or inherited by a fork, whichever comes first, so that a default constructor costs
/// nothing in an object that is about to be overwritten by what was received.
///
/// May be used by any thread of any process of the family. Everything throws `ProcessError` in a
/// process outside it (a child of `_Fork` or raw `clone`).
class MULTIPROCESSING_API Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(const ObjectMaker& lazy) noexcept;
  Handle(const Handle& other);
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle other) noexcept {
    swap(other);
    return *this;
  }
  ~Handle();
  void swap(Handle& other) noexcept;

  /// Makes an object of `bytes` zeroed bytes, and `links` words that it may hold other objects by.
  /// Throws OSError when memory is short.
  [[nodiscard]] static Handle make(std::size_t bytes, std::size_t links = 0);

  /// The same of bytes that are not zeroed.
  [[nodiscard]] static Handle make_unset(std::size_t bytes, std::size_t links = 0);

  /// The same for large objects that may never be filled: memory is taken when it is first
  /// touched, so that shortage kills the process that touches it.
  [[nodiscard]] static Handle make_sparse(std::size_t bytes, std::size_t links = 0);

  /// A handle to the object at `offset`, which is held meanwhile.
  [[nodiscard]] static Handle of(std::uint64_t offset);

  /// The object's memory in this process; made now if it is lazy. Null for a default handle.
  [[nodiscard]] void* body() const;
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(body());
  }

  /// What is known of the object in this process; null before it is made.
  [[nodiscard]] const HandleRecord* record_if_made() const noexcept {
    return maker_.load() == nullptr ? record_ : nullptr;
  }

  /// What this process keeps beside the object, which has been used; null if nothing yet.
  [[nodiscard]] LocalPart* local_part() const noexcept;

  /// Keeps `part` until the last handle of this process is gone, if `expected` is what is kept now:
  /// that one is the caller's then. Says whether it does; if not, `part` is still the caller's.
  [[nodiscard]] bool keep(LocalPart* expected, LocalPart* part) const;

  /// Whether it refers to something (a lazy one does).
  [[nodiscard]] explicit operator bool() const noexcept {
    return record_ != nullptr || maker_ != nullptr;
  }

  /// The object's place in the arena: the same in every process of the family. 0 for nothing.
  [[nodiscard]] std::uint64_t offset() const;

  friend bool operator==(const Handle& a, const Handle& b) { return a.offset() == b.offset(); }

  /// Into and out of a message. Outside one (saved to a file, say) it throws SerializationError.
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value) {
      Wire wire = save();
      archive& wire.arena& wire.offset;
    } else {
      Wire wire{};
      archive& wire.arena& wire.offset;
      *this = load(wire);
    }
  }

  struct Wire {
    std::uint64_t arena;
    std::uint64_t offset;
  };
  [[nodiscard]] Wire save() const;
  [[nodiscard]] static Handle load(const Wire& wire);

 private:
  friend class HandleTable;
  explicit Handle(HandleRecord* record) noexcept : record_(record) {}

  void forget_lazy() noexcept;

  mutable HandleRecord* record_ = nullptr;
  mutable std::atomic<const ObjectMaker*> maker_{nullptr};  // null once made: then record_ is set
  mutable const Handle* previous_lazy_ = nullptr;  // lazy handles form a list, made before a fork
  mutable const Handle* next_lazy_ = nullptr;
};

}  // namespace multiprocessing::detail

template <>
struct std::hash<multiprocessing::detail::Handle> {
  std::size_t operator()(const multiprocessing::detail::Handle& handle) const {
    return std::hash<std::uint64_t>{}(handle.offset());
  }
};
