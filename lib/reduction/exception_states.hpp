// How the exceptions of the standard and of this library cross that hold more than their text.
#pragma once

#include <filesystem>
#include <future>
#include <ios>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec/exception.hpp"

namespace multiprocessing::detail {

/// Those of the standard and of this library; true. Called by what reads and writes exceptions, so
/// that a static library has this part wherever it has those.
bool register_known_exceptions();

/// Error codes cross by the name of their category; only those of the standard are known. Throws
/// SerializationError for others; their exceptions then arrive as RemoteError.
void write_code(Writer& writer, const std::error_code& code);
[[nodiscard]] std::error_code read_code(Reader& reader);

/// The part of a system_error's text that its constructor was given.
[[nodiscard]] std::string text_before_code(const std::string& text, const std::error_code& code);

template <>
struct ExceptionState<OwnerDied> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const OwnerDied& error) { writer.raw(error.pid()); }
  static OwnerDied load(Reader& reader, const std::string& text) {
    return OwnerDied(text, reader.raw<pid_t>());
  }
};

template <>
struct ExceptionState<WorkerDied> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const WorkerDied& error) {
    writer.raw(error.pid());
    writer.raw(error.exitcode());
    writer.raw(error.task());
  }
  static WorkerDied load(Reader& reader, const std::string& text) {
    const auto pid = reader.raw<pid_t>();
    const auto exitcode = reader.raw<int>();
    return WorkerDied(text, pid, exitcode, reader.raw<std::size_t>());
  }
};

template <>
struct ExceptionState<BrokenProcessPool> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const BrokenProcessPool& error) {
    writer.raw(error.history().size());
    for (const WorkerDied& death : error.history()) {
      write_value(writer, std::string{death.what()});
      ExceptionState<WorkerDied>::save(writer, death);
    }
  }
  static BrokenProcessPool load(Reader& reader, const std::string& text) {
    std::vector<WorkerDied> history;
    // What is not there ends it, so no count is believed.
    for (auto left = reader.raw<std::size_t>(); left > 0; --left) {
      const auto death = read_value<std::string>(reader);
      history.push_back(ExceptionState<WorkerDied>::load(reader, death));
    }
    return BrokenProcessPool(text, std::move(history));
  }
};

template <>
struct ExceptionState<BufferTooShort> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const BufferTooShort& error) {
    write_value(writer, error.message());
  }
  static BufferTooShort load(Reader& reader, const std::string& text) {
    return BufferTooShort(text, read_value<Bytes>(reader));
  }
};

/// std::system_error and what derives from it without adding anything.
template <class E>
requires std::is_base_of_v<std::system_error, E>
struct ExceptionState<E> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const E& error) { write_code(writer, error.code()); }
  static E load(Reader& reader, const std::string& text) {
    const std::error_code code = read_code(reader);
    if constexpr (std::is_same_v<E, std::ios_base::failure>) {
      return E(text_before_code(text, code), code);
    } else {
      return E(code, text_before_code(text, code));
    }
  }
};

template <>
struct ExceptionState<std::filesystem::filesystem_error> {
  using Error = std::filesystem::filesystem_error;
  static constexpr bool whole = false;
  static void save(Writer& writer, const Error& error) {
    write_code(writer, error.code());
    write_value(writer, text_before_code(error.std::system_error::what(), error.code()));
    write_value(writer, error.path1());
    write_value(writer, error.path2());
  }
  static Error load(Reader& reader, const std::string&) {
    const std::error_code code = read_code(reader);
    const auto text = read_value<std::string>(reader);
    const auto path1 = read_value<std::filesystem::path>(reader);
    return Error(text, path1, read_value<std::filesystem::path>(reader), code);
  }
};

template <>
struct ExceptionState<std::future_error> {
  static constexpr bool whole = false;
  static void save(Writer& writer, const std::future_error& error) {
    writer.raw(error.code().value());
  }
  static std::future_error load(Reader& reader, const std::string&) {
    return std::future_error(static_cast<std::future_errc>(reader.raw<int>()));
  }
};

}  // namespace multiprocessing::detail
