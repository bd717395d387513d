// What a starter and its children are, and tests that compare them.
#pragma once

#include <sys/resource.h>

#include <string>

#include "process_suite.hpp"

namespace process_test {

/// All that a child has from its starter, as text; as the kernel tells, not the library.
[[nodiscard]] std::string view();

/// How many of so many children are not what the calling thread is.
[[nodiscard]] int strangers_among(int children);

/// Starts children before and after the change; 0 when all were what their starter was.
[[nodiscard]] int before_and_after(void (*change)(), int children);

/// The same in a process of its own, whose fork server is that of the test program to begin with.
[[nodiscard]] int exitcode_when(void (*change)(), int children = 3);

[[nodiscard]] int children_asked_for();

/// Throws what errno says.
void require(bool done, const char* what);

void block(int signal_number);
void lower(int resource, rlim_t soft, rlim_t hard);
void set_no_new_privs();

/// Umask, priority, limits, affinity, mask, ignored signals and folder.
void change_settings();

}  // namespace process_test
