#include "shared_memory/claim.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <utility>
#include <vector>

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

// The block's own file before the claim: the claim goes last.
void remove_files(const std::string& claim) noexcept {
  try {
    unlink(path_of(block_of_claim(claim)).c_str());
    fail_point("shared_memory.claim.after_block");
    unlink(path_of(claim).c_str());
  } catch (const std::bad_alloc&) {  // it is found once this process has ended
  }
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
  // A sweep may have found the file before it was locked, and taken its owner for dead.
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
  const ClaimRecord record = make_record(*block, name);
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

}  // namespace multiprocessing::detail
