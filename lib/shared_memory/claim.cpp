#include "shared_memory/claim.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include "arena/family.hpp"
#include "base/fail_point.hpp"
#include "base/last_calls.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/base/logging.hpp"
#include "shared_memory/family_claim.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

constexpr char magic[8] = {'m', 'p', 'c', 'l', 'a', 'i', 'm', '2'};

void end_of_owner() noexcept;

// Before the first claim, so that it runs after the destructor of a static object that claims
// something; and in a process without claims, too, which may be the last of its family.
const LastCall& end_call() {
  static const LastCall call{end_of_owner};
  return call;
}
[[maybe_unused]] const LastCall& made_at_load = end_call();

struct Claim {
  std::string file;
  std::string name;  // empty until recorded
  ClaimRecord record;
  UniqueFd lock;
};

/// What this process claims. Never destroyed: exit handlers use it.
struct Claims {
  std::mutex mutex;
  std::atomic<pid_t> owner{0};
  std::vector<Claim> all;  // guarded by mutex

  // A child that skipped the fork handlers has a copy; the claims stay its parent's.
  void belong_here() {
    if (owner == getpid()) return;
    all.clear();
    owner = getpid();
    static_cast<void>(end_call());
  }
  auto find(const std::string& claim) {
    return std::find_if(all.begin(), all.end(), [&](const Claim& c) { return c.file == claim; });
  }
  // A child that skipped the fork handlers may find the mutex locked for ever.
  std::vector<Claim> take() {
    if (owner != getpid()) return {};
    const std::scoped_lock guard{mutex};
    return std::exchange(all, {});
  }
};

Claims& claims() {
  static auto* const only = new Claims;
  return *only;
}

// The lock belongs to the open file, so a forked child closes its copy, or the claim would live as
// long as it does.
[[maybe_unused]] const int registered =
    pthread_atfork([] { claims().mutex.lock(); }, [] { claims().mutex.unlock(); },
                   [] {
                     claims().all.clear();
                     claims().owner = 0;
                     claims().mutex.unlock();
                   });

constinit std::atomic<void (*)()> moving_aside{nullptr};

// The block's own file before the claim: the claim goes last.
void remove_files(const std::string& claim) noexcept {
  try {
    unlink(path_of(block_of_claim(claim)).c_str());
    fail_point("shared_memory.claim.after_block");
    unlink(path_of(claim).c_str());
  } catch (const std::bad_alloc&) {  // it is found once this process has ended
  }
}

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

// A claim that cannot be left to the family stays behind, as that of a process that was killed.
void leave_all(const std::vector<Claim>& claims) {
  for (const Claim& claim : claims) {
    const bool on_a_block = !claim.name.empty() && identity_of(claim.name) == claim.record.block;
    if (!on_a_block || leave_to_family(claim.record)) remove_files(claim.file);
  }
}

std::vector<std::string> remove_all(const std::vector<Claim>& claims) {
  std::vector<std::string> removed = remove_what_the_family_was_left();
  for (const Claim& claim : claims) {
    if (!claim.name.empty() && remove_claimed(claim.file, claim.record))
      removed.push_back(claim.name);
    remove_files(claim.file);
  }
  return removed;
}

void end_of_owner() noexcept {
  try {
    const std::vector<Claim> ended = claims().take();
    if (ended.empty() && !was_left_something()) return;
    if (has_relatives()) return leave_all(ended);
    std::string names;
    for (const std::string& name : remove_all(ended)) names += ' ' + name;
    if (!names.empty())
      get_logger().warning("removed blocks of shared memory that were not unlinked:" + names);
  } catch (const std::exception&) {  // no memory: the claims are those of a dead process now
  }
}

/// A new one; nothing when another process came in between, which can be tried again.
std::optional<Claim> try_claim() {
  Claim claim;
  claim.file = std::string{claim_prefix} + random_digits(16);
  const std::string path = path_of(claim.file);
  claim.lock.reset(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!claim.lock) {
    const int error = errno;
    if (error == EEXIST) return {};
    check_folder_is_there(error);
    throw_os_error(error, "open", path);
  }
  fail_point("shared_memory.claim.before_lock");
  struct stat status {};
  // A sweep may have found the file before it was locked, and taken it for a dead one's.
  const char* const refused = flock(claim.lock.get(), LOCK_EX | LOCK_NB) != 0 ? "flock"
                              : fstat(claim.lock.get(), &status) != 0         ? "fstat"
                                                                              : nullptr;
  if (refused == nullptr && status.st_nlink != 0) return claim;
  const int error = errno;
  unlink(path.c_str());
  if (refused != nullptr && error != EWOULDBLOCK) throw_os_error(error, refused, path);
  return {};
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

bool is_sound(const ClaimRecord& record) {
  return std::memcmp(record.magic, magic, sizeof magic) == 0 &&
         std::memchr(record.name, 0, sizeof record.name) != nullptr &&
         std::strchr(record.name, '/') == nullptr;
}

std::string block_of_claim(const std::string& claim) { return claim + ".block"; }

std::string begin_claim() {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  mine.belong_here();
  mine.all.reserve(mine.all.size() + 1);
  for (;;) {
    if (auto claim = try_claim()) return mine.all.emplace_back(std::move(*claim)).file;
  }
}

void record_claim(const std::string& claim, const std::string& name) {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  const auto at = mine.find(claim);
  if (at == mine.all.end()) throw_os_error(ENOENT, "claim", claim);
  const auto block = identity_of(block_of_claim(claim));
  if (!block) throw_os_error("statx", path_of(block_of_claim(claim)));
  ClaimRecord record{{}, *block, {}, {}};
  std::copy_n(magic, sizeof magic, record.magic);
  name.copy(record.name, sizeof record.name - 1);
  const ssize_t written = pwrite(at->lock.get(), &record, sizeof record, 0);
  if (written != sizeof record)
    throw_os_error(written < 0 ? errno : ENOSPC, "pwrite", path_of(claim));
  at->record = record;
  at->name = name;
}

void drop_claim(const std::string& claim) noexcept {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  const auto at = mine.find(claim);
  if (at == mine.all.end()) return;
  remove_files(claim);
  mine.all.erase(at);
}

void drop_claims_on(const std::string& name) noexcept {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  if (mine.owner != getpid()) return;
  std::erase_if(mine.all, [&](const Claim& claim) {
    if (claim.name != name) return false;
    remove_files(claim.file);
    return true;
  });
}

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
