// The types that clients may create by name, as SyncManager registers them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "managers/referent.hpp"

namespace multiprocessing::detail {

/// Makes a referent from the arguments of `create`, of which the type's name is not one. Throws
/// what the client gets.
struct TypeEntry {
  std::string type_id;
  std::function<std::shared_ptr<Referent>(const std::vector<Object>& args, const Object& kwds,
                                          const Referents& others)>
      make;
};

/// list, dict, set, Namespace, Value, Array.
[[nodiscard]] MULTIPROCESSING_API std::vector<TypeEntry> container_types();

/// Lock, RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier, Queue, JoinableQueue.
[[nodiscard]] MULTIPROCESSING_API std::vector<TypeEntry> waiting_types();

}  // namespace multiprocessing::detail
