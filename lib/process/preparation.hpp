// Preparation: what a child is told before it does its work.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arena/member.hpp"
#include "base/process_name.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/target.hpp"
#include "process/identity.hpp"
#include "process/starter.hpp"

namespace multiprocessing::detail {

/// What every child is told. A forked one finds it in memory, the others in their birth file.
struct Preparation {
  std::string name;
  Bytes authkey;
  bool daemon = false;
  Lineage lineage;
  StartMethod method = StartMethod::fork;
  bool outlive_parent = false;
  bool own_group = false;
  bool keep_handlers = false;  // not sent: only a forked child has any
  Member parent;
  pid_t parent_pid = 0;
  std::string parent_name;
  std::string command_name;  // see command_name()
  LoggingState logging;
  std::string directory;  // to go to; empty: it is there already

  void write(Writer& writer) const;
  [[nodiscard]] static Preparation read(Reader& reader);
};

/// What the fork server is told.
struct ServerPreparation {
  Bytes key;  // requests must carry it
  int request_fd = -1;
  void (*preload)() = nullptr;
  LoggingState logging;
  Starter begun;

  void write(Writer& writer) const;
  [[nodiscard]] static ServerPreparation read(Reader& reader);
};

/// The reader of a birth file; stands in front of what the child is told.
enum class Role : std::uint8_t { child, fork_server };

/// A memory file: where the arena is, the role, then `content`. Throws OSError, also where the
/// limit on file sizes would have the kernel kill the writer.
[[nodiscard]] UniqueFd make_birth_file(const ArenaAddress& address, Role role,
                                       std::span<const std::byte> content);

/// Puts the descriptors that a spawned child is given under their own numbers behind what was
/// written, which says what they are.
void write_descriptors(Writer& content, std::span<const int> descriptors);

/// Takes them off the end of the content again; close-on-exec.
[[nodiscard]] std::vector<UniqueFd> take_descriptors(std::string& content);

struct BirthFile {
  Role role;
  std::string content;
};
[[nodiscard]] BirthFile read_birth_file(int fd);

/// Instead of main in a process that was executed with a birth file. Each program that can make
/// such a file has it, also where it is linked to archives.
void child_main(int birth_fd);

}  // namespace multiprocessing::detail
