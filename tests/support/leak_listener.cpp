#include "support/leak_listener.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "support/processes.hpp"
#include "support/watchdog.hpp"

namespace test_support::leak_listener {
namespace {

struct Settings {
  std::vector<std::function<void()>> warm_ups;
  std::vector<std::string> tolerated;
  std::vector<std::pair<std::string, std::function<std::string()>>> probes;
};
Settings& settings() {
  static Settings only;
  return only;
}

/// Kind of thing, and how often it is there.
using Inventory = std::map<std::string, int>;

void add(Inventory& inventory, const std::string& thing) {
  for (const std::string& part : settings().tolerated)
    if (thing.find(part) != std::string::npos) return;
  ++inventory[thing];
}

template <class Visit>
void for_each_name(const char* folder, Visit visit) {
  DIR* listing = opendir(folder);
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name, dirfd(listing));
  }
  closedir(listing);
}

void add_descriptors(Inventory& inventory) {
  for_each_name("/proc/self/fd", [&](const std::string& number, int listing) {
    if (number == std::to_string(listing)) return;
    char target[512];
    auto length = readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target);
    std::string what(target, length > 0 ? static_cast<std::size_t>(length) : 0);
    // "pipe:[1234]": the number is another one for each pipe.
    if (what.starts_with("pipe:") || what.starts_with("socket:")) what.resize(what.find(':'));
    add(inventory, "descriptor " + what);
  });
}

void add_processes(Inventory& inventory) {
  for (const ProcessInfo& process : all_processes()) {
    bool child = process.parent == getpid();
    bool orphan = supervisor() != 0 && process.parent == supervisor() && process.pid != getpid() &&
                  process.state != 'Z';  // the supervisor reaps it in a moment
    if (!child && !orphan) continue;
    std::string state = process.state == 'Z' ? "ended, not waited for" : "runs";
    add(inventory, (child ? "child " : "orphan ") + process.name + " (" + state + ")");
  }
}

Inventory take_inventory() {
  Inventory inventory;
  add_descriptors(inventory);
  add_processes(inventory);
  for_each_name("/dev/shm",
                [&](const std::string& name, int) { add(inventory, "/dev/shm/" + name); });
  for (const auto& [name, read] : settings().probes) add(inventory, name + ": " + read());
  return inventory;
}

std::vector<pid_t> our_processes() {
  std::vector<pid_t> ours{getpid()};
  for (const ProcessInfo& process : descendants_of(supervisor() != 0 ? supervisor() : getpid()))
    ours.push_back(process.pid);
  return ours;
}

bool holds(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

// Test programs run side by side: a name that a stranger has mapped is the stranger's.
bool mapped_by_a_stranger(const std::string& path) {
  const std::vector<pid_t> ours = our_processes();
  for (const ProcessInfo& process : all_processes()) {
    if (holds(ours, process.pid)) continue;
    std::ifstream maps{"/proc/" + std::to_string(process.pid) + "/maps"};
    for (std::string line; std::getline(maps, line);)
      if (line.find(path) != std::string::npos) return true;
  }
  return false;
}

// Names that test programs make themselves end with their process id.
bool named_by_a_stranger(const std::string& path) {
  if (!path.starts_with("/dev/shm/mp_test")) return false;
  return !holds(our_processes(), std::atoi(path.substr(path.rfind('_') + 1).c_str()));
}

// What an example makes that runs beside us, it takes away again. What is left behind stays.
bool goes_away(const std::string& path) {
  for (int look = 0; look < 1500 && access(path.c_str(), F_OK) == 0; ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  return access(path.c_str(), F_OK) != 0;
}

// Whether the difference is somebody else's doing.
bool excused(const std::string& thing, int before, int after) {
  if (!thing.starts_with("/dev/shm/")) return false;
  return after < before || named_by_a_stranger(thing) || mapped_by_a_stranger(thing) ||
         goes_away(thing);
}

// "descriptor pipe: 2 before, 4 after" for each difference.
std::string difference(const Inventory& before, const Inventory& after) {
  Inventory things = before;
  things.insert(after.begin(), after.end());
  std::ostringstream out;
  for (const auto& entry : things) {
    auto count = [&](const Inventory& in) {
      auto found = in.find(entry.first);
      return found == in.end() ? 0 : found->second;
    };
    int were = count(before);
    int are = count(after);
    if (were != are && !excused(entry.first, were, are))
      out << "  " << entry.first << ": " << were << " before, " << are << " after\n";
  }
  return out.str();
}

std::string lasting_difference(const Inventory& before) {
  using std::chrono::steady_clock;
  auto deadline = steady_clock::now() + std::chrono::duration<double>{2 * patience()};
  for (;;) {
    std::string found = difference(before, take_inventory());
    if (found.empty() || steady_clock::now() > deadline) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

std::string list_of_descriptors() {
  std::ostringstream out;
  for_each_name("/proc/self/fd", [&](const std::string& number, int) {
    char target[512];
    auto length = readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target);
    if (length > 0)
      out << "    " << number << " -> " << std::string(target, target + length) << '\n';
  });
  return out.str();
}

class Listener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override {
    if (!std::exchange(warm_, true))
      for (const auto& make : settings().warm_ups) make();
    owner_ = getpid();
    watch_test((std::string{test.test_suite_name()} + "." + test.name()).c_str());
    before_ = take_inventory();
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    // A forked child that returned from the test instead of ending would tell the tale twice.
    if (getpid() != owner_) {
      std::fprintf(stderr, "a child of %s came back from the test body\n", test.name());
      _exit(97);
    }
    if (test.result()->Skipped()) return;
    std::string leaks = lasting_difference(before_);
    if (leaks.empty()) return;
    ADD_FAILURE() << "The test leaves other things behind than it found:\n"
                  << leaks << "  descriptors now:\n"
                  << list_of_descriptors();
  }

  bool warm_ = false;
  pid_t owner_ = 0;
  Inventory before_;
};

}  // namespace

bool warm_up(std::function<void()> make) {
  settings().warm_ups.push_back(std::move(make));
  return true;
}

bool tolerate_new(std::string part) {
  settings().tolerated.push_back(std::move(part));
  return true;
}

bool register_probe(std::string name, std::function<std::string()> read) {
  settings().probes.emplace_back(std::move(name), std::move(read));
  return true;
}

void install() { testing::UnitTest::GetInstance()->listeners().Append(new Listener); }

}  // namespace test_support::leak_listener
