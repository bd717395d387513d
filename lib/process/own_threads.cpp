#include "process/own_threads.hpp"

#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "multiprocessing/base/logging.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {
namespace {

constinit std::atomic<int> own_threads = 0;
constinit std::atomic<bool> warned = false;

}  // namespace

OwnThread::OwnThread() { own_threads.fetch_add(1, std::memory_order_relaxed); }
OwnThread::~OwnThread() { own_threads.fetch_sub(1, std::memory_order_relaxed); }

int count_foreign_threads() {
  // A folder has a link for itself, one from its parent, and one from each folder in it.
  struct stat folder {};
  if (stat("/proc/self/task", &folder) != 0 || folder.st_nlink < 3) return 1;
  return static_cast<int>(folder.st_nlink) - 2 - own_threads.load(std::memory_order_relaxed);
}

void warn_about_threads() {
  if (__libc_single_threaded != 0 || warned.load(std::memory_order_relaxed)) return;
  if (count_foreign_threads() <= 1) return;
  if (warned.exchange(true)) return;
  const std::string text =
      "This process (pid=" + std::to_string(getpid()) +
      ") is multi-threaded, use of fork may lead to deadlocks in the child: prefer spawn or "
      "forkserver, or start children before threads.";
  get_logger().warning(text);
  print_error("multiprocessing: " + text + "\n");
}

}  // namespace multiprocessing::detail
