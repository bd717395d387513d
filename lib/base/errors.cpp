#include "multiprocessing/base/errors.hpp"

#include <utility>

// The destructors are here so that each type's identity lives in this library alone: an exception
// thrown by one module is caught by its type in another, hidden symbols or not.
namespace multiprocessing {

BufferTooShort::BufferTooShort(const std::string& what, Bytes message)
    : ProcessError(what), message_(std::move(message)) {}

ProcessError::~ProcessError() = default;
TimeoutError::~TimeoutError() = default;
AuthenticationError::~AuthenticationError() = default;
BufferTooShort::~BufferTooShort() = default;
OwnerDied::~OwnerDied() = default;
WorkerDied::~WorkerDied() = default;
ValueError::~ValueError() = default;
TypeError::~TypeError() = default;
AssertionError::~AssertionError() = default;
KeyError::~KeyError() = default;
IndexError::~IndexError() = default;
AttributeError::~AttributeError() = default;
OverflowError::~OverflowError() = default;
ZeroDivisionError::~ZeroDivisionError() = default;
OSError::~OSError() = default;
FileNotFoundError::~FileNotFoundError() = default;
FileExistsError::~FileExistsError() = default;
ConnectionError::~ConnectionError() = default;
BrokenPipeError::~BrokenPipeError() = default;
ConnectionAbortedError::~ConnectionAbortedError() = default;
ConnectionRefusedError::~ConnectionRefusedError() = default;
ConnectionResetError::~ConnectionResetError() = default;
EOFError::~EOFError() = default;
SerializationError::~SerializationError() = default;
RemoteError::~RemoteError() = default;
BrokenBarrierError::~BrokenBarrierError() = default;
Empty::~Empty() = default;
Full::~Full() = default;
ShutDown::~ShutDown() = default;
StopIteration::~StopIteration() = default;
CancelledError::~CancelledError() = default;
InvalidStateError::~InvalidStateError() = default;

BrokenProcessPool::BrokenProcessPool(const std::string& what, std::vector<WorkerDied> history)
    : std::runtime_error(what),
      history_(std::make_shared<const std::vector<WorkerDied>>(std::move(history))) {}

BrokenProcessPool::~BrokenProcessPool() = default;

}  // namespace multiprocessing
