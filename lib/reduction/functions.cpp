// Functions as (build-id of their module, offset in it).
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "reduction/modules.hpp"

namespace multiprocessing::detail {
namespace {

// A plug-in that was opened by a relative path must be found from other folders, too.
std::string absolute(const char* path) {
  if (path[0] == '\0' || path[0] == '/') return path;
  char resolved[PATH_MAX];
  return ::realpath(path, resolved) != nullptr ? resolved : path;
}

[[noreturn]] void throw_no_module(const ModuleId& id, const std::string& path) {
  const std::string wanted = " (build-id " + id.hex() + ")";
  if (path.empty()) {
    throw SerializationError("a function of another program" + wanted +
                             ": this one was rebuilt, or it is not the one that sent it");
  }
  const std::optional<ModuleId> there = id_of_file(path.c_str());
  if (!there) {
    throw SerializationError("a function in " + path + wanted +
                             ", which is not loaded here and cannot be read");
  }
  if (*there != id) {
    throw SerializationError("a function in " + path + wanted + ", which was rebuilt: it has now " +
                             there->hex());
  }
  throw SerializationError("a function in " + path + wanted + ", which cannot be loaded here");
}

// Whether a pointer to member function is a slot of the vtable. The flag lies where the processor
// leaves a bit free: in the function's address, or on ARM in the adjustment.
#if defined(__aarch64__) || defined(__arm__)
bool is_virtual(const MemberFunctionWords& words) { return (words.adjustment & 1) != 0; }
#else
bool is_virtual(const MemberFunctionWords& words) { return (words.function_or_slot & 1) != 0; }
#endif

enum class MemberKind : std::uint8_t { function, slot };

}  // namespace

void write_function(Writer& writer, AnyFunction function) {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  if (address == 0) return writer.raw(std::uint8_t{0});
  const std::optional<Module> module = module_at(address);
  if (!module || !module->has_code_at(address - module->bias)) {
    throw_not_written("a function that lies in no module, such as one made at run time");
  }
  const ModuleId id = module->id();
  writer.raw(static_cast<std::uint8_t>(id.bytes().size()));
  writer.bytes(id.bytes().data(), id.bytes().size());
  writer.raw(static_cast<std::uint64_t>(address - module->bias));
  write_value(writer, absolute(module->path));
}

AnyFunction read_function(Reader& reader) {
  const auto size = reader.raw<std::uint8_t>();
  if (size == 0) return nullptr;
  if (size > ModuleId::most) throw_malformed("the length of a build-id", size);
  const ModuleId id{reader.take(size)};
  const auto offset = reader.raw<std::uint64_t>();
  const auto path = read_value<std::string>(reader);

  std::optional<Module> module = module_with(id);
  if (!module && path.starts_with('/')) module = load_module(path.c_str(), id);
  if (!module) throw_no_module(id, path);
  if (!module->has_code_at(offset)) throw_malformed("the place of a function", offset);
  return reinterpret_cast<AnyFunction>(module->bias + offset);
}

void write_member_function(Writer& writer, MemberFunctionWords words) {
  const MemberKind kind = is_virtual(words) ? MemberKind::slot : MemberKind::function;
  writer.raw(kind);
  writer.raw(words.adjustment);
  if (kind == MemberKind::slot) {
    writer.raw(words.function_or_slot);
  } else {
    write_function(writer, reinterpret_cast<AnyFunction>(words.function_or_slot));
  }
}

MemberFunctionWords read_member_function(Reader& reader) {
  const auto kind = reader.raw<MemberKind>();
  if (kind > MemberKind::slot)
    throw_malformed("a member function", static_cast<std::uint8_t>(kind));
  MemberFunctionWords words{};
  words.adjustment = reader.raw<std::ptrdiff_t>();
  words.function_or_slot = kind == MemberKind::slot
                               ? reader.raw<std::uintptr_t>()
                               : reinterpret_cast<std::uintptr_t>(read_function(reader));
  // What was said to be a slot must be one for the compiler, too, and the other way round.
  if (is_virtual(words) != (kind == MemberKind::slot)) {
    throw_malformed("a member function", words.function_or_slot);
  }
  return words;
}

}  // namespace multiprocessing::detail
