#include "shared_memory/claim_record.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fail_point.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

constexpr char magic[8] = {'m', 'p', 'c', 'l', 'a', 'i', 'm', '2'};

constinit std::atomic<void (*)()> moving_aside{nullptr};

// Between a look at a name and its removal the name may come to stand for another's block: so it is
// moved aside, looked at again, and given back if it is not the one.
bool remove_aside(const std::string& claim, const ClaimRecord& record) {
  const std::string aside = block_of_claim(claim);
  const auto found = identity_of(aside);
  if (!found) return false;
  if (found != record.block && link(path_of(aside).c_str(), path_of(record.name).c_str()) != 0 &&
      errno != EEXIST)
    return false;
  unlink(path_of(aside).c_str());
  return found == record.block;
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& file) {
  struct statx status {};
  if (statx(AT_FDCWD, path_of(file).c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
            &status) != 0)
    return std::nullopt;
  FileIdentity found{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
  found.user = status.stx_uid;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    found.born_seconds = status.stx_btime.tv_sec;
    found.born_nanoseconds = status.stx_btime.tv_nsec;
  }
  return found;
}

ClaimRecord make_record(const FileIdentity& block, const std::string& name) {
  ClaimRecord record{{}, block, {}, {}};
  std::copy_n(magic, sizeof magic, record.magic);
  name.copy(record.name, sizeof record.name - 1);
  return record;
}

bool is_sound(const ClaimRecord& record) {
  return std::memcmp(record.magic, magic, sizeof magic) == 0 &&
         std::memchr(record.name, 0, sizeof record.name) != nullptr &&
         std::strchr(record.name, '/') == nullptr;
}

std::string block_of_claim(const std::string& claim) { return claim + ".block"; }

bool remove_claimed(const std::string& claim, const ClaimRecord& record) {
  // First, because moving a name to another one of the same file does nothing: the owner may have
  // died between giving the block its name and taking away the other.
  static_cast<void>(remove_aside(claim, record));
  if (identity_of(record.name) != record.block) return false;
  fail_point("shared_memory.remove.looked");
  if (auto* call = moving_aside.load()) call();
  if (rename(path_of(record.name).c_str(), path_of(block_of_claim(claim)).c_str()) != 0)
    return false;
  fail_point("shared_memory.remove.aside");
  return remove_aside(claim, record);
}

void before_moving_aside(void (*call)()) { moving_aside = call; }

}  // namespace multiprocessing::detail
