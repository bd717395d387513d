#include "shared_memory/family_claim.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "arena/family.hpp"
#include "base/fail_point.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

constexpr auto record_size = static_cast<off_t>(sizeof(ClaimRecord));

std::string claim_of(const Bequest& bequest) {
  std::string claim{claim_prefix};
  for (int shift = 60; shift >= 0; shift -= 4)
    claim += "0123456789abcdef"[bequest.arena >> static_cast<unsigned>(shift) & 15U];
  return claim;
}

off_t size_of(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_size : 0;
}

bool read_at(int fd, off_t at, ClaimRecord& record) {
  return pread(fd, &record, sizeof record, at) == record_size && is_sound(record);
}

bool write_at(int fd, off_t at, const ClaimRecord& record) {
  return pwrite(fd, &record, sizeof record, at) == record_size;
}

/// One process at a time writes over old records; the others append instead of waiting.
class MayOverwrite {
 public:
  explicit MayOverwrite(int fd) : fd_(fd), may_(set(F_WRLCK)) {}
  ~MayOverwrite() {
    if (may_) set(F_UNLCK);
  }
  MayOverwrite(const MayOverwrite&) = delete;
  explicit operator bool() const { return may_; }

 private:
  bool set(short type) const {
    struct flock whole {};
    whole.l_type = type;
    whole.l_whence = SEEK_SET;
    return fcntl(fd_, F_SETLK, &whole) == 0;
  }
  int fd_;
  bool may_;
};

/// Takes the place of a record of a block that has been unlinked since. It tries a few records at
/// random: where half of all are free it finds one, so the file stays below twice what it has to
/// hold.
bool write_over_an_old_one(int fd, const ClaimRecord& record) {
  constexpr off_t looks = 16;
  const off_t count = size_of(fd) / record_size;
  if (count < looks) return false;
  const MayOverwrite lock{fd};
  if (!lock) return false;
  const auto start = static_cast<off_t>(record.block.inode % static_cast<std::uint64_t>(count));
  for (off_t look = 0; look < looks; ++look) {
    const off_t at = (start + look) % count * record_size;
    ClaimRecord old{};
    if (!read_at(fd, at, old) || identity_of(old.name) != old.block)
      return write_at(fd, at, record);
  }
  return false;
}

/// Beyond a limit the kernel answers by SIGXFSZ.
bool may_write(int fd) {
  rlimit files{};
  const auto end = static_cast<rlim_t>(size_of(fd) + record_size);
  return getrlimit(RLIMIT_FSIZE, &files) != 0 || end <= files.rlim_cur;
}

bool append(int fd, const ClaimRecord& record) {
  ClaimRecord copy = record;
  const iovec piece{&copy, sizeof copy};
  return pwritev2(fd, &piece, 1, 0, RWF_APPEND) == record_size;
}

/// Once; where it cannot be (see Bequest), only the family itself knows its claim.
void give_name(const Bequest& bequest) {
  struct stat status {};
  if (fstat(bequest.fd, &status) != 0 || status.st_nlink != 0) return;
  const std::string open_file = "/proc/self/fd/" + std::to_string(bequest.fd);
  [[maybe_unused]] const int linked = linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD,
                                             path_of(claim_of(bequest)).c_str(), AT_SYMLINK_FOLLOW);
}

}  // namespace

bool leave_to_family(const ClaimRecord& record) {
  const auto bequest = bequest_of_family();
  if (!bequest || !may_write(bequest->fd)) return false;
  if (!write_over_an_old_one(bequest->fd, record) && !append(bequest->fd, record)) return false;
  fail_point("shared_memory.leave.written");
  give_name(*bequest);
  fail_point("shared_memory.leave.named");
  return true;
}

bool was_left_something() {
  const auto bequest = bequest_of_family();
  return bequest && self_if_any() && size_of(bequest->fd) != 0;
}

std::vector<std::string> remove_what_the_family_was_left() {
  std::vector<std::string> removed;
  if (!was_left_something()) return removed;
  const auto bequest = bequest_of_family();
  const off_t end = size_of(bequest->fd);
  const std::string claim = claim_of(*bequest);
  ClaimRecord record{};
  for (off_t at = 0; at < end; at += record_size)
    if (read_at(bequest->fd, at, record) && remove_claimed(claim, record))
      removed.emplace_back(record.name);
  fail_point("shared_memory.left.removed");
  unlink(path_of(claim).c_str());
  [[maybe_unused]] const int emptied = ftruncate(bequest->fd, 0);
  return removed;
}

std::string family_claim() {
  const auto bequest = bequest_of_family();
  return bequest ? claim_of(*bequest) : std::string{};
}

}  // namespace multiprocessing::detail
