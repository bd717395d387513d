#include "multiprocessing/reduction/exceptions.hpp"

#include <cxxabi.h>
#include <unistd.h>

#include <algorithm>
#include <ios>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/process_name.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/fingerprint.hpp"
#include "reduction/exception_states.hpp"
#include "reduction/modules.hpp"

namespace multiprocessing {
namespace detail {
namespace {

// Causes of causes beyond that are dropped by the sender and refused by the receiver.
constexpr std::size_t longest_chain = 100;

constinit std::atomic<const ExceptionCodec*> first_codec{nullptr};

// Before main, so that no fork can meet the list half made.
[[maybe_unused]] const bool known_registered = register_known_exceptions();

template <class Wanted>
const ExceptionCodec* find_codec_if(Wanted wanted) {
  for (auto* codec = first_codec.load(std::memory_order_acquire); codec != nullptr;
       codec = codec->next) {
    if (wanted(*codec)) return codec;
  }
  return nullptr;
}

// Types in unnamed namespaces of two files may share a name; clang's are equal then.
bool same_type(const std::type_info& one, const std::type_info& other) {
  return &one == &other || (one == other && std::string_view{one.name()}.find("_GLOBAL__N_") ==
                                                std::string_view::npos);
}

const ExceptionCodec* find_codec(const std::type_info& thrown) {
  // What libstdc++'s own streams throw, so that it is caught under the older ABI, too.
  if (thrown.name() == std::string_view{"St13__ios_failure"})
    return find_codec(typeid(std::ios_base::failure));
  const auto is = [&](const std::type_info* other) {
    return other != nullptr && same_type(thrown, *other);
  };
  return find_codec_if([&](const ExceptionCodec& codec) {
    return is(codec.type) || is(codec.nested) || is(codec.arrived) || is(codec.arrived_nested);
  });
}

// In which module the entry lies, and where, as a number that is the same in every process; 0 for
// one that has its name alone.
std::uint64_t place_of(const ExceptionCodec& codec) {
  const std::string_view name = codec.type->name();
  const bool alone = find_codec_if([&](const ExceptionCodec& other) {
                       return name == other.type->name() && !same_type(*other.type, *codec.type);
                     }) == nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(&codec);
  const std::optional<Module> module = alone ? std::nullopt : module_at(address);
  if (!module) return 0;
  return std::uint64_t{hash_name(module->id().hex())} << 32U |
         std::uint32_t(address - module->bias);
}

/// Null when this program has none, or several that may be meant.
const ExceptionCodec* find_codec(std::string_view name, std::uint32_t shape, std::uint64_t place) {
  return find_codec_if([&](const ExceptionCodec& codec) {
    return name == codec.type->name() && shape == codec.shape && place == place_of(codec);
  });
}

// What std::throw_with_nested throws for an E is a std::_Nested_exception<E>.
std::string without_nesting(std::string_view mangled) {
  constexpr std::string_view begin = "St17_Nested_exceptionI";
  if (mangled.starts_with(begin) && mangled.ends_with('E')) {
    mangled = mangled.substr(begin.size(), mangled.size() - begin.size() - 1);
  }
  return std::string{mangled};
}

/// One exception of a chain, looked at in the process that has it.
struct Link {
  const ExceptionCodec* codec = nullptr;
  std::string name;  // mangled
  std::string text;
  std::string place;  // empty: this process
  std::exception_ptr cause;
};

template <class T>
void note_parts(const T& error, Link& link) {
  if (const auto* nested = dynamic_cast<const std::nested_exception*>(&error)) {
    link.cause = nested->nested_ptr();
  }
  if (const auto* origin = dynamic_cast<const RemoteOrigin*>(&error)) {
    link.place = origin->texts().place;
  }
}

template <class... T>
bool note_value(const std::exception_ptr& error, Link& link) {
  const auto is = [&]<class V>(const V*) {
    try {
      std::rethrow_exception(error);
    } catch (const V& value) {
      if constexpr (std::is_same_v<V, std::string>) {
        link.text = value;
      } else {
        link.text = std::to_string(value);
      }
      return true;
    } catch (...) {
      return false;
    }
  };
  return (is(static_cast<const T*>(nullptr)) || ...);
}

void note_thing(const std::exception_ptr& error, Link& link) {
  try {
    std::rethrow_exception(error);
  } catch (const std::nested_exception& nested) {
    link.cause = nested.nested_ptr();
  } catch (const char* text) {
    link.text = text == nullptr ? "" : text;
  } catch (...) {
    note_value<std::string, int, unsigned, long, unsigned long, long long, unsigned long long, bool,
               double, float>(error, link);
  }
}

void note_type(const std::type_info& type, Link& link) {
  link.codec = find_codec(type);
  link.name = link.codec != nullptr ? link.codec->type->name() : without_nesting(type.name());
}

Link look_at(const std::exception_ptr& error) {
  Link link;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& standard) {
    note_type(typeid(standard), link);
    link.text = standard.what();
    note_parts(standard, link);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    link.name = "unknown";
    if (type != nullptr) note_type(*type, link);
    note_thing(error, link);
  }
  return link;
}

std::vector<std::pair<std::exception_ptr, Link>> look_along(std::exception_ptr error) {
  std::vector<std::pair<std::exception_ptr, Link>> chain;
  while (error != nullptr && chain.size() < longest_chain) {
    chain.emplace_back(error, look_at(error));
    error = chain.back().second.cause;
  }
  return chain;
}

std::string in_words(const std::string& mangled, const std::string& text) {
  const std::string name = demangle(mangled.c_str());
  return text.empty() ? name : name + ": " + text;
}

std::string this_place() { return process_name() + " (pid " + std::to_string(::getpid()) + ")"; }

// What it holds beside its text; `known` is false when this program cannot tell.
std::string saved_state(const std::exception_ptr& error, const ExceptionCodec* codec, bool& known) {
  known = false;
  if (codec == nullptr) return {};
  try {
    Writer state;
    codec->save(state, error);
    known = true;
    return state.take();
  } catch (...) {
    return {};  // its text still goes
  }
}

/// One exception of a chain, as it comes out of a message.
struct Record {
  std::string name;
  std::string text;
  std::string place;
  bool known = false;
  std::uint32_t shape = 0;
  std::uint64_t codec_place = 0;
  std::span<const std::byte> state;  // in the message
};

Record read_record(Reader& reader) {
  Record record;
  record.name = read_value<std::string>(reader);
  record.text = read_value<std::string>(reader);
  record.place = read_value<std::string>(reader);
  record.known = read_value<bool>(reader);
  record.shape = reader.raw<std::uint32_t>();
  record.codec_place = reader.raw<std::uint64_t>();
  record.state = reader.take(reader.count(1));
  return record;
}

std::exception_ptr as_itself(const Reader& reader, const Record& record,
                             std::shared_ptr<const RemoteOrigin::Texts> texts,
                             const std::exception_ptr& cause) {
  const ExceptionCodec* codec =
      record.known ? find_codec(record.name, record.shape, record.codec_place) : nullptr;
  if (codec == nullptr) return nullptr;
  try {
    Reader state = reader.within(record.state);
    return codec->load(state, std::move(texts), cause);
  } catch (...) {
    return nullptr;  // a type that does not read what it wrote arrives as RemoteError
  }
}

std::exception_ptr as_remote_error(const Record& record,
                                   const std::shared_ptr<const RemoteOrigin::Texts>& texts,
                                   const std::exception_ptr& cause) {
  auto named = std::make_shared<RemoteOrigin::Texts>(*texts);
  named->what = in_words(record.name, record.text);
  Reader nothing{std::string_view{}};
  return ExceptionCodecOf<RemoteError>::load(nothing, std::move(named), cause);
}

}  // namespace

RemoteOrigin::~RemoteOrigin() = default;

void add_exception_codec(ExceptionCodec& codec) {
  codec.next = first_codec.load(std::memory_order_relaxed);
  while (!first_codec.compare_exchange_weak(codec.next, &codec, std::memory_order_release,
                                            std::memory_order_relaxed)) {
  }
}

void write_exception(Writer& writer, const std::exception_ptr& error) {
  const Nested nested{writer};
  const auto chain = look_along(error);
  writer.raw(static_cast<std::uint8_t>(chain.size()));
  for (const auto& [exception, link] : chain) {
    bool known = false;
    const std::string state = saved_state(exception, link.codec, known);
    write_value(writer, link.name);
    write_value(writer, link.text);
    write_value(writer, link.place.empty() ? this_place() : link.place);
    write_value(writer, known);
    writer.raw(known ? link.codec->shape : std::uint32_t{0});
    writer.raw(known ? place_of(*link.codec) : std::uint64_t{0});
    write_value(writer, state);
  }
}

std::exception_ptr read_exception(Reader& reader) {
  const Nested nested{reader};  // an exception may hold others
  std::size_t count = reader.raw<std::uint8_t>();
  if (count > longest_chain) throw_malformed("the length of a chain of exceptions", count);
  std::vector<Record> records;
  for (; count > 0; --count) records.push_back(read_record(reader));

  // A cause must exist before what it caused.
  std::exception_ptr error;
  std::string lines;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    lines = "  " + in_words(record->name, record->text) + "\n" + lines;
    auto texts = std::make_shared<RemoteOrigin::Texts>();
    texts->what = record->text;
    texts->place = record->place;
    texts->traceback = "in " + record->place + ":\n" + lines;
    const std::exception_ptr cause = error;
    error = as_itself(reader, *record, texts, cause);
    if (error == nullptr) error = as_remote_error(*record, texts, cause);
  }
  return error;
}

std::string describe_exception(const std::exception_ptr& error) {
  std::string lines;
  for (const auto& [exception, link] : look_along(error)) {
    if (!lines.empty()) lines += '\n';
    lines += in_words(link.name, link.text);
  }
  return lines;
}

}  // namespace detail

std::string remote_traceback(const std::exception& error) {
  const auto* origin = dynamic_cast<const detail::RemoteOrigin*>(&error);
  return origin == nullptr ? std::string{} : origin->texts().traceback;
}

std::string remote_traceback(const std::exception_ptr& error) {
  if (error == nullptr) return {};
  try {
    std::rethrow_exception(error);
  } catch (const detail::RemoteOrigin& origin) {
    return origin.texts().traceback;
  } catch (...) {
    return {};
  }
}

}  // namespace multiprocessing
