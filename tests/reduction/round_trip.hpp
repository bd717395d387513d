// There and back again.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/reduction.hpp"

namespace reduction_test {

namespace mp = multiprocessing;

template <class T>
[[nodiscard]] std::string written(const T& value) {
  mp::detail::Writer writer;
  mp::detail::write(writer, value);
  return writer.take();
}

/// What the bytes hold, all of them.
template <class T>
[[nodiscard]] T read_all(std::string_view bytes) {
  mp::detail::Reader reader{bytes};
  T value = mp::detail::read<T>(reader);
  if (reader.remaining() != 0) throw mp::SerializationError("bytes are left");
  return value;
}

template <class T>
[[nodiscard]] mp::detail::arrival_t<T> round_trip(const T& value) {
  return read_all<mp::detail::arrival_t<T>>(written(value));
}

/// What `action` throws, as an exception_ptr; null if nothing.
template <class Action>
[[nodiscard]] std::exception_ptr thrown_by(Action action) {
  try {
    action();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace reduction_test
