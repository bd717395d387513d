// Modules: the program and the shared libraries in it, told apart by what they were built from.
#pragma once

#include <elf.h>
#include <link.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace multiprocessing::detail {

/// The build-id of a module; where the linker made none, a hash over its program headers and its
/// file name, which a rebuild that leaves all sizes alone does not change.
class ModuleId {
 public:
  static constexpr std::size_t most = 32;

  ModuleId() = default;
  explicit ModuleId(std::span<const std::byte> bytes) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::span{bytes_}.first(size_);
  }
  [[nodiscard]] std::string hex() const;
  friend bool operator==(const ModuleId&, const ModuleId&) = default;

 private:
  std::array<std::byte, most> bytes_{};
  std::uint8_t size_ = 0;
};

/// One module of this process, as the loader has it.
struct Module {
  std::span<const ElfW(Phdr)> headers;
  std::uintptr_t bias = 0;  // what to add to an address of the file
  const char* path = "";    // empty for the program itself

  [[nodiscard]] bool holds(std::uintptr_t address) const noexcept;
  /// Whether there is code at that distance from the bias.
  [[nodiscard]] bool has_code_at(std::uint64_t offset) const noexcept;
  [[nodiscard]] ModuleId id() const noexcept;
};

/// The module that `address` lies in. Takes no lock where glibc allows that (2.35 and later), so
/// that a forked child may ask whatever other threads did at that moment.
[[nodiscard]] std::optional<Module> module_at(std::uintptr_t address);

/// The loaded module with this id; the ones asked for lately are found without a lock.
[[nodiscard]] std::optional<Module> module_with(const ModuleId& id);

/// Loads the plug-in at `path` if it has this id, and keeps it. Nothing of a file with another id
/// is run. Nothing comes back when it has, or when there is no such file.
[[nodiscard]] std::optional<Module> load_module(const char* path, const ModuleId& id);

/// The id of a module in a file; nothing when it is none.
[[nodiscard]] std::optional<ModuleId> id_of_file(const char* path);

}  // namespace multiprocessing::detail
