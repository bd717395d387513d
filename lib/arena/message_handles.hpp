// Handles inside messages: a message holds what it mentions until it is received or dropped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arena/link.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

/// Collects the handles that are serialised on this thread while it is in scope. Keeps them alive.
class MULTIPROCESSING_API OutgoingHandles {
 public:
  OutgoingHandles() = default;
  OutgoingHandles(OutgoingHandles&&) noexcept = default;

  [[nodiscard]] std::span<const Handle> handles() const { return handles_; }
  void add(const Handle& handle);  // once each
  void clear() { handles_.clear(); }

  /// Adds to the collection in scope on this thread; throws SerializationError when there is none.
  static void collect(const Handle& handle);

  /// Whether a collection is in scope on this thread: some values can be sent with handles or
  /// without.
  [[nodiscard]] static bool can_collect();

  /// While alive, handles saved on this thread are added to the collection it was made for.
  class MULTIPROCESSING_API Scope {
   public:
    explicit Scope(OutgoingHandles& into);
    ~Scope();
    Scope(const Scope&) = delete;

   private:
    OutgoingHandles* previous_;
  };

 private:
  std::vector<Handle> handles_;
};

/// While alive, handles loaded on this thread must be among those that `links` hold; anything else
/// in the bytes is refused with SerializationError.
class MULTIPROCESSING_API IncomingHandles {
 public:
  explicit IncomingHandles(std::span<const Link> links);
  ~IncomingHandles();
  IncomingHandles(const IncomingHandles&) = delete;

  [[nodiscard]] bool holds(std::uint64_t offset) const;

  /// Whether a message being received on this thread holds the object.
  [[nodiscard]] static bool permit(std::uint64_t offset);

 private:
  std::span<const Link> links_;
  const IncomingHandles* previous_;
};

/// Names one object for ever, for code that does not hold it.
struct ObjectName {
  std::uint64_t offset = 0;
  std::uint64_t maker = 0;  // its owner word, which no other object at that place ever has
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};
[[nodiscard]] MULTIPROCESSING_API ObjectName name_of(const Handle& object);

/// Whether a process or a link still holds it: a dead process counts until its death is settled.
[[nodiscard]] MULTIPROCESSING_API bool exists(const ObjectName& name);

/// The links of an object made by Handle::make(bytes, links).
[[nodiscard]] MULTIPROCESSING_API std::span<Link> links_of(const Handle& object);

/// From now on `link` holds the object. It was empty, and no other thread may write it meanwhile.
MULTIPROCESSING_API void hold(Link& link, const Handle& object);

/// Drops what `link` holds, or frees the block it owns; the object is freed if that was the last.
/// No other thread may write the link meanwhile; if the caller dies in it, it may be called again.
MULTIPROCESSING_API void release(Link& link);

/// A handle to the object that `link` holds. The link must not be released meanwhile.
[[nodiscard]] MULTIPROCESSING_API Handle handle_from(const Link& link);

/// The memory of the object that `link` holds, for as long as it holds it; null for none.
[[nodiscard]] MULTIPROCESSING_API void* body_of(const Link& link);

/// How many processes and links hold the object.
[[nodiscard]] MULTIPROCESSING_API std::uint32_t holders_of(const Handle& object);

}  // namespace multiprocessing::detail
