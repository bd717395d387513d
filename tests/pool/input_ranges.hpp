// Ranges for tests that throw, have no size or no end.
#pragma once

#include <cstddef>
#include <iterator>
#include <stdexcept>

namespace pool_test {

/// 0, 1, 2 … without a size; counts what was drawn where it is told to, and throws instead of one
/// element.
class Endless {
 public:
  explicit Endless(int* drawn, int failing = -1) : drawn_(drawn), failing_(failing) {}

  class iterator {
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(const Endless& range) : range_(&range) {}

    int operator*() const {
      if (at_ == range_->failing_) throw std::domain_error("the input failed");
      if (range_->drawn_ != nullptr) ++*range_->drawn_;
      return at_;
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator&, std::unreachable_sentinel_t) { return false; }

   private:
    const Endless* range_ = nullptr;
    int at_ = 0;
  };

  [[nodiscard]] iterator begin() const { return iterator(*this); }
  [[nodiscard]] std::unreachable_sentinel_t end() const { return {}; }

 private:
  int* drawn_;
  int failing_;
};

/// Throws at that element, and has no size.
inline Endless throws_at(int element) { return Endless(nullptr, element); }

/// The same, and says how many there are.
class SizedThrowsAt {
 public:
  SizedThrowsAt(int failing, int size) : failing_(failing), size_(size) {}

  class iterator {
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    iterator(int at, int failing) : at_(at), failing_(failing) {}

    int operator*() const {
      if (at_ == failing_) throw std::domain_error("the input failed");
      return at_;
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }

   private:
    int at_ = 0;
    int failing_ = -1;
  };

  [[nodiscard]] iterator begin() const { return {0, failing_}; }
  [[nodiscard]] iterator end() const { return {size_, failing_}; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(size_); }

 private:
  int failing_;
  int size_;
};

}  // namespace pool_test
