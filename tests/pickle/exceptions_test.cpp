// Exceptions of C++ as those of Python, and back.
#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <typeinfo>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/pickle.hpp"

namespace pickle_test {
namespace {

namespace mp = multiprocessing;
using mp::Object;

template <class E>
Object pickled(E error) {
  return mp::loads(mp::dumps(Object::of(std::make_exception_ptr(error))));
}

/// "type: text" of what the value becomes in C++.
std::string thrown(const Object& value) {
  try {
    std::rethrow_exception(value.as<std::exception_ptr>());
  } catch (const mp::RemoteError& error) {
    return std::string{"RemoteError: "} + error.what();
  } catch (const mp::OSError& error) {
    return "OSError " + std::to_string(error.code().value()) + ": " + error.what();
  } catch (const std::exception& error) {
    return std::string{typeid(error).name()} + ": " + error.what();
  }
}

template <class E>
void expect_both_ways(const char* printed) {
  const Object value = pickled(E{"text"});
  EXPECT_EQ(repr(value), printed);
  try {
    std::rethrow_exception(value.as<std::exception_ptr>());
  } catch (const E& error) {
    EXPECT_EQ(typeid(error), typeid(E)) << printed;
    EXPECT_NE(std::string{error.what()}.find("text"), std::string::npos) << printed;
  } catch (const std::exception& error) {
    ADD_FAILURE() << printed << " became " << typeid(error).name();
  }
}

TEST(PickledExceptionsTest, ErrorsOfOneNameBecomeEachOther) {
  expect_both_ways<mp::KeyError>("KeyError('text')");
  expect_both_ways<mp::IndexError>("IndexError('text')");
  expect_both_ways<mp::ValueError>("ValueError('text')");
  expect_both_ways<mp::TypeError>("TypeError('text')");
  expect_both_ways<mp::AttributeError>("AttributeError('text')");
  expect_both_ways<mp::OverflowError>("OverflowError('text')");
  expect_both_ways<mp::ZeroDivisionError>("ZeroDivisionError('text')");
  expect_both_ways<mp::AssertionError>("AssertionError('text')");
  expect_both_ways<mp::EOFError>("EOFError('text')");
  expect_both_ways<mp::Empty>("Empty('text')");
  expect_both_ways<mp::Full>("Full('text')");
  expect_both_ways<mp::BrokenBarrierError>("BrokenBarrierError('text')");
  expect_both_ways<mp::TimeoutError>("TimeoutError('text')");
  expect_both_ways<mp::ProcessError>("ProcessError('text')");
  expect_both_ways<mp::AuthenticationError>("AuthenticationError('text')");
  expect_both_ways<mp::RemoteError>("RemoteError('text')");
  expect_both_ways<std::runtime_error>("RuntimeError('text')");
}

TEST(PickledExceptionsTest, OthersOfCppArriveAsTheNearestOfPython) {
  EXPECT_EQ(repr(pickled(mp::OwnerDied{"the holder died", 7})), "RuntimeError('the holder died')");
  EXPECT_EQ(repr(pickled(mp::WorkerDied{"lost"})), "RuntimeError('lost')");
  EXPECT_EQ(repr(pickled(mp::ShutDown{"shut"})), "RuntimeError('shut')");
  EXPECT_EQ(repr(pickled(std::invalid_argument{"x"})), "ValueError('x')");
  EXPECT_EQ(repr(pickled(std::out_of_range{"x"})), "IndexError('x')");
  EXPECT_EQ(repr(pickled(std::logic_error{"x"})), "RuntimeError('x')");
  EXPECT_EQ(repr(pickled(std::bad_alloc{})), "MemoryError('std::bad_alloc')");
  EXPECT_EQ(repr(pickled(mp::StopIteration{"no more"})), "StopIteration()");
  EXPECT_EQ(repr(pickled(mp::BufferTooShort{"x", mp::Bytes{"whole"}})), "BufferTooShort(b'whole')");
  EXPECT_EQ(repr(pickled(mp::Exit{3})), "SystemExit(3)");
  EXPECT_EQ(repr(pickled(std::runtime_error{"\xff"})), "RuntimeError('\\\\xff')");
  EXPECT_EQ(Object::of(std::exception_ptr{}), Object{mp::None});
}

TEST(PickledExceptionsTest, ErrorsOfTheSystemGoByTheirErrno) {
  const std::error_code code{ENOENT, std::generic_category()};
  const Object missing = pickled(mp::OSError{code, "a.txt"});
  EXPECT_EQ(missing.type(), "FileNotFoundError");
  EXPECT_EQ(missing.args()[0], Object{ENOENT});
  EXPECT_THROW(std::rethrow_exception(missing.as<std::exception_ptr>()), mp::FileNotFoundError);
  EXPECT_EQ(pickled(std::system_error{{EACCES, std::system_category()}}).type(), "PermissionError");
  EXPECT_EQ(pickled(std::system_error{{EBADF, std::system_category()}}).type(), "OSError");
  const Object from_python = mp::loads("cbuiltins\nOSError\n(I2\nS'No such file'\nS'n.txt'\ntR.");
  EXPECT_EQ(repr(from_python), "FileNotFoundError(2, 'No such file')");
  EXPECT_EQ(str(from_python), "[Errno 2] No such file: 'n.txt'");
  EXPECT_EQ(thrown(from_python), "OSError 2: n.txt: No such file or directory");
}

TEST(PickledExceptionsTest, OthersOfPythonArriveAsRemoteErrorWithTheirName) {
  EXPECT_EQ(thrown(mp::loads("cbuiltins\nNameError\n(S'name x'\ntR.")),
            "RemoteError: builtins.NameError: name x");
  EXPECT_EQ(thrown(mp::loads("cbuiltins\nSystemExit\n(I3\ntR.")),
            "RemoteError: builtins.SystemExit: 3");
  EXPECT_THROW((void)Object{1}.as<std::exception_ptr>(), mp::SerializationError);
}

}  // namespace
}  // namespace pickle_test
