#include "pickle/exceptions.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/pickle/mapping.hpp"
#include "pickle/node.hpp"
#include "pickle/text.hpp"

namespace multiprocessing::detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

// ---- OSError

struct ByErrno {
  int error;
  std::string_view name;
};

/// The classes below OSError, as Python chooses them. Of several lines of one class the first has
/// the errno that stands for an exception without one.
constexpr ByErrno os_errors[] = {
    {ENOENT, "FileNotFoundError"},
    {EPERM, "PermissionError"},
    {EACCES, "PermissionError"},
    {EEXIST, "FileExistsError"},
    {EPIPE, "BrokenPipeError"},
    {ESHUTDOWN, "BrokenPipeError"},
    {ECONNABORTED, "ConnectionAbortedError"},
    {ECONNRESET, "ConnectionResetError"},
    {ECONNREFUSED, "ConnectionRefusedError"},
    {ECHILD, "ChildProcessError"},
    {EAGAIN, "BlockingIOError"},
    {EINPROGRESS, "BlockingIOError"},
    {EALREADY, "BlockingIOError"},
    {EINTR, "InterruptedError"},
    {EISDIR, "IsADirectoryError"},
    {ENOTDIR, "NotADirectoryError"},
    {ESRCH, "ProcessLookupError"},
    {ETIMEDOUT, "TimeoutError"},
    {EIO, "OSError"},
    {ECONNRESET, "ConnectionError"},
};

const KnownName& builtin(std::string_view name) { return *find_name("builtins", name); }

int errno_of(const KnownName& name, const std::vector<Object>& args) {
  if (args.size() >= 2 && Access::kind(args[0]) == Kind::integer)
    return static_cast<int>(Access::integer(args[0]));
  for (const ByErrno& each : os_errors)
    if (each.name == name.name) return each.error;
  return EIO;
}

/// What the text of a C++ exception says beyond the words for its errno: the file, or the words
/// where they are others.
std::string context_of(const std::vector<Object>& args, int error) {
  if (args.size() >= 3 && !args[2].is_none()) return str(args[2]);
  if (args.size() == 1) return str(args[0]);
  if (args.size() < 2 || str(args[1]) == std::strerror(error)) return {};
  return str(args[1]);
}

template <class E>
std::exception_ptr system_error(int error, const std::string& context) {
  const std::error_code code{error, std::generic_category()};
  return std::make_exception_ptr(context.empty() ? E(code) : E(code, context));
}

std::exception_ptr from_os_error(const KnownName& name, const std::vector<Object>& args) {
  const int error = errno_of(name, args);
  const std::string context = context_of(args, error);
  switch (error) {
    case ENOENT:
      return system_error<FileNotFoundError>(error, context);
    case EEXIST:
      return system_error<FileExistsError>(error, context);
    case EPIPE:
    case ESHUTDOWN:
      return system_error<BrokenPipeError>(error, context);
    case ECONNABORTED:
      return system_error<ConnectionAbortedError>(error, context);
    case ECONNREFUSED:
      return system_error<ConnectionRefusedError>(error, context);
    case ECONNRESET:
      return name.name == "ConnectionError" ? system_error<ConnectionError>(error, context)
                                            : system_error<ConnectionResetError>(error, context);
    default:
      return system_error<OSError>(error, context);
  }
}

// ---- the table

template <class E>
bool is(const std::exception& error) {
  if constexpr (std::is_same_v<E, std::exception>)
    return true;
  else
    return dynamic_cast<const E*>(&error) != nullptr;
}

template <class E>
std::exception_ptr make(const std::string& text) {
  if constexpr (std::is_constructible_v<E, std::string>) {
    return std::make_exception_ptr(E(text));
  } else {
    return std::make_exception_ptr(E());
  }
}

struct Pair {
  bool (*is_it)(const std::exception& error);
  std::exception_ptr (*made)(const std::string& text);  // null: only in one direction
  std::string_view module;
  std::string_view name;
};

template <class E>
constexpr Pair both(std::string_view module, std::string_view name) {
  return {&is<E>, &make<E>, module, name};
}
template <class E>
constexpr Pair written(std::string_view module, std::string_view name) {
  return {&is<E>, nullptr, module, name};
}
template <class E>
constexpr Pair read(std::string_view module, std::string_view name) {
  return {[](const std::exception&) { return false; }, &make<E>, module, name};
}

constexpr std::string_view context = "multiprocessing.context";

// Derived classes stand before their bases. Written are names that every Python can import.
constexpr Pair pairs[] = {
    both<TimeoutError>(context, "TimeoutError"),
    both<AuthenticationError>(context, "AuthenticationError"),
    both<BufferTooShort>(context, "BufferTooShort"),
    written<OwnerDied>("builtins", "RuntimeError"),
    written<WorkerDied>("builtins", "RuntimeError"),
    both<ProcessError>(context, "ProcessError"),
    both<ValueError>("builtins", "ValueError"),
    both<TypeError>("builtins", "TypeError"),
    both<AssertionError>("builtins", "AssertionError"),
    both<KeyError>("builtins", "KeyError"),
    both<IndexError>("builtins", "IndexError"),
    both<AttributeError>("builtins", "AttributeError"),
    both<OverflowError>("builtins", "OverflowError"),
    both<ZeroDivisionError>("builtins", "ZeroDivisionError"),
    both<EOFError>("builtins", "EOFError"),
    both<RemoteError>("multiprocessing.managers", "RemoteError"),
    both<BrokenBarrierError>("threading", "BrokenBarrierError"),
    both<Empty>("queue", "Empty"),
    both<Full>("queue", "Full"),
    both<StopIteration>("builtins", "StopIteration"),
    written<ShutDown>("builtins", "RuntimeError"),  // queue.ShutDown is there since 3.13
    read<ShutDown>("queue", "ShutDown"),
    read<TimeoutError>("builtins", "TimeoutError"),
    read<ValueError>("builtins", "UnicodeError"),
    read<ValueError>("builtins", "UnicodeDecodeError"),
    read<ValueError>("builtins", "UnicodeEncodeError"),
    both<std::bad_alloc>("builtins", "MemoryError"),
    written<std::bad_cast>("builtins", "TypeError"),
    written<std::invalid_argument>("builtins", "ValueError"),
    written<std::out_of_range>("builtins", "IndexError"),
    written<std::length_error>("builtins", "ValueError"),
    written<std::domain_error>("builtins", "ValueError"),
    written<std::range_error>("builtins", "ValueError"),
    written<std::overflow_error>("builtins", "OverflowError"),
    both<std::runtime_error>("builtins", "RuntimeError"),
    written<std::exception>("builtins", "RuntimeError"),
};

/// Text of any encoding as a str.
Object as_text(std::string_view text) {
  if (is_utf8(text)) return text;
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      escaped += c;
    } else {
      escaped += "\\x";
      escaped += "0123456789abcdef"[byte >> 4U];
      escaped += "0123456789abcdef"[byte & 15U];
    }
  }
  return escaped;
}

Object of_standard(const std::exception& error) {
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  if (system != nullptr && (system->code().category() == std::generic_category() ||
                            system->code().category() == std::system_category())) {
    const Object args = Object::tuple({system->code().value(), as_text(error.what())});
    return Access::make_instance(os_error_of(builtin("OSError"), args), args);
  }
  for (const Pair& pair : pairs) {
    if (!pair.is_it(error)) continue;
    Object args = Object::tuple({as_text(error.what())});
    if (const auto* short_one = dynamic_cast<const BufferTooShort*>(&error))
      args = Object::tuple({Object{short_one->message()}});
    if (pair.name == "StopIteration") args = Object::tuple();  // of no value
    return Access::make_instance(*find_name(pair.module, pair.name), args);
  }
  return None;  // not reached: the last line is true of all
}

}  // namespace

bool is_os_error(const KnownName& name) noexcept {
  if (name.module != "builtins" || name.form != NameForm::exception) return false;
  for (const ByErrno& each : os_errors)
    if (each.name == name.name) return true;
  return false;
}

const KnownName& os_error_of(const KnownName& name, const Object& args) {
  const auto& given = Access::items(args);
  if (name.name != "OSError" || given.size() < 2 || Access::kind(given[0]) != Kind::integer)
    return name;
  for (const ByErrno& each : os_errors)
    if (each.error == Access::integer(given[0])) return builtin(each.name);
  return name;
}

std::string message_of(const KnownName& name, const Object& args) {
  const auto& given = Access::items(args);
  if (given.empty()) return {};
  if (is_os_error(name) && given.size() >= 2) {
    const std::string text = "[Errno " + str(given[0]) + "] " + str(given[1]);
    return given.size() > 2 && !given[2].is_none() ? text + ": " + repr(given[2]) : text;
  }
  if (given.size() > 1) return repr(args);
  return name.name == "KeyError" ? repr(given[0]) : str(given[0]);
}

Object object_of_exception(const std::exception_ptr& error) {
  if (error == nullptr) return None;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& standard) {
    return of_standard(standard);
  } catch (const Exit& exit) {
    return Access::make_instance(builtin("SystemExit"), Object::tuple({exit.code}));
  } catch (...) {
    return Access::make_instance(
        builtin("RuntimeError"),
        Object::tuple({"an exception of a type that is no std::exception"}));
  }
}

std::exception_ptr exception_of_object(const Object& value) {
  if (value.is_none()) return nullptr;
  if (Access::kind(value) != Kind::instance)
    ObjectParts::throw_misfit(value, typeid(std::exception));
  const auto& node = Access::node<InstanceNode>(value);
  const KnownName& name = *node.name;
  if (name.form != NameForm::exception) ObjectParts::throw_misfit(value, typeid(std::exception));
  const auto& args = Access::items(node.args);
  const std::string text = message_of(name, node.args);
  if (is_os_error(name) && name.name != "TimeoutError") return from_os_error(name, args);
  if (name.name == "BufferTooShort" && args.size() == 1 && Access::kind(args[0]) == Kind::bytes)
    return std::make_exception_ptr(
        BufferTooShort("a message does not fit", Bytes{std::string_view{Access::text(args[0])}}));
  for (const Pair& pair : pairs)
    if (pair.made != nullptr && pair.module == name.module && pair.name == name.name)
      return pair.made(text);
  return std::make_exception_ptr(RemoteError(full_name(name) + (text.empty() ? "" : ": " + text)));
}

}  // namespace multiprocessing::detail
