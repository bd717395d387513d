// SharedMemory: a block of memory with a name, for any program of this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// What `SharedMemory` is to do; the names are Python's.
struct SharedMemoryOptions {
  bool create = false;
  std::size_t size = 0;   // in bytes; ignored when attaching
  std::string name = {};  // empty when creating: one is made up, "psm_" and eight hex digits
  bool track = true;      // false: a created block stays whatever becomes of this process
};

/// A block of memory that programs find by its name, after Python's
/// `multiprocessing.shared_memory.SharedMemory`, and CPython finds it too: `/dev/shm/NAME`, mode
/// 0600.
///
///     mp::SharedMemory block({.create = true, .size = 4096});
///     std::span<double> numbers = block.buf<double>();
///     // elsewhere:
///     mp::SharedMemory same(block.name());
///
/// The process that creates a block is its owner, and ought to `unlink()` it. Attaching never
/// destroys, as it does in Python. When the owner is killed, the next program of this library's
/// that starts takes the block away, or `mp-clean` does. When the owner returns from main or calls
/// exit without having unlinked it, it is taken away with a warning in the log; while other
/// processes of its family live, it stays until the last of them ends, so a child can make a block
/// for its parent.
///
/// Copies share one mapping of this process, which is gone with the last of them. In a message only
/// the name travels, and arriving is attaching. Nothing guards the content. Processes that need no
/// name use `RawArray`, which needs no `/dev/shm` either.
class MULTIPROCESSING_API SharedMemory {
 public:
  /// No block; for a variable that is about to receive one.
  SharedMemory() = default;

  /// Attaches to the block of that name; slashes before it count for nothing. Opens and maps one
  /// file; a block that CPython is making just now is waited for, 200 ms at most. Throws
  /// `FileNotFoundError`, or `OSError` for a name that can be none and where there is no
  /// `/dev/shm`; `ValueError` for a name with a NUL.
  explicit SharedMemory(std::string_view name);

  /// Creates or attaches. All of a block's memory is reserved when it is created: `OSError`
  /// (ENOSPC, ENOMEM, EFBIG) when it does not fit. `FileExistsError` when the name is taken.
  /// `ValueError` for a size of 0, for neither `create` nor a name, and for a name with a NUL.
  ///
  /// The block gets its name as the last step, so a process that can attach to it sees it whole.
  /// Creating takes as long as the kernel takes to zero all of the memory.
  explicit SharedMemory(const SharedMemoryOptions& options);

  /// As it was given, or made up: then without a slash. It and the size stay after `close()`.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// In bytes, exact; the kernel's memory is whole pages.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The memory, as whole `T`s that fit. It begins at a page. Throws `ValueError` after `close()`.
  ///
  /// A span does not keep the block: one that is used after the last copy was closed or destroyed
  /// touches memory that is gone. (Python counts its views and raises `BufferError`; C++ cannot.)
  template <class T = std::byte>
  [[nodiscard]] std::span<T> buf() const {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                  "multiprocessing: other programs see a SharedMemory's bytes. Its elements are "
                  "trivially copyable and hold no pointers");
    return {static_cast<T*>(memory()), size_ / sizeof(T)};
  }

  /// This object uses the block no more; again without harm. The mapping goes with the last copy
  /// that uses it, the block itself stays.
  void close() noexcept { mapping_.reset(); }

  /// Takes the name away: no process can attach from now on, and the memory is given back with the
  /// last mapping of it. Once over all processes: throws `FileNotFoundError` when the name is gone.
  /// Any process that knows the block may do it, not its owner alone.
  void unlink() const;

  /// Whether both show the same memory through one mapping of this process.
  friend bool operator==(const SharedMemory& a, const SharedMemory& b) {
    return a.mapping_ == b.mapping_ && a.name_ == b.name_;
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& name_;
    if constexpr (!Archive::is_saving::value) attach_if_named();
  }

 private:
  friend class ShareableList;
  friend struct std::hash<SharedMemory>;

  /// Fills a block before it gets its name.
  using Fill = std::function<void(std::span<std::byte>)>;
  SharedMemory(const SharedMemoryOptions& options, const Fill& fill);

  void create(const SharedMemoryOptions& options, const Fill& fill);
  void attach();
  void attach_if_named();
  [[nodiscard]] void* memory() const;

  std::string name_;
  std::size_t size_ = 0;
  std::shared_ptr<void> mapping_;
};

/// `SharedMemory('psm_21467a4d', size=64)`, as Python's repr.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const SharedMemory& block);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::SharedMemory> {
  std::size_t operator()(const multiprocessing::SharedMemory& block) const {
    return std::hash<void*>{}(block.mapping_.get()) ^ std::hash<std::string>{}(block.name_);
  }
};
