// ProcessOf: the base of a process class that overrides run().
#pragma once

#include <memory>
#include <typeinfo>
#include <utility>

#include "multiprocessing/process/process.hpp"

namespace multiprocessing {

/// Base of a user's process class; Python's "subclass `Process` and override `run()`".
///
///     class Clock : public mp::ProcessOf<Clock> {
///      public:
///       Clock() = default;
///       explicit Clock(int ticks) : ticks_(ticks) {}
///       void run() override;
///       template <class Archive>
///       void serialize(Archive& archive, unsigned) { archive & ticks_; }
///      private:
///       int ticks_ = 0;
///     };
///
/// Under `spawn` and `forkserver` the child makes a `Clock` by its default constructor and fills it
/// by `serialize`, which leaves out the base. Without these two `start()` throws
/// `SerializationError` there; under `fork` the object itself runs.
///
/// Ends of pipes and writer views of queues that `serialize` writes are the child's once `start()`
/// has returned, under every method: the object's own copies are closed, so that end-of-file comes
/// when the child ends. For that `serialize` is called once more when there are any. In Python the
/// object keeps them open.
///
/// The name and whether it is a daemon are given to the base: `ProcessOf({.name = "clock",
/// .daemon = true})`, or set before `start()` by `set_name` and `set_daemon`.
template <class Derived>
class ProcessOf : public Process {
 public:
  explicit ProcessOf(ProcessOptions options = {})
      : Process(detail::ProcessKind{.type = &typeid(Derived)}, std::move(options),
                std::unique_ptr<detail::Target>{}) {}

 private:
  void write(detail::Writer& writer) const final {
    detail::write_object(writer, static_cast<const Derived&>(*this));
  }
};

}  // namespace multiprocessing
