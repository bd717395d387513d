// this_worker: what the worker of a pool may ask about itself, and keep.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

namespace detail {

struct KeptState {
  std::shared_ptr<void> object;
  const std::type_info* type = nullptr;
};

/// Throws AssertionError where this process is no worker.
[[nodiscard]] MULTIPROCESSING_API KeptState& kept_state();

}  // namespace detail

/// All of them throw `AssertionError` in a process that is not a worker of a pool, also in one that
/// a task has forked. Python has no counterpart.
namespace this_worker {

/// From 0 to one less than the number of workers. A worker that replaces another has its index, so
/// that of two workers that live at the same time no two have the same one.
[[nodiscard]] MULTIPROCESSING_API int index();

/// For a generator of random numbers: another one for each worker, also for one that replaces
/// another; the same for the n-th worker of the same pool in every run of the program.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t seed();

/// Keeps a value for the tasks of this worker, such as a connection that the initializer has made;
/// it takes the place of the one before. It is destroyed when the worker ends well.
template <class T>
void set_state(T value) {
  auto object = std::make_shared<T>(std::move(value));
  detail::kept_state() = {std::move(object), &typeid(T)};
}

/// What was kept. Throws `ValueError` when nothing was, or something of another type.
template <class T>
[[nodiscard]] T& state() {
  const detail::KeptState& kept = detail::kept_state();
  if (kept.type == nullptr)
    throw ValueError("this worker keeps no state: call this_worker::set_state in its initializer");
  if (*kept.type != typeid(T))
    throw ValueError(std::string{"the state of this worker is of another type: "} +
                     kept.type->name() + ", not " + typeid(T).name());
  return *static_cast<T*>(kept.object.get());
}

}  // namespace this_worker
}  // namespace multiprocessing
