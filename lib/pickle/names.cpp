#include "pickle/names.hpp"

#include <algorithm>
#include <iterator>

namespace multiprocessing::detail {
namespace {

constexpr std::string_view builtins = "builtins";
constexpr std::string_view managers = "multiprocessing.managers";
constexpr std::string_view context = "multiprocessing.context";
constexpr std::string_view memory = "multiprocessing.shared_memory";

constexpr KnownName names[] = {
    {builtins, "list", NameForm::list, 0, 1},
    {builtins, "set", NameForm::set, 0, 1},
    {builtins, "frozenset", NameForm::frozenset, 0, 1},
    {builtins, "bytearray", NameForm::bytearray, 0, 2},
    {builtins, "bytes", NameForm::bytes, 0, 1},
    {builtins, "object", NameForm::object},
    {builtins, "Ellipsis", NameForm::ellipsis, 0, 0},
    {builtins, "slice", NameForm::called, 3, 3},
    {builtins, "range", NameForm::called, 3, 3},
    {builtins, "complex", NameForm::called, 2, 2},
    {builtins, "iter", NameForm::called, 1, 1},
    {builtins, "reversed", NameForm::called, 1, 1},
    {"_codecs", "encode", NameForm::encode, 2, 2},
    {"copyreg", "_reconstructor", NameForm::reconstructor, 3, 3},
    {"array", "array", NameForm::called, 2, 2},
    {managers, "Token", NameForm::stateful},
    {managers, "Namespace", NameForm::stateful},
    {managers, "Value", NameForm::stateful},
    {managers, "RebuildProxy", NameForm::called, 4, 4},
    {managers, "AutoProxy", NameForm::proxy_class},
    {managers, "ListProxy", NameForm::proxy_class},
    {managers, "DictProxy", NameForm::proxy_class},
    {managers, "SetProxy", NameForm::proxy_class},
    {managers, "NamespaceProxy", NameForm::proxy_class},
    {managers, "ValueProxy", NameForm::proxy_class},
    {managers, "ArrayProxy", NameForm::proxy_class},
    {managers, "EventProxy", NameForm::proxy_class},
    {managers, "AcquirerProxy", NameForm::proxy_class},
    {managers, "ConditionProxy", NameForm::proxy_class},
    {managers, "BarrierProxy", NameForm::proxy_class},
    {managers, "IteratorProxy", NameForm::proxy_class},
    {managers, "PoolProxy", NameForm::proxy_class},
    {memory, "SharedMemory", NameForm::called, 1, 3},
    {memory, "ShareableList", NameForm::shareable_list},
    {"multiprocessing.reduction", "_rebuild_partial", NameForm::partial, 3, 3},
    {"queue", "Empty", NameForm::exception},
    {"queue", "Full", NameForm::exception},
    {"queue", "ShutDown", NameForm::exception},
    {"threading", "BrokenBarrierError", NameForm::exception},
    {context, "ProcessError", NameForm::exception},
    {context, "BufferTooShort", NameForm::exception},
    {context, "TimeoutError", NameForm::exception},
    {context, "AuthenticationError", NameForm::exception},
    {managers, "RemoteError", NameForm::exception},
};

// All exception classes of CPython 3.8 to 3.14 but groups, which hold exceptions and not values.
constexpr KnownName exception_named(std::string_view name) {
  return {builtins, name, NameForm::exception};
}
constexpr KnownName exceptions[] = {
    exception_named("ArithmeticError"),
    exception_named("AssertionError"),
    exception_named("AttributeError"),
    exception_named("BaseException"),
    exception_named("BlockingIOError"),
    exception_named("BrokenPipeError"),
    exception_named("BufferError"),
    exception_named("BytesWarning"),
    exception_named("ChildProcessError"),
    exception_named("ConnectionAbortedError"),
    exception_named("ConnectionError"),
    exception_named("ConnectionRefusedError"),
    exception_named("ConnectionResetError"),
    exception_named("DeprecationWarning"),
    exception_named("EOFError"),
    exception_named("EncodingWarning"),
    exception_named("Exception"),
    exception_named("FileExistsError"),
    exception_named("FileNotFoundError"),
    exception_named("FloatingPointError"),
    exception_named("FutureWarning"),
    exception_named("GeneratorExit"),
    exception_named("ImportError"),
    exception_named("ImportWarning"),
    exception_named("IndentationError"),
    exception_named("IndexError"),
    exception_named("InterruptedError"),
    exception_named("IsADirectoryError"),
    exception_named("KeyError"),
    exception_named("KeyboardInterrupt"),
    exception_named("LookupError"),
    exception_named("MemoryError"),
    exception_named("ModuleNotFoundError"),
    exception_named("NameError"),
    exception_named("NotADirectoryError"),
    exception_named("NotImplementedError"),
    exception_named("OSError"),
    exception_named("OverflowError"),
    exception_named("PendingDeprecationWarning"),
    exception_named("PermissionError"),
    exception_named("ProcessLookupError"),
    exception_named("PythonFinalizationError"),
    exception_named("RecursionError"),
    exception_named("ReferenceError"),
    exception_named("ResourceWarning"),
    exception_named("RuntimeError"),
    exception_named("RuntimeWarning"),
    exception_named("StopAsyncIteration"),
    exception_named("StopIteration"),
    exception_named("SyntaxError"),
    exception_named("SyntaxWarning"),
    exception_named("SystemError"),
    exception_named("SystemExit"),
    exception_named("TabError"),
    exception_named("TimeoutError"),
    exception_named("TypeError"),
    {builtins, "UnicodeDecodeError", NameForm::exception, 5, 5},
    {builtins, "UnicodeEncodeError", NameForm::exception, 5, 5},
    {builtins, "UnicodeTranslateError", NameForm::exception, 4, 4},
    exception_named("UnboundLocalError"),
    exception_named("UnicodeError"),
    exception_named("UnicodeWarning"),
    exception_named("UserWarning"),
    exception_named("ValueError"),
    exception_named("Warning"),
    exception_named("ZeroDivisionError"),
};

struct Spelling {
  std::string_view module;
  std::string_view name;  // empty: all of the module
  std::string_view module_now;
  std::string_view name_now;
};

// What protocols 0 to 2 write, and a module of C that PyPy does not have.
constexpr Spelling spellings[] = {
    {"__builtin__", "xrange", builtins, "range"},
    {"__builtin__", "", builtins, ""},
    {"exceptions", "", builtins, ""},
    {"copy_reg", "", "copyreg", ""},
    {"Queue", "", "queue", ""},
    {"_queue", "", "queue", ""},
    {"multiprocessing", "ProcessError", context, "ProcessError"},
    {"multiprocessing", "BufferTooShort", context, "BufferTooShort"},
    {"multiprocessing", "TimeoutError", context, "TimeoutError"},
    {"multiprocessing", "AuthenticationError", context, "AuthenticationError"},
    {builtins, "IOError", builtins, "OSError"},
    {builtins, "EnvironmentError", builtins, "OSError"},
};

template <std::size_t N>
const KnownName* find_in(const KnownName (&list)[N], std::string_view module,
                         std::string_view name) {
  const auto* found = std::find_if(std::begin(list), std::end(list), [&](const KnownName& each) {
    return each.name == name && each.module == module;
  });
  return found == std::end(list) ? nullptr : found;
}

}  // namespace

const KnownName* find_name(std::string_view module, std::string_view name) noexcept {
  for (const Spelling& old : spellings) {
    if (module != old.module || (!old.name.empty() && name != old.name)) continue;
    module = old.module_now;
    if (!old.name_now.empty()) name = old.name_now;
  }
  if (const KnownName* found = find_in(names, module, name)) return found;
  return find_in(exceptions, module, name);
}

std::string full_name(const KnownName& name) {
  return std::string{name.module} + '.' + std::string{name.name};
}

std::string class_name(const KnownName& name) {
  if (name.form == NameForm::ellipsis) return "ellipsis";
  return std::string{name.name};
}

}  // namespace multiprocessing::detail
