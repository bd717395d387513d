#include "shared_memory/claim.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/start_hook.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/base/logging.hpp"
#include "shared_memory/folder.hpp"

namespace multiprocessing::detail {
namespace {

struct Claim {
  std::string file;
  std::string name;  // empty until recorded
  ClaimRecord record;
  UniqueFd lock;
};

/// What this process claims. Never destroyed: exit handlers use it.
struct Claims {
  std::mutex mutex;
  pid_t owner = 0;
  std::vector<Claim> all;  // guarded by mutex

  // A child that skipped the fork handlers has a copy; the claims stay its parent's.
  void belong_here() {
    if (owner == getpid()) return;
    all.clear();
    owner = getpid();
    static_cast<void>(std::atexit(end_of_owner));
  }
  auto find(const std::string& claim) {
    return std::find_if(all.begin(), all.end(), [&](const Claim& c) { return c.file == claim; });
  }
  static void end_of_owner();
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

const pid_t started_as = getpid();

bool is_child() { return getpid() != started_as || birth_descriptor() >= 0; }

void remove_files(int folder, const std::string& claim) noexcept {
  unlinkat(folder, block_of_claim(claim).c_str(), 0);
  fail_point("shared_memory.claim.after_block");
  unlinkat(folder, claim.c_str(), 0);
}

// Between a look at a name and its removal the name may come to stand for another's block: so it is
// moved aside, looked at again, and given back if it is not the one.
bool remove_aside(int folder, const std::string& claim, const ClaimRecord& record) {
  const std::string aside = block_of_claim(claim);
  const auto found = identity_at(folder, aside);
  if (!found) return false;
  if (found != record.block)
    static_cast<void>(linkat(folder, aside.c_str(), folder, record.name, 0));
  unlinkat(folder, aside.c_str(), 0);
  return found == record.block;
}

void Claims::end_of_owner() {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  if (mine.owner != getpid()) return;
  std::string removed;
  try {
    const UniqueFd folder = open_block_folder();
    for (const Claim& claim : mine.all) {
      if (!is_child() && !claim.name.empty() &&
          remove_claimed(folder.get(), claim.file, claim.record))
        removed += ' ' + claim.name;
      remove_files(folder.get(), claim.file);
    }
    mine.all.clear();
    if (!removed.empty())
      get_logger().warning("removed blocks of shared memory that were not unlinked:" + removed);
  } catch (const std::exception&) {  // the folder is gone, and the blocks with it
  }
}

Claim try_claim(int folder) {
  Claim claim;
  claim.file = std::string{claim_prefix} + random_digits(16);
  claim.lock.reset(
      openat(folder, claim.file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!claim.lock && errno == EEXIST) return claim;
  if (!claim.lock) throw_os_error("openat", claim.file);
  fail_point("shared_memory.claim.before_lock");
  struct stat status {};
  // A sweep may have found the file before it was locked, and taken it for a dead one's.
  if (flock(claim.lock.get(), LOCK_EX | LOCK_NB) != 0 || fstat(claim.lock.get(), &status) != 0 ||
      status.st_nlink == 0) {
    unlinkat(folder, claim.file.c_str(), 0);
    claim.lock.reset();
  }
  return claim;
}

}  // namespace

std::optional<FileIdentity> identity_at(int folder, const std::string& name) {
  struct statx status {};
  if (statx(folder, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &status) !=
      0)
    return std::nullopt;
  FileIdentity found{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
  found.user = status.stx_uid;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    found.born_seconds = status.stx_btime.tv_sec;
    found.born_nanoseconds = status.stx_btime.tv_nsec;
  }
  return found;
}

std::string block_of_claim(const std::string& claim) { return claim + ".block"; }

std::string begin_claim(int folder) {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  mine.belong_here();
  mine.all.reserve(mine.all.size() + 1);
  for (;;) {
    Claim claim = try_claim(folder);
    if (!claim.lock) continue;
    return mine.all.emplace_back(std::move(claim)).file;
  }
}

void record_claim(int folder, const std::string& claim, const std::string& name) {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  const auto at = mine.find(claim);
  if (at == mine.all.end()) throw_os_error(ENOENT, "claim", claim);
  const auto block = identity_at(folder, block_of_claim(claim));
  if (!block) throw_os_error("statx", block_of_claim(claim));
  ClaimRecord record{{'m', 'p', 'c', 'l', 'a', 'i', 'm', '1'}, *block, {}};
  name.copy(record.name, sizeof record.name - 1);
  if (pwrite(at->lock.get(), &record, sizeof record, 0) != sizeof record)
    throw_os_error("pwrite", claim);
  at->record = record;
  at->name = name;
}

void drop_claim(int folder, const std::string& claim) noexcept {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  const auto at = mine.find(claim);
  if (at == mine.all.end()) return;
  remove_files(folder, claim);
  mine.all.erase(at);
}

void drop_claims_on(int folder, const std::string& name) noexcept {
  Claims& mine = claims();
  const std::scoped_lock guard{mine.mutex};
  if (mine.owner != getpid()) return;
  std::erase_if(mine.all, [&](const Claim& claim) {
    if (claim.name != name) return false;
    remove_files(folder, claim.file);
    return true;
  });
}

bool remove_claimed(int folder, const std::string& claim, const ClaimRecord& record) {
  // First, because moving a name to another one of the same file does nothing: the owner may have
  // died between giving the block its name and taking away the other.
  static_cast<void>(remove_aside(folder, claim, record));
  if (identity_at(folder, record.name) != record.block) return false;
  fail_point("shared_memory.remove.looked");
  if (auto* call = moving_aside.load()) call();
  if (renameat(folder, record.name, folder, block_of_claim(claim).c_str()) != 0) return false;
  fail_point("shared_memory.remove.aside");
  return remove_aside(folder, claim, record);
}

void before_moving_aside(void (*call)()) { moving_aside = call; }

}  // namespace multiprocessing::detail
