#include "reduction/modules.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

using Header = ElfW(Phdr);
using FileHeader = ElfW(Ehdr);
using NoteHeader = ElfW(Nhdr);

// The two that a module's own memory and its file share: where the bytes of a segment are.
std::span<const std::byte> find_build_id(std::span<const std::byte> notes, std::size_t align) {
  const auto round = [&](std::size_t n) { return (n + align - 1) / align * align; };
  while (notes.size() >= sizeof(NoteHeader)) {
    NoteHeader note;
    std::memcpy(&note, notes.data(), sizeof note);
    const std::size_t name = sizeof note;
    const std::size_t content = name + round(note.n_namesz);
    if (content > notes.size() || note.n_descsz > notes.size() - content) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes.data() + name, "GNU", 4) == 0) {
      return notes.subspan(content, note.n_descsz);
    }
    notes = notes.subspan(std::min(notes.size(), content + round(note.n_descsz)));
  }
  return {};
}

ModuleId hash_of_headers(std::span<const Header> headers, std::string_view path) {
  std::uint64_t hash = 14695981039346656037U;
  const auto add = [&](const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211U;
  };
  add(headers.data(), headers.size_bytes());
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  add(name.data(), name.size());
  return ModuleId{std::as_bytes(std::span{&hash, 1})};
}

template <class BytesOf>
ModuleId id_from(std::span<const Header> headers, std::string_view path, BytesOf bytes_of) {
  for (const Header& header : headers) {
    if (header.p_type != PT_NOTE) continue;
    const auto id = find_build_id(bytes_of(header), header.p_align == 8 ? 8 : 4);
    if (!id.empty()) return ModuleId{id};
  }
  return hash_of_headers(headers, path);
}

std::optional<Module> from_listing(const dl_phdr_info& info) {
  return Module{{info.dlpi_phdr, info.dlpi_phnum}, info.dlpi_addr, info.dlpi_name};
}

// The first loaded module that `wanted` likes. Takes the loader's lock.
template <class Wanted>
std::optional<Module> find_in_listing(Wanted wanted) {
  struct Search {
    Wanted& wanted;
    std::optional<Module> found;
  } search{wanted, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& looking = *static_cast<Search*>(data);
        const std::optional<Module> module = from_listing(*info);
        if (!looking.wanted(*module)) return 0;
        looking.found = module;
        return 1;
      },
      &search);
  return search.found;
}

std::optional<Module> module_from_headers([[maybe_unused]] std::uintptr_t address) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
  dl_find_object object{};
  if (::_dl_find_object(reinterpret_cast<void*>(address), &object) != 0) return {};
  const auto* start = static_cast<const std::byte*>(object.dlfo_map_start);
  const auto* file = reinterpret_cast<const FileHeader*>(start);
  if (std::memcmp(file->e_ident, ELFMAG, SELFMAG) != 0) return {};
  const link_map* map = object.dlfo_link_map;
  return Module{{reinterpret_cast<const Header*>(start + file->e_phoff), file->e_phnum},
                map == nullptr ? 0 : map->l_addr,
                map == nullptr ? "" : map->l_name};
#else
  return {};
#endif
}

/// A file's bytes while it is looked at.
class MappedFile {
 public:
  explicit MappedFile(const char* path) {
    const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data != MAP_FAILED) bytes_ = {static_cast<const std::byte*>(data), size};
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// That piece of it; nothing when it is not all there.
  [[nodiscard]] std::span<const std::byte> piece(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return {};
    return bytes_.subspan(at, size);
  }

 private:
  std::span<const std::byte> bytes_;
};

// Where modules were that were asked for lately; each is looked at again before it is believed.
class RecentModules {
 public:
  [[nodiscard]] std::optional<Module> find(const ModuleId& id) const {
    for (const std::uintptr_t address : addresses_) {
      if (address == 0) break;
      const std::optional<Module> module = module_from_headers(address);
      if (module && module->id() == id) return module;
    }
    return {};
  }
  void add(const Module& module) {
    std::shift_right(addresses_.begin(), addresses_.end(), 1);
    addresses_.front() = reinterpret_cast<std::uintptr_t>(module.headers.data());
  }

 private:
  std::array<std::uintptr_t, 8> addresses_{};
};

thread_local constinit RecentModules recent_modules;

}  // namespace

ModuleId::ModuleId(std::span<const std::byte> bytes) noexcept
    : size_(static_cast<std::uint8_t>(std::min(bytes.size(), most))) {
  std::copy_n(bytes.begin(), size_, bytes_.begin());
}

std::string ModuleId::hex() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes()) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

bool Module::holds(std::uintptr_t address) const noexcept {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return header.p_type == PT_LOAD && address - bias - header.p_vaddr < header.p_memsz;
  });
}

bool Module::has_code_at(std::uint64_t offset) const noexcept {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0 &&
           offset - header.p_vaddr < header.p_memsz;
  });
}

ModuleId Module::id() const noexcept {
  return id_from(headers, path, [&](const Header& header) {
    return std::span{reinterpret_cast<const std::byte*>(bias + header.p_vaddr), header.p_memsz};
  });
}

std::optional<Module> module_at(std::uintptr_t address) {
  if (const std::optional<Module> module = module_from_headers(address)) return module;
  return find_in_listing([&](const Module& module) { return module.holds(address); });
}

std::optional<Module> module_with(const ModuleId& id) {
  if (const std::optional<Module> module = recent_modules.find(id)) return module;
  const std::optional<Module> module =
      find_in_listing([&](const Module& loaded) { return loaded.id() == id; });
  if (module) recent_modules.add(*module);
  return module;
}

std::optional<Module> load_module(const char* path, const ModuleId& id) {
  if (id_of_file(path) != id) return {};
  if (::dlopen(path, RTLD_NOW | RTLD_LOCAL) == nullptr) return {};
  return module_with(id);
}

std::optional<ModuleId> id_of_file(const char* path) {
  const MappedFile file{path};
  const auto start = file.piece(0, sizeof(FileHeader));
  if (start.empty() || std::memcmp(start.data(), ELFMAG, SELFMAG) != 0) return {};
  FileHeader header;
  std::memcpy(&header, start.data(), sizeof header);
  const auto table = file.piece(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Header));
  if (table.empty() || header.e_phentsize != sizeof(Header) ||
      header.e_phoff % alignof(Header) != 0) {
    return {};
  }
  return id_from(
      {reinterpret_cast<const Header*>(table.data()), header.e_phnum}, path,
      [&](const Header& segment) { return file.piece(segment.p_offset, segment.p_filesz); });
}

}  // namespace multiprocessing::detail
