// What a map throws when its tasks throw, or when what crosses cannot.
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "multiprocessing/reduction.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class FailuresTest : public PoolTest {};
FOR_EVERY_START_METHOD(FailuresTest);

int square(int x) { return x * x; }
std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

struct ParseError : std::runtime_error {
  using runtime_error::runtime_error;
};
const bool registered = mp::register_exception<ParseError>();

struct Unregistered : std::runtime_error {
  using runtime_error::runtime_error;
};

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// CPython: _TestPool.test_wrapped_exception
TEST_P(FailuresTest, AStandardOrRegisteredExceptionArrivesAsItself) {
  ASSERT_TRUE(registered);
  mp::Pool pool(2);
  const auto out_of_range = [](int x) -> int {
    if (x == 3) throw std::out_of_range("three");
    return x;
  };
  EXPECT_THROW(pool.map(out_of_range, numbers(10)), std::out_of_range);
  EXPECT_EQ(message_of([&] { pool.map(out_of_range, numbers(10)); }), "three");
  EXPECT_THROW(pool.map([](int) -> std::string { throw mp::KeyError("k"); }, numbers(2)),
               mp::KeyError);
  EXPECT_THROW(pool.map([](int) { throw ParseError("bad"); }, numbers(2)), ParseError);
  const auto enoent = [](int) {
    throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  };
  try {
    pool.map(enoent, numbers(1));
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
}

TEST_P(FailuresTest, OtherExceptionsArriveAsRemoteErrorWithTypeAndText) {
  mp::Pool pool(2);
  const auto unknown = message_of([&] { pool.map([](int) { throw Unregistered("odd"); }, {1}); });
  EXPECT_NE(unknown.find("Unregistered"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("odd"), std::string::npos) << unknown;
  EXPECT_THROW(pool.map([](int) { throw Unregistered("odd"); }, {1}), mp::RemoteError);
  EXPECT_THROW(pool.map([](int) { throw 42; }, {1}), mp::RemoteError);
  EXPECT_THROW(pool.map([](int) -> std::string { throw 42; }, {1}), mp::RemoteError);
  EXPECT_EQ(pool.map(square, {2}), std::vector{4});
}

// CPython: _TestPool.test_traceback
TEST_P(FailuresTest, TheTracebackNamesTheWorkerAndTheWholeChain) {
  mp::Pool pool(1);
  const auto nested = [](int) {
    try {
      throw std::invalid_argument("inner");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  };
  try {
    pool.map(nested, {1});
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "outer");
    EXPECT_THROW(std::rethrow_if_nested(error), std::invalid_argument);
    const std::string text = mp::remote_traceback(error);
    EXPECT_NE(text.find("PoolWorker-1"), std::string::npos) << text;
    EXPECT_NE(text.find("inner"), std::string::npos) << text;
  }
}

// CPython: _TestPool.test_map_no_failfast
TEST_P(FailuresTest, AFailureDoesNotStopTheOtherChunks) {
  mp::Pool pool(2);
  const Counters done;
  const auto task = [](Counters c, int x) {
    if (x == 0) throw std::runtime_error("first");
    c.raise();
  };
  EXPECT_THROW(pool.map(mp::partial(task, done), numbers(50), 1), std::runtime_error);
  EXPECT_EQ(done[0], 49U);
  // Big results beside a failure do not keep close and join from ending.
  const auto big = [](int x) -> std::string {
    if (x == 0) throw std::runtime_error("first");
    return std::string(1 << 20, 'x');
  };
  EXPECT_THROW(pool.map(big, numbers(8), 1), std::runtime_error);
  pool.close();
  pool.join();
}

TEST_P(FailuresTest, TheRestOfAChunkIsSkippedBehindAnException) {
  mp::Pool pool(2);
  const Counters done;
  const auto task = [](Counters c, int x) {
    if (x == 1) throw std::runtime_error("second");
    c.raise();
  };
  EXPECT_THROW(pool.map(mp::partial(task, done), numbers(10), 5), std::runtime_error);
  EXPECT_EQ(done[0], 6U);  // 0, and 5 to 9
}

TEST_P(FailuresTest, OfSeveralFailuresOneReachesTheCaller) {
  mp::Pool pool(2);
  for (int chunksize : {1, 3}) {
    const auto task = [](int x) -> std::string {
      throw std::runtime_error("element " + std::to_string(x));
    };
    EXPECT_EQ(message_of([&] { pool.map(task, numbers(20), chunksize); }), "element 0");
    const auto flat = [](int x) -> int { throw std::runtime_error(std::to_string(x)); };
    EXPECT_THROW(pool.map(flat, numbers(20), chunksize), std::runtime_error);
  }
}

// ---- what cannot cross ----

struct Fragile {
  int value = 0;
  bool fails_to_save = false;
  bool fails_to_load = false;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (Archive::is_saving::value && fails_to_save) throw std::runtime_error("cannot be saved");
    archive& value& fails_to_save& fails_to_load;
    if (Archive::is_loading::value && fails_to_load) throw std::runtime_error("cannot be loaded");
  }
};

// CPython: _TestPool.test_map_unplicklable
TEST_P(FailuresTest, AnElementThatCannotBeWrittenThrowsInTheCaller) {
  mp::Pool pool(2);
  std::vector<Fragile> elements(5);
  elements[3].fails_to_save = true;
  const auto task = [](const Fragile& f) { return f.value; };
  EXPECT_EQ(message_of([&] { pool.map(task, elements); }), "cannot be saved");
  EXPECT_EQ(pool.map(square, {2}), std::vector{4});
}

TEST_P(FailuresTest, AnElementThatCannotBeReadFailsItsChunk) {
  mp::Pool pool(2);
  std::vector<Fragile> elements(5);
  elements[3].fails_to_load = true;
  EXPECT_EQ(message_of([&] { pool.map([](const Fragile& f) { return f.value; }, elements); }),
            "cannot be loaded");
  EXPECT_EQ(pool.map(square, {2}), std::vector{4});
}

// CPython: _TestPoolWorkerErrors.test_unpickleable_result
TEST_P(FailuresTest, AResultThatCannotBeWrittenFailsItsTaskWithoutLosingWorkers) {
  mp::Pool pool(2);
  const auto before = pool.workers();
  for (int round = 0; round < 20; ++round)
    EXPECT_EQ(message_of([&] {
                pool.map([](int x) { return Fragile{.value = x, .fails_to_save = true}; }, {1, 2});
              }),
              "cannot be saved");
  EXPECT_EQ(pool.workers(), before);
}

TEST_P(FailuresTest, W13AResultThatCannotBeReadFailsItsMapAndThePoolGoesOn) {
  mp::Pool pool(2);
  const auto before = pool.workers();
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(message_of([&] {
                pool.map([](int x) { return Fragile{.value = x, .fails_to_load = true}; }, {1, 2});
              }),
              "cannot be loaded");
  EXPECT_EQ(pool.workers(), before);
}

struct Unreadable : std::runtime_error {
  Unreadable() : runtime_error("odd") {}
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if (Archive::is_loading::value) throw std::runtime_error("cannot be loaded");
  }
};
const bool unreadable_registered = mp::register_exception<Unreadable>();

TEST_P(FailuresTest, W13AnExceptionThatCannotBeReadFailsItsMapAndThePoolGoesOn) {
  ASSERT_TRUE(unreadable_registered);
  mp::Pool pool(2);
  for (int round = 0; round < 3; ++round)
    EXPECT_THROW(pool.map([](int) { throw Unreadable(); }, {1, 2}), std::exception);
  EXPECT_EQ(pool.map(square, {2}), std::vector{4});
}

struct BadFunctor {
  bool fails_to_save = false;
  int operator()(int x) const { return x; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (Archive::is_saving::value && fails_to_save) throw std::runtime_error("cannot be saved");
    archive& fails_to_save;
    if (Archive::is_loading::value) throw std::runtime_error("cannot be loaded");
  }
};

TEST_P(FailuresTest, AFunctionThatCannotCrossFailsItsMapAndThePoolGoesOn) {
  mp::Pool pool(2);
  EXPECT_EQ(message_of([&] { pool.map(BadFunctor{}, numbers(10), 1); }), "cannot be loaded");
  EXPECT_EQ(message_of([&] { pool.map(BadFunctor{true}, numbers(10), 1); }), "cannot be saved");
  EXPECT_EQ(pool.map(square, {2}), std::vector{4});
}

TEST_P(FailuresTest, W12AnExitThrownByATaskIsCaughtLikeAnyException) {
  mp::Pool pool(2);
  const auto before = pool.workers();
  EXPECT_THROW(pool.map([](int) { throw mp::Exit{3}; }, {1}), mp::Exit);
  EXPECT_EQ(pool.workers(), before);
}

TEST_P(FailuresTest, FailedMapsLeaveNothingInSharedMemory) {
  mp::Pool pool(2);
  const auto fails = [](int) -> std::string { throw std::runtime_error("x"); };
  const auto flat_fails = [](int) -> int { throw std::runtime_error("x"); };
  EXPECT_THROW(pool.map(flat_fails, numbers(10), 1), std::runtime_error);
  const InUse before = in_use();
  for (int round = 0; round < 5; ++round) {
    EXPECT_THROW(pool.map(fails, numbers(10), 1), std::runtime_error);
    EXPECT_THROW(pool.map(flat_fails, numbers(10), 1), std::runtime_error);
  }
  wait_until([&] { return in_use().blocks <= before.blocks; });
}

}  // namespace
}  // namespace pool_test
