// Where elements come from: any input range.
#include <array>
#include <deque>
#include <forward_list>
#include <initializer_list>
#include <iterator>
#include <list>
#include <map>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class RangesTest : public PoolTest {};
FOR_EVERY_START_METHOD(RangesTest);

int square(int x) { return x * x; }
const std::vector<int> five_squares{0, 1, 4, 9, 16};

/// Counts, as a generator does: once, forward, without a size. Throws before number `bad`.
template <class Value>
class Generator {
 public:
  explicit Generator(int end, int bad = -1) : end_(end), bad_(bad) {}

  class iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Value;
    explicit iterator(const Generator& of) : of_(&of) { check(); }
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;
    Value operator*() const {
      if constexpr (std::is_same_v<Value, int>) {
        return at_;
      } else {
        return Value(new int(at_));
      }
    }
    iterator& operator++() {
      ++at_;
      check();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == of_->end_; }

   private:
    void check() const {
      if (at_ == of_->bad_) throw std::out_of_range("no more numbers");
    }
    const Generator* of_;
    int at_ = 0;
  };

  [[nodiscard]] iterator begin() const { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  int end_;
  int bad_;
};
static_assert(std::ranges::input_range<Generator<int>> &&
              !std::ranges::forward_range<Generator<int>>);

/// The same, and says how many.
struct SizedGenerator : Generator<int> {
  SizedGenerator(int end, std::size_t said, int bad = -1) : Generator(end, bad), said_(said) {}
  [[nodiscard]] std::size_t size() const { return said_; }
  std::size_t said_;
};
static_assert(std::ranges::sized_range<SizedGenerator>);

TEST_P(RangesTest, AllKindsOfContainersAreMapped) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, std::list{0, 1, 2, 3, 4}), five_squares);
  EXPECT_EQ(pool.map(square, std::deque{0, 1, 2, 3, 4}, 2), five_squares);
  EXPECT_EQ(pool.map(square, std::forward_list{0, 1, 2, 3, 4}), five_squares);
  EXPECT_EQ(pool.map(square, std::set{4, 3, 2, 1, 0}, 2), five_squares);
  const int plain[] = {0, 1, 2, 3, 4};
  EXPECT_EQ(pool.map(square, plain), five_squares);
  EXPECT_EQ(pool.map(square, std::span{plain}), five_squares);
  EXPECT_EQ(pool.map(square, std::array{0, 1, 2, 3, 4}), five_squares);
  const std::map<std::string, int> ages{{"a", 1}, {"b", 2}};
  EXPECT_EQ(pool.map([](std::pair<const std::string, int> p) { return p.first; }, ages),
            (std::vector<std::string>{"a", "b"}));
}

TEST_P(RangesTest, AListInBracesIsMapped) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, {0, 1, 2, 3, 4}), five_squares);
  EXPECT_EQ(pool.map(square, {0, 1, 2, 3, 4}, 2), five_squares);
  EXPECT_EQ(pool.map(square, {0, 1, 2, 3, 4}, {.chunksize = 3}), five_squares);
  EXPECT_EQ(pool.map([](const std::string& s) { return s + s; }, {"a", "b"}),
            (std::vector<std::string>{"aa", "bb"}));
}

TEST_P(RangesTest, LazyRangesAndRangesThatCanBeReadOnceAreMapped) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, Generator<int>(5)), five_squares);
  EXPECT_EQ(pool.map(square, Generator<int>(5), 2), five_squares);
  EXPECT_EQ(pool.map(square, SizedGenerator(5, 5)), five_squares);
  EXPECT_TRUE(pool.map(square, Generator<int>(0)).empty());
}

#if !defined(__clang__) || __clang_major__ >= 16  // earlier ones cannot read the views of libstdc++
TEST_P(RangesTest, ViewsOfTheStandardAreMapped) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, std::ranges::iota_view(0, 5)), five_squares);
  std::istringstream text("0 1 2 3 4");
  EXPECT_EQ(pool.map(square, std::ranges::istream_view<int>(text)), five_squares);
  std::istringstream words("one two");
  EXPECT_EQ(pool.map([](std::string s) { return s.size(); },
                     std::ranges::istream_view<std::string>(words)),
            (std::vector<std::size_t>{3, 3}));
}
#endif

// The number of bytes went round to a small one, and elements were written past the end of it.
TEST_P(RangesTest, MoreElementsThanAnyMemoryHoldsAreRefused) {
  mp::Pool pool(2);
  for (const int bits : {61, 58, 45})
    EXPECT_THROW((void)pool.map(square, SizedGenerator(5, std::size_t{1} << bits)), mp::OSError)
        << bits;
  EXPECT_EQ(pool.map(square, {0, 1, 2, 3, 4}), five_squares);
}

TEST_P(RangesTest, MoveOnlyElementsOfAGeneratorAreMapped) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map([](std::unique_ptr<int> p) { return *p * *p; },
                     Generator<std::unique_ptr<int>>(5), 2),
            five_squares);
}

// CPython: _TestPool.test_map_handle_iterable_exception
TEST_P(RangesTest, AnExceptionOfTheRangeReachesTheCallerAndThePoolGoesOn) {
  mp::Pool pool(2);
  for (const int bad : {0, 1, 9}) {
    EXPECT_THROW(pool.map(square, Generator<int>(10, bad)), std::out_of_range) << bad;
    EXPECT_THROW(pool.map(square, SizedGenerator(10, 10, bad), 3), std::out_of_range) << bad;
    EXPECT_THROW(pool.map([](int x) { return std::to_string(x); }, Generator<int>(10, bad), 1),
                 std::out_of_range)
        << bad;
  }
  EXPECT_EQ(pool.map(square, {0, 1, 2, 3, 4}), five_squares);
}

TEST_P(RangesTest, ARangeThatLiesAboutItsSizeDoesNoHarm) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, SizedGenerator(1000, 5)), five_squares);
  EXPECT_THROW(pool.map(square, SizedGenerator(3, 5)), mp::ValueError);
  EXPECT_EQ(pool.map(square, SizedGenerator(5, 5)), five_squares);
}

}  // namespace
}  // namespace pool_test
