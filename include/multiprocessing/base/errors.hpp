// The family of errors, named as in Python.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <system_error>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Base of what goes wrong with processes and between them.
class MULTIPROCESSING_API ProcessError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~ProcessError() override;
};

/// A result or message did not come in time. One type for pools and futures alike.
class MULTIPROCESSING_API TimeoutError : public ProcessError {
 public:
  using ProcessError::ProcessError;
  ~TimeoutError() override;
};

/// The other side does not know the key.
class MULTIPROCESSING_API AuthenticationError : public ProcessError {
 public:
  using ProcessError::ProcessError;
  ~AuthenticationError() override;
};

/// A message was larger than the buffer for it. The message is consumed and kept here.
class MULTIPROCESSING_API BufferTooShort : public ProcessError {
 public:
  explicit BufferTooShort(const std::string& what, Bytes message = {});
  ~BufferTooShort() override;

  /// The whole message that did not fit.
  [[nodiscard]] const Bytes& message() const noexcept { return message_; }

 private:
  Bytes message_;
};

/// The process that held a lock died; what the lock protects may be half changed.
/// `recover()` takes the lock over, so that the caller can mend it.
class MULTIPROCESSING_API OwnerDied : public ProcessError {
 public:
  explicit OwnerDied(const std::string& what, pid_t pid = 0) : ProcessError(what), pid_(pid) {}
  ~OwnerDied() override;

  /// Process id of the dead holder; 0 where it is not known.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_;
};

/// The worker that ran a task died before the task was done.
class MULTIPROCESSING_API WorkerDied : public ProcessError {
 public:
  explicit WorkerDied(const std::string& what, pid_t pid = 0, int exitcode = 0,
                      std::size_t task = 0)
      : ProcessError(what), pid_(pid), exitcode_(exitcode), task_(task) {}
  ~WorkerDied() override;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// As `Process::exitcode()`: negative for a signal.
  [[nodiscard]] int exitcode() const noexcept { return exitcode_; }

  /// Index of the task that was lost: for `map`, of the first element it had not finished.
  [[nodiscard]] std::size_t task() const noexcept { return task_; }

 private:
  pid_t pid_;
  int exitcode_;
  std::size_t task_;
};

/// An argument has a value that makes no sense here.
class MULTIPROCESSING_API ValueError : public std::invalid_argument {
 public:
  using invalid_argument::invalid_argument;
  ~ValueError() override;
};

/// A call that is never right in this state, such as starting a process twice. Python's `assert`
/// rows; here it is thrown in every build.
class MULTIPROCESSING_API AssertionError : public std::logic_error {
 public:
  using logic_error::logic_error;
  ~AssertionError() override;
};

/// A key that is not there.
class MULTIPROCESSING_API KeyError : public std::out_of_range {
 public:
  using out_of_range::out_of_range;
  ~KeyError() override;
};

/// An index that is not there.
class MULTIPROCESSING_API IndexError : public std::out_of_range {
 public:
  using out_of_range::out_of_range;
  ~IndexError() override;
};

/// A system call failed. `code()` holds the errno, `what()` the call and the thing it was about.
class MULTIPROCESSING_API OSError : public std::system_error {
 public:
  using system_error::system_error;
  ~OSError() override;
};

/// ENOENT.
class MULTIPROCESSING_API FileNotFoundError : public OSError {
 public:
  using OSError::OSError;
  ~FileNotFoundError() override;
};

/// EEXIST.
class MULTIPROCESSING_API FileExistsError : public OSError {
 public:
  using OSError::OSError;
  ~FileExistsError() override;
};

/// The other side of a connection is gone or refuses: the base of the four below, as in Python.
/// A program that treats every loss of a peer alike catches this and `EOFError`, which is the end
/// in good order, or reads by `connection.messages<T>()`, which ends in either case.
class MULTIPROCESSING_API ConnectionError : public OSError {
 public:
  using OSError::OSError;
  ~ConnectionError() override;
};

/// EPIPE: the other end is gone.
class MULTIPROCESSING_API BrokenPipeError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~BrokenPipeError() override;
};

/// ECONNABORTED: the other end went away before the connection was made.
class MULTIPROCESSING_API ConnectionAbortedError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~ConnectionAbortedError() override;
};

/// ECONNREFUSED: no process listens there.
class MULTIPROCESSING_API ConnectionRefusedError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~ConnectionRefusedError() override;
};

/// ECONNRESET: the other end went away and left things unread.
class MULTIPROCESSING_API ConnectionResetError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~ConnectionResetError() override;
};

/// The other end is closed and everything it sent has been read.
class MULTIPROCESSING_API EOFError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~EOFError() override;
};

/// A value could not be turned into bytes, or bytes do not hold the value that was asked for.
class MULTIPROCESSING_API SerializationError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~SerializationError() override;
};

/// An exception from another process whose type is not known here: its type name and text.
class MULTIPROCESSING_API RemoteError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~RemoteError() override;
};

/// The barrier was broken: aborted, reset, timed out, or one of its parties died.
class MULTIPROCESSING_API BrokenBarrierError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~BrokenBarrierError() override;
};

/// Nothing came out of the queue in time.
class MULTIPROCESSING_API Empty : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~Empty() override;
};

/// No room came free in the queue in time.
class MULTIPROCESSING_API Full : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~Full() override;
};

/// The queue was shut down.
class MULTIPROCESSING_API ShutDown : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~ShutDown() override;
};

/// An iterator has nothing more to give.
class MULTIPROCESSING_API StopIteration : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~StopIteration() override;
};

/// The task was cancelled before it ran.
class MULTIPROCESSING_API CancelledError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~CancelledError() override;
};

/// A future that is done already cannot be given another result.
class MULTIPROCESSING_API InvalidStateError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~InvalidStateError() override;
};

/// The executor lost a worker and was told to break, or its workers cannot be started.
class MULTIPROCESSING_API BrokenProcessPool : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~BrokenProcessPool() override;
};

}  // namespace multiprocessing
