#include "monitor/machine.hpp"

#include <dirent.h>
#include <libproc2/meminfo.h>
#include <libproc2/misc.h>
#include <libproc2/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

enum Place { id, user, nice, system, idle, waiting, irq, softirq, stolen, count };

std::array<stat_item, Place::count> wanted{STAT_TIC_ID,     STAT_TIC_USER,    STAT_TIC_NICE,
                                           STAT_TIC_SYSTEM, STAT_TIC_IDLE,    STAT_TIC_IOWAIT,
                                           STAT_TIC_IRQ,    STAT_TIC_SOFTIRQ, STAT_TIC_STOLEN};

// Guests' time is in that of users already.
ProcessorTicks ticks_of(const stat_result* fields) {
  ProcessorTicks ticks{fields[Place::id].result.s_int, 0, 0};
  for (int place = Place::user; place < Place::count; ++place) {
    ticks.total += fields[place].result.ull_int;
    if (place != Place::idle && place != Place::waiting) ticks.busy += fields[place].result.ull_int;
  }
  return ticks;
}

// Some counters of the kernel fall now and then by a little.
double percent(std::uint64_t busy_before, std::uint64_t busy, std::uint64_t before,
               std::uint64_t now) {
  if (now <= before || busy <= busy_before) return 0;
  return std::min(
      100.0, 100.0 * static_cast<double>(busy - busy_before) / static_cast<double>(now - before));
}

double disk_percent(const std::string& path) {
  struct statvfs disk {};
  int result = 0;
  do result = statvfs(path.c_str(), &disk);
  while (result != 0 && errno == EINTR);
  if (result != 0) throw_os_error("statvfs", path);
  const auto used = static_cast<double>(disk.f_blocks - disk.f_bfree);
  const auto usable = used + static_cast<double>(disk.f_bavail);
  return usable > 0 ? 100 * used / usable : 0;
}

std::size_t count_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder{opendir("/proc"), closedir};
  if (folder == nullptr) throw_os_error("opendir", "/proc");
  std::size_t number = 0;
  while (const dirent* entry = readdir(folder.get()))
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') ++number;
  return number;
}

template <class Info>
Info* made(int (*make)(Info**), const char* call, const char* file) {
  Info* info = nullptr;
  if (const int result = make(&info); result < 0) throw_os_error(-result, call, file);
  return info;
}

}  // namespace

void Machine::Release::operator()(stat_info* info) const { procps_stat_unref(&info); }
void Machine::Release::operator()(meminfo_info* info) const { procps_meminfo_unref(&info); }

Machine::Machine(std::vector<std::string> disks)
    : disks_(std::move(disks)),
      stat_(made(procps_stat_new, "procps_stat_new", "/proc/stat")),
      memory_(made(procps_meminfo_new, "procps_meminfo_new", "/proc/meminfo")) {}

std::uint64_t Machine::started() {
  const stat_result* const result = procps_stat_get(stat_.get(), STAT_SYS_TIME_OF_BOOT);
  if (result == nullptr) throw_os_error("procps_stat_get", "/proc/stat");
  return result->result.ul_int;
}

std::vector<ProcessorTicks> Machine::processors() {
  const stat_reaped* const found =
      procps_stat_reap(stat_.get(), STAT_REAP_CPUS_ONLY, wanted.data(), Place::count);
  if (found == nullptr) throw_os_error("procps_stat_reap", "/proc/stat");
  std::vector<ProcessorTicks> ticks{ticks_of(found->summary->head)};
  ticks[0].processor = -1;
  const auto total = static_cast<std::size_t>(std::max(found->cpus->total, 0));
  for (const stat_stack* stack : std::span{found->cpus->stacks, total})
    ticks.push_back(ticks_of(stack->head));
  return ticks;
}

void Machine::add_processors(SystemStats& stats) {
  const auto now = processors();
  const auto& before = ticks_.step(std::chrono::steady_clock::now(), now).value;
  for (const auto& [processor, busy, total] : now) {
    const auto same = std::ranges::find(before, processor, &ProcessorTicks::processor);
    const double used = same == before.end() ? 0 : percent(same->busy, busy, same->total, total);
    if (processor < 0)
      stats.cpu_percent = used;
    else
      stats.cpu_percent_each.push_back(used);
  }
}

double Machine::memory_percent() {
  std::array<meminfo_item, 2> items{MEMINFO_MEM_TOTAL, MEMINFO_MEM_AVAILABLE};
  const meminfo_stack* const found = procps_meminfo_select(memory_.get(), items.data(), 2);
  if (found == nullptr) throw_os_error("procps_meminfo_select", "/proc/meminfo");
  const auto total = static_cast<double>(found->head[0].result.ul_int);
  const auto available = static_cast<double>(found->head[1].result.ul_int);
  return total > 0 ? 100 * (total - available) / total : 0;
}

SystemStats Machine::read() {
  SystemStats stats;
  add_processors(stats);
  stats.memory_percent = memory_percent();
  for (const auto& path : disks_) stats.disk_percent[path] = disk_percent(path);
  if (const int result = procps_loadavg(&stats.load[0], &stats.load[1], &stats.load[2]); result < 0)
    throw_os_error(-result, "procps_loadavg", "/proc/loadavg");
  stats.process_count = count_processes();
  return stats;
}

}  // namespace multiprocessing::detail
