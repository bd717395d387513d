// The leak listener: after every test the process holds what it held before, or the test fails.
#pragma once

#include <functional>
#include <string>

/// Compared are the open descriptors, the children (ended ones that nobody waited for too), orphans
/// of this test program, and names in /dev/shm; by kind and number, so that a thing which was
/// replaced by its like is no leak. What is being given back when the test ends has 2 s for it.
namespace test_support::leak_listener {

/// Runs `make` before the first test and its comparison: for what the library opens once and keeps,
/// such as the arena or the fork server. Call it at namespace scope:
///
///     const bool warm = test_support::leak_listener::warm_up([] { mp::Process{nothing}... });
bool warm_up(std::function<void()> make);

/// Differences whose description contains `part` are no leaks, in any test of this program.
/// Descriptions read "descriptor /memfd:name (deleted)", "child name (S)", "orphan name (S)",
/// "/dev/shm/name". Returns true, so that it can be called at namespace scope.
bool tolerate_new(std::string part);

/// Compares one thing more: `read` gives it as text, before and after each test.
bool register_probe(std::string name, std::function<std::string()> read);

/// Installs the listener; main.cpp calls it.
void install();

}  // namespace test_support::leak_listener
