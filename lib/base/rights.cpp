#include "base/rights.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::array lines{"Uid",    "Gid",    "Groups",     "CapInh",  "CapPrm",         "CapEff",
                           "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"};

constexpr std::array namespaces{
    "cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "user", "uts"};

void add(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(":").append(value).append("\n");
}

/// False when the kernel does not tell how many filters there are. Filters are only ever added, so
/// their number tells those of one thread apart; those of a thread that has its own go by its name.
bool add_filters(std::string& text, const ThreadStatus& status) {
  if (status.number("Seccomp", 10) == 0) return true;
  const std::string_view filters = status["Seccomp_filters"];
  if (filters.empty()) return false;
  if (gettid() != getpid() && ThreadStatus{"/proc/self/status"}["Seccomp_filters"] != filters)
    add(text, "thread", std::to_string(gettid()));
  return true;
}

bool add_namespaces(std::string& text) {
  const UniqueFd folder{open("/proc/thread-self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return false;
  for (const char* name : namespaces) {
    char target[64];
    const ssize_t size = readlinkat(folder.get(), name, target, sizeof target);
    if (size > 0) add(text, name, {target, static_cast<std::size_t>(size)});
  }
  return true;
}

void add_root(std::string& text) {
  struct statx root {};
  if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) != 0) return;
  add(text, "root",
      std::to_string(root.stx_dev_major) + ' ' + std::to_string(root.stx_dev_minor) + ' ' +
          std::to_string(root.stx_ino) + ' ' + std::to_string(root.stx_mnt_id));
}

void add_label(std::string& text) {
  static std::atomic<bool> there_are_none = false;
  if (there_are_none) return;
  const std::string label = read_small_file("/proc/thread-self/attr/current");
  if (label.empty() && errno == EINVAL) there_are_none = true;  // no module that has labels
  if (!label.empty()) add(text, "label", label);
}

/// Four numbers with tabs between them.
template <class Number>
void take_four(std::string_view text, Number (&numbers)[4]) {
  for (Number& number : numbers) {
    const char* end = text.data() + text.size();
    const char* behind = std::from_chars(text.data(), end, number).ptr;
    text = {behind, static_cast<std::size_t>(end - behind)};
    text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  }
}

// ---- the kernel's way to write capabilities: the low halves of three sets, then the high ones

struct CapabilitySets {
  __user_cap_data_struct half[2] = {};
};

MULTIPROCESSING_BORROWED_MEMORY bool get_sets(CapabilitySets& sets) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capget, &header, sets.half) == 0;
}

MULTIPROCESSING_BORROWED_MEMORY bool set_sets(const CapabilitySets& sets) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capset, &header, sets.half) == 0;
}

std::uint64_t both_halves(std::uint32_t low, std::uint32_t high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << number; }

bool set_capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) {
  CapabilitySets sets;
  for (unsigned i = 0; i < 2; ++i)
    sets.half[i] = {static_cast<std::uint32_t>(effective >> (32 * i)),
                    static_cast<std::uint32_t>(permitted >> (32 * i)),
                    static_cast<std::uint32_t>(inheritable >> (32 * i))};
  return set_sets(sets);
}

template <class Id>
bool is_among(Id id, const Id (&ids)[4]) {
  return id == ids[0] || id == ids[1] || id == ids[2] || id == ids[3];
}

template <class Id>
bool goes_beyond(const Id (&now)[4], const Id (&starter)[4]) {
  if (now[1] != starter[1] || now[3] != starter[3]) return true;
  return !is_among(now[0], starter) || !is_among(now[2], starter);
}

bool goes_beyond(const Credentials& now, const Credentials& starter) {
  return goes_beyond(now.user, starter.user) || goes_beyond(now.group, starter.group) ||
         (now.permitted & ~starter.permitted) != 0 || (now.effective & ~starter.effective) != 0 ||
         (now.inheritable & ~starter.inheritable) != 0 || (now.ambient & ~starter.ambient) != 0;
}

/// Executing leaves the effective id as the saved one and the one for files.
void resume_ids(const Credentials& starter) {
  const auto& [ruid, euid, suid, fsuid] = starter.user;
  const auto& [rgid, egid, sgid, fsgid] = starter.group;
  [[maybe_unused]] int done = setresgid(rgid, egid, sgid);
  done = setresuid(ruid, euid, suid);
  if (fsgid != egid) (void)setfsgid(fsgid);
  if (fsuid != euid) (void)setfsuid(fsuid);
}

void resume_capabilities(const Credentials& starter, const Credentials& now) {
  const std::uint64_t permitted = starter.permitted & now.permitted;
  const std::uint64_t inheritable = starter.inheritable & (now.inheritable | permitted);
  (void)set_capabilities(starter.effective & permitted, permitted, inheritable);
  for (std::uint64_t left = now.ambient & ~starter.ambient; left != 0; left &= left - 1)
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, std::countr_zero(left), 0, 0);
  if (starter.keeps_capabilities != 0) (void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

}  // namespace

std::string own_rights(const ThreadStatus& status) {
  std::string text;
  if (!status.known()) return text;
  for (const char* name : lines) add(text, name, status[name]);
  add(text, "securebits", std::to_string(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)));
  if (!add_filters(text, status) || !add_namespaces(text)) return {};
  add_root(text);
  add_label(text);
  return text;
}

Credentials own_credentials(const ThreadStatus& status) {
  Credentials own;
  own.known = status.known() ? 1 : 0;
  own.keeps_capabilities = prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1 ? 1 : 0;
  take_four(status["Uid"], own.user);
  take_four(status["Gid"], own.group);
  own.inheritable = status.number("CapInh", 16);
  own.permitted = status.number("CapPrm", 16);
  own.effective = status.number("CapEff", 16);
  own.ambient = status.number("CapAmb", 16);
  return own;
}

void resume_credentials(const Credentials& starter) {
  if (starter.known == 0) return;
  Credentials now = own_credentials(ThreadStatus{});
  if (now == starter) return;
  (void)set_capabilities(now.permitted, now.permitted, now.inheritable);  // to change the ids
  resume_ids(starter);
  resume_capabilities(starter, own_credentials(ThreadStatus{}));
  now = own_credentials(ThreadStatus{});
  if (now.known == 0 || goes_beyond(now, starter))
    throw_os_error(EPERM, "capset", "to have no more rights than the process that starts this one");
}

HandOver plan_hand_over() noexcept {
  HandOver plan;
  CapabilitySets sets;
  if (!get_sets(sets)) return plan;
  // What is not in the bounding set no executed program can have.
  std::uint64_t can_have = both_halves(sets.half[0].permitted, sets.half[1].permitted);
  if (can_have == 0) return plan;
  const uid_t user = geteuid();
  const gid_t group = getegid();
  const bool two_users = user != getuid();
  const bool two_groups = group != getgid();
  const bool executes_as_root = user == 0 && (prctl(PR_GET_SECUREBITS) & SECBIT_NOROOT) == 0;
  if (executes_as_root && !two_users && !two_groups) return plan;
  for (std::uint64_t left = can_have; left != 0; left &= left - 1)
    if (const int number = std::countr_zero(left); prctl(PR_CAPBSET_READ, number) != 1)
      can_have &= ~bit(number);
  if (two_users && (can_have & bit(CAP_SETUID)) != 0) plan.user = user;
  if (two_groups && (can_have & bit(CAP_SETGID)) != 0) plan.group = group;
  if (!executes_as_root) plan.capabilities = can_have;
  return plan;
}

MULTIPROCESSING_BORROWED_MEMORY void hand_over(const HandOver& plan) noexcept {
  constexpr auto as_it_is = static_cast<uid_t>(-1);
  CapabilitySets sets;
  if (plan.capabilities == 0 && plan.user == as_it_is && plan.group == as_it_is) return;
  if (!get_sets(sets)) return;
  for (__user_cap_data_struct& half : sets.half) half.effective = half.permitted;
  sets.half[0].inheritable |= static_cast<std::uint32_t>(plan.capabilities);
  sets.half[1].inheritable |= static_cast<std::uint32_t>(plan.capabilities >> 32);
  if (!set_sets(sets) || syscall(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return;
  if (plan.group != as_it_is) syscall(SYS_setresgid, plan.group, plan.group, plan.group);
  if (plan.user != as_it_is) syscall(SYS_setresuid, plan.user, plan.user, plan.user);
  for (unsigned number = 0; number < 64; ++number)
    if ((plan.capabilities >> number & 1) != 0)
      syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
}

}  // namespace multiprocessing::detail
