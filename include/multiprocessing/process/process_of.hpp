// ProcessOf: the base of a process class that overrides run().
#pragma once

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
template <class Derived>
class ProcessOf : public Process {
 public:
  explicit ProcessOf(ProcessOptions options = {})
      : Process(detail::ProcessKind{.type = &typeid(Derived)}, std::move(options), nullptr) {}

 private:
  void write(detail::Writer& writer) const final {
    detail::write_object(writer, static_cast<const Derived&>(*this));
  }
};

}  // namespace multiprocessing
