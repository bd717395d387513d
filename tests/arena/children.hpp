// Forked children, and memory that tests share with them beside the arena.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "arena/audit.hpp"
#include "arena/birth.hpp"
#include "arena/family.hpp"
#include "arena/settle.hpp"
#include "multiprocessing/arena/usage.hpp"

namespace arena_test {

namespace mp = multiprocessing;

/// Runs `body` in this process, which is a child, and ends it with what that returned.
template <class Body>
[[noreturn]] void end_with(Body&& body) {
  int code = 99;
  try {
    code = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in a child: %s\n", error.what());
  }
  _exit(code);
}

/// 0-255, or minus the signal.
inline int reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) != pid) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// A child that is a member of the family and known by name.
class Child {
 public:
  template <class Body>
  explicit Child(Body&& body) {
    mp::detail::Birth birth;
    member_ = birth.child();
    pid_ = birth.fork();
    if (pid_ == 0) end_with(std::forward<Body>(body));
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), member_(other.member_) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(member_, other.member_);
    return *this;
  }
  ~Child() {
    if (pid_ > 0) kill();
  }

  [[nodiscard]] mp::detail::Member member() const { return member_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Waits for its end; what it held is given back.
  int join() {
    const int status = join_unsettled();
    mp::detail::settle(member_);
    return status;
  }
  /// Leaves the settling to a process that notices.
  int join_unsettled() { return reap(std::exchange(pid_, 0)); }
  int kill() {
    ::kill(pid_, SIGKILL);
    return join();
  }

 private:
  pid_t pid_ = 0;
  mp::detail::Member member_;
};

/// A T that forked children share; zero at first.
template <class T>
class Shared {
 public:
  Shared()
      : at_(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    new (at_) T{};
  }
  ~Shared() { munmap(at_, sizeof(T)); }
  Shared(const Shared&) = delete;
  [[nodiscard]] T* operator->() const { return static_cast<T*>(at_); }
  [[nodiscard]] T& operator*() const { return *static_cast<T*>(at_); }

 private:
  void* at_;
};

/// One end waits until the other opens it, or dies.
class Gate {
 public:
  Gate() {
    if (pipe(ends_) != 0) throw std::bad_alloc{};
  }
  ~Gate() {
    for (int end : ends_)
      if (end >= 0) close(end);
  }
  Gate(const Gate&) = delete;
  void open() { static_cast<void>(!write(ends_[1], "x", 1)); }
  /// Whether it was opened; false when every process that could open it has ended.
  bool wait() {
    close(std::exchange(ends_[1], -1));
    char seen;
    return read(ends_[0], &seen, 1) == 1;
  }

 private:
  int ends_[2];
};

/// What is in use once everything that died was settled, for comparisons.
inline mp::ArenaUsage use_at_rest() {
  mp::arena_sweep();
  return mp::arena_usage();
}

/// The arena adds up, and holds what it held at `before`.
inline void expect_baseline(const mp::ArenaUsage& before) {
  const mp::ArenaUsage now = use_at_rest();
  EXPECT_EQ(now.objects, before.objects);
  EXPECT_EQ(now.blocks, before.blocks);
  EXPECT_EQ(now.bytes, before.bytes);
  EXPECT_EQ(now.chunks, before.chunks);
  EXPECT_EQ(now.processes, before.processes);
  for (const std::string& fault : mp::detail::arena_faults()) ADD_FAILURE() << fault;
}

/// A test that leaves the arena as it found it.
class ArenaTest : public testing::Test {
 protected:
  void TearDown() override { expect_baseline(before_); }

  /// How many the test has made.
  [[nodiscard]] std::uint64_t objects() const {
    return mp::arena_usage().objects - before_.objects;
  }

  /// How many processes there were before it.
  [[nodiscard]] std::uint64_t members() const { return before_.processes; }

 private:
  mp::ArenaUsage before_ = use_at_rest();
};

}  // namespace arena_test
