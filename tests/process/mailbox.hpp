// How test children tell what they saw: lines in the family's shared memory.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/futex.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace process_test {

/// Lines from any process, kept in the order in which they were put.
class Mailbox {
 public:
  Mailbox() : body_(multiprocessing::detail::Handle::make(sizeof(Body))) {}

  void put(const std::string& text) const {
    Body& body = *body_.as<Body>();
    Line& line = body.lines[body.used.fetch_add(1)];
    std::strncpy(line.text, text.c_str(), sizeof line.text - 1);
    line.ready = 1;
    multiprocessing::detail::futex_wake_all(line.ready);
  }
  void put(long long number) const { put(std::to_string(number)); }

  /// The line number `index`, counted from 0; waits for it.
  [[nodiscard]] std::string get(unsigned index = 0) const {
    const Line& line = body_.as<Body>()->lines[index];
    while (line.ready == 0)
      multiprocessing::detail::futex_wait(line.ready, 0,
                                          multiprocessing::detail::Deadline::never());
    return line.text;
  }
  [[nodiscard]] long long number(unsigned index = 0) const { return std::stoll(get(index)); }
  [[nodiscard]] unsigned size() const { return body_.as<Body>()->used; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& body_;
  }

 private:
  struct Line {
    std::atomic<std::uint32_t> ready;
    char text[252];
  };
  struct Body {
    std::atomic<std::uint32_t> used;
    Line lines[128];
  };
  multiprocessing::detail::Handle body_;
};

/// Holds processes up until it is opened.
class Gate {
 public:
  Gate() : word_(multiprocessing::detail::Handle::make(sizeof(std::atomic<std::uint32_t>))) {}

  void open() const {
    word() = 1;
    multiprocessing::detail::futex_wake_all(word());
  }
  void wait() const {
    while (word() == 0)
      multiprocessing::detail::futex_wait(word(), 0, multiprocessing::detail::Deadline::never());
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& word_;
  }

 private:
  [[nodiscard]] std::atomic<std::uint32_t>& word() const {
    return *word_.as<std::atomic<std::uint32_t>>();
  }
  multiprocessing::detail::Handle word_;
};

}  // namespace process_test
