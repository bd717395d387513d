// The family of errors, named as in Python.
//
// They cross from one process to another as themselves: out of a pool's task, a child, a message.
// Their text says what happened and, where something can be done, what. Errors of the system have
// an errno in `code()`. `Exit` and `Interrupted`, which end programs, are none of these.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Base of what goes wrong with processes and between them. Itself it comes out of calls that wait
/// for the results of a pool that was terminated, and of starts that the fork server fails.
class MULTIPROCESSING_API ProcessError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~ProcessError() override;
};

/// A result or message did not come in time; nothing is lost, and the call may be made again.
/// Python's `multiprocessing.TimeoutError`. Waits that return a `bool` or a list say so by that
/// instead.
class MULTIPROCESSING_API TimeoutError : public ProcessError {
 public:
  using ProcessError::ProcessError;
  ~TimeoutError() override;
};

/// The other side of a `Listener` or `Client` does not know the key, or speaks no protocol by which
/// it could prove it. The connection is closed.
class MULTIPROCESSING_API AuthenticationError : public ProcessError {
 public:
  using ProcessError::ProcessError;
  ~AuthenticationError() override;
};

/// `recv_bytes_into` got a message that is larger than the buffer for it. The message is taken from
/// the connection and kept here, as in `args[0]` of Python's.
class MULTIPROCESSING_API BufferTooShort : public ProcessError {
 public:
  explicit BufferTooShort(const std::string& what, Bytes message = {});
  ~BufferTooShort() override;

  /// The whole message that did not fit.
  [[nodiscard]] const Bytes& message() const noexcept { return message_; }

 private:
  Bytes message_;
};

/// The process that held a lock died; what the lock protects may be half changed. Thrown by
/// `acquire` and by all that takes the lock, in every process, until `recover()` takes it over, so
/// that the caller can repair what is behind it. Python has no counterpart: there the lock stays
/// taken.
class MULTIPROCESSING_API OwnerDied : public ProcessError {
 public:
  explicit OwnerDied(const std::string& what, pid_t pid = 0) : ProcessError(what), pid_(pid) {}
  ~OwnerDied() override;

  /// Process id of the dead holder; 0 where it is not known.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_;
};

/// The worker that ran a task died before the task was done: by a crash, a signal, or `std::exit`.
/// Also thrown by `JoinableQueue::join` when a process died with tasks in hand. The text names it.
class MULTIPROCESSING_API WorkerDied : public ProcessError {
 public:
  explicit WorkerDied(const std::string& what, pid_t pid = 0, int exitcode = 0,
                      std::size_t task = 0)
      : ProcessError(what), pid_(pid), exitcode_(exitcode), task_(task) {}
  ~WorkerDied() override;

  /// Process id of the dead worker; 0 where it is not known.
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

/// An argument has a value that makes no sense here, or the object is closed or was moved from.
/// Nothing has been done.
class MULTIPROCESSING_API ValueError : public std::invalid_argument {
 public:
  using invalid_argument::invalid_argument;
  ~ValueError() override;
};

/// A value of a kind that the call has no use for, such as a list as the key of a dictionary.
/// Python's `TypeError`.
class MULTIPROCESSING_API TypeError : public std::invalid_argument {
 public:
  using invalid_argument::invalid_argument;
  ~TypeError() override;
};

/// A call that is never right in this state or process, such as starting a process twice, or
/// joining another process's child. Where Python has `assert`, which -O removes; here every build
/// throws.
class MULTIPROCESSING_API AssertionError : public std::logic_error {
 public:
  using logic_error::logic_error;
  ~AssertionError() override;
};

/// A key that a `SharedMap` does not have; also a descriptor that `mp::wait` is given twice.
class MULTIPROCESSING_API KeyError : public std::out_of_range {
 public:
  using out_of_range::out_of_range;
  ~KeyError() override;
};

/// An index that is not there. Where Python allows negative ones, they count from the end here,
/// too, down to -size.
class MULTIPROCESSING_API IndexError : public std::out_of_range {
 public:
  using out_of_range::out_of_range;
  ~IndexError() override;
};

/// An object of a Python program, or one behind a manager, has no attribute or method of that name.
class MULTIPROCESSING_API AttributeError : public std::out_of_range {
 public:
  using out_of_range::out_of_range;
  ~AttributeError() override;
};

/// A number that is too large for what is done with it. Python's `OverflowError`.
class MULTIPROCESSING_API OverflowError : public std::overflow_error {
 public:
  using overflow_error::overflow_error;
  ~OverflowError() override;
};

/// A division by zero in a Python program, or in a method of a manager's object.
class MULTIPROCESSING_API ZeroDivisionError : public std::domain_error {
 public:
  using domain_error::domain_error;
  ~ZeroDivisionError() override;
};

/// A system call failed. `code()` holds the errno, `what()` the call and the thing it was about:
/// "shm_open /mp-1f3a: No such file or directory". ENOMEM and ENOSPC, when shared memory is short,
/// come with figures of what was wanted and what is left.
class MULTIPROCESSING_API OSError : public std::system_error {
 public:
  using system_error::system_error;
  ~OSError() override;
};

/// ENOENT: no block of this name, or no socket at this address.
class MULTIPROCESSING_API FileNotFoundError : public OSError {
 public:
  using OSError::OSError;
  ~FileNotFoundError() override;
};

/// EEXIST: a block of this name is there already.
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

/// EPIPE: the other end is gone, so what is sent could not arrive. SIGPIPE is not raised. A put in
/// a queue throws it when the last reader view is gone.
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

/// ECONNREFUSED: no process listens at this address, or no more.
class MULTIPROCESSING_API ConnectionRefusedError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~ConnectionRefusedError() override;
};

/// ECONNRESET: the other end went away and left messages unread, or was killed amid one.
class MULTIPROCESSING_API ConnectionResetError : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
  ~ConnectionResetError() override;
};

/// The other end is closed, or its process ended, and everything that it sent has been read; for a
/// reader of a queue: no writer view is left. Python's `EOFError`.
class MULTIPROCESSING_API EOFError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~EOFError() override;
};

/// A value could not be turned into bytes, or bytes do not hold a value of the type that was asked
/// for. What the type alone decides is an error of the compiler instead. Python's `PicklingError`
/// and `UnpicklingError`.
class MULTIPROCESSING_API SerializationError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~SerializationError() override;
};

/// An exception from another process with a type that this program does not know: `what()` has its
/// type's name and its text. `register_exception<E>()` has an `E` arrive as itself.
class MULTIPROCESSING_API RemoteError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~RemoteError() override;
};

/// The barrier was broken: aborted, reset, timed out, or one of its parties died; the text says
/// which. `Barrier::reset()` makes it usable again. Python's `threading.BrokenBarrierError`.
class MULTIPROCESSING_API BrokenBarrierError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~BrokenBarrierError() override;
};

/// Nothing came out of the queue in time, or at once for `get_nowait`. Python's `queue.Empty`.
class MULTIPROCESSING_API Empty : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~Empty() override;
};

/// No room came free in the queue in time, or at once for `put_nowait`; the message was not put.
/// Python's `queue.Full`.
class MULTIPROCESSING_API Full : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~Full() override;
};

/// The queue was shut down: put at once, get when it is empty. Where it escapes the function of a
/// child, the child ends with exit code 0. Python's `queue.ShutDown`, of 3.13.
class MULTIPROCESSING_API ShutDown : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~ShutDown() override;
};

/// An iterator that is asked by `next()` has nothing more to give.
class MULTIPROCESSING_API StopIteration : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~StopIteration() override;
};

/// The task was cancelled before a worker began it; its function was not called. Python's
/// `concurrent.futures.CancelledError`.
class MULTIPROCESSING_API CancelledError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~CancelledError() override;
};

/// A result is asked for or given in a state that does not allow it, such as a result that only
/// moves and has other handles. Python's `concurrent.futures.InvalidStateError`.
class MULTIPROCESSING_API InvalidStateError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~InvalidStateError() override;
};

/// A pool that can do no more: its workers cannot be started, its initializer threw, or they died
/// one after the other. Every call throws this from then on, with the reason. Python's
/// `concurrent.futures.process.BrokenProcessPool`.
class MULTIPROCESSING_API BrokenProcessPool : public std::runtime_error {
 public:
  explicit BrokenProcessPool(const std::string& what, std::vector<WorkerDied> history = {});
  ~BrokenProcessPool() override;

  /// The deaths of workers that broke it, in their order; empty where it was not deaths.
  [[nodiscard]] const std::vector<WorkerDied>& history() const noexcept { return *history_; }

 private:
  // An exception may not throw when it is copied.
  std::shared_ptr<const std::vector<WorkerDied>> history_;
};

}  // namespace multiprocessing
