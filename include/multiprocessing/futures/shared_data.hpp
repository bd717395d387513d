// SharedData: values by name, in shared memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/message_type.hpp"

namespace multiprocessing {

/// Values of any type by name, which all processes see that have a handle: tasks are given one as
/// an argument.
///
///     void count(const mp::SharedData& data) {
///       data.update<int>("done", [](int& n) { ++n; });
///     }
///
/// A value is written as bytes, as an argument of a task is, into memory of its own, and put in
/// place of the old one by a single store. So a task that is killed in a change leaves the old
/// value or the new one, and no other process has anything to recover. What can be sent can be a
/// value, but for ends of pipes and sockets, which only one process could take.
///
/// A handle: copies, and what a child is given, are the same data. Any process and thread may use
/// it. Calls copy values in and out; a look-up takes a few nanoseconds more for each name that
/// there is. They throw `OSError` when shared memory is short, and then nothing has changed. For
/// numbers that change often there is `Value`, for large tables `SharedMap`.
class MULTIPROCESSING_API SharedData {
 public:
  /// Without values. Made at first use.
  SharedData() noexcept;

  /// Adds the name or replaces its value, also by one of another type. Text is kept as a
  /// `std::string`. Throws what cannot be sent.
  template <class T>
  void set(std::string_view key, const T& value) const {
    static_cast<void>(put(key, value, nullptr));
  }

  /// The value, or nothing when there is none of that name. Throws `SerializationError` when it is
  /// of another type.
  template <class T>
  [[nodiscard]] std::optional<T> get(std::string_view key) const {
    std::optional<T> value;
    static_cast<void>(fetch_into(key, value));
    return value;
  }

  /// Calls `change` with a reference to a copy of the value, or to a `T{}` where there is none,
  /// puts it in place, and returns it. Where another process or thread has changed the value
  /// meanwhile, `change` is called again with that one, so no change is lost; it may take its time,
  /// for others do not wait. When it throws, nothing has changed.
  template <class T, class F>
  T update(std::string_view key, F change) const {
    for (;;) {
      std::optional<T> value;
      const std::uint64_t seen = fetch_into(key, value);
      if (!value) value.emplace();
      change(*value);
      if (put(key, *value, &seen)) return std::move(*value);
    }
  }

  [[nodiscard]] bool contains(std::string_view key) const;

  /// Removes the value; returns whether there was one.
  bool erase(std::string_view key) const;

  /// The names, in no order that means anything.
  [[nodiscard]] std::vector<std::string> keys() const;

  /// Whether both are the same data.
  friend bool operator==(const SharedData&, const SharedData&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& body_;
  }

 private:
  friend struct std::hash<SharedData>;
  using Encode = void (*)(detail::Writer& writer, const void* value);
  using Decode = void (*)(detail::Reader& reader, void* into);

  /// The number of the change that put the value there; 0: there is none.
  std::uint64_t fetch(std::string_view key, const detail::MessageType& type, Decode decode,
                      void* into) const;

  /// False when `unchanged` is given and another change has been made since that one.
  [[nodiscard]] bool store(std::string_view key, const detail::MessageType& type, Encode encode,
                           const void* value, const std::uint64_t* unchanged) const;

  template <class T>
  std::uint64_t fetch_into(std::string_view key, std::optional<T>& into) const {
    static_assert(std::is_same_v<T, detail::arrival_t<T>>,
                  "multiprocessing: a value is asked for as what owns it: get<std::string>, "
                  "get<std::vector<int>>.");
    detail::check_sendable<T>();
    return fetch(
        key, detail::message_type<T>,
        [](detail::Reader& reader, void* to) {
          static_cast<std::optional<T>*>(to)->emplace(detail::read<T>(reader));
        },
        &into);
  }

  template <class T>
  [[nodiscard]] bool put(std::string_view key, const T& value,
                         const std::uint64_t* unchanged) const {
    using Given = std::decay_t<const T&>;  // of text a pointer
    detail::check_sendable<detail::arrival_t<Given>>();
    const Given& given = value;
    return store(
        key, detail::message_type<detail::arrival_t<Given>>,
        [](detail::Writer& writer, const void* at) {
          detail::write(writer, *static_cast<const Given*>(at));
        },
        &given, unchanged);
  }

  detail::Handle body_;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::SharedData> {
  std::size_t operator()(const multiprocessing::SharedData& data) const {
    return std::hash<multiprocessing::detail::Handle>{}(data.body_);
  }
};
