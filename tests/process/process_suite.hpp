// The suite that runs once for each start method, and targets that several files use.
#pragma once

#include <string>
#include <vector>

#include "mailbox.hpp"
#include "support/family.hpp"

namespace process_test {

namespace mp = multiprocessing;

using test_support::run_in_child;

/// Runs once for each start method.
class ProcessTest : public test_support::EveryMethodTest {};

/// -SIGKILL, which the kernel tells since Linux 6.15; 255 before.
[[nodiscard]] int code_of_a_killed_child_that_others_reap();

/// The numbers of the descriptors that this process has open.
[[nodiscard]] std::vector<int> open_descriptors();

/// Those above 2 that a program executed now would inherit: of the shell that runs the tests, say.
[[nodiscard]] std::vector<int> inheritable_descriptors();

/// What stands in a file.
[[nodiscard]] std::string content_of(const std::string& path);

/// A name for a file that is removed at the end of the scope.
class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

namespace entry {

void nothing();
void wait_for_ever();
void wait_at(Gate gate);
void say_and_wait(Mailbox says, Gate gate);  // its pid, then waits

}  // namespace entry
}  // namespace process_test
