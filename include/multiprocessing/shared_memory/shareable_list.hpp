// ShareableList: a list of plain values in a block with a name, which CPython reads too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/shared_memory/shared_memory.hpp"

namespace multiprocessing {

/// As Python's keyword; with items it names the new list, without them the one to attach to.
struct ShareableListOptions {
  std::string name = {};
};

/// A list of fixed length that programs find by its name, after Python's `ShareableList`, and in
/// the layout of CPython 3.9 and later; one of CPython 3.8 is recognised when attaching.
///
///     mp::ShareableList list({42, "hello", std::monostate{}, 1.5, true});
///     list[1] = "bye";
///     mp::ShareableList same({.name = list.shm().name()});
///
/// An item can be set to a value of any type; text and bytes have to fit into the room that the
/// item was created with: 8 * (length / 8 + 1) bytes, 8 for everything else. NULs at the end of
/// text and bytes are lost, as in Python, because the layout keeps no lengths.
///
/// Nothing guards it: a reader may see an item half set. Several processes that write take a
/// `Lock` of their own. What another program has left there is checked before it is used:
/// `ValueError` for a block that holds no list.
///
/// Reading or setting an item is some reads and writes of memory, no system call; text is copied.
/// Copies of the object share one mapping; in a message the name travels, and arriving is
/// attaching.
class MULTIPROCESSING_API ShareableList {
 public:
  /// What Python knows as None, int, float, bool, str, bytes.
  using Item = std::variant<std::monostate, std::int64_t, double, bool, std::string, Bytes>;

  /// What `list[i]` gives: reads by conversion, writes by assignment, each time anew. Not to be
  /// kept longer than the list.
  class Element {
   public:
    operator Item() const { return list_->at(index_); }
    const Element& operator=(const Item& value) const {
      list_->set(index_, value);
      return *this;
    }
    const Element& operator=(const Element& other) const {
      return *this = static_cast<Item>(other);
    }
    Element(const Element&) = default;

    friend bool operator==(const Element& element, const Item& value) {
      return static_cast<Item>(element) == value;
    }

   private:
    friend class ShareableList;
    Element(const ShareableList& list, std::ptrdiff_t index) : list_(&list), index_(index) {}
    const ShareableList* list_;
    std::ptrdiff_t index_;
  };

  /// No list; for a variable that is about to receive one.
  ShareableList() = default;

  /// Creates one under a made-up name, or under the one that is given. The name appears once all
  /// items are in it. Throws as `SharedMemory`, and `ValueError` for text of ten million bytes.
  explicit ShareableList(std::initializer_list<Item> items);
  ShareableList(std::initializer_list<Item> items, const ShareableListOptions& options);
  explicit ShareableList(std::span<const Item> items, const ShareableListOptions& options = {});

  /// Attaches. Throws as `SharedMemory`, and `ValueError` when the block holds no list.
  explicit ShareableList(const ShareableListOptions& options);

  /// Counts from the end when negative. Throws `IndexError`, also below -size, where Python reads
  /// or overwrites the list's header; `ValueError` when the item is damaged.
  [[nodiscard]] Element operator[](std::ptrdiff_t index) const { return Element{*this, index}; }
  [[nodiscard]] Item at(std::ptrdiff_t index) const;

  /// Sets an item, of any type. Throws `ValueError` when text or bytes do not fit; nothing was
  /// changed then. The type is written after the value, so another process may see them apart.
  void set(std::ptrdiff_t index, const Item& value) const;

  /// The item as a `T` that is one of `Item`'s. Throws `ValueError` when it holds something else.
  template <class T>
  [[nodiscard]] T get(std::ptrdiff_t index) const {
    Item item = at(index);
    if (T* value = std::get_if<T>(&item)) return std::move(*value);
    throw_holds_something_else(index);
  }

  /// Python's `len(list)`; it never changes.
  [[nodiscard]] std::size_t size() const noexcept { return offsets_.size(); }

  /// How many items equal it; reads them all.
  [[nodiscard]] std::size_t count(const Item& value) const;

  /// The index of the first item that equals it. Throws `ValueError` when none does. Values of
  /// different types differ: 1 is not 1.0, as it is in Python.
  [[nodiscard]] std::size_t index(const Item& value) const;

  /// A copy of all items, read one after the other; Python's `list(list)`.
  [[nodiscard]] std::vector<Item> items() const;

  /// The formats of the items in Python's `struct` spelling, one after the other.
  [[nodiscard]] std::string format() const;

  /// The block behind it: its name, `close()` and `unlink()`.
  [[nodiscard]] SharedMemory& shm() const noexcept { return shm_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& shm_;
    if constexpr (!Archive::is_saving::value) find_items_if_any();
  }

 private:
  void find_items();
  void find_items_if_any();
  [[nodiscard]] std::size_t checked(std::ptrdiff_t index, const char* text) const;
  [[nodiscard]] std::span<std::byte> slot(std::size_t index) const;
  [[nodiscard]] std::byte* format_at(std::size_t index) const;
  [[nodiscard]] std::byte& code_at(std::size_t index) const;
  [[noreturn]] static void throw_holds_something_else(std::ptrdiff_t index);

  mutable SharedMemory shm_;
  std::vector<std::size_t> offsets_;  // of the items, from the start of the block
  std::size_t end_ = 0;               // of the last of them; the formats begin there
};

/// `ShareableList([1, 'a'], name='psm_21467a4d')`, as Python's repr.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const ShareableList& list);

}  // namespace multiprocessing
