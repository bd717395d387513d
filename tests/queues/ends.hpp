// What the tests of ends of pipes as messages share.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "multiprocessing/connection.hpp"
#include "process/keeper.hpp"
#include "queue_suite.hpp"

namespace queues_test {

using mp::Connection;
using mp::detail::keeper_if_any;
using mp::detail::kept_tickets;
using test_support::wait_until;
using Ends = mp::Queue<Connection>;

inline pid_t keeper_pid() { return mp::detail::pid_of(keeper_if_any().member); }

inline std::set<int> descriptors_of(pid_t pid) {
  std::set<int> numbers;
  DIR* folder = opendir(("/proc/" + std::to_string(pid) + "/fd").c_str());
  if (folder == nullptr) return numbers;
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') numbers.insert(std::atoi(entry->d_name));
  if (pid == getpid()) numbers.erase(dirfd(folder));
  closedir(folder);
  return numbers;
}

/// The other side has it from nobody any more; the watchdog ends a test that waits in vain.
inline void expect_end_of_file(const Connection& end) {
  EXPECT_THROW((void)end.recv<int>(), mp::EOFError);
}

/// Puts it and keeps no copy.
void give(const auto& queue, Connection end) { queue.put(end); }

/// Passes an end, after which there is a keeper.
inline void pass_one(const Ends& queue) {
  auto [here, there] = mp::Pipe();
  give(queue, std::move(there));
  queue.get().send(1);
  EXPECT_EQ(here.recv<int>(), 1);
}

/// Runs once for each start method; nothing is kept when a test is over.
class EndsTest : public QueueTest {
 protected:
  void TearDown() override {
    wait_until([] { return kept_tickets() == 0; });
  }
};
}  // namespace queues_test
