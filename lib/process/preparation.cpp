#include "process/preparation.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/os_error.hpp"
#include "base/start_hook.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

void refuse_over_limit(std::size_t size) {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
    throw_os_error(EFBIG, "write",
                   "the arguments of a process (" + std::to_string(size) +
                       " bytes, more than the limit on file sizes allows)");
}

void write_whole_at(int fd, std::span<const std::byte> bytes, off_t place) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), place);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_os_error("pwrite", "the arguments of a process");
    if (written == 0) throw_os_error(EIO, "pwrite", "the arguments of a process: nothing written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    place += written;
  }
}

void read_whole_at(int fd, std::span<char> into, off_t place) {
  while (!into.empty()) {
    const ssize_t got = pread(fd, into.data(), into.size(), place);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_os_error("pread", "the birth file");
    if (got == 0) throw SerializationError("the birth file ends early");
    into = into.subspan(static_cast<std::size_t>(got));
    place += got;
  }
}

template <class T>
void take(Reader& reader, T& value) {
  value = detail::read<T>(reader);
}

struct Front {
  ArenaAddress address;
  Role role;
};

}  // namespace

void Preparation::write(Writer& writer) const {
  detail::write(writer, name);
  detail::write(writer, authkey);
  detail::write(writer, daemon);
  detail::write(writer, lineage);
  detail::write(writer, method);
  detail::write(writer, outlive_parent);
  detail::write(writer, own_group);
  detail::write(writer, parent.slot);
  detail::write(writer, parent.generation);
  detail::write(writer, parent_pid);
  detail::write(writer, parent_name);
  detail::write(writer, command_name);
  detail::write(writer, logging.level);
  detail::write(writer, logging.to_stderr);
  detail::write(writer, directory);
}

Preparation Preparation::read(Reader& reader) {
  Preparation told;
  take(reader, told.name);
  take(reader, told.authkey);
  take(reader, told.daemon);
  take(reader, told.lineage);
  take(reader, told.method);
  take(reader, told.outlive_parent);
  take(reader, told.own_group);
  take(reader, told.parent.slot);
  take(reader, told.parent.generation);
  take(reader, told.parent_pid);
  take(reader, told.parent_name);
  take(reader, told.command_name);
  take(reader, told.logging.level);
  take(reader, told.logging.to_stderr);
  take(reader, told.directory);
  return told;
}

void ServerPreparation::write(Writer& writer) const {
  detail::write(writer, key);
  detail::write(writer, request_fd);
  detail::write(writer, logging.level);
  detail::write(writer, logging.to_stderr);
  detail::write(writer, preload != nullptr);
  if (preload != nullptr) detail::write(writer, preload);
  begun.write(writer);
}

ServerPreparation ServerPreparation::read(Reader& reader) {
  ServerPreparation told;
  take(reader, told.key);
  take(reader, told.request_fd);
  take(reader, told.logging.level);
  take(reader, told.logging.to_stderr);
  bool has_preload = false;
  take(reader, has_preload);
  if (has_preload) take(reader, told.preload);
  told.begun = Starter::read(reader);
  return told;
}

namespace {
[[maybe_unused]] const bool registered = (set_child_main(child_main), true);
}  // namespace

UniqueFd make_birth_file(const ArenaAddress& address, Role role,
                         std::span<const std::byte> content) {
  refuse_over_limit(sizeof(Front) + content.size());
  UniqueFd file = clear_of_stdio(UniqueFd{memfd_create("multiprocessing-birth", MFD_CLOEXEC)});
  if (!file) throw_os_error("memfd_create", "the arguments of a process");
  Front front{};
  front.address = address;
  front.role = role;
  write_whole_at(file.get(), std::as_bytes(std::span{&front, 1}), 0);
  write_whole_at(file.get(), content, sizeof front);
  return file;
}

void write_descriptors(Writer& content, std::span<const int> descriptors) {
  for (const int fd : descriptors) content.raw(fd);
  content.raw(static_cast<std::uint32_t>(descriptors.size()));
}

std::vector<UniqueFd> take_descriptors(std::string& content) {
  const auto take = [&content](auto& value) {
    if (content.size() < sizeof value) throw SerializationError("the birth file ends early");
    std::memcpy(&value, content.data() + content.size() - sizeof value, sizeof value);
    content.resize(content.size() - sizeof value);
  };
  std::uint32_t count = 0;
  take(count);
  std::vector<UniqueFd> descriptors;
  for (std::uint32_t i = 0; i < count; ++i) {
    int fd = -1;
    take(fd);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    descriptors.insert(descriptors.begin(), UniqueFd{fd});
  }
  return descriptors;
}

BirthFile read_birth_file(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) throw_os_error("fstat", "the birth file");
  Front front{};
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < sizeof front) throw SerializationError("the birth file ends early");
  read_whole_at(fd, {reinterpret_cast<char*>(&front), sizeof front}, 0);
  BirthFile file{front.role, std::string(size - sizeof front, '\0')};
  read_whole_at(fd, file.content, sizeof front);
  return file;
}

}  // namespace multiprocessing::detail
